"""A note about an alert in the three forms in which it travels: JSON for a webhook, plain text, a Mattermost post."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mattermost_bridge.rules import alert_words as words

RAISED, RECOVERED, TEST = "raised", "recovered", "test"
_LONGEST_HEADLINE = 150
#: Mattermost's marks. An @ would call people, so it is torn apart; the others would change how the text looks.
_MARKS = re.compile(r"([\\`*_\[\]<>|~#!])")


@dataclass(frozen=True, slots=True)
class Note:
    """What one target is told about one alert. `key` stays the same when the same note is sent once more.

    `about` is raised, recovered or test. `sentence` says what happened or how it ended, `remedy` what to do ("" when
    nothing needs doing), `link` where, "" when the panel's address is not known.
    """

    key: str
    about: str
    kind: str
    title: str
    account_id: str
    sentence: str
    remedy: str = ""
    link: str = ""
    raised_at: datetime | None = None
    resolved_at: datetime | None = None


def test_note(target: str, link: str) -> Note:
    """The note that *Send a test* sends."""
    sentence = f'This is a test of the alert target "{target}". Alerts arrive here.'
    return Note("test", TEST, "test", "Test", "", sentence, link=link)


def webhook_body(note: Note) -> dict[str, Any]:
    """The JSON of a webhook. `text` holds everything for receivers that only show a text."""
    return {
        "version": 1,
        "id": note.key,
        "event": "test" if note.about == TEST else f"alert.{note.about}",
        "kind": note.kind,
        "account": note.account_id,
        "sentence": note.sentence,
        "remedy": note.remedy,
        "link": note.link,
        "raised_at": _stamp(note.raised_at),
        "resolved_at": _stamp(note.resolved_at),
        "text": plain_text([note]),
    }


def headline(notes: Sequence[Note]) -> str:
    """The subject of an e-mail: one line."""
    if len(notes) > 1:
        return f"Durar: {len(notes)} alerts, the first: {_short(notes[0])}"[:_LONGEST_HEADLINE]
    return f"Durar: {_short(notes[0])}"[:_LONGEST_HEADLINE]


def plain_text(notes: Sequence[Note]) -> str:
    """The text of an e-mail."""
    return "\n\n".join("\n".join(_lines(note)) for note in notes)


def mattermost_text(notes: Sequence[Note]) -> str:
    """The text of a post. Nothing in it calls anybody or is taken for markup, whatever a server wrote as a reason."""
    blocks = []
    for note in notes:
        mark = {RAISED: ":warning:", RECOVERED: ":white_check_mark:"}.get(note.about, ":information_source:")
        lines = [f"{mark} **{_plain(_short(note))}**", _plain(note.sentence)]
        lines += [_plain(note.remedy)] if note.remedy else []
        lines += [note.link] if note.link else []
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks)


def _short(note: Note) -> str:
    words_of = {RAISED: note.title, RECOVERED: f"Over: {note.title}", TEST: "Test of alerts"}
    title = words_of.get(note.about, note.title)
    return f"{title}: {note.account_id}" if note.account_id else title


def _lines(note: Note) -> list[str]:
    lines = [_short(note), note.sentence]
    if note.remedy:
        lines.append(note.remedy)
    if note.raised_at and note.resolved_at:
        lines.append(f"From {words.moment(note.raised_at)} to {words.moment(note.resolved_at)}.")
    if note.link:
        lines.append(note.link)
    return lines


def _plain(text: str) -> str:
    return _MARKS.sub(r"\\\1", text).replace("@", "@\u200b")


def _stamp(at: datetime | None) -> str | None:
    return at.isoformat(timespec="seconds") if at else None
