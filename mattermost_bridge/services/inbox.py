"""The inbox: everything that comes in is kept here before anything else happens. What is stored is never lost."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Sequence
from dataclasses import asdict, dataclass, field
from itertools import islice
from typing import Any

import structlog
from django.db import DatabaseError, InterfaceError, OperationalError, transaction
from django.db.models import F, Value
from django.db.models.functions import Greatest
from django.utils import timezone

from mattermost_bridge.live import messages as live
from mattermost_bridge.mattermost.text import clean
from mattermost_bridge.models import ChannelCursor, InboundEvent
from mattermost_bridge.models.states import EventKind, EventOutcome, EventState
from mattermost_bridge.rules.reasons import Reason
from mattermost_bridge.services import hints

log = structlog.get_logger(__name__)

PROCESS = "durar.events.process"
#: So many hints follow one batch; the deciding of these hints the rest, and the sweep brings what is left.
HINTS_A_BATCH = 500


@dataclass(frozen=True, slots=True)
class Draft:
    """An event as a listener heard it. Times are the server's milliseconds.

    `raw` keeps bytes that could not be read; `ignored_reason` decides the event at once (it is kept for its key and
    for the operators, and nobody has to look at it again).
    """

    kind: str
    dedupe_key: str
    channel_id: str
    channel_type: str = ""
    post_id: str = ""
    root_id: str = ""
    user_id: str = ""
    username: str = ""
    text: str = ""
    create_at: int = 0
    payload: dict[str, Any] = field(default_factory=dict)
    caught_up: bool = False
    raw: bytes | None = None
    ignored_reason: str = ""


@dataclass(frozen=True, slots=True)
class CursorMove:
    """How far a channel is stored now, in the server's milliseconds. A cursor only ever moves forward."""

    channel_id: str
    channel_type: str = ""
    stored_until: int = 0
    read_last_post_at: int = 0


@dataclass(frozen=True, slots=True)
class Recorded:
    """How many of the drafts were new, and how many the inbox knew."""

    new: int
    known: int


def record(
    account_pk: int, drafts: Sequence[Draft], *, held: Collection[str] = (), moves: Sequence[CursorMove] = ()
) -> Recorded:
    """Keep the drafts, once each, and move the cursors, in one transaction; then hint them.

    A live event of a channel in `held` is kept until `release`: its channel is being caught up, and order counts. A
    batch that the database refuses is inserted row by row, and a bad row is kept as bytes, so nothing is dropped.
    Raises OperationalError or InterfaceError when the database is away: then nothing was kept, and the caller has to
    read again.
    """
    rows = [_row(account_pk, draft, held) for draft in _once(drafts)]
    try:
        with transaction.atomic():
            new = _insert(account_pk, rows)
            _move(account_pk, moves)
            _tell(account_pk, new)
    except (OperationalError, InterfaceError):
        raise
    except (DatabaseError, ValueError, TypeError, OverflowError) as error:
        log.warning("a batch was refused and is kept row by row", account=account_pk, rows=len(rows), error=str(error))
        with transaction.atomic():
            new = [kept for draft in _once(drafts) if (kept := _insert_alone(account_pk, draft, held))]
            _move(account_pk, moves)
            _tell(account_pk, new)
    return Recorded(new=len(new), known=len(drafts) - len(new))


def release(account_pk: int, channel_id: str, move: CursorMove | None = None) -> int:
    """Let go the live events that were held while their channel was caught up, and move its cursor.

    Returns how many there were.
    """
    with transaction.atomic():
        held = list(
            InboundEvent.objects.select_for_update()
            .filter(account=account_pk, channel_id=channel_id, state=EventState.HELD)
            .order_by("create_at", "post_id")
        )
        InboundEvent.objects.filter(pk__in=[event.pk for event in held]).update(state=EventState.NEW)
        if move is not None:
            _move(account_pk, [move])
        _hint(event.pk for event in held)
        live.changed(account_pk, "event", [event.pk for event in held])
    return len(held)


def decide_again(account_pk: int, user_id: str, *, join_key: str, limit: int = 20) -> int:
    """Put what a person wrote while they waited to be approved back to be decided: their newest `limit` posts.

    Called inside the approval's transaction. The posts share `join_key`, so one turn answers them all. Returns how
    many there are.
    """
    events = list(
        InboundEvent.objects.filter(
            account=account_pk,
            user_id=user_id,
            kind=EventKind.POST,
            state=EventState.DECIDED,
            blanked_at=None,
            reason__in=[Reason.PAIRING_REQUIRED, Reason.PAIRING_REPEATED, Reason.PAIRING_QUEUE_FULL],
        ).order_by("-create_at", "-post_id")[:limit]
    )
    InboundEvent.objects.filter(pk__in=[event.pk for event in events]).update(
        state=EventState.NEW, outcome="", reason="", join_key=join_key, attempts=0, next_attempt_at=None
    )
    _hint(event.pk for event in reversed(events))
    live.changed(account_pk, "event", [event.pk for event in events])
    return len(events)


