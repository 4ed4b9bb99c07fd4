"""What was wrong with clicks and slash commands lately: kept for a day, so that `doctor` can name it to whoever made
the buttons or the commands."""

from __future__ import annotations

import time
from enum import StrEnum
from typing import TypeVar

import structlog
from django.core.cache import caches
from django.db import DatabaseError
from django.utils import timezone

log = structlog.get_logger(__name__)

T = TypeVar("T", bound=StrEnum)

KEPT_SECONDS = 24 * 60 * 60
#: Stands for an account where a call belongs to none.
NO_ACCOUNT = 0
#: Whoever sends bad calls all day makes each process write no more often than this, in seconds.
_EVERY = 60.0
_noted: dict[tuple[int, StrEnum], float] = {}


def note(account_pk: int, trouble: StrEnum) -> None:
    """A call for this account had this trouble, just now. Never fails: the call's answer matters more."""
    key = (account_pk, trouble)
    now = time.monotonic()
    if now - _noted.get(key, -_EVERY) < _EVERY:
        return
    _noted[key] = now
    try:
        caches["shared"].set(_key(account_pk, trouble), f"{timezone.now():%Y-%m-%d %H:%M} UTC", KEPT_SECONDS)
    except DatabaseError as error:
        log.warning("what was wrong with a call could not be noted", error=str(error))


def is_cured(account_pk: int, trouble: StrEnum) -> None:
    """What was behind this trouble was found and mended: it is not told of any more, until it comes again."""
    _noted.pop((account_pk, trouble), None)
    caches["shared"].delete(_key(account_pk, trouble))


def recent(account_pk: int, kind: type[T]) -> dict[T, str]:
    """The troubles of this kind in the last day, with the moment when each was last noted, for people to read."""
    seen = {trouble: caches["shared"].get(_key(account_pk, trouble)) for trouble in kind}
    return {trouble: str(at) for trouble, at in seen.items() if at}


def forget() -> None:
    """Note again at once (tests, which roll the database back, need it)."""
    _noted.clear()


def _key(account_pk: int, trouble: StrEnum) -> str:
    return f"{type(trouble).__name__}-{account_pk}-{trouble.name.lower()}"
