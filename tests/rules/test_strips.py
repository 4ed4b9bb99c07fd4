"""A day of a connection becomes a strip without gaps, in which no outage vanishes."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mattermost_bridge.models.states import ConnectionPhase
from mattermost_bridge.rules.strips import PHASES, Change, Condition, Segment, condition_of, segments, slots, totals

BEGIN = datetime(2026, 11, 21, 12, tzinfo=UTC)
END = BEGIN + timedelta(hours=24)


def at(hours: float) -> datetime:
    return BEGIN + timedelta(hours=hours)


def strip(*changes: Change, phase_now: str = "ready", **values) -> list[tuple[str, float]]:
    """Each segment as its condition and its hours."""
    parts = segments(changes, begin=BEGIN, end=END, phase_now=phase_now, **values)
    return [(part.condition.value, part.length / timedelta(hours=1)) for part in parts]


def test_every_phase_is_read_as_one_condition():
    named = [phase for phases in PHASES.values() for phase in phases]
    assert sorted(named) == sorted(ConnectionPhase.values)


def test_without_changes_the_phase_of_now_held_all_day():
    assert strip() == [("connected", 24)]
    assert strip(phase_now="token_refused") == [("refused", 24)]


def test_what_held_before_the_first_change_is_what_it_changed_from():
    assert strip(Change(at(6), "backing_off", "ready")) == [("away", 6), ("connected", 18)]


def test_phases_of_one_condition_are_one_segment():
    changes = [
        Change(at(1), "ready", "backing_off"),
        Change(at(2), "backing_off", "connecting"),
        Change(at(3), "connecting", "catching_up"),
        Change(at(4), "catching_up", "ready"),
    ]
    assert strip(*reversed(changes)) == [("connected", 1), ("away", 2), ("connected", 21)]


def test_changes_outside_of_the_day_are_not_counted():
    assert strip(Change(at(-1), "ready", "stopped"), Change(at(25), "ready", "stopped")) == [("connected", 24)]


def test_before_the_account_was_made_nothing_is_known():
    changes = [Change(at(10), "stopped", "connecting"), Change(at(11), "authenticating", "ready")]
    assert strip(*changes, known_from=at(10)) == [("unknown", 10), ("away", 1), ("connected", 13)]
    assert strip(known_from=END) == [("unknown", 24)]


@pytest.mark.parametrize(("seconds", "outage"), [(3, False), (59, False), (61, True)])
def test_the_moment_in_which_a_bot_first_connects_is_no_outage(seconds, outage):
    made, ready = at(10), at(10) + timedelta(seconds=seconds)
    new = strip(Change(made, "stopped", "connecting"), Change(ready, "authenticating", "ready"), known_from=made)
    enabled = strip(Change(made, "disabled", "connecting"), Change(ready, "authenticating", "ready"))
    for parts, before in ((new, "unknown"), (enabled, "off")):
        assert [condition for condition, _hours in parts] == [before, *(["away"] if outage else []), "connected"]


def test_a_restart_of_an_account_that_was_connected_is_an_outage_however_short():
    stopped, ready = at(10), at(10) + timedelta(seconds=3)
    parts = strip(Change(stopped, "ready", "stopped"), Change(ready, "authenticating", "ready"))
    assert [condition for condition, _hours in parts] == ["connected", "away", "connected"]


def test_a_worker_that_fell_silent_hears_nothing_since_then():
    assert strip(lost_at=at(23)) == [("connected", 23), ("away", 1)]
    assert strip(Change(at(23.5), "stopped", "ready"), lost_at=at(23)) == [("away", 24)]
    assert strip(lost_at=at(23), phase_now="disabled") == [("off", 24)]


def test_a_short_outage_shows_in_its_slot():
    parts = segments(
        [Change(at(3), "ready", "backing_off"), Change(at(3.001), "backing_off", "ready")],
        begin=BEGIN,
        end=END,
        phase_now="ready",
    )
    shown = slots(parts, 24)
    assert [number for number, condition in enumerate(shown) if condition != Condition.CONNECTED] == [3]
    assert slots((), 24) == ()


def test_totals_say_how_long_and_how_often():
    hour = timedelta(hours=1)
    parts = [
        Segment(at(0), at(2), Condition.CONNECTED),
        Segment(at(2), at(3), Condition.AWAY),
        Segment(at(3), at(24), Condition.CONNECTED),
    ]
    assert totals(parts) == {Condition.CONNECTED: (23 * hour, 2), Condition.AWAY: (hour, 1)}


moments = st.integers(min_value=-3600, max_value=25 * 3600).map(lambda second: BEGIN + timedelta(seconds=second))
phases = st.sampled_from(ConnectionPhase.values)


@given(
    st.lists(st.builds(Change, moments, phases, phases), max_size=20),
    phases,
    st.none() | moments,
    st.none() | moments,
)
def test_segments_cover_the_day_and_neighbours_differ(changes, phase_now, known_from, lost_at):
    parts = segments(changes, begin=BEGIN, end=END, phase_now=phase_now, known_from=known_from, lost_at=lost_at)
    assert (parts[0].begin, parts[-1].end) == (BEGIN, END)
    for one, other in itertools.pairwise(parts):
        assert one.end == other.begin
        assert one.condition != other.condition
    assert all(part.length > timedelta() for part in parts)
    assert len(slots(parts, 96)) == 96
    assert sum((length for length, _ in totals(parts).values()), timedelta()) == END - BEGIN


@pytest.mark.parametrize("unknown", ["", "something_new"])
def test_an_unknown_phase_is_no_connection(unknown):
    assert condition_of(unknown) == Condition.AWAY