def channel_known(account_pk: int, channel_id: str, channel_type: str) -> int:
    """A channel's type was looked up: events that waited for it are decided now. Returns how many."""
    with transaction.atomic():
        events = list(
            InboundEvent.objects.select_for_update().filter(
                account=account_pk,
                channel_id=channel_id,
                state=EventState.WAITING,
                reason=Reason.CHANNEL_TYPE_UNKNOWN,
            )
        )
        InboundEvent.objects.filter(pk__in=[event.pk for event in events]).update(
            state=EventState.NEW, channel_type=channel_type
        )
        _hint(event.pk for event in events)
    return len(events)


def _once(drafts: Sequence[Draft]) -> list[Draft]:
    """The drafts without those that stand twice in the same batch; the first one counts."""
    first: dict[str, Draft] = {}
    for draft in drafts:
        first.setdefault(draft.dedupe_key, draft)
    return list(first.values())


def _row(account_pk: int, draft: Draft, held: Collection[str]) -> InboundEvent:
    wait = draft.channel_id in held and not draft.caught_up
    event = InboundEvent(
        account_id=account_pk,
        kind=draft.kind,
        dedupe_key=draft.dedupe_key,
        channel_id=draft.channel_id,
        channel_type=draft.channel_type,
        post_id=draft.post_id,
        root_id=draft.root_id,
        user_id=draft.user_id,
        username=clean(draft.username)[:64],
        text=clean(draft.text),
        create_at=draft.create_at,
        payload=clean(draft.payload),
        raw=draft.raw,
        caught_up=draft.caught_up,
        state=EventState.HELD if wait else EventState.NEW,
    )
    if draft.ignored_reason:
        event.state, event.outcome, event.reason = EventState.DECIDED, EventOutcome.IGNORED, draft.ignored_reason
        event.decided_at = timezone.now()
    return event


def _insert(account_pk: int, rows: list[InboundEvent]) -> list[InboundEvent]:
    if not rows:
        return []
    known = set(
        InboundEvent.objects.filter(account=account_pk, dedupe_key__in=[row.dedupe_key for row in rows]).values_list(
            "dedupe_key", flat=True
        )
    )
    return InboundEvent.objects.bulk_create([row for row in rows if row.dedupe_key not in known], batch_size=200)


def _insert_alone(account_pk: int, draft: Draft, held: Collection[str]) -> InboundEvent | None:
    """One row of a refused batch; what the database refuses even alone is kept as bytes under its key."""
    try:
        with transaction.atomic():
            inserted = _insert(account_pk, [_row(account_pk, draft, held)])
            return inserted[0] if inserted else None
    except (OperationalError, InterfaceError):
        raise
    except (DatabaseError, ValueError, TypeError, OverflowError) as error:
        return _keep_bytes(account_pk, draft, str(error))


def _keep_bytes(account_pk: int, draft: Draft, why: str) -> InboundEvent | None:
    key = str(clean(draft.dedupe_key))
    if len(key) > 200:
        key = "sha256:" + hashlib.sha256(key.encode()).hexdigest()
    values = {name: value for name, value in asdict(draft).items() if name != "raw"}
    raw = draft.raw or json.dumps(values, default=str).encode("utf-8", "backslashreplace")
    event, made = InboundEvent.objects.get_or_create(
        account_id=account_pk,
        dedupe_key=key,
        defaults={
            "kind": draft.kind if draft.kind in EventKind.values else EventKind.POST,
            "channel_id": str(clean(draft.channel_id))[:26],
            "raw": raw,
            "state": EventState.DECIDED,
            "outcome": EventOutcome.IGNORED,
            "reason": Reason.UNREADABLE,
            "error": str(clean(why))[:2000],
            "decided_at": timezone.now(),
        },
    )
    log.error("an event could not be read and is kept as bytes", account=account_pk, event_id=event.pk, error=why)
    return event if made else None


def _move(account_pk: int, moves: Iterable[CursorMove]) -> None:
    for move in moves:
        moved = ChannelCursor.objects.filter(account=account_pk, channel_id=move.channel_id).update(
            stored_until=Greatest(F("stored_until"), Value(move.stored_until)),
            read_last_post_at=Greatest(F("read_last_post_at"), Value(move.read_last_post_at)),
            updated_at=timezone.now(),
        )
        if not moved:
            ChannelCursor.objects.create(
                account_id=account_pk,
                channel_id=move.channel_id,
                channel_type=move.channel_type,
                stored_until=move.stored_until,
                read_last_post_at=move.read_last_post_at,
            )


def _tell(account_pk: int, new: Sequence[InboundEvent]) -> None:
    """Tell the workers and open pages of what was kept."""
    _hint(event.pk for event in new if event.state == EventState.NEW)
    if new:
        live.changed(account_pk, "event", [event.pk for event in new])


def _hint(pks: Iterable[int]) -> None:
    """Hint these events to be decided."""
    for pk in islice(pks, HINTS_A_BATCH):
        hints.task_after_commit(PROCESS, pk)
