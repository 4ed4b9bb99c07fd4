"""`/stop`: the turn that runs in a session ends without an answer, and what waits there is dropped."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models import Q
from django.db.models.functions import Now
from django.utils import timezone

from mattermost_bridge.config.effective import AccountSettings
from mattermost_bridge.live import messages as live
from mattermost_bridge.models import Conversation, InboundEvent, Turn
from mattermost_bridge.models.states import EventOutcome, EventState, TurnState
from mattermost_bridge.rules.reasons import Reason
from mattermost_bridge.services.keeping import holder

KIND = "stopped"
#: What becomes of an event that waited when somebody wrote `/stop`.
DROPPED = {"state": EventState.DECIDED, "outcome": EventOutcome.IGNORED, "reason": Reason.STOPPED}


def stop(event: InboundEvent, conversation: Conversation, account: AccountSettings) -> tuple[Turn, int] | None:
    """Stop what runs and waits in a conversation, inside the transaction that decides the `/stop` that `event` is.

    The conversation is taken from whoever holds it: a result that is handed in later finds another fence and is thrown
    away. Events that are still undecided, and older than this one, are dropped when their turn would begin
    (`Conversation.stopped_at`). Returns the turn that says so, begun and under this process's lease, with its fence;
    None when a control command, or something younger than this one, is being answered right now: then this one waits
    its turn.
    """
    from mattermost_bridge.services import turn_runner

    conversation = Conversation.objects.select_for_update().get(pk=conversation.pk)
    running = Turn.objects.filter(conversation=conversation, state=TurnState.RUNNING).first()
    taken = running is None or not (running.command or running.trigger_at > event.create_at)
    fence = conversation.fence + 1 if taken else conversation.fence
    changes: dict[str, Any] = {"stopped_at": max(conversation.stopped_at, event.create_at)}
    if taken:
        seconds = settings.TIMES["conversation_lease"]
        changes |= {"fence": fence, "lease_holder": holder(), "lease_until": Now() + timedelta(seconds=seconds)}
    Conversation.objects.filter(pk=conversation.pk).update(**changes)
    older = Q(create_at__lt=event.create_at) | Q(create_at=event.create_at, post_id__lt=event.post_id)
    dropped = InboundEvent.objects.filter(
        older,
        conversation=conversation,
        state__in=[EventState.DECIDED, EventState.WAITING],
        outcome=EventOutcome.ADMITTED,
        turn=None,
        command="",
    ).update(**DROPPED)
    if not taken:
        return None
    if running is not None:
        running.state, running.finished_at = TurnState.CANCELLED, timezone.now()
        running.error_kind, running.error = KIND, "Somebody in the session stopped it with /stop."
        running.save(update_fields=["state", "finished_at", "error_kind", "error"])
        running.events.update(**DROPPED)
        transaction.on_commit(lambda: turn_runner.stop_turn(running.pk, "somebody wrote /stop"), robust=True)
        live.changed(account.pk, "turn", [running.pk])
    live.changed(account.pk, "event")
    turn = Turn.objects.create(
        conversation=conversation,
        starts=1,
        started_at=timezone.now(),
        command=event.command,
        question=event.text,
        answer=_said(running is not None, dropped),
        channel_id=event.channel_id,
        peer_id=event.user_id if event.channel_type == "D" else "",
        reply_root=event.reply_root,
        trigger_at=event.create_at,
    )
    event.turn = turn
    turn.conversation.fence = fence
    return turn, fence


def _said(was_running: bool, dropped: int) -> str:  # noqa: FBT001
    from mattermost_bridge.services.control_commands import NOTHING_TO_STOP

    waiting = f"{dropped} message{'' if dropped == 1 else 's'} that waited {'is' if dropped == 1 else 'are'} dropped."
    if was_running:
        return f"Stopped. {waiting[:1].upper()}{waiting[1:]}" if dropped else "Stopped."
    return waiting[:1].upper() + waiting[1:] if dropped else NOTHING_TO_STOP
