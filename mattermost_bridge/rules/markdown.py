"""As much of Markdown as the rules need: where code is. Mattermost follows CommonMark here."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass

_OPENING = re.compile(r"(?P<indent> {0,3})(?P<marker>`{3,}|~{3,})(?P<info>.*)", re.DOTALL)
_CLOSING = re.compile(r" {0,3}(?P<marker>`{3,}|~{3,})\s*\Z")
_BACKTICKS = re.compile(r"`+")
_BLOCK_START = re.compile(r" {0,3}(?:#{1,6}\s|[-*+]\s|\d{1,9}[.)]\s)")
_QUOTE = re.compile(r" {0,3}>")


@dataclass(frozen=True, slots=True)
class Fence:
    """An open fenced code block: its opening line without the line break, and its row of ` or ~."""

    line: str
    marker: str
    indent: str = ""

    def closed_by(self, line: str) -> bool:
        """Whether `line` closes the block: the same character, at least as many of it, and nothing else."""
        match = _CLOSING.match(line)
        return match is not None and match["marker"].startswith(self.marker)


def opening_fence(line: str) -> Fence | None:
    """The fenced code block that `line` opens, or None.

    A fence is indented by at most three spaces; the info string of one of backticks has no backtick.
    """
    match = _OPENING.match(line)
    if match is None or (match["marker"][0] == "`" and "`" in match["info"]):
        return None
    return Fence(line.rstrip(), match["marker"], match["indent"])


def code_ranges(text: str) -> list[tuple[int, int]]:
    """Where the code of `text` is, in order: (start, end) of each fenced block and each inline piece.

    Blocks in lists and quotes are seen as inline code, which is as good for telling what is code. Code that is
    marked by indentation alone is not looked for: without the lists around it that cannot be told.
    """
    ranges: list[tuple[int, int]] = []
    fence: Fence | None = None
    fence_start = 0
    prose_start: int | None = None
    quoted = False
    for start, end in _lines(text):
        line = text[start:end]
        if fence is not None:
            if fence.closed_by(line):
                ranges.append((fence_start, end))
                fence = None
            continue
        fence = opening_fence(line)
        was_quoted, quoted = quoted, _QUOTE.match(line) is not None
        # Inline code does not reach from one block into the next.
        ends_prose = fence or not line.strip() or _BLOCK_START.match(line) or (quoted and not was_quoted)
        if ends_prose and prose_start is not None:
            ranges.extend(_inline_code(text, prose_start, start))
            prose_start = None
        if fence is not None:
            fence_start = start
        elif prose_start is None:
            prose_start = start
    if fence is not None:
        ranges.append((fence_start, len(text)))
    elif prose_start is not None:
        ranges.extend(_inline_code(text, prose_start, len(text)))
    return ranges


def _lines(text: str) -> Iterator[tuple[int, int]]:
    """(start, end) of each line, without its line break."""
    start = 0
    while start <= len(text):
        end = text.find("\n", start)
        end = len(text) if end < 0 else end
        yield start, end
        start = end + 1


def _inline_code(text: str, start: int, end: int) -> Iterator[tuple[int, int]]:
    """The inline code of one block: from a row of backticks to the next row of the same length."""
    rows = [match.span() for match in _BACKTICKS.finditer(text, start, end)]
    by_length: dict[int, list[int]] = defaultdict(list)
    for row_start, row_end in rows:
        by_length[row_end - row_start].append(row_start)
    done = start
    for row_start, row_end in rows:
        if row_start < done:
            continue
        length = row_end - row_start - _escaped(text, row_start)
        later = by_length.get(length, [])
        index = bisect_right(later, row_start)
        if length and index < len(later):
            done = later[index] + length
            yield row_end - length, done


def _escaped(text: str, position: int) -> int:
    """1 when a backslash takes away the meaning of the character at `position`, else 0."""
    first = position
    while first > 0 and text[first - 1] == "\\":
        first -= 1
    return (position - first) % 2
