"""A stranger writes: one code, one message, an hour, three at most; everything under the account's lock."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import transaction
from django.utils import timezone

from mattermost_bridge.models import AccessEntry, AuditEntry, BlockedUser, Delivery, PairingRequest
from mattermost_bridge.rules.pairing import ALPHABET
from mattermost_bridge.rules.reasons import Reason
from mattermost_bridge.services import pairing
from tests.bridge import make_account

pytestmark = pytest.mark.django_db
NOW = timezone.now()
HOUR = timedelta(hours=1)


@pytest.fixture(autouse=True)
def hints(hinted):
    """No hint leaves the process."""
    return hinted


def user(name: str) -> str:
    return name.ljust(26, "u")


def ask(account, name="carol", *, now=NOW, trigger_ms=1_795_344_000_000):
    with transaction.atomic():
        return pairing.challenge(
            account_pk=account.pk,
            user_id=user(name),
            username=name,
            channel_id=f"dm{name}".ljust(26, "x"),
            trigger_ms=trigger_ms,
            now=now,
        )


def test_a_stranger_gets_a_code_and_a_text_that_can_be_acted_on(settings):
    settings.PUBLIC_URL = "https://durar.example.com"
    found = ask(make_account())
    request = found.request
    assert found.reason == Reason.PAIRING_REQUIRED
    assert len(request.code) == 8
    assert set(request.code) <= set(ALPHABET)
    assert request.expires_at - request.created_at == HOUR
    delivery = Delivery.objects.get()
    assert (delivery.kind, delivery.recipient_id, delivery.since_ms) == ("challenge", user("carol"), 1_795_344_000_000)
    assert delivery.channel_id == request.channel_id
    for part in (
        user("carol"),
        request.code,
        f"Durar pairing approve mattermost {request.code}\n",
        settings.PUBLIC_URL,
    ):
        assert part in delivery.text


def test_the_command_names_the_account_when_it_is_not_default():
    ask(make_account("ops"))
    code = PairingRequest.objects.get().code
    assert f"Durar pairing approve mattermost {code} --account ops\n" in Delivery.objects.get().text


def test_the_text_of_the_account_is_used():
    ask(make_account(pairing_text="Hello {user_id}, your code: {code}"))
    assert Delivery.objects.get().text == f"Hello {user('carol')}, your code: {PairingRequest.objects.get().code}"


def test_a_repeated_message_refreshes_the_request_and_sends_nothing():
    account = make_account()
    first = ask(account).request
    again = ask(account, now=NOW + timedelta(minutes=59))
    assert again.reason == Reason.PAIRING_REPEATED
    assert (again.request.pk, again.request.code) == (first.pk, first.code)
    assert again.request.last_seen_at == NOW + timedelta(minutes=59)
    assert again.request.expires_at == first.expires_at
    assert Delivery.objects.count() == 1


def test_the_hour_ends_after_an_hour_and_a_new_code_follows():
    account = make_account()
    first = ask(account).request
    assert ask(account, now=NOW + HOUR).reason == Reason.PAIRING_REPEATED
    again = ask(account, now=NOW + HOUR + timedelta(milliseconds=1))
    assert again.reason == Reason.PAIRING_REQUIRED
    assert again.request.pk != first.pk
    first.refresh_from_db()
    assert first.state == "expired"
    assert AuditEntry.objects.filter(verb="pairing.expire", actor_name="Durar").count() == 1


def test_a_fourth_stranger_is_told_politely_once_an_hour():
    account = make_account()
    for name in ("a", "b", "c"):
        assert ask(account, name).reason == Reason.PAIRING_REQUIRED
    found = ask(account, "d")
    assert (found.reason, found.request) == (Reason.PAIRING_QUEUE_FULL, None)
    assert ask(account, "d", now=NOW + timedelta(minutes=10)).reason == Reason.PAIRING_QUEUE_FULL
    told = Delivery.objects.get(kind="queue_full")
    assert told.recipient_id == user("d")
    assert "waiting for approval" in told.text
    Delivery.objects.filter(pk=told.pk).update(created_at=NOW - HOUR)
    ask(account, "d")
    assert Delivery.objects.filter(kind="queue_full").count() == 2
    assert PairingRequest.objects.filter(state="pending").count() == 3


def test_who_waits_already_is_not_kept_out_by_a_full_queue():
    account = make_account()
    for name in ("a", "b", "c"):
        ask(account, name)
    assert ask(account, "a").reason == Reason.PAIRING_REPEATED


def test_each_account_has_a_queue_of_its_own():
    account, other = make_account(), make_account("ops", bot_user_id="")
    for name in ("a", "b", "c"):
        ask(account, name)
    assert ask(other, "d").reason == Reason.PAIRING_REQUIRED


def test_requests_that_expired_make_room():
    account = make_account()
    for name in ("a", "b", "c"):
        ask(account, name)
    assert ask(account, "d", now=NOW + HOUR + timedelta(seconds=1)).reason == Reason.PAIRING_REQUIRED


def test_who_was_approved_meanwhile_is_not_challenged():
    account = make_account()
    AccessEntry.objects.create(account=account, value=user("carol"), source="pairing")
    assert ask(account).reason == Reason.ADMITTED_DM_PAIRED
    assert not Delivery.objects.exists()


def test_an_approval_that_ended_counts_no_more():
    account = make_account()
    AccessEntry.objects.create(account=account, value=user("carol"), source="pairing", expires_at=NOW)
    assert ask(account).reason == Reason.PAIRING_REQUIRED


@pytest.mark.parametrize("everywhere", [True, False])
def test_who_was_blocked_meanwhile_gets_no_reply(everywhere):
    account = make_account()
    BlockedUser.objects.create(account=None if everywhere else account, user_id=user("carol"))
    assert ask(account).reason == Reason.BLOCKED
    assert not Delivery.objects.exists()
    assert not PairingRequest.objects.exists()


def test_expiring_is_done_from_time_to_time_too():
    ask(make_account())
    ask(make_account("ops", bot_user_id=""), "dave")
    assert pairing.expire(NOW + HOUR) == 0
    assert pairing.expire(NOW + HOUR + timedelta(seconds=1)) == 2
    assert pairing.expire(NOW + HOUR + timedelta(seconds=1)) == 0
    assert set(PairingRequest.objects.values_list("state", flat=True)) == {"expired"}


def test_those_that_wait_are_listed_oldest_first():
    account, other = make_account(), make_account("ops", bot_user_id="")
    ask(account, "a", now=NOW)
    ask(other, "b", now=NOW - timedelta(minutes=5))
    ask(account, "c", now=NOW - HOUR * 2)
    assert [each.username for each in pairing.pending(now=NOW)] == ["b", "a"]
    assert [each.username for each in pairing.pending(account.pk, now=NOW)] == ["a"]
