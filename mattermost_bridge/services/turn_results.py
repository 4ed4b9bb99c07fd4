"""What a turn came to: its result, its deliveries and "answered", written in one transaction under the lease."""

from __future__ import annotations

from collections.abc import Collection

import structlog
from django.db import transaction
from django.db.models.functions import Now
from django.utils import timezone

from mattermost_bridge.agents.base import AgentAnswer, AgentError, ErrorKind
from mattermost_bridge.live import messages as live
from mattermost_bridge.models import Agent, Conversation, InboundEvent, Turn
from mattermost_bridge.models.states import DeliveryKind, EventState, TurnState
from mattermost_bridge.rules import session_options, texts
from mattermost_bridge.rules.control_commands import NEW
from mattermost_bridge.services import outbox, slash_answers
from mattermost_bridge.services.keeping import holder
from mattermost_bridge.services.turns import Taken

log = structlog.get_logger(__name__)

WORKER_DIED = "worker_died"


def finish(
    taken: Taken,
    turn: Turn,
    agent: Agent | None,
    result: AgentAnswer | AgentError,
    *,
    reactions: Collection[int] = (),
) -> outbox.Claimed | None:
    """Write what came of a turn, if its lease is still ours; else the result is thrown away: somebody else answers.

    `reactions` are the events that its agent was told of: with an answer they are this turn's, and told no more.
    Returns the first delivery, already claimed by this process, when its lane is free.
    """
    with transaction.atomic():
        changes = {"fresh_since": turn.trigger_at} if turn.command == NEW else {}
        ours = Conversation.objects.filter(pk=taken.conversation_id, fence=taken.fence, lease_holder=holder()).update(
            lease_holder="", lease_until=None, last_active_at=Now(), **changes
        )
        if not ours:
            log.warning("a turn's result came too late and is thrown away", turn_id=turn.pk)
            return None
        turn.agent = agent
        if isinstance(result, AgentError):
            claimed = _fail(turn, str(result.kind), result.cause, _sentence(result), taken=taken)
        else:
            claimed = _answer(turn, result, taken)
            if reactions:
                InboundEvent.objects.filter(pk__in=reactions, turn=None).update(turn=turn)
    log.debug("turn ended", turn_id=turn.pk, state=turn.state)
    return claimed


def give_up(turn: Turn) -> None:
    """End a turn whose worker died too often, inside the caller's transaction, and tell the person."""
    cause = f"The worker that ran this turn died {turn.starts} times. Look at the workers' log around these times."
    _fail(turn, WORKER_DIED, cause, texts.WORKER_DIED)


def _answer(turn: Turn, answer: AgentAnswer, taken: Taken) -> outbox.Claimed | None:
    turn.state, turn.answer, turn.model = TurnState.DONE, answer.text, answer.model[:120]
    turn.input_tokens, turn.output_tokens = answer.input_tokens, answer.output_tokens
    _end(turn, EventState.ANSWERED, "")
    return _post(turn, _dressed(turn, answer), DeliveryKind.ANSWER, taken)


def _dressed(turn: Turn, answer: AgentAnswer) -> str:
    """The answer as people see it in this session."""
    options = turn.conversation.options
    if not options or turn.command:
        return answer.text
    took = (turn.finished_at - turn.started_at).total_seconds() if turn.finished_at and turn.started_at else None
    return session_options.dressed(
        answer.text,
        options,
        reasoning=answer.reasoning,
        model=answer.model,
        tokens=(answer.input_tokens, answer.output_tokens),
        seconds=took,
    )


def _fail(turn: Turn, kind: str, cause: str, sentence: str, *, taken: Taken | None = None) -> outbox.Claimed | None:
    turn.state, turn.error_kind, turn.error = TurnState.FAILED, kind[:40], cause
    _end(turn, EventState.FAILED, cause)
    log.warning("turn failed", turn_id=turn.pk, kind=kind, cause=cause)
    return _post(turn, sentence, DeliveryKind.FAILURE, taken)


def _end(turn: Turn, event_state: str, error: str) -> None:
    turn.finished_at = timezone.now()
    turn.save(
        update_fields=[
            "agent",
            "state",
            "answer",
            "given",
            "model",
            "input_tokens",
            "output_tokens",
            "error_kind",
            "error",
            "finished_at",
        ]
    )
    turn.events.update(state=event_state, error=error)
    live.changed(turn.conversation.account_id, "turn", [turn.pk])
    live.changed(turn.conversation.account_id, "event")


def _post(turn: Turn, text: str, kind: str, taken: Taken | None) -> outbox.Claimed | None:
    """Put the text into the outbox; with what was `taken` at hand this process sends it by itself."""
    conversation = turn.conversation
    if text.strip() and (url := slash_answers.url_of(turn, taken.events if taken else None)):
        slash_answers.put(turn, text, kind, url, drain=outbox.DRAIN)
        return None
    return outbox.post_claimed(
        account_pk=conversation.account_id,
        channel_id=turn.channel_id,
        root_id=turn.reply_root,
        text=text,
        kind=kind,
        recipient_id=turn.peer_id,
        turn=turn,
        since_ms=turn.trigger_at,
        account=taken.settings if taken else None,
    )


def _sentence(error: AgentError) -> str:
    return texts.AGENT_TOO_SLOW if error.kind == ErrorKind.TIMEOUT else texts.AGENT_FAILED
