"""The channel layer notices every second that its server is away; the log says it once a minute, in a line."""

from __future__ import annotations

import logging
import sys

import pytest
from redis.exceptions import ConnectionError as BrokerAway

from mattermost_bridge.logging import SaidOnceAMinute


def record(error: Exception) -> logging.LogRecord:
    """What the layer logs when `error` came up while it listened."""
    try:
        raise error
    except type(error):
        return logging.LogRecord(
            "channels_redis.pubsub",
            logging.ERROR,
            __file__,
            1,
            "Unexpected exception in receive task",
            (),
            sys.exc_info(),
        )


@pytest.mark.parametrize("error", [BrokerAway("refused"), ConnectionRefusedError("refused"), TimeoutError("refused")])
def test_the_first_is_a_warning_in_a_line_and_the_next_are_left_out(error):
    once = SaidOnceAMinute()
    first = record(error)
    assert once.filter(first)
    assert (first.levelname, first.exc_info) == ("WARNING", None)
    assert first.getMessage() == "the broker does not answer, so open pages look by themselves: refused"
    assert not once.filter(record(error))


def test_a_minute_later_it_is_said_again(monkeypatch):
    now = 1000.0
    monkeypatch.setattr("mattermost_bridge.logging.time.monotonic", lambda: now)
    once = SaidOnceAMinute()
    assert once.filter(record(BrokerAway("refused")))
    now += 61
    assert once.filter(record(BrokerAway("refused")))


def test_a_defect_is_logged_as_it_is():
    once = SaidOnceAMinute()
    for _ in range(2):
        one = record(KeyError("channel"))
        assert once.filter(one)
        assert one.exc_info
