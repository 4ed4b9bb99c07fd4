"""Answers to slash commands in channels where the bot is no member: through the command's `response_url`.

What went there cannot be looked up. So it is sent whole, and never again once nobody knows whether it arrived.
"""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db.models import QuerySet
from django.utils import timezone

from mattermost_bridge.config.effective import AccountSettings
from mattermost_bridge.live import messages as live
from mattermost_bridge.mattermost.errors import MattermostError
from mattermost_bridge.mattermost.responses import respond
from mattermost_bridge.mattermost.text import clean
from mattermost_bridge.models import Delivery, DeliveryAttempt, InboundEvent, Turn
from mattermost_bridge.models.states import DeliveryState, EventKind
from mattermost_bridge.rules.retry import outbox_delay, with_retry_after
from mattermost_bridge.rules.slash_payload import leads_home
from mattermost_bridge.services import hints, marks
from mattermost_bridge.services.keeping import holder

log = structlog.get_logger(__name__)

#: The field of an event's payload, and of a delivery's props, that says where it is answered.
RESPONSE_URL = "response_url"
#: So long a response address works (Mattermost 5.37). Until then it is tried again where the server surely did not take
#: the answer: it could not be reached at all, or asked for fewer calls.
VALID_FOR = timedelta(minutes=30)
NOBODY_KNOWS = (
    "Nobody knows whether this answer was shown: an attempt broke off, and a response address cannot be looked at. It "
    "is not sent twice. Ask the person to use the command again."
)
TOO_LATE = (
    "The address for this answer works for half an hour and five times. The person has to use the command again; with "
    "the bot in the channel the answer is a post, which can be sent again."
)


def url_of(turn: Turn, events: Sequence[InboundEvent] | None = None) -> str:
    """Where the answer of a turn goes instead of into its channel; "" for a turn that is posted there."""
    first = events[0] if events else turn.events.filter(kind=EventKind.COMMAND).first()
    return str(first.payload.get(RESPONSE_URL) or "") if first is not None and first.kind == EventKind.COMMAND else ""


def put(turn: Turn, text: str, kind: str, url: str, *, drain: str) -> None:
    """Put an answer into the outbox that goes through a response address, inside the caller's transaction."""
    account_pk = turn.conversation.account_id
    row = Delivery.objects.create(
        account_id=account_pk,
        turn=turn,
        kind=kind,
        channel_id=turn.channel_id,
        recipient_id=turn.peer_id,
        text=clean(text.replace("\0", "")),
        props={RESPONSE_URL: url},
        since_ms=turn.trigger_at,
    )
    live.changed(account_pk, "delivery", [row.pk])
    hints.task_after_commit(drain, account_pk)


def goes_there(delivery: Delivery) -> bool:
    """Whether a delivery is such an answer, and no post."""
    return RESPONSE_URL in delivery.props


def is_past(delivery: Delivery) -> bool:
    """Whether nothing can be sent through the response address of a delivery any more: it may have been used, or is too
    old. Never so for a post."""
    return goes_there(delivery) and (delivery.unclear or timezone.now() > delivery.created_at + VALID_FOR)


def send(delivery: Delivery, account: AccountSettings) -> bool:
    """Make one attempt with a claimed answer, and save what came of it. True when it was shown."""
    url = str(delivery.props.get(RESPONSE_URL) or "")
    if delivery.unclear:
        return _ended(delivery, NOBODY_KNOWS)
    if not leads_home(url, account.base_url):
        return _ended(delivery, "The response address is none of the account's own server, so nothing is sent there.")
    try:
        respond(url, delivery.text, seconds=settings.TIMES["http_timeout"])
    except MattermostError as error:
        surely_not = not error.sent or error.is_rate_limited
        again = _soon(delivery, error.retry_after) if surely_not else None
        DeliveryAttempt.objects.create(
            delivery=delivery,
            number=delivery.attempts,
            unclear=error.is_unclear,
            status=error.status,
            error_id=error.error_id,
            error=str(error),
            next_attempt_at=again,
        )
        if again is not None:
            return _back(delivery, str(error), again)
        if error.is_unclear:
            _ours(delivery).update(unclear=True)
        return _ended(delivery, NOBODY_KNOWS if error.is_unclear else f"{error} {TOO_LATE}", error.error_id)
    marks.settle(delivery.pk, "", 0)
    return True


def _soon(delivery: Delivery, retry_after: float | None) -> datetime | None:
    """When the next attempt may be made; None when the address will not work any more by then."""
    delay = outbox_delay(delivery.attempts, random.random()) * settings.TIMES["delivery_backoff"]  # noqa: S311
    at = timezone.now() + timedelta(seconds=with_retry_after(delay, retry_after))
    return at if at < delivery.created_at + VALID_FOR else None


def _back(delivery: Delivery, error: str, next_attempt_at: datetime) -> bool:
    _ours(delivery).update(
        state=DeliveryState.QUEUED, claimed_by="", claim_until=None, error=error, next_attempt_at=next_attempt_at
    )
    live.changed(delivery.account_id, "delivery", [delivery.pk])
    return False


def _ended(delivery: Delivery, error: str, error_id: str = "") -> bool:
    _ours(delivery).update(
        state=DeliveryState.DEAD, error=error, error_id=error_id, settled_at=timezone.now(), claim_until=None
    )
    live.changed(delivery.account_id, "delivery", [delivery.pk])
    log.error("the answer to a slash command ended unsent", delivery_id=delivery.pk, error=error)
    return False


def _ours(delivery: Delivery) -> QuerySet[Delivery]:
    return Delivery.objects.filter(pk=delivery.pk, state=DeliveryState.SENDING, claimed_by=holder())
