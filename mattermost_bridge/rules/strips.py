"""A day of a connection as a strip: from the changes of its phase to what held in each part of the day.

Many phases say the same to somebody who looks at a day, so they are read as five conditions.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import StrEnum
from itertools import groupby


class Condition(StrEnum):
    """What a connection was good for; the values are those of `ConnectionCondition` in the records."""

    CONNECTED = "connected"
    AWAY = "away"
    REFUSED = "refused"
    OFF = "off"
    UNKNOWN = "unknown"


#: The phases that are read as each condition; every other one is *away*.
PHASES: dict[Condition, tuple[str, ...]] = {
    Condition.CONNECTED: ("ready", "catching_up"),
    Condition.REFUSED: ("token_refused",),
    Condition.OFF: ("disabled", "not_configured"),
    Condition.AWAY: ("stopped", "connecting", "authenticating", "backing_off"),
}
#: An account that was just made or enabled takes a moment to connect; that is no outage.
_STARTING = timedelta(minutes=1)
#: Of several conditions in one slot of a strip, the first of these is shown: a short outage must not vanish.
_WORST_FIRST = (Condition.REFUSED, Condition.AWAY, Condition.CONNECTED, Condition.OFF, Condition.UNKNOWN)


@dataclass(frozen=True, slots=True)
class Change:
    """A change of phase at a moment."""

    at: datetime
    old: str
    new: str


@dataclass(frozen=True, slots=True)
class Segment:
    """From `begin` to `end` one condition held."""

    begin: datetime
    end: datetime
    condition: Condition

    @property
    def length(self) -> timedelta:
        """How long it held."""
        return self.end - self.begin


def condition_of(phase: str) -> Condition:
    """The condition that a phase is read as."""
    return next((condition for condition, phases in PHASES.items() if phase in phases), Condition.AWAY)


def segments(
    changes: Iterable[Change],
    *,
    begin: datetime,
    end: datetime,
    phase_now: str,
    known_from: datetime | None = None,
    lost_at: datetime | None = None,
) -> tuple[Segment, ...]:
    """What held from `begin` to `end`, without gaps, neighbours differing.

    `changes` in any order; those outside are not counted. Without any, `phase_now` held all the time. Before
    `known_from` (as when the account was made) nothing is known. The minute in which a bot first connects, after the
    account was made or enabled, is no outage. `lost_at` is when the connection's worker fell silent without having said
    so: since then the bot hears nothing, whatever was noted last.
    """
    inside = sorted((change for change in changes if begin < change.at < end), key=lambda change: change.at)
    marks: list[tuple[datetime, Condition]] = [(begin, condition_of(inside[0].old if inside else phase_now))]
    marks += [(change.at, condition_of(change.new)) for change in inside]
    if lost_at is not None and marks[-1][1] == Condition.CONNECTED and lost_at < end:
        marks.append((max(lost_at, marks[-1][0]), Condition.AWAY))
    if known_from is not None and known_from > begin:
        last_before = [condition for at, condition in marks if at <= known_from][-1]
        later = [mark for mark in marks if mark[0] > known_from]
        marks = [(begin, Condition.UNKNOWN)]
        if known_from < end:
            marks += [(known_from, last_before), *later]
    bounds = [at for at, _ in marks[1:]] + [end]
    pieces = [Segment(at, until, what) for (at, what), until in zip(marks, bounds, strict=True) if until > at]
    return _merged(_without_starts(_merged(pieces)))


def _merged(pieces: Iterable[Segment]) -> tuple[Segment, ...]:
    """Neighbours of one condition as one."""
    runs = [(what, list(run)) for what, run in groupby(pieces, key=lambda piece: piece.condition)]
    return tuple(Segment(run[0].begin, run[-1].end, what) for what, run in runs)


def _without_starts(pieces: Sequence[Segment]) -> list[Segment]:
    """The same, where the moment in which a bot first connects is not away."""
    found = list(pieces)
    for number, (before, piece, after) in enumerate(zip(found, found[1:], found[2:], strict=False), start=1):
        started = before.condition in (Condition.UNKNOWN, Condition.OFF) and after.condition == Condition.CONNECTED
        if started and piece.condition == Condition.AWAY and piece.length <= _STARTING:
            found[number] = Segment(piece.begin, piece.end, before.condition)
    return found


def slots(parts: Sequence[Segment], count: int) -> tuple[Condition, ...]:
    """The same time in `count` slots of equal length, each with the worst condition that held in it."""
    if not parts:
        return ()
    begin, whole = parts[0].begin, parts[-1].end - parts[0].begin
    found: list[Condition] = []
    for number in range(count):
        left, right = begin + whole * number / count, begin + whole * (number + 1) / count
        held = {part.condition for part in parts if part.begin < right and part.end > left}
        found.append(next(condition for condition in _WORST_FIRST if condition in held))
    return tuple(found)


def totals(parts: Iterable[Segment]) -> dict[Condition, tuple[timedelta, int]]:
    """For each condition that held: how long in all, and in how many pieces."""
    sums: dict[Condition, tuple[timedelta, int]] = {}
    for part in parts:
        length, pieces = sums.get(part.condition, (timedelta(), 0))
        sums[part.condition] = (length + part.length, pieces + 1)
    return sums
