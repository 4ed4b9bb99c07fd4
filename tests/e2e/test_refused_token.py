"""A revoked token: the account says so, asks rarely, keeps everything, and is back at once with a new token."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.stack import SHORT_TIMES, Stack

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """A stack whose listener looks every second whether its socket still proves anything."""
    with Stack(times=SHORT_TIMES | {"DURAR_PING_EVERY": "1"}) as stack:
        stack.open_to_all()
        stack.start("scheduler", "worker")
        stack.wait_ready()
        yield stack


def test_a_revoked_token_parks_everything_and_a_new_one_brings_it_back(stack: Stack) -> None:
    ledger, sandbox = stack.ledger, stack.sandbox
    ledger.post("carol", "@durar", "slow 3", answers=("This answer took 3 seconds, as you asked.",))
    stack.wait_for(lambda: stack.console.count("Turn", state="running"), what="the turn to run")
    before = sandbox.authentications("durar")
    asked_before = len(sandbox.requests(path="/users/me$", who="durar"))
    sandbox.revoke("durar")
    ledger.post("dave", "@durar", "while the token is refused")

    stack.wait_for(lambda: stack.phase() == "token_refused", what="the account to say that its token is refused")
    (lease,) = stack.console.rows("ListenerLease", "reason", "next_try_at")
    assert "token" in lease["reason"]
    assert lease["next_try_at"] is not None
    stack.wait_for(
        lambda: stack.console.count("OutboxState", parked_since__isnull=False), what="the outbox to be parked"
    )
    assert stack.console.count("Delivery", state="dead") == 0
    sockets = sum(sandbox.authentications("durar").values()) - sum(before.values())
    assert sockets + len(sandbox.requests(path="/users/me$", who="durar")) - asked_before <= 3

    stack.console.ask("set_token", account_id="durar", token=sandbox.issue_token("durar"))
    stack.wait_ready()
    stack.wait_answered()
    stack.assert_whole()
    assert stack.console.count("OutboxState", parked_since__isnull=False) == 0
