"""Each account is held by one worker at any time, and by another soon after that one is gone."""

from __future__ import annotations

import threading
from datetime import timedelta

import pytest
from django.db import OperationalError, connection
from django.utils import timezone

from mattermost_bridge.models import AuditEntry, ConnectionChange, ListenerLease
from mattermost_bridge.sandbox.testing import wait_for
from mattermost_bridge.services import audit, listeners
from tests.bridge import make_account
from tests.listeners.conftest import bot_account, lease_of, until_phase

pytestmark = pytest.mark.django_db(transaction=True)


def test_one_of_many_that_claim_at_once_wins():
    account = make_account()
    won: list[str] = []
    together = threading.Barrier(4)

    def claim(holder: str) -> None:
        together.wait()
        try:
            if listeners.claim(account.pk, holder):
                won.append(holder)
        finally:
            connection.close()

    threads = [threading.Thread(target=claim, args=(f"host-{number}",)) for number in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()

    assert len(won) == 1
    assert lease_of(account).holder == won[0]


def test_a_lease_that_ran_out_may_be_claimed_and_one_that_did_not_may_not():
    account = make_account()
    assert listeners.claim(account.pk, "host-1")
    assert not listeners.claim(account.pk, "host-2")

    ListenerLease.objects.update(expires_at=timezone.now() - timedelta(seconds=1))

    assert listeners.claim(account.pk, "host-2")


def test_who_takes_over_from_a_worker_that_died_notes_since_when_nobody_heard_anything(settings):
    account = make_account()
    listeners.claim(account.pk, "host-1")
    listeners.set_phase(account.pk, "ready", holder="host-1")
    now, length = timezone.now(), timedelta(seconds=settings.TIMES["listener_lease"])
    ran_out = now - timedelta(seconds=1)
    ListenerLease.objects.update(since=now - timedelta(hours=1), expires_at=ran_out)
    ConnectionChange.objects.all().delete()

    assert listeners.claim(account.pk, "host-2")

    change = ConnectionChange.objects.get()
    assert (change.old, change.new, change.holder, change.at) == ("ready", "stopped", "host-1", ran_out - length)
    assert (lease_of(account).phase, lease_of(account).since) == ("stopped", ran_out - length)
    assert lease_of(account).holder == "host-2"


def test_a_worker_that_died_while_nobody_had_to_listen_left_nothing_unsaid():
    account = make_account()
    listeners.claim(account.pk, "host-1")
    listeners.set_phase(account.pk, "not_configured", holder="host-1")
    ListenerLease.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    ConnectionChange.objects.all().delete()
    assert listeners.claim(account.pk, "host-2")
    assert not ConnectionChange.objects.exists()


def test_a_connection_that_nobody_took_over_stopped_when_its_worker_was_last_heard_of(settings):
    account = make_account()
    listeners.claim(account.pk, "host-1")
    listeners.set_phase(account.pk, "ready", holder="host-1")
    length = timedelta(seconds=settings.TIMES["listener_lease"])
    ran_out = timezone.now() - 2 * length
    ListenerLease.objects.update(since=timezone.now() - timedelta(hours=1), expires_at=ran_out)
    assert listeners.note_abandoned() == 1
    assert lease_of(account).since == ran_out - length
    assert ConnectionChange.objects.first().at == ran_out - length


def test_renewing_keeps_only_ones_own():
    mine, others = make_account("mine", bot_user_id="a"), make_account("others", bot_user_id="b")
    listeners.claim(mine.pk, "host-1")
    listeners.claim(others.pk, "host-2")
    ListenerLease.objects.filter(pk=mine.pk).update(expires_at=timezone.now() + timedelta(seconds=1))

    assert listeners.renew("host-1", [mine.pk, others.pk]) == {mine.pk}

    assert lease_of(mine).expires_at > timezone.now() + timedelta(seconds=5)
    assert lease_of(others).holder == "host-2"


def test_a_lease_that_was_given_back_is_free_at_once():
    account = make_account()
    listeners.claim(account.pk, "host-1")

    listeners.give_back("host-2", [account.pk], "not mine")
    assert lease_of(account).holder == "host-1"
    listeners.give_back("host-1", [account.pk], "going home")

    assert listeners.claim(account.pk, "host-2")
    assert lease_of(account).reason == "going home"


def test_a_phase_is_noted_once_and_only_by_who_holds_the_lease():
    account = make_account()
    listeners.claim(account.pk, "host-1")

    assert listeners.set_phase(account.pk, "ready", holder="host-1")
    assert listeners.set_phase(account.pk, "ready", holder="host-1")
    assert not listeners.set_phase(account.pk, "backing_off", "late", holder="host-2")

    assert list(ConnectionChange.objects.values_list("old", "new", "holder")) == [("stopped", "ready", "host-1")]


def test_a_new_reason_is_a_change_and_the_phase_stays_as_old_as_it_is():
    account = make_account()
    listeners.set_phase(account.pk, "backing_off", "one")
    since = lease_of(account).since

    listeners.set_phase(account.pk, "backing_off", "two", timezone.now())

    assert lease_of(account).since == since
    assert list(ConnectionChange.objects.order_by("id").values_list("reason", flat=True)) == ["one", "two"]


def test_an_operators_reconnect_is_audited():
    account = make_account()

    listeners.request_reconnect(account, audit.SYSTEM)

    assert lease_of(account).generation == 2
    assert AuditEntry.objects.get().verb == "account.reconnect"


def test_a_connection_whose_worker_died_does_not_stay_ready():
    account = make_account()
    listeners.claim(account.pk, "host-1")
    listeners.set_phase(account.pk, "ready", holder="host-1")
    assert listeners.note_abandoned() == 0

    ListenerLease.objects.update(expires_at=timezone.now() - timedelta(minutes=1))

    assert listeners.note_abandoned() == 1
    assert lease_of(account).phase == "stopped"
    assert "--listeners" in lease_of(account).reason
    assert listeners.note_abandoned() == 0


@pytest.fixture
def short_times(settings) -> None:
    settings.TIMES = {**settings.TIMES, "listener_lease": 2.0, "listener_renew": 0.4, "reconnect_first": 0.2}


def three_accounts(sandbox) -> list:
    bots = ["durar", *(sandbox.add_bot(name)["id"] and name for name in ("second", "third"))]
    return [bot_account(sandbox, bot) for bot in bots]


def holders() -> dict[int, str]:
    return dict(ListenerLease.objects.filter(expires_at__gt=timezone.now()).values_list("pk", "holder"))


def test_two_workers_share_three_accounts_and_each_is_held_once(sandbox, start_host, short_times):
    accounts = three_accounts(sandbox)
    first = start_host(holder="host-1", real_time=True)
    second = start_host(holder="host-2", real_time=True)

    for account in accounts:
        until_phase(account, "ready")

    assert not first.accounts & second.accounts
    assert first.accounts | second.accounts == {account.pk for account in accounts}
    for bot in ("durar", "second", "third"):
        assert sandbox.sockets(bot) == 1


def test_after_a_graceful_stop_the_other_worker_takes_over(sandbox, start_host, short_times):
    accounts = three_accounts(sandbox)
    first = start_host(holder="host-1", real_time=True)
    for account in accounts:
        until_phase(account, "ready")
    second = start_host(holder="host-2", real_time=True)

    first.stop()

    assert first.accounts == set()
    assert "host-1" not in holders().values()
    wait_for(lambda: len(second.accounts) == 3)
    for account in accounts:
        until_phase(account, "ready")
    assert [sandbox.sockets(bot) for bot in ("durar", "second", "third")] == [1, 1, 1]


def test_who_cannot_renew_closes_before_the_lease_ends(sandbox, start_host, clock, monkeypatch):
    account = bot_account(sandbox)
    host = start_host()
    until_phase(account, "ready")

    def away(*_args: object) -> None:
        raise OperationalError("the database is away")

    monkeypatch.setattr(listeners, "renew", away)
    monkeypatch.setattr(listeners, "survey", away)
    clock.advance(8.9)
    wait_for(lambda: any(0 < seconds < 1 for seconds in clock.pending()))
    assert host.accounts == {account.pk}
    clock.advance(0.2)  # 9.1 s after the claim; in the database the lease is good for 10

    wait_for(lambda: host.accounts == set())
    wait_for(lambda: sandbox.sockets("durar") == 0)
    monkeypatch.undo()
    until_phase(account, "ready", clock)


def test_a_worker_takes_no_more_than_it_may(sandbox, start_host, clock):
    three_accounts(sandbox)
    host = start_host(2)

    def time_passes() -> bool:
        clock.advance(0.5)
        return len(host.accounts) == 2

    wait_for(time_passes)
    for _ in range(5):
        clock.advance(1.0)
        wait_for(lambda: any(seconds <= 1 for seconds in clock.pending()))
    assert len(host.accounts) == 2
