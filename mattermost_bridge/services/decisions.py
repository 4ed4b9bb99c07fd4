"""Deciding an event: the rules are asked, and outcome, reason and trail are saved on it."""

from __future__ import annotations

from datetime import timedelta

import structlog
from django.db import transaction
from django.utils import timezone

from mattermost_bridge.config.effective import AccountSettings, settings_for
from mattermost_bridge.live import messages as live
from mattermost_bridge.models import Conversation, InboundEvent
from mattermost_bridge.models.states import EventKind, EventOutcome, EventState
from mattermost_bridge.rules.decide import decide
from mattermost_bridge.rules.reasons import Reason
from mattermost_bridge.rules.retry import event_delay
from mattermost_bridge.rules.types import ChannelType, Check, Decision, IncomingPost, Outcome
from mattermost_bridge.services import hints, inbox, pairing, turns

log = structlog.get_logger(__name__)

LOOK_UP = "durar.events.look_up_channel"


def process_event(event_id: int) -> turns.Taken | None:
    """Decide one event that is still to be decided. Returns the turn that the caller may run at once, if there is one.

    Can run twice: whoever comes second finds the event decided and does nothing. An event whose deciding fails is
    tried again after 1, 2, 4 and 8 seconds; after the fifth failure it is *failed* and blocks its channel no longer.
    """
    taken, has_place = None, False
    try:
        with transaction.atomic():
            event = InboundEvent.objects.select_for_update().filter(pk=event_id, state=EventState.NEW).first()
            if event is None:
                return None
            account = settings_for(event.account_id)
            conversation = _settle(event, account)
            if event.join_key:
                # Its turn waits for the others of the same approval, which look for it among the saved ones.
                _save(event)
            has_place = conversation is not None and turns.room.take_place()
            if conversation is not None and has_place:
                taken = turns.take(conversation, just_decided=None if event.join_key else event, account=account)
            if not event.join_key:
                _save(event)
    except Exception as error:
        if has_place:
            turns.room.leave()
        log.exception("an event could not be decided", event_id=event_id)
        _note_failure(event_id, error)
        return None
    if has_place and taken is None:
        turns.room.leave()
    if event.state in (EventState.NEW, EventState.WAITING) and event.conversation_id is None:
        return None
    if conversation is not None and taken is None:
        taken = turns.take_or_hint(conversation.pk)
    _wake_channel(event, but=conversation)
    return taken


def incoming_post(event: InboundEvent) -> IncomingPost:
    """The facts of an event that the rules look at."""
    payload = event.payload
    return IncomingPost(
        post_id=event.post_id,
        user_id=event.user_id,
        username=event.username.lower(),
        channel_id=event.channel_id,
        channel_type=ChannelType(event.channel_type) if event.channel_type in set(ChannelType) else ChannelType.UNKNOWN,
        text=event.text,
        root_id=event.root_id,
        post_type=str(payload.get("type") or ""),
        from_bot=bool(payload.get("from_bot")),
        from_webhook=bool(payload.get("from_webhook")),
        create_at=event.create_at,
        is_edit=event.kind == EventKind.EDIT,
        has_files=bool(payload.get("file_ids")),
    )


def decision_on(event: InboundEvent, settings: AccountSettings) -> Decision:
    """What the rules say about an event now."""
    if event.kind not in (EventKind.POST, EventKind.EDIT):
        check = Check("kind", event.get_kind_display(), "event", passed=False)
        return Decision(Outcome.IGNORED, Reason.KIND_NOT_USED, (check,))
    return decide(incoming_post(event), settings.policy, now_ms=int(timezone.now().timestamp() * 1000))


