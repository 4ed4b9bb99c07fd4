"""Deciding an event: the rules are asked, and outcome, reason and trail are saved on it."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import structlog
from django.db import transaction
from django.utils import timezone

from mattermost_bridge.config.effective import AccountSettings, settings_for
from mattermost_bridge.live import messages as live
from mattermost_bridge.models import Conversation, InboundEvent
from mattermost_bridge.models.states import EventKind, EventOutcome, EventState
from mattermost_bridge.rules.control_commands import STOP
from mattermost_bridge.rules.decide import decide
from mattermost_bridge.rules.marking import gettext_noop as _
from mattermost_bridge.rules.reasons import Reason
from mattermost_bridge.rules.retry import event_delay
from mattermost_bridge.rules.types import ChannelType, Check, Decision, Fact, IncomingPost, Outcome
from mattermost_bridge.services import bursts, facts, hints, inbox, pairing, turns

log = structlog.get_logger(__name__)

DECIDED_BY_RULES = (EventKind.POST, EventKind.EDIT, EventKind.REACTION, EventKind.CLICK)
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
            saved = bool(event.join_key or event.wait_until)
            if saved:
                # Its turn is for others, too, which are looked for among the saved ones.
                _save(event)
            if conversation is not None and event.command == STOP:
                # It overtakes what it stops, so it asks for no place either.
                turns.room.enter()
                has_place = True
                taken = turns.take_stop(event, conversation, account)
            elif conversation is not None and not event.is_held:
                has_place = turns.room.take_place()
                if has_place:
                    taken = turns.take(conversation, just_decided=None if saved else event, account=account)
            if not saved or (event.command == STOP and taken is not None):
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
    if conversation is not None and taken is None and not event.is_held:
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
        is_reaction=event.kind == EventKind.REACTION,
        button=(str(payload.get("button") or "") or "?") if event.kind == EventKind.CLICK else "",
        opener_id=str(payload.get("opener_id") or ""),
        slash=str(payload.get("slash") or ""),
        controls=bool(payload.get("controls")),
        # Its age is what it had when it was found: what then waited for anything else is not punished for that.
        found_ms=int(event.received_at.timestamp() * 1000) if event.caught_up and event.received_at else 0,
    )


def decision_on(event: InboundEvent, settings: AccountSettings, *, now: datetime | None = None) -> Decision:
    """What the rules say about an event now (or at another time). Facts that only the records know are looked up when
    the rules ask. Changes nothing.
    """
    if event.kind not in DECIDED_BY_RULES and not event.payload.get("slash"):
        check = Check(_("kind"), event.get_kind_display(), "event", passed=False)
        return Decision(Outcome.IGNORED, Reason.KIND_NOT_USED, (check,))
    post, now_ms = incoming_post(event), int((now or timezone.now()).timestamp() * 1000)
    if settings.policy.name_matching and not post.username:
        post = facts.with_username(post, event.account_id)
    decision = decide(post, settings.policy, now_ms=now_ms)
    for _fact in Fact:
        if not decision.asks:
            break
        for fact in decision.asks:
            post = facts.with_fact(post, fact, event.account_id, settings.policy)
        decision = decide(post, settings.policy, now_ms=now_ms)
    return decision


def trail_of(decision: Decision) -> list[dict[str, Any]]:
    """The steps of a decision as an event keeps them."""
    return [
        {"name": check.name, "value": check.value, "source": check.source, "passed": check.passed}
        for check in decision.trail
    ]


def _settle(event: InboundEvent, settings: AccountSettings) -> Conversation | None:
    """Put on the event what was decided; the conversation, when it was admitted to one that has an agent."""
    decision = decision_on(event, settings)
    if decision.outcome == Outcome.CHALLENGED:
        decision = _challenge(event, decision)
    conversation = None
    if event.kind == EventKind.REACTION:
        decision, conversation = _noted(event, decision)
    elif decision.outcome == Outcome.ADMITTED or decision.reason == Reason.NO_AGENT:
        if settings.debounce_ms:
            decision = bursts.continues(event, decision, settings)
        conversation = turns.conversation_for(event, decision)
    waits = decision.outcome == Outcome.WAITING
    event.state = EventState.WAITING if waits else EventState.DECIDED
    event.outcome = (EventOutcome.ADMITTED if conversation else "") if waits else decision.outcome.value
    event.reason = str(decision.reason)
    event.trail = trail_of(decision)
    event.reply_root = decision.reply_root
    event.command = decision.command
    event.conversation = conversation
    event.decided_at = timezone.now()
    event.error = ""
    if event.kind == EventKind.REACTION and conversation is not None:
        event.state, conversation = EventState.NOTED, None
    if conversation is not None and not waits:
        seconds = bursts.hold(event, settings)
        if seconds is not None:
            hints.task_later(turns.RUN, conversation.pk, seconds=seconds)
    live.changed(event.account_id, "event", [event.pk])
    if decision.reason == Reason.CHANNEL_TYPE_UNKNOWN:
        hints.task_after_commit(LOOK_UP, event.account_id, event.channel_id)
    return None if waits else conversation


def _save(event: InboundEvent) -> None:
    decided = [
        *("state", "outcome", "reason", "trail", "reply_root", "command", "wait_until"),
        *("conversation", "decided_at", "error"),
    ]
    event.save(update_fields=[*decided, "turn"] if event.turn_id is not None else decided)


def _noted(event: InboundEvent, decision: Decision) -> tuple[Decision, Conversation | None]:
    """A reaction is noted in the session that its post belongs to, when there is one; it never begins one."""
    if decision.outcome != Outcome.ADMITTED:
        return decision, None
    found = Conversation.objects.filter(account=event.account_id, session_key=decision.session_key).first()
    if found is None:
        check = Check(_("session of the post"), _("nothing was said to the bot there"), "conversations", passed=False)
        return Decision(Outcome.IGNORED, Reason.REACTION_NO_SESSION, (*decision.trail, check)), None
    return decision, found


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
