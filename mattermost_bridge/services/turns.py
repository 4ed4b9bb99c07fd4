"""Turns: one event (or the posts of one approval), one answer, in order, by one worker at a time.

A worker takes a conversation's lease together with its next turn, lets the agent work outside any transaction, and
writes result, deliveries and "answered" in one transaction that begins by proving that the lease is still its own.
"""

from __future__ import annotations

import threading
from dataclasses import dataclass, field
from datetime import timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F, Q
from django.db.models.functions import Now
from django.utils import timezone

from mattermost_bridge.config.effective import AccountSettings, settings_for
from mattermost_bridge.live import messages as live
from mattermost_bridge.models import Agent, Conversation, InboundEvent, KnownChannel, Turn
from mattermost_bridge.models.states import EventKind, TurnState
from mattermost_bridge.rules.addressing import without_address
from mattermost_bridge.rules.types import ChannelType, Decision
from mattermost_bridge.services import hints, next_events, skill_texts, stopping
from mattermost_bridge.services.keeping import holder

log = structlog.get_logger(__name__)

RUN = "durar.turns.run"
MOST_STARTS = 5


@dataclass(frozen=True, slots=True)
class Taken:
    """A turn that this process may run: it holds the conversation's lease under `fence`, and a place in `room`.

    The rows that the taking had at hand come along, so that running it need not read them again: `turn` with its
    conversation, the `settings` under which it was decided, and the turn's `events` in order.
    """

    conversation_id: int
    turn_id: int
    fence: int
    turn: Turn = field(compare=False, repr=False)
    settings: AccountSettings = field(compare=False, repr=False)
    sender: str = field(compare=False, default="")
    events: tuple[InboundEvent, ...] = field(compare=False, repr=False, default=())


class Room:
    """How many turns this process runs itself. Ears give half of their slots; voices all of theirs."""

    def __init__(self, slots: int = 4) -> None:
        self._lock = threading.Lock()
        self.slots, self.used = slots, 0

    def take_place(self) -> bool:
        """Take a place for one turn if there is one; looking and taking are one step. `leave` gives it back."""
        with self._lock:
            if self.used >= self.slots:
                return False
            self.used += 1
            return True

    def enter(self) -> None:
        """Take a place in any case: for a thread that is there to run turns."""
        with self._lock:
            self.used += 1

    def leave(self) -> None:
        """Give a place back."""
        with self._lock:
            self.used -= 1


room = Room()


def hint(conversation_id: int) -> None:
    """Tell the workers that a conversation may have something to answer."""
    hints.task_after_commit(RUN, conversation_id)


def conversation_for(event: InboundEvent, decision: Decision) -> Conversation:
    """The conversation that an admitted event belongs to."""
    key = {"account_id": event.account_id, "session_key": decision.session_key}
    conversation = Conversation.objects.filter(**key).first()
    if conversation is None:
        conversation, _ = Conversation.objects.get_or_create(
            **key,
            defaults={
                "parent_key": decision.parent_key,
                "channel_id": event.channel_id,
                "channel_type": event.channel_type,
                "root_id": decision.reply_root,
                "peer_id": event.user_id if event.channel_type == "D" and not _is_shared(event, decision) else "",
                "title": _title(event, decision),
                "agent": Agent.objects.filter(slug=decision.agent).first() if decision.agent else None,
            },
        )
    return conversation


def _is_shared(event: InboundEvent, decision: Decision) -> bool:
    """Whether a direct message's session may be other people's too: `session.dmScope: main`, or linked identities."""
    return f":direct:{event.user_id.lower()}" not in decision.session_key


