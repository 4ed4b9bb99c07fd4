"""Scheduled messages and sending keys in the panel."""

from __future__ import annotations

import re

import pytest
from django.urls import reverse

from mattermost_bridge.models import Account, ScheduledMessage, ScheduledRun, SendKey
from mattermost_bridge.services import send_keys, targets
from mattermost_bridge.services.audit import SYSTEM
from tests import factories
from tests.admin.conftest import signed_in
from tests.bridge import collected_hints, make_account
from tests.factories import mattermost_id

pytestmark = pytest.mark.django_db
ROOM = mattermost_id("room", 1)


@pytest.fixture(autouse=True)
def _no_hints():
    with collected_hints():
        targets.forget()
        yield


@pytest.fixture
def account():
    return make_account()


def url(model, page, *args):
    return reverse(f"admin:mattermost_bridge_{model}_{page}", args=args)


def form(account, **values):
    return {
        "account": account.pk,
        "to": f"channel:{ROOM}",
        "text": "Good morning",
        "kind": "once",
        "when": "2031-07-01T08:30",
        "cron": "",
        "time_zone": "Europe/Berlin",
        "late": "send",
    } | values


def test_a_message_is_scheduled_at_the_time_of_its_zone(as_alice, account):
    page = as_alice.get(url("scheduledmessage", "add")).content.decode()
    assert 'type="datetime-local"' in page
    as_alice.post(url("scheduledmessage", "add"), form(account))
    row = ScheduledMessage.objects.get()
    assert (row.next_run_at.isoformat(), row.channel_id, row.created_by) == (
        "2031-07-01T06:30:00+00:00",
        ROOM,
        "alice",
    )
    page = as_alice.get(url("scheduledmessage", "change", row.pk)).content.decode()
    assert 'value="2031-07-01T08:30"' in page
    assert "It has not been due yet." in page
    as_alice.post(url("scheduledmessage", "change", row.pk), form(account, kind="cron", cron="0 9 * * *", when=""))
    row.refresh_from_db()
    assert (row.kind, row.cron, row.at) == ("cron", "0 9 * * *", None)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"when": "2020-07-01T08:30"}, "This time is over"),
        ({"when": ""}, "The time is missing"),
        ({"kind": "cron", "cron": "daily"}, "five fields"),
        ({"time_zone": "Mars/Base"}, "is no time zone"),
        ({"to": "two words"}, "names no channel"),
        ({"to": "@carol"}, "could not be looked up"),
    ],
)
def test_what_cannot_be_scheduled_is_said_in_the_form(as_alice, account, values, sentence):
    answer = as_alice.post(url("scheduledmessage", "add"), form(account, **values))
    assert sentence in answer.content.decode()
    assert not ScheduledMessage.objects.exists()


def test_an_account_that_is_not_there_is_no_choice(as_alice, account):
    answer = as_alice.post(url("scheduledmessage", "add"), {**form(account), "account": 10**6})
    assert "Select a valid choice" in answer.content.decode()


def test_times_that_were_are_listed_with_their_deliveries(as_alice, account):
    as_alice.post(url("scheduledmessage", "add"), form(account))
    row = ScheduledMessage.objects.get()
    delivery = factories.DeliveryFactory(account=account)
    ScheduledRun.objects.create(message=row, due_at=row.next_run_at, state="late", deliveries=[delivery.pk])
    page = as_alice.get(url("scheduledmessage", "change", row.pk)).content.decode()
    assert "Put into the outbox late" in page
    assert f"#{delivery.pk}" in page
    assert "Put into the outbox late" in as_alice.get(url("scheduledmessage", "changelist")).content.decode()


def test_verbs_pause_go_on_and_remove(as_alice, account):
    as_alice.post(url("scheduledmessage", "add"), form(account))
    row = ScheduledMessage.objects.get()
    for verb, paused in (("pause", True), ("go_on", False)):
        as_alice.post(url("scheduledmessage", "verb", row.pk, verb))
        row.refresh_from_db()
        assert row.paused is paused
    as_alice.post(url("scheduledmessage", "verb", row.pk, "remove"), {"confirmed": "1"})
    assert not ScheduledMessage.objects.exists()


@pytest.fixture
def mine(account):
    return account


def test_bob_schedules_by_his_account_only(bob, account):
    other = make_account("other", bot_user_id="o" * 26)
    as_bob = signed_in(bob)
    as_bob.post(url("scheduledmessage", "add"), form(other))
    assert not ScheduledMessage.objects.exists()
    as_bob.post(url("scheduledmessage", "add"), form(account))
    assert ScheduledMessage.objects.get().account == account
    foreign = ScheduledMessage.objects.create(account=other, to="#x", channel_id=ROOM, text="x")
    assert as_bob.post(url("scheduledmessage", "verb", foreign.pk, "pause")).status_code == 404
    assert as_bob.get(url("sendkey", "changelist")).status_code == 403


def test_a_key_is_made_and_shown_once(as_alice, account):
    answer = as_alice.post(url("sendkey", "add"), {"name": "Backup job", "chosen": [account.pk], "per_minute": 60})
    page = answer.content.decode()
    secret = re.search(r"durar_[\w-]{40,}", page)[0]
    assert "no-store" in answer["Cache-Control"]
    assert "/api/channels/mattermost/send" in page
    key = SendKey.objects.get()
    assert send_keys.by_secret(secret) == key
    for address in (url("sendkey", "changelist"), url("sendkey", "change", key.pk)):
        page = as_alice.get(address).content.decode()
        assert secret not in page
        assert key.hint in page
    as_alice.post(url("sendkey", "change", key.pk), {"name": "Nightly", "chosen": [account.pk], "per_minute": 5})
    key.refresh_from_db()
    assert (key.name, key.per_minute) == ("Nightly", 5)


def test_a_key_is_revoked_and_then_only_looked_at(as_alice, account):
    key = send_keys.create(actor=SYSTEM, name="Backup job", accounts=[account.pk]).key
    asked = as_alice.post(url("sendkey", "verb", key.pk, "revoke"))
    assert "This cannot be undone" in asked.content.decode()
    as_alice.post(url("sendkey", "verb", key.pk, "revoke"), {"confirmed": "1"})
    key.refresh_from_db()
    assert key.revoked_at is not None
    page = as_alice.get(url("sendkey", "change", key.pk)).content.decode()
    assert "Revoked" in page
    assert 'name="per_minute"' not in page


def test_a_key_without_accounts_is_refused(as_alice, account):
    as_alice.post(url("sendkey", "add"), {"name": "Backup job", "per_minute": 60})
    assert not SendKey.objects.exists()
    assert Account.objects.count() == 1
