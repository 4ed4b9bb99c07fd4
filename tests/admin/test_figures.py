"""The numbers of the last 24 hours are counted right, by hour, account and outcome."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.core.cache import cache
from django.utils import timezone

from mattermost_bridge.admin.charts import charts
from mattermost_bridge.admin.figures import figures_for
from mattermost_bridge.models import InboundEvent
from mattermost_bridge.models.states import DeliveryKind, DeliveryState, EventOutcome, EventState
from mattermost_bridge.sample_data.times import times_as_given
from tests import factories

pytestmark = pytest.mark.django_db


def counted(alice: User):
    cache.clear()
    return figures_for(alice)


def answered(waited_ms: int, **values) -> None:
    """A post that answers what was written so long before."""
    sent = 1_795_344_000_000
    values = {"kind": DeliveryKind.ANSWER, "state": DeliveryState.SENT, "settled_at": timezone.now(), **values}
    factories.DeliveryFactory(since_ms=sent, posted_at_ms=sent + waited_ms, **values)


def test_each_event_is_counted_once_by_what_became_of_it(alice):
    for state, outcome, reason in (
        (EventState.ANSWERED, EventOutcome.ADMITTED, "admitted_dm_listed"),
        (EventState.DECIDED, EventOutcome.ADMITTED, "admitted_dm_listed"),
        (EventState.NEW, "", ""),
        (EventState.WAITING, EventOutcome.ADMITTED, "no_agent"),
        (EventState.FAILED, EventOutcome.ADMITTED, "admitted_dm_listed"),
        (EventState.DECIDED, EventOutcome.REFUSED, "blocked"),
        (EventState.DECIDED, EventOutcome.CHALLENGED, "pairing_required"),
        (EventState.DECIDED, EventOutcome.IGNORED, "no_mention"),
        (EventState.DECIDED, EventOutcome.IGNORED, "own_post"),
    ):
        factories.InboundEventFactory(state=state, outcome=outcome, reason=reason)
    figures = counted(alice)
    (results,) = figures.results.values()
    assert results == {"answered": 1, "waiting": 3, "failed": 1, "refused": 1, "challenged": 1, "ignored": 1}
    assert figures.silence == {"no_agent": 1, "failed": 1, "blocked": 1, "pairing_required": 1, "no_mention": 1}
    assert figures.heard_in_all == 8


def test_hours_are_kept_apart_and_what_is_older_than_a_day_is_left_out(alice):
    account = factories.AccountFactory()
    with times_as_given(InboundEvent, "received_at"):
        for hours in (0, 2, 2, 30):
            factories.InboundEventFactory(account=account, received_at=timezone.now() - timedelta(hours=hours))
    figures = counted(alice)
    by_hour = [sum(figures.results.get(hour, {}).values()) for hour in figures.hours]
    assert (by_hour[-1], by_hour[-3], sum(by_hour)) == (1, 2, 3)
    assert figures.heard == {account.pk: 3}


def test_median_and_95th_percentile_of_the_time_to_answer(alice):
    for waited in range(100, 2100, 100):
        answered(waited)
    answered(99_000, part=2)
    answered(99_000, kind=DeliveryKind.CHALLENGE)
    answered(99_000, settled_at=timezone.now() - timedelta(hours=30))
    times = counted(alice).all_times
    assert (times.median, times.slow, times.answers) == (1000, 1900, 20)
    (hour,) = counted(alice).times.values()
    assert (hour.median, hour.slow) == (1000, 1900)


def test_one_answer_is_its_own_median(alice):
    answered(700)
    times = counted(alice).all_times
    assert (times.median, times.slow, times.answers) == (700, 700, 1)


def test_nothing_at_all_makes_charts_that_say_so(alice):
    drawn = charts(counted(alice))
    assert [bool(chart.empty) for chart in drawn] == [True, True, True]


def test_charts_have_the_same_numbers_as_a_table(alice):
    factories.InboundEventFactory.create_batch(3)
    answered(500)
    messages, times, _silence = charts(counted(alice))
    assert messages.rows[-1][1:] == [3]
    assert len(messages.rows) == 24
    assert times.rows[0][1:] == ["500 ms", "500 ms", 1]


def test_numbers_are_kept_for_a_moment(alice, django_assert_num_queries):
    counted(alice)
    with django_assert_num_queries(0):
        figures_for(alice)
