"""Pairing, the asking side: a stranger gets a code, once, and the request waits for an operator.

Deciding about requests stands in `approvals`. Both lock the account's row and read everything again under that lock,
so the cap holds, and what a person wrote is either challenged or admitted, never forgotten between the two.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.conf import settings
from django.db import transaction
from django.utils import timezone

from mattermost_bridge.config.effective import settings_for
from mattermost_bridge.live import messages as live
from mattermost_bridge.models import AccessEntry, Account, Delivery, PairingRequest
from mattermost_bridge.models.states import AccessList, DeliveryKind, EntrySource, PairingState
from mattermost_bridge.rules import pairing as rules
from mattermost_bridge.rules import texts
from mattermost_bridge.rules.reasons import REASONS, Reason
from mattermost_bridge.rules.types import Check, Decision, Outcome
from mattermost_bridge.services import audit
from mattermost_bridge.services.approvals import (
    Approved,
    Bulk,
    approve,
    approve_many,
    block,
    block_many,
    by_code,
    reject,
    reject_many,
    revoke,
    revoke_many,
)
from mattermost_bridge.services.records import blocked_for, locked

__all__ = [
    "Approved",
    "Bulk",
    "Challenge",
    "approve",
    "approve_many",
    "block",
    "block_many",
    "by_code",
    "challenge",
    "expire",
    "pending",
    "reject",
    "reject_many",
    "revoke",
    "revoke_many",
    "text_for",
]

TTL = timedelta(milliseconds=rules.TTL_MS)


@dataclass(frozen=True)
class Challenge:
    """What became of a stranger's message: the reason, the request that waits (if any), and the checks made."""

    reason: Reason
    request: PairingRequest | None = None
    checks: tuple[Check, ...] = ()


def challenge(
    *,
    account_pk: int,
    user_id: str,
    username: str,
    channel_id: str,
    trigger_ms: int,
    now: datetime | None = None,
    posts: bool = True,
) -> Challenge:
    """Ask a stranger to pair, inside the transaction that saves what was decided about their message.

    The reason is one of: `pairing_required` (a new request; the challenge is in the outbox), `pairing_repeated` (the
    same request and code, nothing is sent), `pairing_queue_full` (said at most once an hour to each person), or
    `admitted_dm_paired` and `blocked` when that became true meanwhile: then the caller decides anew. `trigger_ms` is
    the server's time of the message. Without `posts` nothing is put into the outbox: the caller says it.
    """
    now = now or timezone.now()
    account = locked(account_pk)
    _expire_locked(account, now)
    if blocked_for(account_pk, user_id):
        return Challenge(Reason.BLOCKED)
    if _approved(account, user_id, now):
        return Challenge(Reason.ADMITTED_DM_PAIRED)
    waiting = {request.user_id: request for request in _waiting(account)}
    request = waiting.get(user_id)
    verdict = rules.after_looking_at_requests(
        Decision(Outcome.CHALLENGED, Reason.PAIRING_REQUIRED, ()),
        has_request=request is not None,
        waiting=len(waiting),
    )
    reason = REASONS[str(verdict.reason)]
    if request is not None:
        request.last_seen_at, request.username = now, username or request.username
        # It is not known any more where the account became another bot's meanwhile.
        request.channel_id = request.channel_id or channel_id
        request.save(update_fields=["last_seen_at", "username", "channel_id"])
    elif reason == Reason.PAIRING_QUEUE_FULL:
        if posts:
            _say_queue_is_full(account, user_id, channel_id, trigger_ms, now)
    else:
        request = _new_request(account, user_id, username, channel_id, now)
        if posts:
            _send_challenge(account, request, trigger_ms)
    live.changed(account_pk, "pairing", [request.pk] if request else ())
    return Challenge(reason, request, verdict.trail)


def pending(account_pk: int | None = None, *, now: datetime | None = None) -> list[PairingRequest]:
    """The requests that wait, oldest first: of one account, or of all."""
    requests = PairingRequest.objects.filter(state=PairingState.PENDING, expires_at__gte=now or timezone.now())
    if account_pk is not None:
        requests = requests.filter(account=account_pk)
    return list(requests.select_related("account").order_by("created_at", "pk"))


def expire(now: datetime | None = None) -> int:
    """Let requests whose hour is over expire; called from time to time. Returns how many."""
    now = now or timezone.now()
    due = PairingRequest.objects.filter(state=PairingState.PENDING, expires_at__lt=now)
    expired = 0
    for account_pk in list(due.order_by("account_id").values_list("account_id", flat=True).distinct()):
        with transaction.atomic():
            expired += _expire_locked(locked(account_pk), now)
    return expired


def _expire_locked(account: Account, now: datetime) -> int:
    old = list(_waiting(account).filter(expires_at__lt=now))
    for request in old:
        request.state = PairingState.EXPIRED
        request.save(update_fields=["state"])
        audit.record(
            actor=audit.SYSTEM,
            verb="pairing.expire",
            summary=f"The pairing request of {person(request)} expired.",
            account=account,
            target=request,
        )
    return len(old)


def _waiting(account: Account):
    return PairingRequest.objects.filter(account=account, state=PairingState.PENDING)


def _approved(account: Account, user_id: str, now: datetime) -> bool:
    entry = AccessEntry.objects.filter(
        account=account, list=AccessList.DM, source=EntrySource.PAIRING, value=user_id
    ).first()
    return entry is not None and (entry.expires_at is None or entry.expires_at > now)


def _new_request(account: Account, user_id: str, username: str, channel_id: str, now: datetime) -> PairingRequest:
    taken = set(PairingRequest.objects.filter(state=PairingState.PENDING).values_list("code", flat=True))
    return PairingRequest.objects.create(
        account=account,
        user_id=user_id,
        username=username,
        channel_id=channel_id,
        code=rules.new_code(secrets.choice, taken),
        created_at=now,
        last_seen_at=now,
        expires_at=now + TTL,
    )


def text_for(request: PairingRequest) -> str:
    """What the person of a request reads: their code, and how it is approved."""
    account = settings_for(request.account_id)
    return rules.challenge_text(
        account.pairing_text,
        request.user_id,
        request.code,
        rules.approve_command(request.code, account.account_id),
        settings.PUBLIC_URL,
    )


def _send_challenge(account: Account, request: PairingRequest, trigger_ms: int) -> None:
    from mattermost_bridge.services import outbox

    outbox.post(
        account_pk=account.pk,
        channel_id=request.channel_id,
        text=text_for(request),
        kind=DeliveryKind.CHALLENGE,
        recipient_id=request.user_id,
        since_ms=trigger_ms,
    )


def _say_queue_is_full(account: Account, user_id: str, channel_id: str, trigger_ms: int, now: datetime) -> None:
    from mattermost_bridge.services import outbox

    told = (
        Delivery.objects.filter(account=account, kind=DeliveryKind.QUEUE_FULL, recipient_id=user_id)
        .order_by("-created_at")
        .values_list("created_at", flat=True)
        .first()
    )
    if not rules.notice_due(_ms(told) if told else None, _ms(now)):
        return
    outbox.post(
        account_pk=account.pk,
        channel_id=channel_id,
        text=texts.PAIRING_QUEUE_FULL,
        kind=DeliveryKind.QUEUE_FULL,
        recipient_id=user_id,
        since_ms=trigger_ms,
    )


def _ms(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def person(request: PairingRequest) -> str:
    """How a request's person is named to operators."""
    return f"@{request.username}" if request.username else request.user_id
