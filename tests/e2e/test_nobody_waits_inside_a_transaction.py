"""No call to Mattermost and no question to an agent happens while a database transaction is open."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest

from mattermost_bridge.agents.echo import long_answer
from mattermost_bridge.rules.chunking import split_text
from tests.e2e.stack import SHORT_TIMES, Stack

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """A stack in which strangers are challenged in direct messages and everybody may ask in channels."""
    with Stack(staged=True, times=SHORT_TIMES | {"DURAR_PING_EVERY": "1"}) as stack:
        stack.open_to_all()
        stack.console.ask("pair_strangers")
        stack.start("scheduler", "worker")
        stack.wait_ready()
        yield stack


def test_the_whole_way_waits_for_nobody_inside_a_transaction(stack: Stack) -> None:
    walk_the_whole_way(stack)

    seen = [json.loads(line) for line in (stack.folder / "watch").read_text().splitlines()]
    inside = [f"{one['what']} inside a transaction:\n{one['where']}" for one in seen if one["inside"]]
    assert not inside, inside[0]
    # What was looked at, so that this test cannot pass by seeing nothing.
    wanted = {"me", "create_post", "typing", "posts_since", "my_teams", "posts_before", "delete_post", "EchoAgent"}
    assert wanted <= {one["what"] for one in seen}


def walk_the_whole_way(stack: Stack) -> None:
    """A stranger, an approval, long and failing answers, a thread, a lost response, a double, a refused token."""
    ledger, sandbox = stack.ledger, stack.sandbox
    first = sandbox.post("carol", "@durar", "hello")
    request = stack.wait_for(lambda: stack.console.rows("PairingRequest", "pk"), what="a pairing request")[0]
    stack.console.service("pairing:approve", request_id=request["pk"])
    ledger.note("carol", first)
    stack.wait_for(ledger.settled, what="the answer to what was asked before the approval")
    ledger.post("carol", "@durar", "slow 1", answers=("This answer took 1 second, as you asked.",))
    ledger.post("carol", "@durar", "long", answers=tuple(split_text(long_answer(), 4000)))
    stack.wait_for(ledger.settled, what="the long answer")
    root = ledger.post("alice", "support", "@durar in a channel")
    ledger.post("alice", "support", "@durar in a thread", root_id=root.post_id)
    stack.wait_for(ledger.settled, what="the answers in the channel")
    sandbox.post("carol", "@durar", "fail")
    stack.wait_for(lambda: stack.console.count("Delivery", kind="failure", state="sent"), what="a note of the failure")

    sandbox.settings(dedupe_window=0)
    sandbox.fault("lose", path="^/posts$", who="durar")
    ledger.post("carol", "@durar", "its response is lost")
    stack.wait_for(ledger.settled, what="the answer whose response was lost")
    hanging = sandbox.fault("hang", path="^/posts$", who="durar", stage="saving")
    late = ledger.post("carol", "@durar", "made twice")
    stack.wait_for(lambda: sandbox.held(hanging), what="a POST to hang")
    stack.wait_for(ledger.settled, what="the second attempt")
    sandbox.release(hanging)
    stack.wait_for(
        lambda: [row for row in sandbox.posts(late.channel_id, with_deleted=True) if row["delete_at"]],
        what="the deletion of the second post",
    )

    sandbox.drop_sockets("durar")
    ledger.post("carol", "@durar", "while the socket is away")
    stack.wait_for(ledger.settled, what="the answer after a dropped socket")
    sandbox.revoke("durar")
    stack.wait_for(lambda: stack.phase() == "token_refused", what="the token to be refused")
    stack.console.ask("set_token", account_id="durar", token=sandbox.issue_token("durar"))
    ledger.post("carol", "@durar", "with a new token")
    stack.wait_ready()
    stack.wait_answered()
