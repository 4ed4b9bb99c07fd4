"""`/healthz` and `/readyz` tell the truth and no secret."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import DatabaseError
from django.utils import timezone

from mattermost_bridge import health
from mattermost_bridge.models import Account, InboundEvent, ListenerLease, Tick
from mattermost_bridge.models.states import ConnectionPhase, EventState


@pytest.fixture(autouse=True)
def _fresh():
    health.kept.forget()
    yield
    health.kept.forget()


@pytest.fixture
def broker_up(monkeypatch):
    monkeypatch.setattr(health, "broker", lambda: health.Part(ok=True, message="The broker answers."))


@pytest.fixture
def account(db):
    return Account.objects.create(account_id="ops", base_url="https://chat.example.com", bot_token="t" * 26)


def hold(account: Account, *, seconds: float = 10, phase: str = ConnectionPhase.READY) -> ListenerLease:
    end = timezone.now() + timedelta(seconds=seconds)
    lease, _ = ListenerLease.objects.update_or_create(
        account=account, defaults={"holder": "ears-1", "expires_at": end, "phase": phase}
    )
    return lease


def swept(seconds_ago: float = 1) -> None:
    Tick.objects.create(name="sweep", at=timezone.now() - timedelta(seconds=seconds_ago))


def event(account: Account, *, seconds_ago: float, state: str = EventState.NEW) -> None:
    row = InboundEvent.objects.create(account=account, dedupe_key=f"{state}{seconds_ago}", state=state)
    InboundEvent.objects.filter(pk=row.pk).update(received_at=timezone.now() - timedelta(seconds=seconds_ago))


def test_health_needs_no_database_no_host_name_and_no_sign_in(client, django_assert_num_queries):
    """A test without the `db` fixture fails at the first query."""
    answer = client.get("/healthz", headers={"host": "10.0.0.7"})
    assert (answer.status_code, answer.content) == (200, b"ok\n")


def test_everything_well_is_200(client, account, broker_up):
    hold(account)
    swept()
    answer = client.get("/readyz", headers={"host": "10.0.0.7"})
    assert answer.status_code == 200, answer.content
    body = answer.json()
    assert body["ok"] is True
    assert set(body["parts"]) == {"database", "broker", "events", "leases", "scheduler"}
    assert body["parts"]["leases"]["listening"] == 1


@pytest.mark.django_db(transaction=True)
async def test_it_answers_in_the_same_way_under_asgi(async_client, broker_up):
    assert (await async_client.get("/healthz", headers={"host": "10.0.0.7"})).status_code == 200
    assert (await async_client.get("/readyz", headers={"host": "10.0.0.7"})).status_code == 503


def test_a_broker_that_is_away_is_said(client, account, settings):
    hold(account)
    swept()
    settings.REDIS_URL = "redis://user:very-secret-word@127.0.0.1:1/0"
    answer = client.get("/readyz")
    assert answer.status_code == 503
    assert answer.json()["parts"]["broker"]["ok"] is False
    assert b"very-secret-word" not in answer.content
    assert b"127.0.0.1" not in answer.content


def test_a_database_that_is_away_is_said_without_its_error(client, broker_up, monkeypatch):
    def away() -> health.Part:
        raise DatabaseError("connection to server at db.example.com failed: password for user durar")

    monkeypatch.setattr(health, "leases", away)
    monkeypatch.setattr(health, "events", lambda now: health.Part(ok=True, message=""))
    answer = client.get("/readyz")
    assert answer.status_code == 503
    parts = answer.json()["parts"]
    assert not parts["database"]["ok"]
    assert not parts["leases"]["ok"]
    assert b"db.example.com" not in answer.content


def test_an_event_that_nobody_decides_is_said_with_its_age(account):
    event(account, seconds_ago=90)
    part = health.events(timezone.now())
    assert not part.ok
    assert part.numbers["oldest_waiting_seconds"] == pytest.approx(90, abs=5)
    assert "90 s" in part.message or "91 s" in part.message


@pytest.mark.parametrize("state", [EventState.WAITING, EventState.HELD, EventState.DECIDED, EventState.FAILED])
def test_events_that_rightly_wait_do_not_count(account, state):
    event(account, seconds_ago=90, state=state)
    assert health.events(timezone.now()).ok


def test_a_young_event_is_well(account):
    event(account, seconds_ago=2)
    assert health.events(timezone.now()).ok


def test_an_account_without_a_live_holder_is_said(account):
    assert not health.leases().ok
    hold(account, seconds=-1)
    part = health.leases()
    assert not part.ok
    assert "1 of 1" in part.message
    assert "ops" not in part.message


@pytest.mark.parametrize("phase", [ConnectionPhase.NOT_CONFIGURED, ConnectionPhase.DISABLED])
def test_an_account_that_cannot_connect_needs_no_holder(account, phase):
    ListenerLease.objects.create(account=account, phase=phase)
    assert health.leases().ok


@pytest.mark.parametrize("change", [{"enabled": False}, {"archived_at": timezone.now()}])
def test_a_disabled_or_archived_account_needs_no_holder(account, change):
    Account.objects.filter(pk=account.pk).update(**change)
    assert health.leases().ok


def test_a_held_account_whose_server_is_away_is_held_but_not_listening(account):
    hold(account, phase=ConnectionPhase.BACKING_OFF)
    part = health.leases()
    assert part.ok
    assert part.numbers == {"enabled": 1, "held": 1, "listening": 0}


def test_a_sweep_that_never_ran_or_stopped_is_said(db):
    assert "never" in health.scheduler(timezone.now()).message
    swept(seconds_ago=120)
    part = health.scheduler(timezone.now())
    assert not part.ok
    assert "120 s ago" in part.message or "121 s ago" in part.message


def test_asking_often_costs_one_look_a_second(
    client, broker_up, db, django_assert_num_queries, django_assert_max_num_queries
):
    with django_assert_max_num_queries(5):
        client.get("/readyz")
    with django_assert_num_queries(0):
        client.get("/readyz")
