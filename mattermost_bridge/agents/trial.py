"""*Try it* in the panel: one question to an agent, and what came of it."""

from __future__ import annotations

import time
from dataclasses import dataclass

from .base import AgentConfig, AgentError, AgentRequest, Deadline, build

# An operator waits in front of a browser, and a web server's thread waits with them.
LONGEST_TRIAL_S = 60.0


@dataclass(frozen=True, slots=True)
class TrialResult:
    """Either `ok` with the `answer` and the `model` that gave it, or the `cause` of the failure."""

    ok: bool
    answer: str
    cause: str
    elapsed_ms: int
    model: str


def try_agent(config: AgentConfig, text: str = "Say hello in one short sentence.") -> TrialResult:
    """Build the agent and ask it `text`, as in a direct message without history.

    Takes the agent's total time and never more than LONGEST_TRIAL_S. A failure is a result, not an exception.
    """
    started = time.monotonic()

    def result(*, ok: bool, answer: str = "", cause: str = "", model: str = "") -> TrialResult:
        elapsed_ms = round((time.monotonic() - started) * 1000)
        return TrialResult(ok=ok, answer=answer, cause=cause, elapsed_ms=elapsed_ms, model=model)

    try:
        agent = build(config)
        deadline = Deadline(min(config.total_time, LONGEST_TRIAL_S))
        answer = agent.answer(AgentRequest(text=text), deadline=deadline)
    except AgentError as error:
        return result(ok=False, cause=error.cause, model=config.model)
    return result(ok=True, answer=answer.text, model=answer.model or config.model)
