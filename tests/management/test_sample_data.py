"""Made-up records: as many as asked for, spread over their days, and never beside real accounts unawares."""

from __future__ import annotations

from datetime import timedelta
from io import StringIO

import pytest
from django.core.management import CommandError, call_command
from django.utils import timezone

from mattermost_bridge.config.effective import settings_for
from mattermost_bridge.models import Account, Delivery, InboundEvent, KnownPerson, Turn
from mattermost_bridge.services.decisions import decision_on
from tests import factories

pytestmark = pytest.mark.django_db


def make(**options) -> str:
    out = StringIO()
    call_command("make_sample_data", stdout=out, **options)
    return out.getvalue()


def test_as_many_records_are_made_as_asked_for():
    said = make(accounts=4, people=20, events=300, deliveries=30, days=3)
    assert (Account.objects.count(), KnownPerson.objects.count()) == (4, 20)
    assert (InboundEvent.objects.count(), Delivery.objects.count(), Turn.objects.count()) == (300, 30, 30)
    assert "300 events, 30 deliveries" in said


def test_every_event_ended_as_the_rules_say_and_shows_their_checks():
    make(accounts=10, people=60, events=600, deliveries=60, days=3)
    reasons = set()
    for event in InboundEvent.objects.select_related("conversation"):
        decision = decision_on(event, settings_for(event.account_id))
        assert (decision.outcome, decision.reason) == (event.outcome, event.reason)
        assert [step["name"] for step in event.trail][: len(decision.trail)] == [each.name for each in decision.trail]
        if event.conversation is not None:
            assert event.conversation.session_key == decision.session_key
        reasons.add(event.reason)
    assert len(reasons) >= 8


def test_events_are_spread_over_the_days_in_order():
    make(accounts=2, people=5, events=200, deliveries=10, days=4)
    times = list(InboundEvent.objects.order_by("pk").values_list("received_at", flat=True))
    assert times == sorted(times)
    assert timedelta(days=3, hours=12) < times[-1] - times[0] < timedelta(days=4)
    assert times[-1] <= timezone.now()


def test_columns_that_note_the_time_of_saving_do_so_again_afterwards():
    make(accounts=1, people=1, events=5, deliveries=1, days=4)
    event = factories.InboundEventFactory()
    assert timezone.now() - event.received_at < timedelta(minutes=1)


def test_a_database_with_real_accounts_is_left_alone_unless_told():
    factories.AccountFactory(account_id="default")
    with pytest.raises(CommandError, match=r"real accounts \(default\)"):
        make(accounts=1, people=1, events=1, deliveries=1)
    make(accounts=1, people=1, events=1, deliveries=1, among_real_accounts=True)
    assert Account.objects.count() == 2


def test_it_can_be_run_twice():
    make(accounts=2, people=3, events=10, deliveries=2)
    make(accounts=2, people=3, events=10, deliveries=2, seed=8)
    assert Account.objects.count() == 4


@pytest.mark.parametrize("wrong", [{"accounts": 0}, {"events": -1}, {"events": 1, "deliveries": 2}])
def test_numbers_that_make_no_sense_are_refused(wrong):
    with pytest.raises(CommandError):
        make(**wrong)
