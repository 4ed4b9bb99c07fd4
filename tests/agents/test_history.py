"""History is trimmed to its newest messages, in order."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from mattermost_bridge.agents.base import Message, trim_history


def talk(*texts: str) -> list[Message]:
    return [Message("user", text, at_ms=at) for at, text in enumerate(texts)]


def texts(messages: tuple[Message, ...]) -> list[str]:
    return [message.text for message in messages]


def test_the_newest_messages_stay_in_their_order():
    assert texts(trim_history(talk("a", "b", "c"), 2, 100)) == ["b", "c"]


def test_a_message_that_does_not_fit_ends_the_history_there():
    assert texts(trim_history(talk("a", "long one", "b", "c"), 10, 5)) == ["b", "c"]


def test_of_a_newest_message_that_is_too_long_the_beginning_stays():
    assert texts(trim_history(talk("a", "0123456789"), 10, 4)) == ["0123"]


def test_no_room_is_no_history():
    assert trim_history(talk("a"), 0, 100) == ()
    assert trim_history(talk("a"), 5, 0) == ()
    assert trim_history([], 5, 5) == ()


@given(st.lists(st.text(max_size=20)), st.integers(-1, 12), st.integers(-1, 60))
def test_what_is_kept_is_an_end_of_what_was_said_within_both_limits(said: list[str], messages: int, chars: int):
    before = talk(*said)
    kept = trim_history(before, messages, chars)
    assert len(kept) <= max(0, messages)
    assert sum(len(message.text) for message in kept) <= max(0, chars)
    assert [message.at_ms for message in kept] == [message.at_ms for message in before][len(before) - len(kept) :]
