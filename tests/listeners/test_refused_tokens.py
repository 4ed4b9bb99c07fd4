"""A token that the server does not take is no network trouble: it is said, tried slowly, and at once when changed."""

from __future__ import annotations

import pytest

from mattermost_bridge.models import ConnectionChange, OutboxState
from mattermost_bridge.sandbox.testing import wait_for
from mattermost_bridge.services import accounts, audit
from tests.listeners.conftest import bot_account, lease_of, until_phase

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("long_leases")]


def refusals(sandbox) -> int:
    """How often the server refused the bot, on either way in."""
    by_rest = [entry for entry in sandbox.requests(path="/users/me$") if entry["status"] == 401]
    return len(by_rest) + sandbox.authentications("durar")["refused"]


def test_a_wrong_token_is_tried_at_most_three_times_in_five_minutes(sandbox, start_host, clock):
    account = bot_account(sandbox, bot_token="wrongtokenwrongtokenwrong1")
    start_host()
    lease = until_phase(account, "token_refused")
    assert "refuses the bot token" in lease.reason

    for _ in range(150):
        clock.advance(2)
        settle(clock)
    tries = refusals(sandbox)

    assert 2 <= tries <= 3
    assert lease_of(account).phase == "token_refused"


def settle(clock) -> None:
    """Wait until the account waits for its next attempt, and the host for its next look."""
    soon = 1000  # the lease ends later
    wait_for(lambda: sum(seconds < soon for seconds in clock.pending()) >= 2, what="all at rest", every=0.005)


def test_a_token_revoked_while_connected_is_found_by_the_ping(sandbox, start_host, clock):
    account = bot_account(sandbox)
    start_host()
    until_phase(account, "ready")

    sandbox.revoke("durar")
    lease = until_phase(account, "token_refused", clock, step=20)

    assert sandbox.token("durar") not in lease.reason
    assert OutboxState.objects.get(pk=account.pk).parked_since is not None
    assert sandbox.sockets("durar") == 0


def test_a_new_token_brings_it_back_at_once(sandbox, start_host, clock):
    account = bot_account(sandbox)
    start_host()
    until_phase(account, "ready")
    sandbox.revoke("durar")
    until_phase(account, "token_refused", clock, step=20)

    accounts.set_token(account.pk, actor=audit.SYSTEM, token=sandbox.issue_token("durar"))
    until_phase(account, "ready", clock, step=0.5)

    assert OutboxState.objects.get(pk=account.pk).parked_since is None


def test_a_bot_that_is_disabled_while_connected_is_noticed_and_comes_back(sandbox, start_host, clock):
    account = bot_account(sandbox)
    start_host()
    until_phase(account, "ready")

    sandbox.disable("durar")
    until_phase(account, "token_refused", clock, step=20)
    sandbox.enable("durar")
    until_phase(account, "ready", clock, step=20)


def test_the_token_of_another_bot_is_never_used(sandbox, start_host, clock):
    other = sandbox.add_bot("other")
    account = bot_account(sandbox, bot_user_id=sandbox.user_id("durar"), bot_token=other["token"])

    start_host()
    lease = until_phase(account, "token_refused")

    assert "@other" in lease.reason
    assert sandbox.user_id("durar") in lease.reason
    assert OutboxState.objects.get(pk=account.pk).parked_since is not None
    assert sandbox.authentications("other")["accepted"] == 0


def test_trying_again_leaves_no_new_history(sandbox, start_host, clock):
    account = bot_account(sandbox, bot_token="wrongtokenwrongtokenwrong1")
    start_host()
    until_phase(account, "token_refused")
    changes = ConnectionChange.objects.count()

    for _ in range(10):
        clock.advance(30)
        settle(clock)
    wait_for(lambda: refusals(sandbox) >= 2)

    assert ConnectionChange.objects.count() == changes


def test_no_connection_state_and_no_log_holds_the_token(sandbox, start_host, clock, caplog):
    caplog.set_level("DEBUG")
    account = bot_account(sandbox)
    start_host()
    until_phase(account, "ready")
    sandbox.revoke("durar")
    until_phase(account, "token_refused", clock, step=20)

    token = sandbox.token("durar")
    assert token not in caplog.text
    assert not ConnectionChange.objects.filter(reason__contains=token).exists()
