"""Splitting a long answer into posts without breaking its code blocks."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice

from mattermost_bridge.rules.markdown import Fence, opening_fence

HARD_LIMIT = 16383
"""The longest post in code points that Mattermost 5.37 and later take."""

DEFAULT_LIMIT = 4000

_SPACE = re.compile(r"\s*")
_CANDIDATES = 40


def split_text(text: str, limit: int = DEFAULT_LIMIT, mode: str = "length") -> list[str]:
    """`text` as parts of at most `limit` code points each, never above 16383; a blank text has none.

    With the mode `newline` each paragraph is a part: the text is cut at blank lines outside of code blocks, and only
    a paragraph that is too long is cut as follows.

    A text that fits is returned as it is. A longer one is cut at the last line break that fits, else at the last
    whitespace, else anywhere; what is lost is the whitespace at the cuts. A code fence that has to be cut is closed
    at the end of the part and opened again, with its opening line, at the start of the next; a short one moves to
    the next part as a whole. Opening lines too long for that lose their info string. Rows of more than a quarter of
    the limit of ` or ~ are not taken for fences: they could not be closed within a part.

    Raises ValueError for a limit below 1.
    """
    if limit < 1:
        raise ValueError(f"A post cannot be limited to {limit} characters. Give a limit of at least 1.")
    limit = min(limit, HARD_LIMIT)
    if mode == "newline":
        return [part for paragraph in _paragraphs(text) for part in split_text(paragraph, limit)]
    if not text.strip():
        return []
    if len(text) <= limit:
        return [text]
    return _Splitter(text, limit).split()


def _paragraphs(text: str) -> Iterator[str]:
    """What stands between blank lines; a code block is never cut, whatever blank lines it has."""
    fence: Fence | None = None
    lines: list[str] = []
    for line in text.split("\n"):
        if fence is not None:
            fence = None if fence.closed_by(line) else fence
        elif line.strip():
            fence = opening_fence(line)
        else:
            yield "\n".join(lines)
            lines = []
            continue
        lines.append(line.rstrip() if fence is None else line)
    yield "\n".join(lines)


@dataclass(frozen=True, slots=True)
class _Cut:
    """A place to cut: where the part ends, where the next one goes on, and the fence that is open there."""

    end: int
    resume: int
    fence: Fence | None


class _Splitter:
    """Walks once through a text; `position` is where the next part begins, `fence` what is open there."""

    def __init__(self, text: str, limit: int) -> None:
        self.limit = limit
        self.longest_marker = limit // 4
        self.text = self._with_short_openings(text.rstrip())
        self.position = 0
        self.fence: Fence | None = None

    def split(self) -> list[str]:
        parts = []
        while self._go_to_content():
            parts.append(self._take_part())
        return parts

    def _with_short_openings(self, text: str) -> str:
        """The text with opening lines of at most half the limit: beyond that only the row of ` or ~ is kept."""
        lines = text.split("\n")
        fence: Fence | None = None
        for index, line in enumerate(lines):
            was_open, fence = fence, self._after(fence, line)
            if fence is not None and was_open is None and len(line) > self.limit // 2:
                lines[index] = fence.indent + fence.marker
        return "\n".join(lines)

    def _after(self, fence: Fence | None, line: str) -> Fence | None:
        """The fence that is open after `line`, when `fence` is open before it."""
        if fence is not None:
            return None if fence.closed_by(line) else fence
        opened = opening_fence(line)
        return opened if opened is not None and len(opened.marker) <= self.longest_marker else None

    def _reopening(self) -> str:
        """What a part begins with so that the open fence goes on."""
        if self.fence is None:
            return ""
        fits = len(self.fence.line) <= self.longest_marker
        return (self.fence.line if fits else self.fence.indent + self.fence.marker) + "\n"

    def _go_to_content(self) -> bool:
        """Skips blank lines and a fence's end that the last part has already; False at the end of the text."""
        while True:
            content = self._skip_space(self.position)
            if content == len(self.text):
                return False
            line_start = self.text.rfind("\n", self.position, content) + 1
            line_start = max(line_start, self.position)
            # Indentation stays, unless it would fill half of the part.
            budget = self.limit - len(self._reopening()) - len(_closing(self.fence))
            self.position = content if content - line_start >= budget // 2 else line_start
            line_end = self._line_end(self.position)
            if self.fence is None or not self.fence.closed_by(self.text[self.position : line_end]):
                return True
            self.position, self.fence = line_end, None

    def _take_part(self) -> str:
        head = self._reopening()
        start, room = self.position, self.limit - len(head)
        cut = self._cut_at_line_end(start, room)
        body = self.text[start : cut.end].rstrip()
        self.position, self.fence = cut.resume, cut.fence
        return head + body + _closing(cut.fence)

    def _cut_at_line_end(self, start: int, room: int) -> _Cut:
        """The best cut between two lines, or the one within a line when not even one line fits."""
        fence = self.fence
        has_code = fence is not None
        best: _Cut | None = None
        between_blocks: _Cut | None = None
        line_start = start
        while line_start < len(self.text):
            line_end = self._line_end(line_start, start + room)
            line = self.text[line_start:line_end]
            after = self._after(fence, line)
            if line_end - start + len(_closing(after)) > room:
                break
            if line_end == len(self.text):
                return _Cut(line_end, line_end, after)
            if after is None:
                best = between_blocks = _Cut(line_end, line_end + 1, None)
            elif fence is None:
                has_code = False
            elif has_code or line.strip():
                # No cut right after an opening line: the part would end with an empty block.
                has_code = True
                best = _Cut(line_end, line_end + 1, after)
            fence, line_start = after, line_end + 1
        if between_blocks is not None and between_blocks.end - start >= room // 2:
            return between_blocks
        return best or self._cut_within_line(line_start, start, room, fence)

    def _cut_within_line(self, line_start: int, start: int, room: int, fence: Fence | None) -> _Cut:
        """A cut in the line that begins at `line_start`: at whitespace, else anywhere.

        The rest of the line begins the next part. So places are avoided where that rest would look like a fence.
        """
        last = start + room - len(_closing(fence))
        if last <= line_start:
            return _Cut(line_start, line_start, fence)
        spaces = (at for at in range(last, line_start, -1) if at == len(self.text) or self.text[at].isspace())
        anywhere = range(last, max(line_start, last - _CANDIDATES), -1)
        for at in (*islice(spaces, _CANDIDATES), *anywhere):
            if self.text[line_start:at].isspace():
                continue
            rest = self._skip_space(at)
            rest_line = self.text[rest : self._line_end(rest, rest + self.limit)]
            if self._after(fence, self.text[line_start:at]) == fence and self._after(fence, rest_line) == fence:
                return _Cut(at, at if "\n" in self.text[at:rest] else rest, fence)
        # Every place is bad. The cut piece may open a fence of its own, so room for its end is kept.
        at = max(line_start + 1, start + room - self.longest_marker - 1)
        return _Cut(at, at, self._after(fence, self.text[line_start:at]))

    def _skip_space(self, position: int) -> int:
        match = _SPACE.match(self.text, position)
        return match.end() if match else position

    def _line_end(self, position: int, bound: int | None = None) -> int:
        """Where the line ends; one that goes beyond `bound` ends just behind that, so that it is seen not to fit."""
        stop = len(self.text) if bound is None else min(bound + 1, len(self.text))
        end = self.text.find("\n", position, stop)
        return stop if end < 0 else end


def _closing(fence: Fence | None) -> str:
    return "" if fence is None else "\n" + fence.marker
