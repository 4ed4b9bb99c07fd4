"""How long is waited before the next try."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mattermost_bridge.rules.retry import (
    EVENT_ATTEMPTS,
    RETRY_AFTER_CAP,
    event_delay,
    outbox_delay,
    reconnect_delay,
    with_retry_after,
)

MIDDLE = 0.5  # no jitter


@pytest.mark.parametrize(("attempt", "seconds"), [(1, 1), (2, 2), (3, 4), (6, 32), (7, 60), (8, 60), (10**6, 60)])
def test_the_outbox_waits_from_one_second_doubling_to_sixty(attempt, seconds):
    assert outbox_delay(attempt, MIDDLE) == pytest.approx(seconds)


@pytest.mark.parametrize(("failures", "seconds"), [(1, 2), (2, 4), (5, 32), (6, 60), (10**6, 60)])
def test_a_listener_waits_from_two_seconds_doubling_to_sixty(failures, seconds):
    assert reconnect_delay(failures, MIDDLE) == pytest.approx(seconds)


@given(st.integers(1, 100), st.floats(0, 1, exclude_max=True))
def test_jitter_is_at_most_a_fifth_to_either_side(attempt, rnd):
    for delay in (outbox_delay, reconnect_delay):
        plain = delay(attempt, MIDDLE)
        assert plain * 0.8 - 1e-9 <= delay(attempt, rnd) <= plain * 1.2 + 1e-9
        assert delay(attempt, 0.0) == pytest.approx(plain * 0.8)


def test_an_event_is_tried_after_one_two_four_and_eight_seconds_and_then_given_up():
    assert [event_delay(attempt) for attempt in range(1, EVENT_ATTEMPTS + 1)] == [1, 2, 4, 8, None]
    assert event_delay(EVENT_ATTEMPTS + 1) is None


@pytest.mark.parametrize(
    ("computed", "asked", "cap", "seconds"),
    [
        (2, None, None, 2),
        (2, 5, None, 5),
        (9, 5, None, 9),
        (2, 600, None, 600),
        (2, 600, RETRY_AFTER_CAP, 60),
        (70, 600, RETRY_AFTER_CAP, 70),
        (2, -1, None, 2),
    ],
)
def test_the_server_may_ask_for_a_longer_wait_up_to_the_cap(computed, asked, cap, seconds):
    assert with_retry_after(computed, asked, cap=cap) == seconds


def test_attempts_count_from_one():
    with pytest.raises(ValueError, match="count from 1"):
        outbox_delay(0, MIDDLE)
