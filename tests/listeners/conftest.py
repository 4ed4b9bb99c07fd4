"""Listeners against the sandbox: hosts that a test starts, accounts for its bots, a clock that stands still."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from mattermost_bridge.listeners import session
from mattermost_bridge.listeners.host import ListenerHost
from mattermost_bridge.models import Account, ListenerLease
from mattermost_bridge.sandbox.testing import SandboxProcess, wait_for
from tests.bridge import Hints, collected_hints, make_account
from tests.listeners.clock import StillClock


@pytest.fixture
def hints() -> Iterator[Hints]:
    """Hints are collected: no broker is there, and nobody decides anything unless the test wants it."""
    with collected_hints() as collected:
        yield collected


@pytest.fixture
def clock() -> StillClock:
    return StillClock()


@pytest.fixture
def long_leases(settings) -> None:
    """Leases that outlast a test whose clock jumps."""
    settings.TIMES = {**settings.TIMES, "listener_lease": 36_000.0}


@pytest.fixture
def patient_pings(monkeypatch) -> None:
    """Pings may be answered after any jump of the clock."""
    monkeypatch.setattr(session, "PONG_SECONDS", 36_000.0)


@pytest.fixture
def start_host(transactional_db, hints, clock) -> Iterator[Callable[..., ListenerHost]]:
    """Start hosts; whatever still runs at the end of the test is stopped."""
    hosts: list[ListenerHost] = []

    def start(max_accounts: int = 10, *, holder: str = "host-1", real_time: bool = False) -> ListenerHost:
        host = ListenerHost(max_accounts, holder=holder, clock=None if real_time else clock)
        host.start()
        hosts.append(host)
        return host

    yield start
    for host in hosts:
        host.stop()


def bot_account(sandbox: SandboxProcess, bot: str = "durar", **values) -> Account:
    """An account for one of the sandbox's bots, whose id it does not know yet."""
    values = {"base_url": sandbox.base_url, "bot_token": sandbox.token(bot), "bot_user_id": "", **values}
    return make_account(bot, bot_username="", **values)


def lease_of(account: Account) -> ListenerLease:
    return ListenerLease.objects.get(pk=account.pk)


def until_phase(account: Account, phase: str, clock: StillClock | None = None, step: float = 1.0) -> ListenerLease:
    """Wait until the account's connection is in this phase; with a clock, time passes meanwhile."""

    def reached() -> ListenerLease | None:
        if clock is not None:
            clock.advance(step)
        lease = lease_of(account)
        return lease if lease.phase == phase else None

    return wait_for(reached, what=f"phase {phase}", every=0.05)
