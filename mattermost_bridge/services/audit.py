"""The audit log: one row for every change, written in the transaction of the change."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from django.contrib.auth.models import User
from django.db import models

from mattermost_bridge.live import messages as live
from mattermost_bridge.models import Account, AuditEntry

SUMMARY_LENGTH = 500
#: Ways to change something for which the address of the browser is noted; an import by command has none.
BY_BROWSER = ("panel", "import")
#: Details that are lists of things. Every other pair is what was before and what is after.
LISTS = frozenset({"changes", "deliveries", "events", "members", "removed"})
#: The address of the browser whose request is being answered; "" outside of requests.
_address: ContextVar[str] = ContextVar("durar_client_address", default="")


@contextmanager
def acting_from(address: str) -> Iterator[None]:
    """While it lasts, rows of what is done in the panel say this address."""
    token = _address.set(address)
    try:
        yield
    finally:
        _address.reset(token)


@dataclass(frozen=True)
class Actor:
    """Who acts. `via` says from where: panel, command, import or system. `user` is set when somebody signed in."""

    name: str
    via: str
    user: User | None = None

    @classmethod
    def of(cls, user: User, via: str = "panel") -> Actor:
        """The actor that a signed-in user is."""
        return cls(user.get_username(), via, user)


#: What Durar does by itself, as letting pairing requests expire.
SYSTEM = Actor("Durar", "system")


def record(
    *,
    actor: Actor,
    verb: str,
    summary: str,
    account: Account | None = None,
    target: models.Model | None = None,
    details: Mapping[str, Any] | None = None,
) -> AuditEntry:
    """Write one row of the audit log, inside the caller's transaction.

    `verb` is a dotted word as `pairing.approve`, `summary` a sentence for operators, `details` plain JSON values; a
    pair of them is what was before and what is after.
    Neither may hold a secret: name that a token changed, never the token. Open pages are told after the commit; what
    kind of record changed is the verb's first word.
    """
    live.changed(account.pk if account else None, live.kind_of(verb), _keys(target))
    return AuditEntry.objects.create(
        actor=actor.user,
        actor_name=actor.name[:150],
        via=actor.via,
        address=_address.get() if actor.via in BY_BROWSER else "",
        verb=verb,
        account=account,
        target_kind=str(target._meta.model_name) if target is not None else "",
        target_id=str(target.pk) if target is not None else "",
        summary=summary if len(summary) <= SUMMARY_LENGTH else summary[: SUMMARY_LENGTH - 1] + "…",
        details=dict(details or {}),
    )


def _keys(target: models.Model | None) -> list[int]:
    return [target.pk] if target is not None and isinstance(target.pk, int) else []


def iso(moment: datetime | None) -> str | None:
    """A time as the details of an audit row keep it."""
    return moment.isoformat() if moment else None
