"""The log of all processes: prefixes, JSON, broken lines, and readers that go away."""

from __future__ import annotations

import io
import json

from mattermost_bridge.launcher.output import LONGEST_LINE, Lines, Output


class Terminal(io.StringIO):
    def isatty(self) -> bool:
        return True


class Gone(io.StringIO):
    def write(self, text: str) -> int:
        raise BrokenPipeError


def test_prefixes_have_one_width():
    stream = io.StringIO()
    output = Output(["web", "scheduler"], stream=stream)
    output.line("web", "hello")
    output.line("scheduler", "hello")
    output.say("Everything is well.")
    assert stream.getvalue().splitlines() == [
        "web       | hello",
        "scheduler | hello",
        "durar     | Everything is well.",
    ]


def test_colours_only_on_a_terminal():
    stream = Terminal()
    Output(["web"], stream=stream).line("web", "hello")
    assert stream.getvalue().startswith("\x1b[")
    assert stream.getvalue().endswith("\x1b[0m hello\n")


def test_json_stays_as_it_is_and_the_rest_is_wrapped():
    stream = io.StringIO()
    output = Output(["web"], as_json=True, stream=stream)
    output.line("web", '{"event": "served"}')
    output.line("web", "Traceback (most recent call last):")
    output.say("web ended.")
    lines = [json.loads(line) for line in stream.getvalue().splitlines()]
    assert [line["event"] for line in lines] == ["served", "Traceback (most recent call last):", "web ended."]
    assert [line.get("process") for line in lines] == [None, "web", "durar"]


def test_what_is_meant_for_the_operator_is_not_redacted():
    stream = io.StringIO()
    Output([], stream=stream).plain("    password  correct-horse")
    assert stream.getvalue() == "    password  correct-horse\n"


def test_a_reader_that_goes_away_does_not_end_the_processes():
    output = Output(["web"], stream=Gone())
    output.line("web", "one")
    output.line("web", "two")


def test_pieces_become_lines():
    lines = Lines()
    assert lines.feed(b"one\ntw") == ["one"]
    assert lines.feed(b"o\r\n\xff\n") == ["two", "\N{REPLACEMENT CHARACTER}"]
    assert lines.feed(b"rest") == []
    assert lines.end() == ["rest"]
    assert lines.end() == []


def test_a_line_without_an_end_does_not_fill_the_memory():
    lines = Lines()
    [line] = lines.feed(b"x" * (LONGEST_LINE + 1))
    assert len(line) == LONGEST_LINE + 1
    assert lines.end() == []
