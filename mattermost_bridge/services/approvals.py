"""Pairing, the deciding side: operators approve, reject, block and revoke; of two who press at once, one wins."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from django.db import transaction
from django.db.models import Max
from django.utils import timezone

from mattermost_bridge.config import effective
from mattermost_bridge.live import messages as live
from mattermost_bridge.models import AccessEntry, InboundEvent, PairingRequest
from mattermost_bridge.models.states import AccessList, DeliveryKind, EntrySource, PairingState
from mattermost_bridge.rules import pairing as rules
from mattermost_bridge.rules import texts
from mattermost_bridge.services import audit
from mattermost_bridge.services.audit import Actor
from mattermost_bridge.services.errors import AlreadyDecided, NotFound, Refused
from mattermost_bridge.services.records import blocked_for, locked


@dataclass(frozen=True)
class Approved:
    """An approval that was made: the request, and how many messages of the person are decided again."""

    request: PairingRequest
    messages: int


@dataclass
class Bulk:
    """What became of many requests: those that went through, and sentences for those that did not."""

    done: list[Any] = field(default_factory=list)
    refused: list[str] = field(default_factory=list)


class CodeExpired(Refused):
    """The code was right and its hour is over."""


def by_code(code: str, account_id: str | None = None, *, now: datetime | None = None) -> PairingRequest:
    """The request that waits under a code, as somebody typed it; `account_id` restricts to one account.

    Raises NotFound for an unknown code, CodeExpired, and AlreadyDecided, each with its own sentence.
    """
    now = now or timezone.now()
    code = rules.normalise_code(code)
    requests = PairingRequest.objects.filter(code=code).select_related("account").order_by("-pk")
    here = requests if account_id is None else requests.filter(account__account_id=account_id)
    # A code is unique only while it waits: an old request with the same code must not hide it.
    request = here.filter(state=PairingState.PENDING).first() or here.first()
    if request is None:
        elsewhere = requests.filter(state=PairingState.PENDING).exists()
        hint = (
            f"It belongs to another account than {account_id}; leave out --account or name the right one."
            if elsewhere
            else "Compare it with the list of those that wait (Durar pairing list mattermost)."
        )
        raise NotFound(f"No pending pairing request found for code: {code[:40]}. {hint}")
    _refuse_unless_waiting(request, now)
    return request


def approve(*, request_id: int, actor: Actor, now: datetime | None = None) -> Approved:
    """Let the person write to the bot directly, tell them so, and have what they wrote meanwhile answered.

    Opens direct messages of this account only. Raises NotFound, CodeExpired, AlreadyDecided, Refused.
    """
    from mattermost_bridge.services import direct_channels, inbox, outbox

    now = now or timezone.now()
    with transaction.atomic():
        request = _decide(request_id, PairingState.APPROVED, actor, now)
        account = request.account
        if blocked_for(account.pk, request.user_id):
            raise Refused(f"{_person(request)} is blocked. Remove the block first, then approve.")
        AccessEntry.objects.update_or_create(
            account=account,
            list=AccessList.DM,
            value=request.user_id,
            source=EntrySource.PAIRING,
            defaults={"username": request.username, "added_by": actor.user, "expires_at": None},
        )
        audit.record(
            actor=actor,
            verb="pairing.approve",
            summary=f"{_person(request)} may write to the account {account.account_id} directly.",
            account=account,
            target=request,
            details={
                "state": [PairingState.PENDING, request.state],
                "user_id": request.user_id,
                "username": request.username,
            },
        )
        effective.bump_version()
        live.changed(account.pk, "access")
        # The channel they wrote in leads to them, until the account becomes another bot's.
        way = None
        if not request.channel_id:
            way = direct_channels.ensure(effective.settings_for(account.pk), request.user_id, request.username)
        outbox.post(
            account_pk=account.pk,
            channel_id=way.channel_id if way else request.channel_id,
            text=texts.APPROVED,
            kind=DeliveryKind.APPROVAL,
            recipient_id=request.user_id,
            since_ms=0 if way else _last_heard_ms(request),
            direct_channel=way,
        )
        messages = inbox.decide_again(account.pk, request.user_id, join_key=f"pairing:{request.pk}")
    return Approved(request, messages)


def reject(*, request_id: int, actor: Actor, now: datetime | None = None) -> PairingRequest:
    """Turn the request down. The person is not told and may ask again by writing; `block` ends that."""
    with transaction.atomic():
        request = _decide(request_id, PairingState.REJECTED, actor, now or timezone.now())
        audit.record(
            actor=actor,
            verb="pairing.reject",
            summary=f"The pairing request of {_person(request)} was rejected.",
            account=request.account,
            target=request,
            details={
                "state": [PairingState.PENDING, request.state],
                "user_id": request.user_id,
                "username": request.username,
            },
        )
    return request


def block(*, request_id: int, actor: Actor, reason: str = "", now: datetime | None = None) -> PairingRequest:
    """Turn the request down and block the person for this account: they get no reply any more."""
    from mattermost_bridge.services import access

    with transaction.atomic():
        request = reject(request_id=request_id, actor=actor, now=now)
        access.block(
            actor=actor, account=request.account, user_id=request.user_id, username=request.username, reason=reason
        )
    return request


def revoke(*, account_pk: int, user_id: str, actor: Actor) -> AccessEntry:
    """Take an approval back: the person's next message gets a new code. Raises NotFound when there is none."""
    with transaction.atomic():
        account = locked(account_pk)
        entry = AccessEntry.objects.filter(
            account=account, list=AccessList.DM, source=EntrySource.PAIRING, value=user_id
        ).first()
        if entry is None:
            raise NotFound(f"{user_id} has no approved pairing with the account {account.account_id}.")
        entry.delete()
        audit.record(
            actor=actor,
            verb="pairing.revoke",
            summary=f"The approval of {entry} for the account {account.account_id} was taken back.",
            account=account,
            details={"user_id": user_id, "username": entry.username},
        )
        effective.bump_version()
        live.changed(account.pk, "access")
    return entry


