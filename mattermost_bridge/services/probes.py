"""Marks by which Durar knows its own trials of reachability, when the call that it asked Mattermost for comes in.

A mark is kept in the cache that all processes share, so it may be made in one process and come in to another. It is
for one account, one kind of call and one bot, counts once, and for a minute. Of its secret only a digest is kept.
Whatever comes with a mark goes no further: it becomes no event, and no agent hears of it.
"""

from __future__ import annotations

import hashlib
import hmac
import re
import secrets
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import structlog
from django.core.cache import caches
from django.db import DatabaseError
from django.utils import timezone

from mattermost_bridge.rules.clicks import Click
from mattermost_bridge.rules.doctor_reachability import Kind, Result, Why
from mattermost_bridge.rules.slash_payload import SlashCall

log = structlog.get_logger(__name__)

#: So many seconds a mark counts after it was made.
VALID_SECONDS = 60
#: A colon stands in no generation of real buttons.
PREFIX = "durar-probe:"
#: So long the outcome of a trial is remembered.
REMEMBERED_SECONDS = 7 * 86400
_MARK = re.compile(re.escape(PREFIX) + r"([0-9a-f]{12})\.([A-Za-z0-9_-]{32})")


@dataclass(frozen=True, slots=True)
class Probe:
    """A trial that is under way: its place in the cache, and what comes with the call."""

    account_pk: int
    kind: Kind
    name: str
    mark: str = field(repr=False)


def start(account_pk: int, kind: Kind, bot_user_id: str) -> Probe:
    """Make a mark for a call that this bot is about to set off."""
    name, secret = secrets.token_hex(6), secrets.token_urlsafe(24)
    probe = Probe(account_pk, kind, name, f"{PREFIX}{name}.{secret}")
    expected = {"digest": _digest(secret), "user": bot_user_id}
    _cache().set(_key(account_pk, kind, name), expected, VALID_SECONDS)
    return probe


def has_arrived(probe: Probe) -> bool:
    """Whether the call came in, to whichever process."""
    return bool(_cache().get(_arrived(probe.account_pk, probe.kind, probe.name)))


def end(probe: Probe) -> None:
    """The mark counts no more."""
    _cache().delete(_key(probe.account_pk, probe.kind, probe.name))
    _cache().delete(_arrived(probe.account_pk, probe.kind, probe.name))


def takes_command(account_pk: int, call: SlashCall, bot_user_id: str) -> bool:
    """Whether a command whose token is good is a trial. What anybody else types is a command like any other; what the
    bot itself sends with a mark never is one, also when the mark does not count (any more)."""
    if not call.args.startswith(PREFIX):
        return False
    return _counts(account_pk, Kind.COMMANDS, call.args, call.user_id) or call.user_id == bot_user_id


def takes_click(account_pk: int, click: Click) -> bool:
    """Whether a click whose context we signed is a trial: by its generation, which none but a trial begins so."""
    if not click.generation.startswith(PREFIX):
        return False
    _counts(account_pk, Kind.BUTTONS, click.generation, click.user_id)
    return True


def _counts(account_pk: int, kind: Kind, mark: str, user_id: str) -> bool:
    """Take a mark, once."""
    found = _MARK.fullmatch(mark)
    expected: Any = _cache().get(_key(account_pk, kind, found[1])) if found else None
    good = (
        found is not None
        and expected is not None
        and hmac.compare_digest(str(expected["digest"]), _digest(found[2]))
        and hmac.compare_digest(str(expected["user"]).encode(), user_id.encode("utf-8", "replace"))
        # Of any number of processes that are called with it at once, one is told True.
        and _cache().add(_arrived(account_pk, kind, found[1]), 1, 2 * VALID_SECONDS)
    )
    if not good:
        log.warning("a call with the mark of a trial came that does not count", account=account_pk, kind=str(kind))
    return good


def claim(account_pk: int) -> bool:
    """Whether a trial of this account may begin: one at a time."""
    return _cache().add(_running(account_pk), 1, 2 * VALID_SECONDS)


def release(account_pk: int) -> None:
    """The trial is over."""
    _cache().delete(_running(account_pk))
    _cache().delete(_refused(account_pk))


def note_refusal(account_pk: int, source: str) -> None:
    """A click was refused because of where it came from; worth knowing only while a trial runs. Never fails."""
    try:
        if _cache().get(_running(account_pk)):
            _cache().set(_refused(account_pk), source, VALID_SECONDS)
    except DatabaseError as error:
        log.warning("that a click was refused could not be noted", error=str(error))


def refused_source(account_pk: int) -> str:
    """From where a click came that was refused during this trial, "" for none."""
    return str(_cache().get(_refused(account_pk)) or "")


def forget_refusal(account_pk: int) -> None:
    """Only what is refused from now on counts."""
    _cache().delete(_refused(account_pk))


def remember(account_pk: int, result: Result) -> None:
    """Keep how a trial ended, for pages and for `is_proven`."""
    kept = {
        "why": result.why.value,
        "url": result.url,
        "detail": result.detail,
        "at": timezone.now().isoformat(),
    }
    _cache().set(_last(account_pk, result.kind), kept, REMEMBERED_SECONDS)


def remembered(account_pk: int) -> list[tuple[Result, datetime]]:
    """How the last trials of an account ended, and when."""
    found = []
    for kind in Kind:
        kept = _cache().get(_last(account_pk, kind))
        if kept and kept["why"] in set(Why):
            result = Result(kind, Why(kept["why"]), kept["url"], kept["detail"])
            found.append((result, datetime.fromisoformat(kept["at"])))
    return found


def is_proven(account_pk: int, kind: Kind, url: str) -> bool:
    """Whether the last trial with this very address had a call arrive."""
    kept = _cache().get(_last(account_pk, kind))
    return bool(kept) and kept["url"] == url and kept["why"] == Why.ARRIVED


def note_leftover(account_pk: int) -> None:
    """From now on a post of a trial may stand in Mattermost."""
    _cache().set(_left(account_pk), 1, None)


def nothing_left(account_pk: int) -> None:
    """No post of a trial stands there any more."""
    _cache().delete(_left(account_pk))


def has_leftover(account_pk: int) -> bool:
    """Whether a trial was cut off before it had removed its post."""
    return bool(_cache().get(_left(account_pk)))


def _cache() -> Any:
    return caches["shared"]


def _digest(secret: str) -> str:
    return hashlib.sha256(secret.encode()).hexdigest()


def _key(account_pk: int, kind: Kind, name: str) -> str:
    return f"probe-{account_pk}-{kind}-{name}"


def _arrived(account_pk: int, kind: Kind, name: str) -> str:
    return f"{_key(account_pk, kind, name)}-arrived"


def _running(account_pk: int) -> str:
    return f"probe-running-{account_pk}"


def _refused(account_pk: int) -> str:
    return f"probe-refused-{account_pk}"


def _last(account_pk: int, kind: Kind) -> str:
    return f"probe-last-{account_pk}-{kind}"


def _left(account_pk: int) -> str:
    return f"probe-left-{account_pk}"