def _settle(event: InboundEvent, settings: AccountSettings) -> Conversation | None:
    """Put on the event what was decided; the conversation, when it was admitted to one that has an agent."""
    decision = decision_on(event, settings)
    if decision.outcome == Outcome.CHALLENGED:
        decision = _challenge(event, decision)
    conversation = None
    if decision.outcome == Outcome.ADMITTED or decision.reason == Reason.NO_AGENT:
        conversation = turns.conversation_for(event, decision)
    waits = decision.outcome == Outcome.WAITING
    event.state = EventState.WAITING if waits else EventState.DECIDED
    event.outcome = (EventOutcome.ADMITTED if conversation else "") if waits else decision.outcome.value
    event.reason = str(decision.reason)
    event.trail = [
        {"name": check.name, "value": check.value, "source": check.source, "passed": check.passed}
        for check in decision.trail
    ]
    event.reply_root = decision.reply_root
    event.conversation = conversation
    event.decided_at = timezone.now()
    event.error = ""
    live.changed(event.account_id, "event", [event.pk])
    if decision.reason == Reason.CHANNEL_TYPE_UNKNOWN:
        hints.task_after_commit(LOOK_UP, event.account_id, event.channel_id)
    return None if waits else conversation


def _save(event: InboundEvent) -> None:
    decided = ["state", "outcome", "reason", "trail", "reply_root", "conversation", "decided_at", "error"]
    event.save(update_fields=[*decided, "turn"] if event.turn_id is not None else decided)


def _challenge(event: InboundEvent, decision: Decision) -> Decision:
    """Ask the stranger to pair, under the account's lock; somebody approved meanwhile is decided anew."""
    challenge = pairing.challenge(
        account_pk=event.account_id,
        user_id=event.user_id,
        username=event.username,
        channel_id=event.channel_id,
        trigger_ms=event.create_at,
    )
    if challenge.reason in (Reason.ADMITTED_DM_PAIRED, Reason.BLOCKED):
        # The lock showed what the cached settings did not know yet.
        return decision_on(event, settings_for(event.account_id))
    outcome = challenge.reason.outcome or Outcome.CHALLENGED
    return Decision(outcome, challenge.reason, (*decision.trail, *challenge.checks))


def _wake_channel(event: InboundEvent, *, but: Conversation | None) -> None:
    """This event no longer holds back its channel: whoever waited behind it may go on."""
    waiting = (
        InboundEvent.objects.filter(
            account=event.account_id,
            channel_id=event.channel_id,
            state=EventState.DECIDED,
            outcome=EventOutcome.ADMITTED,
        )
        .exclude(conversation=but)
        .order_by()
        .values_list("conversation_id", flat=True)
        .distinct()[:50]
    )
    for conversation_id in waiting:
        if conversation_id is not None:
            turns.hint(conversation_id)


def _note_failure(event_id: int, error: Exception) -> None:
    with transaction.atomic():
        event = InboundEvent.objects.select_for_update().filter(pk=event_id, state=EventState.NEW).first()
        if event is None:
            return
        event.attempts += 1
        event.error = f"{type(error).__name__}: {error}"[:2000]
        delay = event_delay(event.attempts)
        if delay is None:
            event.state, event.reason = EventState.FAILED, Reason.FAILED_PROCESSING
            event.decided_at = timezone.now()
        else:
            event.next_attempt_at = timezone.now() + timedelta(seconds=delay)
        event.save(update_fields=["attempts", "error", "state", "reason", "decided_at", "next_attempt_at"])
        live.changed(event.account_id, "event", [event.pk])
    if event.state == EventState.FAILED:
        _wake_channel(event, but=None)


def retry_event(event_id: int) -> bool:
    """An operator lets a failed event be decided again; False when it is not failed."""
    changed = InboundEvent.objects.filter(pk=event_id, state=EventState.FAILED, turn=None).update(
        state=EventState.NEW, attempts=0, next_attempt_at=None, error=""
    )
    if changed:
        hints.task_after_commit(inbox.PROCESS, event_id)
    return bool(changed)


def agent_available(account_pk: int) -> int:
    """The account has an agent now: events that waited for one are admitted. Returns how many."""
    with transaction.atomic():
        pks = list(
            InboundEvent.objects.select_for_update()
            .filter(account=account_pk, state=EventState.WAITING, reason=Reason.NO_AGENT)
            .order_by("create_at", "post_id")
            .values_list("pk", flat=True)
        )
        # They go through the rules again: their trail then says who answers, and a right may be gone by now.
        InboundEvent.objects.filter(pk__in=pks).update(state=EventState.NEW, outcome="", reason="", attempts=0)
        live.changed(account_pk, "event", pks)
        for pk in pks[: inbox.HINTS_A_BATCH]:
            hints.task_after_commit(inbox.PROCESS, pk)
    return len(pks)
