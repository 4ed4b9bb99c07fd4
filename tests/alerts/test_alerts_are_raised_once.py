"""A look opens and closes alerts and queues their notes, each once, whoever else looks."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from mattermost_bridge.models import Alert, AlertNotice, BridgeDefaults, Delivery, InboundEvent, OutboxState, Tick
from mattermost_bridge.rules.reasons import Reason
from mattermost_bridge.services import alert_targets, alerts, pairing
from mattermost_bridge.services.audit import Actor
from mattermost_bridge.services.sweep import claim_tick
from tests import factories
from tests.bridge import make_account

pytestmark = pytest.mark.django_db(transaction=True)

ALICE = Actor("alice", "panel")


def kinds() -> list[str]:
    """What is open."""
    return sorted(Alert.objects.filter(resolved_at=None).values_list("kind", flat=True))


def notices() -> list[tuple[str, str, str]]:
    """What was queued for whom."""
    return list(AlertNotice.objects.order_by("pk").values_list("target_name", "about", "state"))


def test_an_account_that_is_down_for_a_minute_is_told_once_and_its_recovery_once(watch, account, target):
    target()
    watch.phase(account, "backing_off", "Connection refused.")
    assert watch.after(50) == alerts.Looked()
    assert watch.after(20) == alerts.Looked(raised=1)
    assert watch.after(600) == alerts.Looked()
    alert = Alert.objects.get()
    assert "Connection refused." in alert.sentence
    watch.phase(account, "ready")
    assert watch.after(20) == alerts.Looked()
    AlertNotice.objects.update(state="sent")
    assert watch.after(60) == alerts.Looked(over=1)
    assert watch.after(600) == alerts.Looked()
    assert notices() == [("On call", "raised", "sent"), ("On call", "recovered", "queued")]
    alert.refresh_from_db()
    assert "is connected again" in alert.outcome


def test_reconnecting_within_the_grace_time_tells_nobody(watch, account, target):
    target()
    for phase in ("backing_off", "connecting", "backing_off", "connecting", "authenticating", "catching_up", "ready"):
        watch.phase(account, phase)
        watch.after(9)
    watch.after(300)
    assert not Alert.objects.exists()


def test_the_grace_time_counts_from_the_last_moment_it_was_ready_through_all_tries(watch, account):
    for phase in ("backing_off", "connecting", "backing_off", "connecting", "authenticating", "backing_off"):
        watch.phase(account, phase)
        watch.after(10)
    watch.after(10)
    assert kinds() == ["account_down"]


def test_the_grace_time_is_a_setting(watch, account, settings):
    settings.TIMES = {**settings.TIMES, "alert_grace": 300.0}
    watch.phase(account, "stopped")
    watch.after(290)
    assert kinds() == []
    watch.after(20)
    assert kinds() == ["account_down"]


def test_after_durar_was_away_accounts_get_the_time_to_come_back(watch, account):
    watch.phase(account, "stopped", "The worker stopped.")
    watch.now += timedelta(hours=8)
    watch.look()
    watch.phase(account, "connecting")
    watch.after(20)
    watch.phase(account, "ready")
    watch.after(120)
    assert not Alert.objects.exists()


def test_after_durar_was_away_who_does_not_come_back_is_told(watch, account):
    watch.phase(account, "stopped", "The worker stopped.")
    watch.now += timedelta(hours=8)
    watch.look()
    watch.after(70)
    assert kinds() == ["account_down"]
    assert "for 8 h" in Alert.objects.get().sentence


def test_a_refused_token_is_told_at_once_and_not_as_a_lost_connection(watch, account):
    watch.phase(account, "token_refused", "The server answered 401.")
    assert watch.look() == alerts.Looked(raised=1)
    for phase in ("connecting", "authenticating", "token_refused"):
        watch.phase(account, phase)
        watch.after(60)
    assert kinds() == ["token_refused"]
    watch.phase(account, "ready")
    watch.after(40)
    assert kinds() == []
    assert Alert.objects.count() == 1


def test_a_token_that_only_sending_finds_refused_is_told_too(watch, account):
    OutboxState.objects.filter(account=account).update(parked_since=watch.now, parked_reason="The token is refused.")
    watch.look()
    assert kinds() == ["token_refused"]
    OutboxState.objects.filter(account=account).update(parked_since=None, parked_reason="")
    watch.look()
    assert kinds() == []


@pytest.mark.parametrize("how", ["disabled", "archived", "bridge off"])
def test_an_account_that_is_put_away_is_no_trouble_any_more(watch, account, target, how):
    target()
    watch.phase(account, "backing_off")
    watch.after(70)
    AlertNotice.objects.update(state="sent")
    if how == "bridge off":
        BridgeDefaults.objects.update(enabled=False)
    else:
        type(account).objects.update(**({"enabled": False} if how == "disabled" else {"archived_at": watch.now}))
    watch.after(10)
    assert kinds() == []
    assert ("archived" if how == "archived" else "switched off") in Alert.objects.get().outcome
    assert notices()[-1][1] == "recovered"
    watch.after(600)
    assert Alert.objects.count() == 1


def test_an_account_that_is_still_being_set_up_is_no_trouble(watch):
    account = make_account("new", bot_user_id="", bot_token="")
    watch.phase(account, "not_configured", "The bot token is missing.")
    watch.after(300)
    assert not Alert.objects.exists()


def test_an_account_that_lost_its_token_is(watch, account):
    watch.phase(account, "not_configured", "The file of the token cannot be read.")
    watch.after(70)
    assert kinds() == ["account_down"]


def test_each_pairing_request_is_told_and_how_it_ended_but_never_the_code(watch, account, target):
    target()
    request = factories.PairingRequestFactory(account=account, username="carol")
    other = factories.PairingRequestFactory(account=account, username="dave")
    assert watch.look() == alerts.Looked(raised=2)
    assert watch.look() == alerts.Looked()
    AlertNotice.objects.update(state="sent")
    pairing.approve(request_id=request.pk, actor=ALICE)
    watch.now = timezone.now()
    assert watch.look() == alerts.Looked(over=1)
    alert = Alert.objects.get(subject=str(request.pk))
    assert "approved by alice" in alert.outcome
    assert kinds() == ["pairing_waiting"]
    for row in Alert.objects.all():
        for code in (request.code, other.code):
            assert code not in row.sentence + row.remedy + row.outcome + row.page


def test_messages_that_died_are_told_once_until_they_are_taken_care_of(watch, account, target):
    target()
    first = factories.DeliveryFactory(account=account, settled_at=watch.now)
    assert watch.look() == alerts.Looked(raised=1)
    second = factories.DeliveryFactory(account=account, settled_at=watch.now)
    assert watch.after(600) == alerts.Looked()
    assert first.error in Alert.objects.get().sentence
    Delivery.objects.filter(pk__in=[first.pk, second.pk]).update(state="sent")
    assert watch.look() == alerts.Looked(over=1)
    Delivery.objects.filter(pk=second.pk).update(state="dead", settled_at=watch.now)
    assert watch.look() == alerts.Looked(raised=1)


def test_messages_that_nobody_resends_are_told_no_second_time_but_new_ones_are(watch, account):
    factories.DeliveryFactory(account=account, settled_at=watch.now)
    watch.look()
    watch.after(3700)
    assert kinds() == []
    assert "one is still undelivered" in Alert.objects.get().outcome
    watch.after(3700)
    assert Alert.objects.count() == 1
    factories.DeliveryFactory(account=account, settled_at=watch.now)
    watch.look()
    assert kinds() == ["deliveries_dead"]


def test_that_an_alert_was_not_posted_raises_no_alert(watch, account):
    factories.DeliveryFactory(account=account, kind="alert", settled_at=watch.now)
    watch.after(60)
    assert not Alert.objects.exists()


def test_messages_that_wait_for_an_agent_are_told(watch, account):
    event = factories.InboundEventFactory(account=account, state="waiting", outcome="admitted", reason=Reason.NO_AGENT)
    watch.look()
    assert kinds() == ["no_agent"]
    InboundEvent.objects.filter(pk=event.pk).update(state="decided")
    watch.look()
    assert kinds() == []


def test_a_target_is_told_of_what_it_asked_for(watch, account, target):
    other = make_account("other", bot_user_id="o" * 26)
    target("everything")
    target("tokens", kinds=["token_refused"])
    chosen = target("other account", all_accounts=False)
    chosen.accounts.set([other])
    target("off", enabled=False)
    watch.phase(account, "token_refused")
    watch.look()
    assert sorted(name for name, _, _ in notices()) == ["everything", "tokens"]


def test_a_target_without_recovery_notes_hears_the_beginning_only(watch, account, target):
    target(tells_recovery=False)
    watch.phase(account, "token_refused")
    watch.look()
    watch.phase(account, "ready")
    watch.after(60)
    assert notices() == [("On call", "raised", "queued")]


def test_what_was_over_before_anybody_was_told_is_told_as_one_note(watch, account, target):
    target()
    watch.phase(account, "token_refused")
    watch.look()
    watch.phase(account, "ready")
    watch.after(60)
    assert notices() == [("On call", "raised", "cancelled"), ("On call", "recovered", "queued")]


def test_who_could_not_be_told_of_the_beginning_is_not_told_of_the_end(watch, account, target):
    target()
    watch.phase(account, "token_refused")
    watch.look()
    AlertNotice.objects.update(state="dead")
    watch.phase(account, "ready")
    watch.after(60)
    assert notices() == [("On call", "raised", "dead")]


def test_a_target_that_is_added_later_hears_once_what_is_open_and_when_it_is_over(watch, account, target):
    factories.PairingRequestFactory(account=account, state="rejected")
    watch.phase(account, "token_refused")
    watch.look()
    target()
    watch.after(60)
    assert notices() == [("On call", "raised", "queued")]
    AlertNotice.objects.update(state="sent")
    watch.phase(account, "ready")
    watch.after(60)
    assert notices() == [("On call", "raised", "sent"), ("On call", "recovered", "queued")]
    target("later still")
    watch.after(60)
    assert len(notices()) == 2, "what is over is no news"


def test_a_target_that_is_given_more_to_hear_of_hears_what_is_open_of_that(watch, account, target):
    row = target(kinds=["account_down"])
    other = target("other account", all_accounts=False)
    watch.phase(account, "token_refused")
    watch.look()
    assert notices() == []
    type(row).objects.filter(pk=row.pk).update(kinds=["token_refused"])
    other.accounts.set([account])
    watch.after(20)
    assert sorted(name for name, _, _ in notices()) == ["On call", "other account"]


def test_what_was_called_off_with_its_target_is_told_when_it_is_switched_on_again(watch, account, target):
    row = target()
    told = target("told before")
    watch.phase(account, "token_refused")
    watch.look()
    AlertNotice.objects.filter(target=told).update(state="sent")
    for pk in (row.pk, told.pk):
        alert_targets.switch(pk, actor=ALICE, on=False)
    watch.after(20)
    assert notices() == [("On call", "raised", "cancelled"), ("told before", "raised", "sent")]
    for pk in (row.pk, told.pk):
        alert_targets.switch(pk, actor=ALICE, on=True)
    watch.after(20)
    assert notices() == [("On call", "raised", "queued"), ("told before", "raised", "sent")]


def test_of_two_schedulers_one_looks(account):
    assert alerts.tick() is not None
    assert alerts.tick() is None
    Tick.objects.filter(pk="alerts").update(at=timezone.now() - timedelta(seconds=9))
    assert alerts.tick() is not None
    assert not claim_tick("alerts", alerts.EVERY)


def test_a_look_costs_the_same_for_any_number_of_accounts(watch):
    def make(count: int) -> None:
        for _ in range(count):
            account = factories.AccountFactory()
            watch.phase(account, "backing_off")
            factories.PairingRequestFactory(account=account)
            factories.DeliveryFactory(account=account, settled_at=watch.now)

    def queries() -> int:
        watch.after(70)
        with CaptureQueriesContext(connection) as found:
            assert watch.look() == alerts.Looked()
        return len(found)

    make(3)
    few = queries()
    make(20)
    assert queries() == few
