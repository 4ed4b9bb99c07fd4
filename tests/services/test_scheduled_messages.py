"""Messages at a time and by cron expressions: sent once, and what becomes of times that were missed."""

from __future__ import annotations

from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta

import pytest
from django.db import connection
from django.utils import timezone

from mattermost_bridge.models import Account, AuditEntry, Delivery, ScheduledMessage, ScheduledRun
from mattermost_bridge.services import scheduled_messages
from mattermost_bridge.services.audit import Actor
from mattermost_bridge.services.errors import NotFound, Refused
from mattermost_bridge.services.scheduled_messages import Wanted
from mattermost_bridge.services.targets import Target
from tests.bridge import make_account

pytestmark = pytest.mark.django_db(transaction=True)
ALICE = Actor("alice", "panel")
ROOM = Target(channel_id="room".ljust(26, "x"))
NOON = datetime(2027, 3, 1, 12, tzinfo=UTC)


@pytest.fixture(autouse=True)
def hints(hinted):
    return hinted


@pytest.fixture
def account():
    return make_account()


def schedule(account, **values):
    wanted = Wanted(account.pk, "#room", ROOM, "Good morning", **{"at": NOON, **values})
    return scheduled_messages.create(wanted, actor=ALICE)


def daily(account, **values):
    row = schedule(account, kind="cron", cron="0  12 * * *", **values)
    ScheduledMessage.objects.filter(pk=row.pk).update(next_run_at=NOON)
    return row


def texts():
    return list(Delivery.objects.order_by("pk").values_list("text", flat=True))


def runs():
    return list(ScheduledRun.objects.order_by("due_at").values_list("state", flat=True))


def test_a_message_is_sent_at_its_time_and_then_it_is_over(account):
    row = schedule(account)
    assert scheduled_messages.send_due(NOON - timedelta(seconds=1)) == 0
    assert scheduled_messages.send_due(NOON) == 1
    assert scheduled_messages.send_due(NOON + timedelta(days=1)) == 0
    delivery = Delivery.objects.get()
    assert (delivery.text, delivery.kind, delivery.channel_id) == ("Good morning", "message", ROOM.channel_id)
    row.refresh_from_db()
    assert row.next_run_at is None
    run = row.runs.get()
    assert (run.state, run.due_at, run.deliveries) == ("sent", NOON, [delivery.pk])
    assert set(AuditEntry.objects.values_list("verb", "via")) == {
        ("scheduled_message.create", "panel"),
        ("message.send", "schedule"),
    }


def test_a_cron_expression_comes_due_again_and_again(account):
    row = daily(account)
    for day in range(3):
        assert scheduled_messages.send_due(NOON + timedelta(days=day)) == 1
    assert (len(texts()), runs()) == (3, ["sent"] * 3)
    row.refresh_from_db()
    assert (row.next_run_at, row.cron) == (NOON + timedelta(days=3), "0 12 * * *")


def test_two_schedulers_send_once(account):
    daily(account)

    def look(_number):
        try:
            return scheduled_messages.send_due(NOON)
        finally:
            connection.close()

    with ThreadPoolExecutor(4) as threads:
        assert sorted(threads.map(look, range(4))) == [0, 0, 0, 1]
    assert len(texts()) == 1


def test_what_was_missed_is_sent_late_once_with_a_note(account):
    row = daily(account, time_zone="Europe/Berlin")
    assert scheduled_messages.send_due(NOON + timedelta(days=3, hours=1)) == 1
    (text,) = texts()
    assert text.startswith("Good morning\n\n_(Due 2027-03-01 13:00 CET; sent late")
    assert runs() == ["late"]
    row.refresh_from_db()
    assert row.next_run_at == NOON + timedelta(days=3, hours=23)


def test_what_was_missed_is_skipped_where_that_was_chosen(account):
    row = daily(account, late="skip")
    scheduled_messages.send_due(NOON + timedelta(minutes=6))
    assert (texts(), runs()) == ([], ["skipped"])
    assert "Nobody could send it" in row.runs.get().note
    scheduled_messages.send_due(NOON + timedelta(days=1, minutes=1))
    assert runs() == ["skipped", "sent"]


