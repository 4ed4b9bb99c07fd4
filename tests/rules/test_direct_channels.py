"""Opening a direct channel: values field by field, how long is waited, and which failures are tried again."""

from __future__ import annotations

import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mattermost_bridge.rules.direct_channels import (
    BUILT_IN,
    INITIAL_BEYOND_MAX,
    LIMITS,
    RetryValues,
    delay_ms,
    delays_problem,
    merged,
    overridden,
    passes_by_itself,
    problem_of,
)

VALUES = st.builds(RetryValues, **{name: st.integers(*limits) for name, limits in LIMITS.items()})
CHANCE = st.floats(0, 1, exclude_max=True)


def test_the_built_in_values_are_the_documented_ones():
    assert RetryValues(3, 1000, 10_000, 30_000) == BUILT_IN
    assert BUILT_IN.attempts == 4


@pytest.mark.parametrize(
    ("retry", "rnd", "milliseconds"),
    [
        (0, 0.0, 1000),
        (0, 0.5, 1500),
        (0, 0.9999, 2000),
        (1, 0.0, 2000),
        (2, 0.25, 5000),
        (3, 0.0, 8000),
        (3, 0.5, 10_000),
        (4, 0.0, 10_000),
        (10**6, 0.7, 10_000),
    ],
)
def test_delays_double_with_chance_up_to_the_longest(retry, rnd, milliseconds):
    assert delay_ms(retry, BUILT_IN, rnd) == milliseconds


def test_a_part_of_a_millisecond_is_rounded_up():
    assert delay_ms(0, RetryValues(initial_delay_ms=101), 0.001) == 102


@pytest.mark.parametrize(
    ("asked", "milliseconds"), [(None, 1000), (0.2, 1000), (2, 2000), (59.5, 59_500), (60, 60_000), (3600, 60_000)]
)
def test_the_server_may_ask_for_a_longer_wait_of_a_minute_at_most(asked, milliseconds):
    assert delay_ms(0, BUILT_IN, 0.0, asked) == milliseconds


def test_a_first_delay_beyond_the_longest_is_the_longest():
    assert delay_ms(0, RetryValues(initial_delay_ms=60_000, max_delay_ms=1000), 0.0) == 1000


def test_the_longest_delay_is_met_to_the_millisecond():
    assert delay_ms(6, RetryValues(initial_delay_ms=100, max_delay_ms=4001), 0.0) == 4001


def test_retries_count_from_zero():
    with pytest.raises(ValueError, match="count from 0"):
        delay_ms(-1, BUILT_IN, 0.0)


@given(VALUES, st.integers(0, 30), CHANCE)
def test_no_delay_is_longer_than_the_longest_nor_shorter_than_the_first(values, retry, rnd):
    delay = delay_ms(retry, values, rnd)
    assert min(values.initial_delay_ms, values.max_delay_ms) <= delay <= values.max_delay_ms


@given(VALUES, CHANCE)
def test_the_first_delay_lies_between_the_first_value_and_twice_it(values, rnd):
    first = min(values.initial_delay_ms, values.max_delay_ms)
    assert first <= delay_ms(0, values, rnd) <= min(2 * first, values.max_delay_ms)


@given(VALUES, st.integers(0, 30), CHANCE, st.floats(0, 10**6))
def test_what_the_server_asks_for_never_shortens_a_delay(values, retry, rnd, asked):
    delay = delay_ms(retry, values, rnd, asked)
    assert delay >= max(delay_ms(retry, values, rnd), math.floor(min(asked, 60) * 1000))
    assert delay <= 60_000


@pytest.mark.parametrize(
    ("status", "kind", "text", "again"),
    [
        (500, "http", "Mattermost API 500 Internal Server Error: …", True),
        (503, "http", "", True),
        (599, "http", "", True),
        (429, "http", "limit exceeded", True),
        (400, "http", "Too Many Requests", True),
        (400, "http", "timed out", False),
        (401, "http", "", False),
        (403, "http", "network error", False),
        (404, "http", "", False),
        (408, "http", "Request timeout", False),
        (302, "http", "", False),
        (600, "http", "", False),
        (None, "network", "", True),
        (None, "timeout", "", True),
        (None, "tls", "the server's certificate is not trusted (certificate has expired)", False),
        (None, "tls", "the certificate is not valid for timeout.example.com", False),
        (None, "protocol", "the answer is no JSON", False),
        (None, "protocol", "socket hang up", True),
        (None, "", "getaddrinfo ENOTFOUND chat.example.com", True),
        (None, "", "The operation was aborted", True),
        (None, "", "something else", False),
    ],
)
def test_what_passes_by_itself_is_tried_again_and_the_rest_is_not(status, kind, text, again):
    assert passes_by_itself(status=status, kind=kind, text=text) is again


@given(st.integers(400, 499).filter(lambda status: status != 429), st.sampled_from(["timeout", "econnreset", "abort"]))
def test_a_refusal_is_final_whatever_its_text_reminds_of(status, word):
    assert not passes_by_itself(status=status, kind="http", text=f"Mattermost API {status}: {word}")


def test_each_level_gives_the_fields_that_it_sets_and_nothing_is_a_value_too():
    account = {"max_retries": 0, "initial_delay_ms": None, "max_delay_ms": None, "timeout_ms": None}
    defaults = {"max_retries": 5, "initial_delay_ms": 200, "max_delay_ms": None}
    assert merged(account, defaults) == RetryValues(0, 200, 10_000, 30_000)
    assert merged({}, {}) == BUILT_IN


def test_a_call_overrides_field_by_field():
    assert overridden(BUILT_IN, {"timeout_ms": 5000, "max_retries": None}) == RetryValues(3, 1000, 10_000, 5000)
    assert overridden(BUILT_IN, None) == BUILT_IN


@pytest.mark.parametrize(
    ("given", "sentence"),
    [
        ({"max_retries": 11}, "dmChannelRetry.maxRetries must be a whole number from 0 to 10."),
        ({"timeout_ms": 4999}, "dmChannelRetry.timeoutMs must be a whole number from 5000 to 120000."),
        ({"initial_delay_ms": True}, "dmChannelRetry.initialDelayMs must be a whole number from 100 to 60000."),
        ({"max_delay_ms": "5000"}, "dmChannelRetry.maxDelayMs must be a whole number from 1000 to 60000."),
        ({"initial_delay_ms": 3000, "max_delay_ms": 2000}, f"dmChannelRetry: {INITIAL_BEYOND_MAX}."),
        ({"retries": 1}, "dmChannelRetry has no value 'retries'"),
    ],
)
def test_values_out_of_bounds_are_refused_with_their_key(given, sentence):
    with pytest.raises(ValueError, match="dmChannelRetry") as problem:
        overridden(BUILT_IN, given)
    assert str(problem.value).startswith(sentence)


@pytest.mark.parametrize("name", LIMITS)
def test_both_limits_are_allowed_and_what_lies_beyond_is_not(name):
    least, most = LIMITS[name]
    assert [bool(problem_of(name, value)) for value in (least - 1, least, most, most + 1)] == [True, False, False, True]
    assert problem_of(name, None) == ""


@pytest.mark.parametrize("value", [1.5, float("inf"), float("nan"), "3", [], True])
def test_what_is_no_whole_number_is_refused(value):
    assert problem_of("max_retries", value)


def test_the_delays_are_compared_only_when_both_are_given():
    assert delays_problem(2000, 1000) == "initialDelayMs must be less than or equal to maxDelayMs"
    assert delays_problem(2000, 2000) == delays_problem(None, 1000) == delays_problem(60_000, None) == ""
