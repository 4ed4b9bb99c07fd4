"""JSON5 texts: read whole, with the place of every key, so that an error can say where it stands."""

from __future__ import annotations

import re
from bisect import bisect_right
from dataclasses import dataclass
from typing import Any

import json5

#: The largest configuration file; the parser is slow on more, and nobody writes that by hand.
LARGEST = 1024 * 1024

Path = tuple[str | int, ...]

_SPACE = re.compile(r"(?:\s|\ufeff|//[^\n\r\u2028\u2029]*|/\*.*?\*/)*", re.DOTALL)
_STRING = re.compile(r"'(?:\\.|[^'\\])*'|\"(?:\\.|[^\"\\])*\"", re.DOTALL)
_BARE = re.compile(r"[^\s,:\[\]{}/'\"]+")
_HALVES = re.compile("[\ud800-\udfff]")
_PLACE = re.compile(r"<string>:(\d+) (?:Unexpected (\".*?\"|.*?) )?at column (\d+)", re.DOTALL)


class ConfigError(Exception):
    """A configuration file that cannot be used: `problems` are sentences with the place of each, without secrets."""

    def __init__(self, problems: list[str]) -> None:
        super().__init__("\n".join(problems))
        self.problems = problems


@dataclass(frozen=True)
class Place:
    """Line and column, both counted from 1."""

    line: int
    column: int

    def __str__(self) -> str:
        return f"line {self.line}, column {self.column}"


@dataclass(frozen=True)
class Document:
    """What a text says, and where each key and list entry stands."""

    content: dict[str, Any]
    places: dict[Path, Place]

    def at(self, path: Path) -> str:
        """The path in words, with its place, as `channels.mattermost.dmPolicy (line 4, column 5)`.

        A path that the text lacks (a missing key) gets the place of the nearest one around it.
        """
        known = path
        while known and known not in self.places:
            known = known[:-1]
        where = f" ({self.places[known]})" if known else ""
        return f"{dotted(path)}{where}"


def dotted(path: Path) -> str:
    """A path as people write it: keys joined by dots, list positions in brackets."""
    text = ""
    for part in path:
        if isinstance(part, int):
            text += f"[{part}]"
        else:
            text += f".{part}" if text else part
    return text or "the file"


def read(text: str) -> Document:
    """Parse a JSON5 text whose outermost value is an object. Raises ConfigError with line and column."""
    if len(text) > LARGEST:
        raise ConfigError([f"The file is longer than {LARGEST // 1024} KiB, so it is no configuration of Durar."])
    if not text.strip():
        raise ConfigError(["The file is empty. The least that it can hold is {}."])
    try:
        content = _joined(json5.loads(text))
    except RecursionError:
        raise ConfigError(["The file is nested too deeply."]) from None
    except ValueError as error:
        raise ConfigError([_syntax(str(error))]) from None
    if not isinstance(content, dict):
        raise ConfigError(["line 1: the file must hold an object, { … }, with keys such as channels."])
    scanner = _Scanner(text)
    scanner.value(())
    if scanner.doubles:
        raise ConfigError(scanner.doubles)
    return Document(content, scanner.places)


def _joined(value: Any) -> Any:
    """The value with its surrogate pairs joined, which the parser leaves apart; half a pair becomes U+FFFD."""
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace") if _HALVES.search(value) else value
    if isinstance(value, list):
        return [_joined(each) for each in value]
    if isinstance(value, dict):
        return {_joined(key): _joined(each) for key, each in value.items()}
    return value


def _syntax(message: str) -> str:
    found = _PLACE.search(message)
    if not found:
        return f"The file is no JSON5: {message.replace('<string>:', 'line ')}."
    line, what, column = found.groups()
    # The parser names one character; a line break would tear the sentence apart.
    shown = {'"\n"': "the end of the line", '"\r"': "the end of the line"}.get(what or "", what or "something")
    return f"line {line}, column {column}: {shown} is not expected here. Is a comma, a quote or a bracket missing?"


class _Scanner:
    """Walks a text that is known to be JSON5 and notes where keys and list entries begin."""

    def __init__(self, text: str) -> None:
        self._text = text
        self._at = 0
        self._lines = [0, *(match.end() for match in re.finditer(r"\r\n|[\n\r\u2028\u2029]", text))]
        self.places: dict[Path, Place] = {}
        self.doubles: list[str] = []

    def value(self, path: Path) -> None:
        match self._peek():
            case "{":
                self._object(path)
            case "[":
                self._list(path)
            case "'" | '"':
                self._take(_STRING)
            case _:
                self._take(_BARE)

    def _object(self, path: Path) -> None:
        self._at += 1
        while self._peek() != "}":
            start = self._at
            quoted = self._peek() in "'\""
            raw = self._take(_STRING if quoted else _BARE)
            key = _joined(json5.loads(raw) if quoted else next(iter(json5.loads(f"{{{raw}:0}}"))))
            here = (*path, key)
            if here in self.places:
                self.doubles.append(f"{dotted(here)} ({self._place(start)}): this key stands there twice. Remove one.")
            self.places[here] = self._place(start)
            self._step(":")
            self.value(here)
            self._step(",")
        self._at += 1

    def _list(self, path: Path) -> None:
        self._at += 1
        number = 0
        while self._peek() != "]":
            self.places[*path, number] = self._place(self._at)
            self.value((*path, number))
            self._step(",")
            number += 1
        self._at += 1

    def _peek(self) -> str:
        self._at = _SPACE.match(self._text, self._at).end()  # type: ignore[union-attr]  # it always matches
        return self._text[self._at]

    def _step(self, character: str) -> None:
        if self._peek() == character:
            self._at += 1

    def _take(self, pattern: re.Pattern[str]) -> str:
        found = pattern.match(self._text, self._at)
        if found is None:
            raise AssertionError(f"The place {self._place(self._at)} was parsed, but cannot be scanned.")
        self._at = found.end()
        return found.group()

    def _place(self, index: int) -> Place:
        line = bisect_right(self._lines, index)
        return Place(line, index - self._lines[line - 1] + 1)