def approve_many(request_ids: Iterable[int], *, actor: Actor) -> Bulk:
    """Approve each by itself: what one cannot have does not keep the others from theirs."""
    return _many(request_ids, lambda pk: approve(request_id=pk, actor=actor))


def reject_many(request_ids: Iterable[int], *, actor: Actor) -> Bulk:
    """Reject each by itself."""
    return _many(request_ids, lambda pk: reject(request_id=pk, actor=actor))


def block_many(request_ids: Iterable[int], *, actor: Actor, reason: str = "") -> Bulk:
    """Reject each by itself and block the person."""
    return _many(request_ids, lambda pk: block(request_id=pk, actor=actor, reason=reason))


def revoke_many(entries: Iterable[AccessEntry], *, actor: Actor) -> Bulk:
    """Take each approval back; entries of lists are refused, since they are removed, not revoked."""
    bulk = Bulk()
    for entry in entries:
        if entry.source != EntrySource.PAIRING or entry.account_id is None:
            bulk.refused.append(f"{entry} is an entry of a list and no approved pairing. Remove it from the list.")
            continue
        try:
            bulk.done.append(revoke(account_pk=entry.account_id, user_id=entry.value, actor=actor))
        except Refused as problem:
            bulk.refused.append(str(problem))
    return bulk


def _many(request_ids: Iterable[int], one: Callable[[int], Any]) -> Bulk:
    bulk = Bulk()
    for request_id in sorted(request_ids):
        try:
            bulk.done.append(one(request_id))
        except Refused as problem:
            bulk.refused.append(str(problem))
    return bulk


def _decide(request_id: int, state: PairingState, actor: Actor, now: datetime) -> PairingRequest:
    """Take the request out of those that wait, under the account's lock."""
    request = PairingRequest.objects.filter(pk=request_id).first()
    if request is None:
        raise NotFound("This pairing request does not exist any more. Reload the page.")
    account = locked(request.account_id)
    if state == PairingState.APPROVED and account.is_archived:
        raise Refused(f"The account {account.account_id} is archived. Restore it first.")
    decided = PairingRequest.objects.filter(pk=request_id, state=PairingState.PENDING, expires_at__gte=now).update(
        state=state, decided_at=now, decided_by=actor.user, decided_by_name=actor.name
    )
    request.refresh_from_db()
    request.account = account
    if not decided:
        _refuse_unless_waiting(request, now)
    return request


def _refuse_unless_waiting(request: PairingRequest, now: datetime) -> None:
    if request.state in (PairingState.APPROVED, PairingState.REJECTED):
        when = f" {_ago(now, request.decided_at)}" if request.decided_at else ""
        raise AlreadyDecided(
            f"The request of {_person(request)} was {request.state} by {request.decided_by_name}{when} already.",
            by=request.decided_by_name,
            at=request.decided_at,
        )
    if request.state == PairingState.EXPIRED or request.expires_at < now:
        raise CodeExpired(
            f"The code {request.code} of {_person(request)} expired {_ago(now, request.expires_at)}; ask the person to "
            "write to the bot again: they then get a new one."
        )


def _ago(now: datetime, then: datetime) -> str:
    seconds = max(0, int((now - then).total_seconds()))
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            count = seconds // size
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now" if seconds < 5 else f"{seconds} seconds ago"


def _last_heard_ms(request: PairingRequest) -> int:
    """The server's time of the newest message of the person: the note of approval cannot be older."""
    events = InboundEvent.objects.filter(account=request.account_id, user_id=request.user_id)
    return events.aggregate(newest=Max("create_at"))["newest"] or 0


def _person(request: PairingRequest) -> str:
    return f"@{request.username}" if request.username else request.user_id
