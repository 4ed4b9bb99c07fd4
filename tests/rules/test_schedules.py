"""When scheduled messages are due."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mattermost_bridge.rules.schedules import cron_problem, is_late, late_note, next_run, zone_problem

BERLIN = "Europe/Berlin"


def at(text):
    return datetime.fromisoformat(text).replace(tzinfo=UTC)


@pytest.mark.parametrize(
    ("expression", "zone", "after", "due"),
    [
        ("30 8 * * mon-fri", "UTC", "2026-11-20T09:00", "2026-11-23T08:30"),
        ("30 8 * * *", BERLIN, "2026-07-01T00:00", "2026-07-01T06:30"),
        ("30 8 * * *", BERLIN, "2026-12-01T00:00", "2026-12-01T07:30"),
        ("0 9 * * *", "UTC", "2026-11-20T09:00", "2026-11-21T09:00"),
        ("@daily", "UTC", "2026-11-20T09:00", "2026-11-21T00:00"),
        ("0 0 29 2 *", "UTC", "2026-03-01T00:00", "2028-02-29T00:00"),
        # The hour that is left out in spring: right after it.
        ("30 2 * * *", BERLIN, "2026-03-28T12:00", "2026-03-29T01:00"),
        # The hour that comes twice in autumn: once, but what is due every few minutes goes on.
        ("30 2 * * *", BERLIN, "2026-10-24T12:00", "2026-10-25T00:30"),
        ("30 2 * * *", BERLIN, "2026-10-25T00:30", "2026-10-26T01:30"),
        ("30 * * * *", BERLIN, "2026-10-25T00:30", "2026-10-25T01:30"),
        ("*/5 * * * *", BERLIN, "2026-10-25T00:58", "2026-10-25T01:00"),
    ],
)
def test_the_next_time(expression, zone, after, due):
    assert cron_problem(expression) == ""
    assert next_run(expression, zone, at(after)) == at(due)


@pytest.mark.parametrize(
    ("expression", "sentence"),
    [
        ("", "has 0"),
        ("* * * * * *", "has 6"),
        ("@reboot", "has 1"),
        ("60 * * * *", "is no cron expression"),
        ("H * * * *", "is no cron expression"),
        ("R * * * *", "is no cron expression"),
        ("x y z a b", "is no cron expression"),
        ("0 0 30 2 *", "never comes due"),
    ],
)
def test_what_is_no_cron_expression_gets_a_sentence(expression, sentence):
    assert sentence in cron_problem(expression)


@given(
    st.datetimes(min_value=datetime(2025, 1, 1), max_value=datetime(2027, 12, 31)),
    st.sampled_from(["30 2 * * *", "*/7 * * * *", "0 * * * *", "15 1-3 * * sun"]),
    st.sampled_from([BERLIN, "America/New_York", "Australia/Lord_Howe", "UTC"]),
)
def test_time_goes_forward(moment, expression, zone):
    after = moment.replace(tzinfo=UTC)
    due = next_run(expression, zone, after)
    assert due is not None
    assert due > after
    assert due.second == 0


def test_time_zones_have_names():
    assert zone_problem(BERLIN) == ""
    for name in ("Mars/Base", "", "../etc/passwd"):
        assert "is no time zone" in zone_problem(name)


def test_five_minutes_are_late_and_the_note_says_when_it_was_due():
    due = at("2026-07-01T06:30")
    assert not is_late(due, due + timedelta(minutes=5))
    assert is_late(due, due + timedelta(minutes=6))
    assert late_note(due, BERLIN).startswith("_(Due 2026-07-01 08:30 CEST; sent late")
