"""Five hundred posts are made while nothing runs: whatever deserves an answer gets one, in order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from tests.e2e.stack import Stack

pytestmark = pytest.mark.processes

CHANNELS = ("support", "garden", "kitchen", "library", "workshop")
#: More posts than a server answers to `since`, in one channel, all made while Durar is away.
CHATTER = 1_050
INVITED = "invited-meanwhile"
EVERYTHING = ("worker", "scheduler", "broker")


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """A stack that has answered in direct messages and in channels before."""
    with Stack(own_broker=True) as stack:
        stack.open_to_all()
        for name in CHANNELS[1:]:
            stack.sandbox.create_channel("alice", name)
            stack.sandbox.add_member("alice", name, "durar")
        stack.sandbox.create_channel("alice", INVITED)
        # Older than the first connection: history is not answered.
        stack.ledger.post("alice", INVITED, "@durar you are not here yet", answers=())
        stack.start("scheduler", "worker")
        stack.wait_ready()
        yield stack


def test_what_was_sent_while_everything_was_stopped_is_answered_in_order(stack: Stack) -> None:
    ledger, sandbox = stack.ledger, stack.sandbox
    ledger.post("carol", "@durar", "before")
    ledger.post("dave", "@durar", "before too")
    root = ledger.post("alice", "support", "@durar a question that grows into a thread")
    stack.wait_answered()
    stack.stop("worker", "scheduler", "broker")

    made = 0
    for number in range(30):
        for who in ("carol", "dave", "bob"):  # bob opens his direct channel only now
            ledger.post(who, "@durar", f"direct {number} of {who}")
        for name in CHANNELS:
            ledger.post("alice", name, f"@durar asked {number} in {name}")
            ledger.post("alice", name, f"not for the bot {number}", answers=())
        ledger.post("alice", "support", f"@durar in the thread {number}", root_id=root.post_id)
        made += 14
    sandbox.add_member("alice", INVITED, "durar")
    for number in range(40):
        ledger.post("alice", INVITED, f"@durar welcome {number}")
        ledger.post("alice", INVITED, f"among people {number}", answers=())
        made += 2
    sandbox.post_many("alice", "garden", CHATTER, "chatter {n}")
    ledger.post("alice", "garden", "@durar after the chatter")
    assert made >= 500

    stack.start(*reversed(EVERYTHING))
    stack.wait_ready(limit=90)
    stack.wait_answered(limit=120)
    stack.assert_whole()


def test_each_ignored_post_has_its_reason(stack: Stack) -> None:
    ignored = [one.post_id for one in stack.ledger.sent if not one.answers and "not here yet" not in one.text]
    rows = {row["post_id"]: row for row in stack.console.rows("InboundEvent", "post_id", "outcome", "reason", "trail")}

    assert Counter(rows[post_id]["outcome"] for post_id in ignored) == {"ignored": len(ignored)}
    assert {rows[post_id]["reason"] for post_id in ignored} == {"no_mention"}
    assert all(rows[post_id]["trail"] for post_id in ignored)
    # The newest of it served as context and has no text any more.
    garden = stack.sandbox.channel_id("garden")
    others = sum(one.post_id in ignored and one.channel_id == garden for one in stack.ledger.sent)
    assert stack.console.count("InboundEvent", channel_id=garden, reason="no_mention") == CHATTER + others


def test_nothing_is_left_undecided(stack: Stack) -> None:
    assert stack.at_rest()
    assert stack.console.count("InboundEvent", state="failed") == 0
