"""While a server is away, one probe of it serves all its accounts, and ends their waiting as soon as it answers."""

from __future__ import annotations

import pytest

from mattermost_bridge.sandbox.testing import wait_for
from tests.listeners.conftest import bot_account, until_phase

pytestmark = [pytest.mark.django_db(transaction=True), pytest.mark.usefixtures("long_leases")]


@pytest.fixture
def accounts(sandbox, start_host, clock) -> list:
    """Three accounts that were ready before their server went away, and have given up on their first tries."""
    bots = ["durar"]
    for name in ("second", "third"):
        sandbox.add_bot(name)
        bots.append(name)
    made = [bot_account(sandbox, bot) for bot in bots]
    start_host()
    for account in made:
        until_phase(account, "ready", clock, step=0.3)
    return made


def test_when_the_server_returns_one_probe_brings_all_back(sandbox, accounts, clock):
    sandbox.gone()
    for account in accounts:
        until_phase(account, "backing_off", clock, step=0.1)

    def waiting_long() -> bool:
        clock.advance(1.0)
        return all(lease.failures >= 5 for lease in (account.listener_lease for account in refreshed(accounts)))

    wait_for(waiting_long, limit=40)
    sandbox.back()
    asked = len(sandbox.requests(path="/config/client"))
    clock.advance(3.0)
    for account in accounts:
        until_phase(account, "ready", clock, step=0.01)

    assert len(sandbox.requests(path="/config/client")) <= asked + 1, "one probe for all of them"


def refreshed(accounts: list) -> list:
    return [type(account).objects.select_related("listener_lease").get(pk=account.pk) for account in accounts]


def test_a_socket_that_alone_is_refused_keeps_its_backoff(sandbox, start_host, clock):
    sandbox.fault("answer", status=502, path="^/websocket$", times=3)
    account = bot_account(sandbox)

    start_host()
    until_phase(account, "backing_off")
    probes = len(sandbox.requests(path="/config/client"))
    until_phase(account, "ready", clock)

    assert len(sandbox.requests(path="/config/client")) == probes, "the server answers; a probe would prove nothing"
