"""When a scheduled message is due: cron expressions in a time zone, over changes of summer time."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

from croniter import croniter
from croniter.croniter import CroniterError

#: Due longer ago than this counts as missed: nobody looked in time.
LATE = timedelta(minutes=5)
_ALIASES = ("@hourly", "@daily", "@midnight", "@weekly", "@monthly", "@yearly", "@annually")
_WORD = re.compile(r"[0-9*/,\-a-zA-Z?#L]+")
#: Fields that mean another time on each reading.
_RANDOM = re.compile(r"(?i)(^|[\s,/])[rh]($|[\s,/(])")
_YEARS = 5


def zone_problem(name: str) -> str:
    """A sentence when there is no such time zone; "" for one."""
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):
        return f"{name[:40]!r} is no time zone. Use a name as Europe/Berlin or UTC."
    return ""


def cron_problem(expression: str) -> str:
    """A sentence on what is wrong with a cron expression; "" for one that comes due some time."""
    words = expression.split()
    how = "Write minute, hour, day, month and weekday, as 30 8 * * mon-fri."
    if len(words) == 1 and words[0].lower() in _ALIASES:
        return ""
    if len(words) != 5:
        return f"A cron expression has five fields; {expression[:60]!r} has {len(words)}. {how}"
    if (
        not all(_WORD.fullmatch(word) for word in words)
        or _RANDOM.search(expression)
        or not croniter.is_valid(expression)
    ):
        return f"{expression[:60]!r} is no cron expression. {how}"
    if next_run(expression, "UTC", datetime(2026, 1, 1, tzinfo=UTC)) is None:
        return f"{expression[:60]!r} never comes due. {how}"
    return ""


def next_run(expression: str, time_zone: str, after: datetime) -> datetime | None:
    """The first time after `after` at which the expression is due in the zone, in UTC; None when it never is.

    What falls into the hour that is left out in spring is due after it; what falls into the hour that comes twice in
    autumn is due once.
    """
    zone = ZoneInfo(time_zone)
    try:
        found = croniter(expression, after.astimezone(zone), max_years_between_matches=_YEARS).get_next(datetime)
    except (CroniterError, ValueError):
        return None
    found_utc = found.astimezone(UTC)
    # The same time of the day has been already; what is due each hour, or every few minutes, goes on.
    again = found_utc.astimezone(zone).fold == 1 and len(words := expression.split()) == 5 and "*" not in words[1]
    if again or found_utc <= after:
        return next_run(expression, time_zone, max(found_utc, after + timedelta(minutes=1)))
    return found_utc


def is_late(due: datetime, now: datetime) -> bool:
    """Whether a time has passed so long ago that it counts as missed."""
    return now - due > LATE


def late_note(due: datetime, time_zone: str) -> str:
    """What stands below a message that is sent late."""
    local = due.astimezone(ZoneInfo(time_zone))
    return f"_(Due {local:%Y-%m-%d %H:%M} {local.tzname()}; sent late, since Durar was not running then.)_"
