"""Lists of people as CSV files: how such a file is written, and how one is read whatever program wrote it."""

from __future__ import annotations

import csv
import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, time, timedelta

from django.utils import timezone
from django.utils.dateparse import parse_date, parse_datetime

from mattermost_bridge.models import AccessEntry, BlockedUser
from mattermost_bridge.services.errors import Refused

COLUMNS = ("account", "list", "user_id", "username", "note", "expires")
BLOCKED = "blocked"
#: A file that is larger is not a list of people that somebody checks line by line.
MOST_BYTES = 1024 * 1024
MOST_LINES = 2000
#: What spreadsheets take for the beginning of a formula.
_FORMULA = ("=", "+", "-", "@", "\t", "\r")
_DELIMITERS = ",;\t"


@dataclass(frozen=True)
class Line:
    """One line of a file. `note` and `expires` are None when the file has no such column."""

    number: int
    account: str
    list: str
    user_id: str
    username: str
    note: str | None = None
    expires: str | None = None


def written(rows: Iterable[Iterable[str]], columns: Iterable[str] = COLUMNS) -> Iterator[str]:
    """The lines of a file with a head, made for spreadsheets too: no cell is taken for a formula."""
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\r\n")
    # The mark at the beginning tells Excel that the text is UTF-8.
    buffer.write("\ufeff")
    writer.writerow(columns)
    yield _taken(buffer)
    for row in rows:
        writer.writerow([_harmless(cell) for cell in row])
        yield _taken(buffer)


def row_of_entry(entry: AccessEntry) -> tuple[str, ...]:
    """An access entry as a row of a file."""
    end = timezone.localtime(entry.expires_at).isoformat(timespec="seconds") if entry.expires_at else ""
    account = entry.account.account_id if entry.account else ""
    return account, entry.list, entry.value, entry.username, entry.note, end


def row_of_block(blocked: BlockedUser) -> tuple[str, ...]:
    """A blocked person as a row of a file."""
    account = blocked.account.account_id if blocked.account else ""
    return account, BLOCKED, blocked.user_id, blocked.username, blocked.reason, ""


def read(content: bytes) -> list[Line]:
    """The lines of a file below its head. Raises Refused with a sentence and the line for a file that cannot be read.

    Columns stand in any order, with commas, semicolons or tabs between them, as spreadsheets save them.
    """
    text = _decoded(content)
    head, _separator, _rest = text.partition("\n")
    delimiter = max(_DELIMITERS, key=head.count)
    reader = csv.reader(io.StringIO(text, newline=""), delimiter=delimiter, strict=True)
    lines: list[Line] = []
    try:
        columns = _columns(next(reader, []))
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            if len(lines) == MOST_LINES:
                raise Refused(f"The file has more than {MOST_LINES} lines. Divide it and import the parts one by one.")
            lines.append(_line(reader.line_num, columns, row))
    except csv.Error as error:
        raise Refused(f"Line {reader.line_num} is no CSV: {error}. Is a quotation mark missing?") from None
    if not lines:
        raise Refused(f"The file has no line below its head. A line is, for example: ops,dm,{'x' * 26},carol,on call,")
    return lines


def text_of(lines: Iterable[Line]) -> str:
    """The lines as a text that `read` takes again; columns that the file lacked stay absent."""
    rows = list(lines)
    absent = {name for name in ("note", "expires") if all(getattr(row, name) is None for row in rows)}
    kept = [name for name in COLUMNS if name not in absent]
    buffer = io.StringIO()
    writer = csv.writer(buffer, lineterminator="\n")
    writer.writerow(kept)
    for row in rows:
        writer.writerow([_harmless(getattr(row, name) or "") for name in kept])
    return buffer.getvalue()


def moment(text: str) -> datetime | None:
    """The end that a cell names, None for an empty one; a day alone means its end. Raises ValueError."""
    text = text.strip()
    if not text:
        return None
    try:
        day = parse_date(text)
        found = datetime.combine(day + timedelta(days=1), time()) if day else parse_datetime(text)
    except ValueError:
        found = None
    if found is None:
        raise ValueError(f"{text!r} is no time.")
    return found if timezone.is_aware(found) else timezone.make_aware(found)


def _decoded(content: bytes) -> str:
    if len(content) > MOST_BYTES:
        raise Refused(f"The file is larger than {MOST_BYTES // 1024} KiB. Divide it and import the parts one by one.")
    if content.startswith((b"\xff\xfe", b"\xfe\xff")):
        raise Refused("The file is UTF-16. Save it as CSV in UTF-8 (in Excel: CSV UTF-8).")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = content[: error.start].count(b"\n") + 1
        raise Refused(f"Line {line} is not UTF-8. Save the file as CSV in UTF-8 (in Excel: CSV UTF-8).") from None
    if "\0" in text:
        raise Refused("The file is no text: it holds NUL. Save it as CSV in UTF-8.")
    return text


def _columns(head: list[str]) -> dict[str, int]:
    names = [cell.strip().lower() for cell in head]
    if unknown := [name for name in names if name and name not in COLUMNS]:
        raise Refused(f"The head names the column {unknown[0]!r}. The columns are: {', '.join(COLUMNS)}.")
    columns = {name: place for place, name in enumerate(names) if name}
    if len(columns) < len([name for name in names if name]):
        raise Refused("The head names a column twice. Remove one of the two.")
    if "list" not in columns or not {"user_id", "username"} & set(columns):
        raise Refused(
            f"The first line must name the columns, of which list and user_id are needed: {','.join(COLUMNS)}"
        )
    return columns


def _line(number: int, columns: dict[str, int], row: list[str]) -> Line:
    if len(row) > len(columns) and any(cell.strip() for cell in row[len(columns) :]):
        raise Refused(f"Line {number} has more cells than the head has columns. Is a text with commas not in quotes?")

    def cell(name: str) -> str | None:
        place = columns.get(name)
        return None if place is None else _plain(row[place] if place < len(row) else "")

    return Line(
        number,
        account=cell("account") or "",
        list=(cell("list") or "").lower(),
        user_id=cell("user_id") or "",
        username=(cell("username") or "").lstrip("@"),
        note=cell("note"),
        expires=cell("expires"),
    )


def _harmless(cell: str) -> str:
    return f"'{cell}" if cell.startswith(_FORMULA) else cell


def _plain(cell: str) -> str:
    cell = cell.strip()
    return cell[1:] if cell.startswith("'") and cell[1:].startswith(_FORMULA) else cell


def _taken(buffer: io.StringIO) -> str:
    text = buffer.getvalue()
    buffer.seek(0)
    buffer.truncate()
    return text
