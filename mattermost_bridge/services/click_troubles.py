"""What was wrong with clicks lately: kept for a day, so that `doctor` can name it to whoever made the buttons."""

from __future__ import annotations

import time

import structlog
from django.core.cache import caches
from django.db import DatabaseError
from django.utils import timezone

from mattermost_bridge.rules.doctor_buttons import ClickTrouble

log = structlog.get_logger(__name__)

KEPT_SECONDS = 24 * 60 * 60
#: Whoever sends bad clicks all day makes each process write no more often than this, in seconds.
_EVERY = 60.0
_noted: dict[tuple[int, ClickTrouble], float] = {}


def note(account_pk: int, trouble: ClickTrouble) -> None:
    """A click on this account's buttons had this trouble, just now. Never fails: the click's answer matters more."""
    key = (account_pk, trouble)
    now = time.monotonic()
    if now - _noted.get(key, -_EVERY) < _EVERY:
        return
    _noted[key] = now
    try:
        caches["shared"].set(_key(account_pk, trouble), timezone.now().isoformat(timespec="seconds"), KEPT_SECONDS)
    except DatabaseError as error:
        log.warning("what was wrong with a click could not be noted", error=str(error))


def recent(account_pk: int) -> dict[ClickTrouble, str]:
    """The troubles of the last day, with the moment (ISO) when each was last noted."""
    seen = {trouble: caches["shared"].get(_key(account_pk, trouble)) for trouble in ClickTrouble}
    return {trouble: str(at) for trouble, at in seen.items() if at}


def forget() -> None:
    """Note again at once (tests, which roll the database back, need it)."""
    _noted.clear()


def _key(account_pk: int, trouble: ClickTrouble) -> str:
    return f"click-trouble-{account_pk}-{trouble.name.lower()}"
