"""An agent that takes tools: asked, its calls carried out, asked again with their results, until it answers.

Each round is saved before it is carried out, and each result in the transaction that writes what the call sends. So a
turn that starts again after a kill goes on behind the last result, and nothing is sent twice. Every transaction proves
that the conversation's lease is still ours: after a `/stop` nothing more is sent.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, replace

import structlog
from django.db import transaction

from mattermost_bridge.agents import tools
from mattermost_bridge.agents.base import (
    Agent,
    AgentAnswer,
    AgentConfig,
    AgentError,
    AgentRequest,
    Deadline,
    ErrorKind,
    ToolCall,
    ToolRound,
    clean_text,
    interruption,
)
from mattermost_bridge.live import messages as live
from mattermost_bridge.models import TurnRound
from mattermost_bridge.services import turns
from mattermost_bridge.services.agent_hands import Hands, Result
from mattermost_bridge.services.errors import Refused
from mattermost_bridge.services.turns import Taken

log = structlog.get_logger(__name__)

MOST_ROUNDS = 8
#: Of one round so many calls are carried out.
MOST_CALLS = 16


def answer(
    agent: Agent, config: AgentConfig, request: AgentRequest, taken: Taken, deadline: Deadline, *, name: str
) -> AgentAnswer:
    """The agent's answer to `request`, after as many rounds of tools as it wants, MOST_ROUNDS at most.

    The agent's total time is one for all rounds. What it sent into its own conversation is noted in the turn's `given`,
    so that it is told of it later. `name` is how the audit log calls the agent. Raises AgentError.
    """
    hands = Hands(taken, name)
    request = replace(request, tools=(tools.declaration(hands.abilities),))
    rounds = list(TurnRound.objects.filter(turn=taken.turn_id).order_by("number"))
    work = Deadline(config.total_time)
    with deadline.on_cancel(lambda: work.cancel(deadline.reason)):
        while True:
            if rounds:
                _carry_out(rounds[-1], taken, hands, config, work)
            said = agent.answer(replace(request, rounds=tuple(map(_told, rounds))), deadline=work)
            if not said.calls:
                break
            if len(rounds) >= MOST_ROUNDS:
                raise AgentError(
                    ErrorKind.BAD_ANSWER,
                    f'The agent "{config.name}" asked for tools {MOST_ROUNDS} times in a row without an answer, and '
                    "was stopped. Change its instructions, or choose a better model.",
                )
            rounds.append(_saved(taken, said, len(rounds) + 1))
    if sent := [result["sent"] for row in rounds for result in row.results if result.get("sent")]:
        taken.turn.given = {**taken.turn.given, "sent": sent}
    return replace(
        said,
        input_tokens=_sum([said.input_tokens, *(row.input_tokens for row in rounds)]),
        output_tokens=_sum([said.output_tokens, *(row.output_tokens for row in rounds)]),
    )


def _saved(taken: Taken, said: AgentAnswer, number: int) -> TurnRound:
    with transaction.atomic():
        _prove_ours(taken)
        row = TurnRound.objects.create(
            turn=taken.turn,
            number=number,
            text=said.text,
            calls=[asdict(call) for call in said.calls],
            input_tokens=said.input_tokens,
            output_tokens=said.output_tokens,
        )
        live.changed(taken.settings.pk, "turn", [taken.turn_id])
    log.debug("an agent asked for tools", turn_id=taken.turn_id, round=number, calls=len(said.calls))
    return row


def _carry_out(row: TurnRound, taken: Taken, hands: Hands, config: AgentConfig, work: Deadline) -> None:
    """Carry out the calls of a round that have no result yet, in their order."""
    for number in range(len(row.results), len(row.calls)):
        if work.remaining() <= 0:
            raise interruption(config, work)
        try:
            if number >= MOST_CALLS:
                raise Refused(f"Only {MOST_CALLS} calls at a time are carried out. Ask again for this one.")
            _call(ToolCall(**row.calls[number]), row, number, taken, hands)
        except (Refused, tools.BadCall) as problem:
            with transaction.atomic():
                _prove_ours(taken)
                _note(row, Result(f"Error: {problem}", ok=False), taken)


def _call(call: ToolCall, row: TurnRound, number: int, taken: Taken, hands: Hands) -> None:
    # Looked at before the server is asked, too: a reaction after a /stop would be one too many.
    _prove_ours(taken)
    begun = hands.begin(call, (row.number, number))
    try:
        with transaction.atomic():
            _prove_ours(taken)
            result = begun.finish()
            _note(row, result, taken)
    except BaseException:
        begun.drop()
        raise


def _note(row: TurnRound, result: Result, taken: Taken) -> None:
    """Save what came of the round's next call, inside the caller's transaction."""
    row.results = [*row.results, asdict(replace(result, text=clean_text(result.text)))]
    row.save(update_fields=["results"])
    live.changed(taken.settings.pk, "turn", [taken.turn_id])


def _prove_ours(taken: Taken) -> None:
    """Raises AgentError (cancelled) when another worker, or a `/stop`, has taken the conversation."""
    if not turns.still_ours(taken):
        raise AgentError(ErrorKind.CANCELLED, "The conversation was taken over while its agent used tools.")


def _told(row: TurnRound) -> ToolRound:
    calls = tuple(ToolCall(**call) for call in row.calls)
    return ToolRound(row.text, calls, tuple(result["text"] for result in row.results))


def _sum(counts: Iterable[int | None]) -> int | None:
    known = [count for count in counts if count is not None]
    return sum(known) if known else None
