"""`/metrics` says what the database says, in Prometheus' text form, to those who may read it."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path

import pytest
from django.db import DatabaseError
from django.utils import timezone
from prometheus_client.parser import text_string_to_metric_families

from mattermost_bridge import health
from mattermost_bridge.models import Delivery, InboundEvent, ListenerLease, SlashRegistration, Tick
from mattermost_bridge.models.states import ConnectionPhase, DeliveryState, EventOutcome, EventState
from tests import factories

DOCS = Path(__file__).parents[2] / "docs"


@pytest.fixture(autouse=True)
def _broker_up(monkeypatch):
    monkeypatch.setattr(health, "broker", lambda: health.Part(ok=True, message="The broker answers."))


@pytest.fixture
def account(db):
    """An account that a worker hears."""
    made = factories.AccountFactory(account_id="ops")
    end = timezone.now() + timedelta(seconds=60)
    ListenerLease.objects.filter(pk=made.pk).update(expires_at=end, phase=ConnectionPhase.READY)
    return made


def figures(client, **headers) -> dict[tuple[str, ...], float]:
    """Each sample: its name and the values of its labels."""
    answer = client.get("/metrics", headers={"host": "10.0.0.7"} | headers)
    assert answer.status_code == 200, answer.content
    assert answer["Content-Type"].startswith("text/plain; version=0.0.4")
    return {
        (sample.name, *sample.labels.values()): sample.value
        for family in text_string_to_metric_families(answer.content.decode())
        for sample in family.samples
    }


def test_all_quiet(client, account):
    Tick.objects.create(name="sweep", at=timezone.now())
    said = figures(client)
    assert said["durar_account_connected", "ops"] == 1
    assert {said["durar_part_up", part] for part in ("database", "broker", "events", "leases", "scheduler")} == {1}
    assert said["durar_sweep_age_seconds",] < 60
    for name in ("event_oldest_waiting_seconds", "answers_waiting", "posts_dead", "post_oldest_due_seconds"):
        assert said[f"durar_{name}",] == 0
    assert said["durar_events_undecided", "held"] == 0
    assert said["durar_disk_free_bytes", "state"] > 0


@pytest.mark.parametrize(("state", "figure"), [("done", 1), ("partial", 1), ("failed", 0), ("due", 0), ("off", None)])
def test_slash_commands_that_are_not_registered_are_told(client, account, state, figure):
    SlashRegistration.objects.create(account=account, state=state)
    assert figures(client).get(("durar_commands_registered", "ops")) == figure


def test_what_waits_is_counted_and_aged(client, account):
    ago = timezone.now() - timedelta(seconds=90)
    states = [(EventState.NEW, ""), (EventState.WAITING, "admitted"), (EventState.DECIDED, "admitted")]
    for number, (state, outcome) in enumerate(states):
        InboundEvent.objects.create(account=account, dedupe_key=str(number), state=state, outcome=outcome)
    InboundEvent.objects.update(received_at=ago)
    Delivery.objects.create(account=account, channel_id="c" * 26, text="x", mark="m1")
    Delivery.objects.create(account=account, channel_id="d" * 26, text="x", mark="m2", state=DeliveryState.DEAD)
    Delivery.objects.update(created_at=ago)
    factories.PairingRequestFactory(account=account)
    ListenerLease.objects.filter(pk=account.pk).update(holder="")
    said = figures(client)
    assert said["durar_events_undecided", "new"] == said["durar_events_undecided", "waiting"] == 1
    assert said["durar_answers_waiting",] == 1
    assert said["durar_event_oldest_waiting_seconds",] >= 90
    assert said["durar_events_recent", EventOutcome.ADMITTED.value] == 2
    assert (said["durar_posts_unsettled", "queued"], said["durar_posts_dead",]) == (1, 1)
    assert said["durar_post_oldest_due_seconds",] >= 90
    assert said["durar_pairings_waiting",] == 1
    assert said["durar_account_connected", "ops"] == 0
    assert said["durar_part_up", "leases"] == 0


def test_while_the_database_is_away_the_parts_are_said(client, db, monkeypatch):
    def away() -> health.Part:
        raise DatabaseError("connection refused")

    monkeypatch.setattr(health, "leases", away)
    said = figures(client)
    assert said["durar_part_up", "database"] == 0
    assert ("durar_answers_waiting",) not in said


@pytest.mark.parametrize(
    "headers", [{"x-forwarded-for": "127.0.0.1"}, {"forwarded": "for=x"}, {"x-real-ip": "1.1.1.1"}]
)
def test_without_a_token_nobody_reads_it_through_a_proxy(client, headers):
    answer = client.get("/metrics", headers=headers)
    assert answer.status_code == 403
    assert b"DURAR_METRICS_TOKEN" in answer.content


@pytest.mark.parametrize("address", ["10.0.0.9", "203.0.113.4", "", "::2"])
def test_without_a_token_nobody_reads_it_from_elsewhere(client, address):
    assert client.get("/metrics", REMOTE_ADDR=address).status_code == 403


def test_with_a_token_only_who_brings_it_reads_it(client, account, settings):
    settings.METRICS_TOKEN = "a-long-token"
    for given in ("", "Bearer", "Bearer wrong", "Basic a-long-token", "a-long-token", "Bearer ä"):
        answer = client.get("/metrics", headers={"authorization": given})
        assert (answer.status_code, answer["WWW-Authenticate"]) == (401, "Bearer"), given
        assert b"a-long-token" not in answer.content
    elsewhere = {"authorization": "Bearer a-long-token", "x-forwarded-for": "203.0.113.4"}
    assert ("durar_account_connected", "ops") in figures(client, **elsewhere)


def test_it_is_read_only(client, account):
    assert client.post("/metrics").status_code == 405


@pytest.mark.django_db(transaction=True)
async def test_it_answers_in_the_same_way_under_asgi(async_client):
    answer = await async_client.get("/metrics", headers={"host": "10.0.0.7", "x-forwarded-for": "1.1.1.1"})
    assert answer.status_code == 403


def test_it_costs_the_same_for_any_number_of_accounts(client, account, django_assert_max_num_queries):
    factories.AccountFactory.create_batch(5)
    with django_assert_max_num_queries(22):
        client.get("/metrics")


def test_every_figure_is_documented_and_has_an_alert_rule(client, account):
    Tick.objects.create(name="sweep", at=timezone.now())
    SlashRegistration.objects.create(account=account, state="done")
    names = {sample[0] for sample in figures(client)}
    rules = (DOCS / "alert-rules.yml").read_text()
    expressions = " ".join(re.findall(r"expr: (.*)", rules))
    used = set(re.findall(r"durar_\w+", expressions))
    assert used == names
    assert set(re.findall(r"`(durar_\w+)`", (DOCS / "operations.md").read_text())) == names
    assert rules.count("- alert:") == rules.count("annotations: {summary:") >= len(names)
