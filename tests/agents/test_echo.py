"""The echo agent repeats, and a few words show what an agent may do."""

from __future__ import annotations

import threading

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mattermost_bridge.agents.base import AgentConfig, AgentError, Deadline, ErrorKind, Message
from mattermost_bridge.agents.echo import HELP

from .conftest import ask

ECHO = AgentConfig(backend="echo", name="Parrot")


@pytest.mark.parametrize("text", ["hello", "  two\nlines ", "help me", "slowly", "slow five", "slow -1", "failed", ""])
def test_text_comes_back_as_it_is(text: str):
    assert ask(ECHO, text).text == f"You said: {text}"


@given(st.text())
def test_no_text_makes_it_fail_but_the_word_fail(text: str):
    if text.strip().lower() != "fail" and not text.strip().lower().startswith("slow"):
        assert ask(ECHO, text).text


@pytest.mark.parametrize("word", ["help", " HELP ", "Help"])
def test_help_lists_every_word(word: str):
    answer = ask(ECHO, word).text
    assert answer == HELP
    for shown in ("`help`", "`long`", "`slow 20`", "`fail`", "`history`", "`context`"):
        assert shown in answer


def test_a_long_answer_has_a_block_of_code_across_the_places_where_it_is_split():
    text = ask(ECHO, "long").text
    assert 9_500 < len(text) < 10_500
    start, end = text.index("```python\n"), text.rindex("\n```\n")
    assert text.count("```") == 2
    assert start < 4000
    assert end > 8000


def test_a_failure_is_an_error_with_a_cause_for_the_operator():
    with pytest.raises(AgentError, match="Parrot") as caught:
        ask(ECHO, "fail")
    assert caught.value.kind == ErrorKind.SERVER_ERROR
    assert str(caught.value) == caught.value.cause


@pytest.mark.parametrize(("count", "said"), [(0, "0 earlier messages"), (1, "1 earlier message."), (3, "3 earlier")])
def test_it_says_how_much_history_it_was_given(count: int, said: str):
    assert said in ask(ECHO, "history", history=tuple(Message("user", "x") for _ in range(count))).text


class Watched(Deadline):
    """A deadline that tells how long somebody wants to wait, and lets no time pass unless told to."""

    def __init__(self, seconds: float, *, real: bool = False) -> None:
        super().__init__(seconds)
        self.waits: list[float] = []
        self.waiting = threading.Event()
        self._real = real

    def wait(self, seconds: float) -> bool:
        self.waits.append(seconds)
        self.waiting.set()
        return super().wait(seconds) if self._real else True


@pytest.mark.parametrize(("text", "seconds"), [("slow", 5), ("slow 20", 20), ("SLOW  1", 1), ("slow 0", 0)])
def test_slow_waits_as_long_as_it_is_told(text: str, seconds: int):
    deadline = Watched(3600)
    assert f"{seconds} second" in ask(ECHO, text, deadline).text
    assert deadline.waits == [seconds]


@pytest.mark.parametrize("text", ["slow 601", "slow 99999999", "slow " + "9" * 5000])
def test_slow_has_a_limit(text: str):
    deadline = Watched(3600)
    config = AgentConfig(backend="echo", name="Parrot", total_time=3600)
    assert "600 seconds" in ask(config, text, deadline).text
    assert deadline.waits == [600]


def test_slow_ends_in_a_timeout_when_the_total_time_is_shorter():
    config = AgentConfig(backend="echo", name="Parrot", total_time=0.01)
    with pytest.raises(AgentError, match=r"not done within 0\.01 seconds") as caught:
        ask(config, "slow 20", Deadline(3600))
    assert caught.value.kind == ErrorKind.TIMEOUT


def test_slow_ends_when_it_is_cancelled():
    deadline, errors = Watched(3600, real=True), []

    def run() -> None:
        try:
            ask(AgentConfig(backend="echo", name="Parrot", total_time=3600), "slow 600", deadline)
        except AgentError as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    assert deadline.waiting.wait(10)
    deadline.cancel("the worker stops")
    thread.join(timeout=30)
    assert [error.kind for error in errors] == [ErrorKind.CANCELLED]
    assert "because the worker stops" in errors[0].cause


def test_an_answer_is_no_longer_than_the_settings_allow():
    answer = ask(AgentConfig(backend="echo", name="Parrot", max_answer_chars=500), "long")
    assert len(answer.text) == 500
    assert answer.truncated
    assert answer.text.endswith("cut here.)")


def test_it_says_which_files_it_was_given():
    files = ('"a.png" (image/png, 67 bytes, given as an image)', '"b.zip" (application/zip, only named)')
    assert ask(ECHO, "look", files=files).text.splitlines() == [
        "You said: look", "", "With it came:", f"- {files[0]}", f"- {files[1]}",
    ]  # fmt: skip
    assert ask(ECHO, "", files=files[:1]).text.startswith("You said nothing.\n")


def test_it_shows_what_it_was_told_around_the_message_in_blocks_that_it_cannot_break():
    told = ask(ECHO, "context", before="bob:\n```\nhi\n```\n", instructions="Be brief.").text
    assert "Before your message:\n````\nbob:\n```\nhi\n```\n````" in told
    assert "Instructions of this channel:\n```\nBe brief.\n```" in told
    assert ask(ECHO, "context").text == "I was told nothing around your message."
