"""`/stop`: the turn that runs in a session ends without an answer, and what waits there is dropped."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.conf import settings
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from mattermost_bridge.config.effective import AccountSettings
from mattermost_bridge.live import messages as live
from mattermost_bridge.models import Conversation, InboundEvent, Turn
from mattermost_bridge.models.states import EventOutcome, EventState, TurnState
from mattermost_bridge.rules.reasons import Reason
from mattermost_bridge.services.event_order import before
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
    seconds = settings.TIMES["conversation_lease"]
    lease = {"lease_holder": holder(), "lease_until": Now() + timedelta(seconds=seconds)}
    conversation, said = _halt(event, conversation, account, lease)
    if said is None:
        return None
    turn = Turn.objects.create(
        conversation=conversation,
        starts=1,
        started_at=timezone.now(),
        command=event.command,
        question=event.text,
        answer=said,
        channel_id=event.channel_id,
        peer_id=event.user_id if event.channel_type == "D" else "",
        reply_root=event.reply_root,
        trigger_at=event.create_at,
    )
    event.turn = turn
    return turn, conversation.fence


def stop_at_once(event: InboundEvent, conversation: Conversation, account: AccountSettings) -> str:
    """As `stop`, for a command that is answered where it came in: what was stopped, as a sentence, and no turn.

    What is younger than this command goes on.
    """
    _, said = _halt(event, conversation, account, {"lease_holder": "", "lease_until": None})
    return said or "What runs here now is younger than your command, and goes on. Older messages are dropped."


def _halt(
    event: InboundEvent, conversation: Conversation, account: AccountSettings, lease: dict[str, Any]
) -> tuple[Conversation, str | None]:
    """Cancel what runs and drop what waits, and put `lease` on the conversation.

    The conversation as it is now, and what became of it all; None when what runs is left alone.
    """
    from mattermost_bridge.services import turn_runner

    conversation = Conversation.objects.select_for_update().get(pk=conversation.pk)
    running = Turn.objects.filter(conversation=conversation, state=TurnState.RUNNING).first()
    taken = running is None or not (running.command or running.trigger_at > event.create_at)
    conversation.stopped_at = max(conversation.stopped_at, event.create_at)
    changes: dict[str, Any] = {"stopped_at": conversation.stopped_at}
    if taken:
        conversation.fence += 1
        changes |= {"fence": conversation.fence, **lease}
    Conversation.objects.filter(pk=conversation.pk).update(**changes)
    older = before(event)
    dropped = InboundEvent.objects.filter(
        older,
        conversation=conversation,
        state__in=[EventState.DECIDED, EventState.WAITING],
        outcome=EventOutcome.ADMITTED,
        turn=None,
        command="",
    ).update(**DROPPED)
    if not taken:
        return conversation, None
    if running is not None:
        running.state, running.finished_at = TurnState.CANCELLED, timezone.now()
        running.error_kind, running.error = KIND, "Somebody in the session stopped it with /stop."
        running.save(update_fields=["state", "finished_at", "error_kind", "error"])
        running.events.update(**DROPPED)
        transaction.on_commit(lambda: turn_runner.stop_turn(running.pk, "somebody wrote /stop"), robust=True)
        live.changed(account.pk, "turn", [running.pk])
    live.changed(account.pk, "event")
    return conversation, _said(running is not None, dropped)


def _said(was_running: bool, dropped: int) -> str:  # noqa: FBT001
    from mattermost_bridge.services.control_commands import NOTHING_TO_STOP

    waiting = f"{dropped} message{'' if dropped == 1 else 's'} that waited {'is' if dropped == 1 else 'are'} dropped."
    if was_running:
        return f"Stopped. {waiting[:1].upper()}{waiting[1:]}" if dropped else "Stopped."
    return waiting[:1].upper() + waiting[1:] if dropped else NOTHING_TO_STOP