def test_what_cannot_be_sent_then_is_on_record_and_the_next_time_comes(account):
    row = daily(account)
    Account.objects.update(enabled=False)
    from mattermost_bridge.config import effective

    effective.bump_version()
    scheduled_messages.send_due(NOON)
    assert (texts(), runs()) == ([], ["failed"])
    assert "is disabled" in row.runs.get().note
    row.refresh_from_db()
    assert row.next_run_at == NOON + timedelta(days=1)


def test_a_pause_sends_nothing_and_makes_up_for_nothing(account):
    row = daily(account)
    scheduled_messages.pause(row.pk, actor=ALICE)
    assert scheduled_messages.send_due(NOON) == 0
    with pytest.raises(Refused, match="paused already"):
        scheduled_messages.pause(row.pk, actor=ALICE)
    scheduled_messages.go_on(row.pk, actor=ALICE)
    row.refresh_from_db()
    assert row.next_run_at > timezone.now()
    with pytest.raises(Refused, match="is not paused"):
        scheduled_messages.go_on(row.pk, actor=ALICE)


def test_a_time_that_passed_in_a_pause_has_to_be_set_anew(account):
    row = schedule(account)
    scheduled_messages.pause(row.pk, actor=ALICE)
    ScheduledMessage.objects.update(next_run_at=timezone.now() - timedelta(hours=1))
    with pytest.raises(Refused, match="passed while it was paused"):
        scheduled_messages.go_on(row.pk, actor=ALICE)


def test_a_change_counts_the_next_time_anew_and_removing_ends_it(account):
    row = daily(account)
    later = NOON + timedelta(days=400)
    wanted = Wanted(account.pk, "@carol", Target(user_id="u" * 26, username="carol"), "Hello", at=later)
    scheduled_messages.update(row.pk, wanted, actor=ALICE)
    row.refresh_from_db()
    assert (row.next_run_at, row.cron, row.channel_id, row.username) == (later, "", "", "carol")
    scheduled_messages.remove(row.pk, actor=ALICE)
    assert not ScheduledMessage.objects.exists()
    with pytest.raises(NotFound):
        scheduled_messages.remove(row.pk, actor=ALICE)


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"at": None}, "The time is missing"),
        ({"at": datetime(2020, 1, 1, tzinfo=UTC)}, "This time is over"),
        ({"kind": "cron", "cron": "every day"}, "five fields"),
        ({"kind": "cron", "cron": "0 0 30 2 *"}, "never comes due"),
        ({"time_zone": "Mars/Base"}, "is no time zone"),
    ],
)
def test_what_could_never_be_sent_is_refused(account, values, sentence):
    with pytest.raises(Refused, match=sentence):
        schedule(account, **values)
    assert not ScheduledMessage.objects.exists()


def test_an_empty_or_endless_text_is_refused(account):
    for text, sentence in ((" ", "message is empty"), ("x" * 40_001, "40000 are the most")):
        with pytest.raises(Refused, match=sentence):
            scheduled_messages.create(Wanted(account.pk, "#room", ROOM, text, at=NOON), actor=ALICE)


def test_nothing_is_asked_of_a_server_when_it_is_due(account):
    daily(account)
    assert not connection.in_atomic_block
    scheduled_messages.send_due(NOON)  # the address of the account leads nowhere
    assert len(texts()) == 1


def test_one_that_cannot_be_carried_out_keeps_no_other_one_waiting(account, monkeypatch):
    broken, sound = schedule(account), schedule(account)
    send = scheduled_messages.messages.send
    told: list[int] = []

    def fails_once(*args, **kwargs):
        told.append(1)
        if len(told) == 1:
            raise IndexError("a defect")
        return send(*args, **kwargs)

    monkeypatch.setattr(scheduled_messages.messages, "send", fails_once)
    assert scheduled_messages.send_due(NOON) == 1
    assert list(ScheduledRun.objects.values_list("message", flat=True)) == [sound.pk]
    assert scheduled_messages.send_due(NOON) == 1
    assert broken.runs.get().state == "sent"
