"""Which event of a conversation is answered next, which others go with it, and whether it still may be."""

from __future__ import annotations

from django.db.models import Q

from mattermost_bridge.config.effective import AccountSettings
from mattermost_bridge.live import messages as live
from mattermost_bridge.models import InboundEvent
from mattermost_bridge.models.states import EventOutcome, EventState
from mattermost_bridge.rules.reasons import Reason
from mattermost_bridge.rules.types import Outcome
from mattermost_bridge.services import bursts
from mattermost_bridge.services.event_order import IS_UNDECIDED, after, before

#: An admitted event, or a turn that was begun, whose right to an answer was taken away.
REVOKED = Reason.REVOKED_MEANWHILE
#: So many waiting events of a conversation are looked at to find one that nothing holds back.
CANDIDATES = 50


def something_to_answer(conversation_id: int) -> bool:
    """Whether a conversation has admitted events without an answer."""
    return InboundEvent.objects.filter(
        conversation=conversation_id, state=EventState.DECIDED, outcome=EventOutcome.ADMITTED
    ).exists()


def next_event(
    conversation_id: int, just_decided: InboundEvent | None, account: AccountSettings
) -> InboundEvent | None:
    """The oldest admitted event without an answer that no older undecided event of its channel holds back.

    What was `just_decided` is not saved yet, and counts as admitted. One that was held with others waits until what its
    author wrote right after it is decided, too.
    """
    waiting = InboundEvent.objects.filter(
        conversation=conversation_id, state=EventState.DECIDED, outcome=EventOutcome.ADMITTED, turn=None
    ).order_by("create_at", "post_id")
    if just_decided is not None:
        waiting = waiting.filter(before(just_decided))
    blocked: set[str] = set()
    for event in waiting[:CANDIDATES]:
        if event.channel_id not in blocked:
            if not event.is_held and not _is_held_back(event) and not bursts.expects_more(event, account):
                return event
            blocked.add(event.channel_id)
    if just_decided is None or just_decided.channel_id in blocked or _is_held_back(just_decided):
        return None
    return just_decided


def _is_held_back(event: InboundEvent) -> bool:
    """Whether an older event of the channel, or another one of the same approval, is still undecided."""
    undecided = InboundEvent.objects.filter(IS_UNDECIDED, account=event.account_id, channel_id=event.channel_id)
    older = before(event)
    if event.join_key:
        older |= Q(join_key=event.join_key)
    return undecided.filter(older).exists()


def joined(event: InboundEvent, account: AccountSettings) -> list[InboundEvent]:
    """The events that are answered together with this one, itself among them, in order."""
    if not event.join_key or event.command:
        return [event] if event.wait_until is None else bursts.joined(event, account)
    return list(
        InboundEvent.objects.filter(
            conversation=event.conversation_id,
            join_key=event.join_key,
            command="",
            state=EventState.DECIDED,
            outcome=EventOutcome.ADMITTED,
            turn=None,
        ).order_by("create_at", "post_id")
    )


def collected(event: InboundEvent) -> list[InboundEvent]:
    """The event and everything that waits behind it for an answer in the same place, in order: `/queue collect`.

    Up to a control command, to what is held, or to what an older undecided event holds back.
    """
    if event.command:
        return [event]
    later = InboundEvent.objects.filter(
        conversation=event.conversation_id,
        state=EventState.DECIDED,
        outcome=EventOutcome.ADMITTED,
        turn=None,
        channel_id=event.channel_id,
        reply_root=event.reply_root,
    ).exclude(pk=event.pk)
    found = [event]
    for one in later.filter(after(event)).order_by("create_at", "post_id")[: CANDIDATES - 1]:
        # An answer through a response address is only for the one who asked.
        if one.command or one.is_held or one.payload.get("response_url") or _is_held_back(one):
            break
        found.append(one)
    return [event] if event.payload.get("response_url") else found


def still_admitted(event: InboundEvent, account: AccountSettings) -> bool:
    """Whether the right to an answer still stands; revoking and blocking count up to the moment a turn starts."""
    from mattermost_bridge.services.decisions import decision_on

    decision = decision_on(event, account)
    if decision.outcome == Outcome.ADMITTED:
        return True
    if decision.reason == Reason.NO_AGENT:
        changes = {"state": EventState.WAITING, "reason": str(decision.reason)}
    elif decision.reason == Reason.LOOP_BUDGET:
        # Others of the same bot were decided at the same moment.
        changes = {"outcome": EventOutcome.REFUSED, "reason": str(decision.reason)}
    else:
        changes = {"outcome": EventOutcome.REFUSED, "reason": REVOKED}
    InboundEvent.objects.filter(pk=event.pk).update(turn=None, **changes)
    live.changed(account.pk, "event", [event.pk])
    return False