def _title(event: InboundEvent, decision: Decision) -> str:
    """How operators and agents call a conversation: by the person, or by the channel."""
    if event.channel_type == "D":
        if _is_shared(event, decision):
            _, _, name = decision.session_key.partition(":direct:")
            return name.partition(":thread:")[0] or "Direct messages"
        return f"@{event.username}" if event.username else event.user_id
    known = KnownChannel.objects.filter(account=event.account_id, channel_id=event.channel_id).first()
    name = str(known) if known else event.channel_id
    return f"{name[:131]} (thread)" if decision.reply_root else name[:140]


def take_or_hint(conversation_id: int, *, has_place: bool = False) -> Taken | None:
    """Take the conversation's next turn if this process has room for it, else hint those who have.

    The place in `room` comes with the turn; who says that it has one already keeps it in any case.
    """
    if not next_events.something_to_answer(conversation_id):
        return None
    if not has_place and not room.take_place():
        hint(conversation_id)
        return None
    taken = None
    try:
        with transaction.atomic():
            conversation = Conversation.objects.filter(pk=conversation_id).first()
            taken = take(conversation) if conversation else None
    finally:
        if taken is None and not has_place:
            room.leave()
    return taken


def take(
    conversation: Conversation, *, just_decided: InboundEvent | None = None, account: AccountSettings | None = None
) -> Taken | None:
    """Take the lease and the next turn, inside the caller's transaction; None when it is held or nothing waits.

    A turn that was begun and not finished comes first: its worker died or was stopped. The fifth death ends it. The
    rights of an event that was `just_decided` in this transaction, under the settings of `account`, need not be looked
    at again; its `turn` is set on the instance and saved by the caller.
    """
    seconds = settings.TIMES["conversation_lease"]
    fence = conversation.fence + 1
    taken = (
        # The fence that we saw belongs to the condition: if it moved meanwhile, somebody else was here.
        Conversation.objects.filter(pk=conversation.pk, fence=conversation.fence)
        .filter(Q(lease_until=None) | Q(lease_until__lt=Now()))
        .update(lease_holder=holder(), lease_until=Now() + timedelta(seconds=seconds), fence=fence)
    )
    if not taken:
        return None
    account = account or settings_for(conversation.account_id)
    turn: Turn | None = None
    events: tuple[InboundEvent, ...] = ()
    # Whoever ends a turn clears the lease: a lease that was left to run out, or put back, may stand for an open one.
    if conversation.lease_until is not None:
        turn = Turn.objects.filter(conversation=conversation, state=TurnState.RUNNING).first()
    if turn is None or not _begin_again(turn, account):
        turn, events = _begin(conversation, account, just_decided)
    if turn is None:
        _let_go(conversation.pk, fence)
        return None
    turn.conversation = conversation
    live.changed(conversation.account_id, "turn", [turn.pk])
    events = events or tuple(turn.events.order_by("create_at", "post_id"))
    sender = events[0].username if events else ""
    return Taken(conversation.pk, turn.pk, fence, turn, account, sender, events)


def take_stop(event: InboundEvent, conversation: Conversation, account: AccountSettings) -> Taken | None:
    """The turn that answers a `/stop`, inside the transaction that decides it, whoever holds the conversation.

    None when the answer has to wait for that of another control command. The place in `room` is the caller's.
    """
    stopped = stopping.stop(event, conversation, account)
    if stopped is None:
        return None
    turn, fence = stopped
    return Taken(conversation.pk, turn.pk, fence, turn, account, event.username, (event,))


def _let_go(conversation_id: int, fence: int) -> bool:
    return bool(
        Conversation.objects.filter(pk=conversation_id, fence=fence, lease_holder=holder()).update(
            lease_holder="", lease_until=None
        )
    )


