"""SIGKILL of the worker at each stage between a post's arrival and its answer: the post is answered once."""

from __future__ import annotations

import time
from collections.abc import Iterator
from itertools import count

import pytest

from tests.e2e.ledger import MARK, Sent
from tests.e2e.processes import wait_for
from tests.e2e.stack import Stack
from tests.e2e.staged_worker import AGENT_RUNNING, COMMITTED, DECIDED, FRAME_READ, POSTED, RECORDED

pytestmark = pytest.mark.processes
_numbers = count(1)

#: The server's memory of pending ids, in seconds: as real servers have it, one that is over at the restart, and none.
NORMAL, SHORT, NONE = 30.0, 0.5, 0.0


@pytest.fixture(scope="module")
def running() -> Iterator[Stack]:
    """A stack whose worker can be told where to die."""
    with Stack(staged=True) as stack:
        stack.open_to_all()
        stack.start("scheduler", "worker")
        stack.wait_ready()
        yield stack


@pytest.fixture
def stack(running: Stack) -> Iterator[Stack]:
    """That stack, ready, with nothing left of the test before."""
    if not running.processes["worker"].running:
        running.start("worker")
    running.wait_ready()
    yield running
    running.sandbox.clear_faults()
    running.sandbox.settings(dedupe_window=NORMAL)


def come_back(stack: Stack, *, window: float) -> None:
    """Start the worker again: at once, or, where the server's memory is short, after it is over."""
    if window < NORMAL:
        over = time.monotonic() + window
        wait_for(lambda: time.monotonic() > over, what="the end of the dedupe window")
    stack.start("worker")
    stack.wait_ready()


@pytest.mark.parametrize(
    ("stage", "window"),
    [
        (FRAME_READ, NORMAL),
        (RECORDED, NONE),
        (DECIDED, NORMAL),
        (AGENT_RUNNING, NONE),
        (COMMITTED, NONE),
        (POSTED, NORMAL),
        (POSTED, SHORT),
        (POSTED, NONE),
    ],
)
def test_a_worker_killed_at_a_stage_leaves_one_answer(stack: Stack, stage: str, window: float) -> None:
    stack.sandbox.settings(dedupe_window=window)
    stack.arm(stage)
    stack.ledger.post("carol", "@durar", f"killed {next(_numbers)}")

    assert stack.processes["worker"].wait_dead() == -9
    come_back(stack, window=window)

    stack.wait_answered()
    stack.assert_whole()
    assert_events_answered_once(stack)


@pytest.mark.parametrize("window", [NORMAL, SHORT, NONE])
def test_a_first_post_that_ends_late_leaves_one_answer(stack: Stack, window: float) -> None:
    """The server still works on the first POST when the worker dies, and ends it after another was tried."""
    stack.sandbox.settings(dedupe_window=window)
    hanging = stack.sandbox.fault("hang", path="^/posts$", who="durar", stage="saving")
    sent = stack.ledger.post("carol", "@durar", f"late {next(_numbers)}")
    stack.wait_for(lambda: stack.sandbox.held(hanging), what="the POST to hang")

    stack.kill("worker")
    come_back(stack, window=window)
    stack.wait_for(lambda: len(posts_tried(stack)) > 1, what="a second POST")
    stack.sandbox.release(hanging)

    made = 1 if window == NORMAL else 2
    stack.wait_for(lambda: len(rows_answering(stack, sent)) == made, what=f"{made} post(s) on the server")
    stack.wait_for(lambda: deleted(stack, sent) == made - 1, what="the younger post to be deleted")
    stack.wait_answered()
    stack.assert_whole()
    assert_events_answered_once(stack)


def test_a_post_whose_answer_was_lost_is_found_and_not_made_again(stack: Stack) -> None:
    stack.sandbox.settings(dedupe_window=NONE)
    lost = stack.sandbox.fault("lose", path="^/posts$", who="durar")
    stack.ledger.post("carol", "@durar", f"lost {next(_numbers)}")

    stack.wait_answered()
    assert stack.sandbox.hits(lost) == 1
    stack.assert_whole()
    assert_events_answered_once(stack)


def rows_answering(stack: Stack, sent: Sent) -> list[dict]:
    """The bot's posts with the answer's mark, deleted ones too, oldest first."""
    rows = stack.sandbox.posts(sent.channel_id, with_deleted=True)
    marks = {row["props"].get(MARK) for row in rows if row["message"] in sent.answers} - {None}
    # An edit or a deletion leaves no second row; an old revision would name its original.
    return [row for row in rows if row["props"].get(MARK) in marks and not row["original_id"]]


def deleted(stack: Stack, sent: Sent) -> int:
    """How many of them are deleted; the oldest never is."""
    ages = [row["delete_at"] > 0 for row in rows_answering(stack, sent)]
    assert not ages[:1] or not ages[0], "the older post was deleted, which people had seen first"
    return sum(ages)


def posts_tried(stack: Stack) -> list[dict]:
    """The bot's POSTs that the server saw since the hanging one."""
    seen = stack.sandbox.requests(method="POST", path="/posts$", who="durar")
    first = next(number for number, entry in enumerate(seen) if entry["fault"] == "hang" and entry["status"] is None)
    return seen[first:]


def assert_events_answered_once(stack: Stack) -> None:
    """Every admitted event is answered by exactly one turn, every turn that ended made its deliveries once."""
    events = stack.console.rows("InboundEvent", "state", "turn", "post_id", outcome="admitted")
    assert {event["state"] for event in events} == {"answered"}
    turns = [event["turn"] for event in events]
    assert len(set(turns)) == len(turns)
    delivered = [row["turn"] for row in stack.console.rows("Delivery", "turn", kind="answer", part=1)]
    assert sorted(delivered) == sorted(turns)
