"""Answers to slash commands in channels where the bot is no member: through the command's `response_url`.

What went there cannot be looked up. So it is sent whole, and never again once nobody knows whether it arrived.
"""

from __future__ import annotations

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
from mattermost_bridge.rules.slash_payload import leads_home
from mattermost_bridge.services import hints, marks
from mattermost_bridge.services.keeping import holder

log = structlog.get_logger(__name__)

#: The field of an event's payload, and of a delivery's props, that says where it is answered.
RESPONSE_URL = "response_url"
#: So often it is tried to reach a server to which not one byte could be sent.
MOST_ATTEMPTS = 5
NOBODY_KNOWS = (
    "Nobody knows whether this answer was shown: an attempt broke off, and a response address cannot be looked at. It "
    "is not sent twice. Ask the person to use the command again."
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
        again = not error.sent and delivery.attempts < MOST_ATTEMPTS
        DeliveryAttempt.objects.create(
            delivery=delivery,
            number=delivery.attempts,
            unclear=error.is_unclear,
            status=error.status,
            error_id=error.error_id,
            error=str(error),
            next_attempt_at=_soon(delivery) if again else None,
        )
        if again:
            return _back(delivery, str(error))
        return _ended(delivery, NOBODY_KNOWS if error.is_unclear else str(error), error.error_id)
    marks.settle(delivery.pk, "", 0)
    return True


def _soon(delivery: Delivery) -> datetime:
    return timezone.now() + timedelta(seconds=2**delivery.attempts * settings.TIMES["delivery_backoff"])


def _back(delivery: Delivery, error: str) -> bool:
    _ours(delivery).update(
        state=DeliveryState.QUEUED, claimed_by="", claim_until=None, error=error, next_attempt_at=_soon(delivery)
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