def _begin_again(turn: Turn, account: AccountSettings) -> bool:
    """Start a turn once more whose worker is gone; False when it has been given up or may no longer be answered."""
    from mattermost_bridge.services import turn_results

    if turn.starts >= MOST_STARTS:
        turn_results.give_up(turn)
        return False
    first = turn.events.order_by("create_at", "post_id").first()
    if first is None or not next_events.still_admitted(first, account):
        turn.state, turn.finished_at = TurnState.CANCELLED, timezone.now()
        turn.error_kind = next_events.REVOKED
        turn.error = "Stopped before its agent answered: the right to an answer, or the agent, was taken away."
        turn.save(update_fields=["state", "finished_at", "error_kind", "error"])
        turn.events.update(turn=None)  # what else it was to answer is looked at on its own
        live.changed(account.pk, "turn", [turn.pk])
        return False
    turn.starts += 1
    turn.started_at = timezone.now()
    turn.save(update_fields=["starts", "started_at"])
    return True


def _begin(
    conversation: Conversation, account: AccountSettings, just_decided: InboundEvent | None
) -> tuple[Turn | None, tuple[InboundEvent, ...]]:
    """Make the turn for the oldest event that may be answered now, and say which events it answers, in order."""
    while (event := next_events.next_event(conversation.pk, just_decided, account)) is not None:
        # An operator's second try, which has a join key, was asked for after the `/stop`.
        if event.create_at < conversation.stopped_at and not event.command and not event.join_key:
            just_decided = _drop(event, just_decided)
            continue
        if event != just_decided and not next_events.still_admitted(event, account):
            continue
        collects = conversation.options.get("queue") == "collect"
        events = next_events.collected(event) if collects else next_events.joined(event, account)
        turn = Turn.objects.create(
            conversation=conversation,
            starts=1,
            started_at=timezone.now(),
            command=event.command,
            question=_question(events, account),
            channel_id=event.channel_id,
            peer_id=event.user_id if event.channel_type == "D" else "",
            reply_root=event.reply_root,
            trigger_at=event.create_at,
        )
        others = [one.pk for one in events if one != just_decided]
        if others:
            InboundEvent.objects.filter(pk__in=others).update(turn=turn)
        if just_decided in events:
            just_decided.turn = turn
        return turn, tuple(events)
    return None, ()


def _drop(event: InboundEvent, just_decided: InboundEvent | None) -> InboundEvent | None:
    """Drop an event that a `/stop` overtook while it was undecided; the `just_decided` one that remains, if any."""
    for name, value in stopping.DROPPED.items():
        setattr(event, name, value)
    if event == just_decided:
        return None  # the caller saves it
    event.save(update_fields=list(stopping.DROPPED))
    return just_decided


def _question(events: list[InboundEvent], account: AccountSettings) -> str:
    """What was asked, without trigger prefixes and mentions of the bot; what was written in one go is one text."""
    said = [_asked(one, account) for one in events]
    return ("\n\n" if events[0].join_key else "\n").join(said)


def _asked(event: InboundEvent, account: AccountSettings) -> str:
    """What one event asks of the agent; a slash command's text is that already."""
    if event.kind == EventKind.COMMAND:
        return event.text
    text = without_address(event.text, account.policy, event.channel_id, ChannelType(event.channel_type))
    return skill_texts.asked(text, account)


def still_ours(taken: Taken) -> bool:
    """Renew the lease of a running turn; False when somebody else has taken it."""
    return bool(
        Conversation.objects.filter(pk=taken.conversation_id, fence=taken.fence, lease_holder=holder()).update(
            lease_until=Now() + timedelta(seconds=settings.TIMES["conversation_lease"])
        )
    )


def put_back(taken: Taken) -> None:
    """A graceful stop: the turn goes back, this start does not count, and the lease is free at once.

    The lease ends now instead of being cleared: its turn is still open, and whoever takes it has to look.
    """
    with transaction.atomic():
        ours = Conversation.objects.filter(pk=taken.conversation_id, fence=taken.fence, lease_holder=holder())
        if ours.update(lease_holder="", lease_until=Now() - timedelta(seconds=1)):
            Turn.objects.filter(pk=taken.turn_id, state=TurnState.RUNNING).update(starts=F("starts") - 1)
            hint(taken.conversation_id)
