"""Posts in quick succession by one person in one place become one turn, if the operator wants that.

A post is held for a moment: its row says until when, so nothing is lost with a worker. A further one prolongs that for
all of them. What is no plain text (files, a control command, an edit) is not held, and ends the holding of what came
before it, so the order stays.
"""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

from django.db.models import Q, QuerySet
from django.utils import timezone

from mattermost_bridge.config.effective import AccountSettings
from mattermost_bridge.models import Conversation, InboundEvent
from mattermost_bridge.models.states import EventKind, EventOutcome, EventState
from mattermost_bridge.rules.marking import gettext_noop as _
from mattermost_bridge.rules.types import Check, Decision
from mattermost_bridge.services.event_order import IS_UNDECIDED, after

#: Somebody who never stops writing is answered after so many times the holding time.
LONGEST = 10
#: So many posts become one turn at most.
MOST_JOINED = 50


def continues(event: InboundEvent, decision: Decision, account: AccountSettings) -> Decision:
    """The decision with the session of the held posts that this one continues.

    Only where each post outside a thread would begin a thread of its own: the answer to all of them is one.
    """
    if not _is_held_kind(event, decision.command, account) or decision.reply_root != event.post_id:
        return decision
    recent = event.create_at - LONGEST * account.debounce_ms
    # Also what is held no longer: it may be waiting for this very post, see `expects_more`.
    earlier = (
        _of_one_burst(event)
        .filter(wait_until__isnull=False, create_at__gte=recent)
        .exclude(conversation=None)
        .order_by("-create_at")
        .select_related("conversation")
        .first()
    )
    if earlier is None or earlier.conversation is None:
        return decision
    key = earlier.conversation.session_key
    check = Check(_("session"), key, "the post just before, by the same person", passed=None)
    return replace(decision, session_key=key, reply_root=earlier.reply_root, trail=(*decision.trail, check))


def hold(event: InboundEvent, account: AccountSettings) -> float | None:
    """Hold an admitted event when it is of that kind, inside the caller's transaction; seconds, or None for not held.

    `event.wait_until` is set on the instance and saved by the caller.
    """
    if not account.debounce_ms:
        return None
    # Whoever begins a turn takes the conversation first and its events then; so does this.
    Conversation.objects.select_for_update().filter(pk=event.conversation_id or 0).first()
    now = timezone.now()
    if not _is_held_kind(event, event.command, account):
        _held(event).update(wait_until=now)
        return None
    until = now + timedelta(milliseconds=account.debounce_ms)
    began = _held(event).order_by("decided_at").values_list("decided_at", flat=True).first()
    if began is not None:
        until = min(until, began + timedelta(milliseconds=account.debounce_ms * LONGEST))
        _held(event).update(wait_until=until)
    event.wait_until = until
    return max(0.0, (until - now).total_seconds())


def expects_more(event: InboundEvent, account: AccountSettings) -> bool:
    """Whether the burst that begins with this event goes on with a post that is not decided yet, so that it waits.

    Who decides that post holds it with the others, or wakes the channel. Never longer than somebody may go on writing.
    """
    if event.wait_until is None or event.decided_at is None or not account.debounce_ms:
        return False
    if timezone.now() > event.decided_at + timedelta(milliseconds=LONGEST * account.debounce_ms):
        return False
    last = joined(event, account)[-1]
    following = _undecided_after(last).first()
    return (
        following is not None
        and following.kind == EventKind.POST
        and (following.user_id, following.root_id) == (event.user_id, event.root_id)
        and following.create_at - last.create_at <= account.debounce_ms
    )


def joined(event: InboundEvent, account: AccountSettings) -> list[InboundEvent]:
    """The event and what its sender wrote right after it, up to a post of anybody else, decided or not."""
    later = after(event)
    following = InboundEvent.objects.filter(
        later,
        conversation=event.conversation_id,
        state=EventState.DECIDED,
        outcome=EventOutcome.ADMITTED,
        turn=None,
    ).order_by("create_at", "post_id")
    if (between := _undecided_after(event).values_list("create_at", "post_id").first()) is not None:
        # It goes first, whatever becomes of it.
        following = following.filter(Q(create_at__lt=between[0]) | Q(create_at=between[0], post_id__lt=between[1]))
    burst = [event]
    for one in following[: MOST_JOINED - 1]:
        same = (one.user_id, one.channel_id, one.reply_root) == (event.user_id, event.channel_id, event.reply_root)
        soon = one.create_at - burst[-1].create_at <= account.debounce_ms
        if not same or one.wait_until is None or not soon:
            break
        burst.append(one)
    return burst


def _undecided_after(event: InboundEvent) -> QuerySet[InboundEvent]:
    """What came after an event in its channel, whoever wrote it, and is not decided yet; oldest first."""
    rows = InboundEvent.objects.filter(
        after(event), IS_UNDECIDED, account=event.account_id, channel_id=event.channel_id
    )
    return rows.order_by("create_at", "post_id")


def _is_held_kind(event: InboundEvent, command: str, account: AccountSettings) -> bool:
    return bool(
        account.debounce_ms
        and event.kind == EventKind.POST
        and event.text.strip()
        and not event.payload.get("file_ids")
        and not command
        and not event.join_key
    )


def _held(event: InboundEvent) -> QuerySet[InboundEvent]:
    """What the same person wrote in the same place and is held now."""
    return _of_one_burst(event).filter(wait_until__gt=timezone.now())


def _of_one_burst(event: InboundEvent) -> QuerySet[InboundEvent]:
    """What the same person wrote in the same place, was admitted and has no turn yet."""
    return InboundEvent.objects.filter(
        account=event.account_id,
        channel_id=event.channel_id,
        user_id=event.user_id,
        root_id=event.root_id,
        state=EventState.DECIDED,
        outcome=EventOutcome.ADMITTED,
        turn=None,
    ).exclude(pk=event.pk)
