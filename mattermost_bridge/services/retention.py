"""Taking out what people wrote once it is needed no more. Facts, keys, names and counts stay, rows too.

What was not meant for the bot goes after a day, or once it has served as context; what was answered, with its answer
and the posts that carried it, after the days that the operator chose (`durar.keepBodiesDays`).
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection
from datetime import datetime, timedelta
from functools import partial
from typing import Any

import structlog
from django.db import transaction
from django.db.models import Q, QuerySet
from django.utils import timezone

from mattermost_bridge.config.effective import settings_for
from mattermost_bridge.live import messages as live
from mattermost_bridge.models import Account, ButtonSet, Delivery, InboundEvent, Turn, TurnRound
from mattermost_bridge.models.states import UNSETTLED, EventKind, EventOutcome, EventState, TurnState
from mattermost_bridge.services import files_out

log = structlog.get_logger(__name__)

#: What was not admitted is kept so long, so that it can serve as context, and be answered once its author is approved.
UNADMITTED = timedelta(hours=24)
#: Rows of one transaction: short enough that nobody waits behind it.
BATCH = 500
#: So long, in seconds, one look works at most; the next goes on where it ended.
SECONDS = 20.0

_NOT_ADMITTED = (EventOutcome.IGNORED, EventOutcome.REFUSED, EventOutcome.CHALLENGED)
_OVER = (EventState.ANSWERED, EventState.FAILED)
#: Of a payload, what is a fact about a post and not its content.
_FACTS = frozenset(
    {
        *("type", "from_bot", "from_webhook", "create_at", "update_at", "edit_at", "delete_at", "root_id", "file_ids"),
        *("id", "user_id", "channel_id", "team_id", "channel_type", "channel_name", "channel_display_name"),
        *("slash", "controls", "command"),
        *("sender_name", "mentions", "removed", "emoji_name", "pending_post_id", "is_pinned"),
    }
)


def blank_old(seconds: float = SECONDS) -> int:
    """Blank the bodies of all accounts whose time is over, in small transactions; returns how many rows.

    Ends after `seconds`; whatever is left is found the next time, since only rows with a body are in its indexes.
    """
    end = time.monotonic() + seconds
    total = 0
    for account_pk in Account.objects.order_by("pk").values_list("pk", flat=True):
        total += _blank_account(account_pk, end)
        if time.monotonic() >= end:
            break
    return total


def blank_events(account_pk: int, pks: Collection[int], among: QuerySet[InboundEvent] | None = None) -> int:
    """Take text, props and unread bytes out of these events; returns how many still had a body.

    With `among`, of those only that still are among these rows: what was put back to be decided meanwhile needs its
    body.
    """
    with transaction.atomic():
        rows = (InboundEvent.objects.all() if among is None else among).filter(pk__in=pks, account=account_pk)
        # Locked in one order, since others may be about to blank some of the same.
        found = list(rows.filter(blanked_at=None).select_for_update().order_by("pk").only("pk", "payload"))
        wordy = [event for event in found if _says_more(event.payload)]
        for event in wordy:
            event.payload = {name: value for name, value in event.payload.items() if name in _FACTS}
        InboundEvent.objects.bulk_update(wordy, ["payload"])
        blanked = [event.pk for event in found]
        done = InboundEvent.objects.filter(pk__in=blanked).update(text="", raw=None, blanked_at=timezone.now())
        if done:
            live.changed(account_pk, "event", blanked)
    return done


def blank_context(account_pk: int, pks: Collection[int]) -> int:
    """Blank those of these events that were not meant for the bot and have served as context; returns how many.

    What still waits to be decided, or for its own answer, needs its text: somebody else's question may have been
    answered first, in another session of the channel or in the same millisecond.
    """
    over = InboundEvent.objects.filter(
        pk__in=pks,
        account=account_pk,
        state=EventState.DECIDED,
        outcome__in=(EventOutcome.IGNORED, EventOutcome.REFUSED),
    )
    served = list(over.values_list("pk", flat=True))
    return blank_events(account_pk, served, over) if served else 0


def _says_more(payload: dict[str, Any]) -> bool:
    """Whether a payload has something else than facts in it; most have nothing."""
    return any(value for name, value in payload.items() if name not in _FACTS)


def _blank_account(account_pk: int, end: float) -> int:
    now = timezone.now()
    keep = timedelta(days=settings_for(account_pk).keep_bodies_days)
    total = 0
    for outcome in EventOutcome:
        time_kept = min(keep, UNADMITTED) if outcome in _NOT_ADMITTED else keep
        rows = _events(account_pk, outcome, now - time_kept)
        total += _in_batches(rows, partial(blank_events, account_pk, among=rows), end)
    total += _in_batches(_turns(account_pk, now - keep), lambda pks: _blank_turns(account_pk, pks), end)
    total += _in_batches(_deliveries(account_pk, now - keep), lambda pks: _blank_deliveries(account_pk, pks), end)
    total += _in_batches(_button_sets(account_pk, now - keep), _blank_button_sets, end)
    if total:
        log.info("bodies were blanked", account=account_pk, rows=total, keep_days=keep.days)
    return total


def _in_batches(rows: QuerySet[Any], blank: Callable[[list[int]], int], end: float) -> int:
    total = 0
    while time.monotonic() < end:
        pks = list(rows.order_by().values_list("pk", flat=True)[:BATCH])
        done = blank(pks) if pks else 0
        if not done:
            break
        total += done
    return total


def _events(account_pk: int, outcome: EventOutcome, before: datetime) -> QuerySet[InboundEvent]:
    """Events of one outcome, so that their index is read from the oldest on and nothing else.

    What still waits to be decided, or for its answer, keeps its body.
    """
    rows = InboundEvent.objects.filter(account=account_pk, outcome=outcome, received_at__lt=before, blanked_at=None)
    if outcome in _NOT_ADMITTED:
        return rows.filter(state__in=[EventState.DECIDED, *_OVER])
    return rows.filter(Q(state__in=_OVER) | Q(kind=EventKind.REACTION, outcome=EventOutcome.ADMITTED))


def _turns(account_pk: int, before: datetime) -> QuerySet[Turn]:
    rows = Turn.objects.filter(conversation__account=account_pk, created_at__lt=before, blanked_at=None)
    return rows.exclude(state=TurnState.RUNNING)


def _deliveries(account_pk: int, before: datetime) -> QuerySet[Delivery]:
    rows = Delivery.objects.filter(account=account_pk, settled_at__lt=before, blanked_at=None)
    return rows.exclude(state__in=UNSETTLED)


def _button_sets(account_pk: int, before: datetime) -> QuerySet[ButtonSet]:
    return ButtonSet.objects.filter(account=account_pk, used_at__lt=before, blanked_at=None)


def _blank_button_sets(pks: Collection[int]) -> int:
    """What the post said goes; that the buttons were used, when and by whom, stays."""
    return ButtonSet.objects.filter(pk__in=pks, blanked_at=None).update(answer={}, chosen="", blanked_at=timezone.now())


def _blank_turns(account_pk: int, pks: Collection[int]) -> int:
    with transaction.atomic():
        rows = Turn.objects.filter(pk__in=pks, blanked_at=None).exclude(state=TurnState.RUNNING)
        TurnRound.objects.filter(turn__in=rows).update(text="", calls=[], results=[])
        done = rows.update(question="", answer="", given={}, blanked_at=timezone.now())
        live.changed(account_pk, "turn", list(pks))
    return done


def _blank_deliveries(account_pk: int, pks: Collection[int]) -> int:
    """Texts go; what a post is recognised by, its mark, has a column of its own and stays."""
    with transaction.atomic():
        rows = Delivery.objects.filter(pk__in=pks, blanked_at=None).exclude(state__in=UNSETTLED)
        for delivery in rows.exclude(files=[]):
            files_out.remove_after_commit(delivery)
        done = rows.update(text="", props={}, files=[], blanked_at=timezone.now())
        live.changed(account_pk, "delivery", list(pks))
    return done
