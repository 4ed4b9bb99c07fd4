"""Tables in answers: as they are, as lists, or as code blocks (`markdown.tables`)."""

from __future__ import annotations

import re
import unicodedata

from mattermost_bridge.rules.markdown import Fence, opening_fence

MODES = ("off", "bullets", "code", "block")
# Nothing in it is tried twice, however long a line of blanks is.
_DELIMITER = re.compile(r"\s{0,3}+\|?+\s*+:?+-++:?+\s*+(?:\|\s*+:?+-++:?+\s*+)*+\|?+\s*+\Z")
#: What a table may grow to, in characters, as a multiple of itself and beside that. One long cell would be filled up
#: with blanks, or one long head be repeated, in each of a thousand rows.
GROWS, BESIDE = 8, 16_000
_CELL_END = re.compile(r"(?<!\\)\|")


def render_tables(text: str, mode: str) -> str:
    """The text with its tables shown as `mode` says; `off` and whatever is no table stay to the letter.

    `bullets`: each row is its first cell in bold, and below it a list of the others, each behind its column's head.
    `code` and `block`: a code block with columns of one width. Tables inside code blocks are left alone.
    """
    if mode not in ("bullets", "code", "block") or "|" not in text:
        return text
    lines = text.split("\n")
    done: list[str] = []
    fence: Fence | None = None
    at = 0
    while at < len(lines):
        line = lines[at]
        if fence is not None:
            fence = None if fence.closed_by(line) else fence
        elif (fence := opening_fence(line)) is None and (end := _table_end(lines, at)):
            rows = [_cells(row) for row in (line, *lines[at + 2 : end])]
            if _grows_too_much(rows):
                done.extend(lines[at:end])
            else:
                done.extend(_bullets(rows) if mode == "bullets" else _block(rows))
            at = end
            continue
        done.append(line)
        at += 1
    return "\n".join(done)


def _table_end(lines: list[str], at: int) -> int:
    """Where the table that begins at this line ends, 0 when none does: a head, a row of dashes as wide, then rows."""
    if at + 1 >= len(lines) or "|" not in lines[at] or not _DELIMITER.match(lines[at + 1]):
        return 0
    if len(_cells(lines[at])) != len(_cells(lines[at + 1])):
        return 0
    end = at + 2
    while end < len(lines) and lines[end].strip() and "|" in lines[end] and opening_fence(lines[end]) is None:
        end += 1
    return end


def _cells(line: str) -> list[str]:
    parts = _CELL_END.split(line.strip())
    if parts and not parts[0].strip():
        parts = parts[1:]
    if parts and not parts[-1].strip():
        parts = parts[:-1]
    return [part.strip().replace("\\|", "|") for part in parts]


def _grows_too_much(rows: list[list[str]]) -> bool:
    """Whether the table, with each row as long as the longest cells together, is beyond what it may grow to."""
    longest: list[int] = []
    for row in rows:
        longest += [0] * (len(row) - len(longest))
        for column, cell in enumerate(row):
            longest[column] = max(longest[column], len(cell))
    of_row = sum(longest) + 3 * len(longest)
    return of_row * len(rows) > GROWS * sum(len(cell) + 3 for row in rows for cell in row) + BESIDE


def _bullets(rows: list[list[str]]) -> list[str]:
    heads, *body = rows
    lines: list[str] = []
    for row in body:
        if len(heads) == 1:
            lines.append(f"- {row[0] if row else ''}")
            continue
        if lines:
            lines.append("")
        if row and row[0]:
            lines.append(f"**{row[0]}**")
        for number, cell in enumerate(row[1:], start=1):
            head = heads[number] if number < len(heads) else ""
            if cell:
                lines.append(f"- {head}: {cell}" if head else f"- {cell}")
    return lines or [", ".join(heads)]


def _block(rows: list[list[str]]) -> list[str]:
    columns = max(len(row) for row in rows)
    filled = [[*row, *[""] * (columns - len(row))] for row in rows]
    widths = [max(_width(row[column]) for row in filled) for column in range(columns)]
    lines = [" | ".join(_padded(cell, width) for cell, width in zip(row, widths, strict=True)) for row in filled]
    rule = "-+-".join("-" * width for width in widths)
    shown = [line.rstrip() for line in (lines[0], rule, *lines[1:])]
    longest = max((len(run) for line in shown for run in re.findall("`+", line)), default=0)
    marker = "`" * max(3, longest + 1)
    return [marker, *shown, marker]


def _width(text: str) -> int:
    """How many columns a text takes where each letter has the same width; wide ones take two."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def _padded(text: str, width: int) -> str:
    return text + " " * (width - _width(text))
