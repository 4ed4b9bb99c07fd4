"""What Durar answers by itself to a control command, in a turn that needs no agent.

A turn like any other: in its conversation's order, under its lease, its answer by way of the outbox. Only `/stop` does
not wait in the row: `stopping` does its work when it is decided.
"""

from __future__ import annotations

from django.utils import timezone

from mattermost_bridge.agents.base import AgentAnswer
from mattermost_bridge.config.effective import AccountSettings
from mattermost_bridge.models import Agent, Conversation, Skill, Turn
from mattermost_bridge.models.states import TurnState
from mattermost_bridge.rules.control_commands import HELP, NEW, STATUS, STOP
from mattermost_bridge.services import session_options
from mattermost_bridge.services.slash_registration import skills_of
from mattermost_bridge.services.turns import Taken

NEW_SESSION = "A new session begins here. What was said before is not passed on any more."
NOTHING_TO_STOP = "There is nothing to stop here."


def answer(taken: Taken) -> AgentAnswer:
    """The answer to the control command of a turn. What `/new` changes is written together with the turn's result."""
    turn = taken.turn
    texts = {
        NEW: lambda: NEW_SESSION,
        STATUS: lambda: status_text(turn.conversation, taken.settings),
        HELP: lambda: help_text(taken.settings),
        # When it was decided, `/stop` wrote down what it found.
        STOP: lambda: turn.answer or NOTHING_TO_STOP,
    }
    return AgentAnswer(text=texts[turn.command]())


def help_text(account: AccountSettings) -> str:
    """What people may write, and how."""
    name = f"@{account.bot_username}" if account.bot_username else "a mention of me"
    return (
        f"Write one of these after {name}, or with a blank before the slash, since Mattermost keeps a bare one for "
        "itself:\n\n"
        "- `/new` begins a new session: what was said before is not passed on any more.\n"
        "- `/stop` stops the answer that is being worked on, and drops what waits.\n"
        "- `/status` says who answers here.\n"
        "- `/help` shows this list." + "".join(f"\n- `/{one.name}` {_described(one)}" for one in skills_of(account.pk))
    )


def _described(skill: Skill) -> str:
    return skill.description or "is a skill of the agent here."


def status_text(conversation: Conversation, account: AccountSettings) -> str:
    """Who answers in a conversation, and how the last turn went."""
    agent = Agent.objects.filter(pk=conversation.agent_id or account.agent_pk or 0).first()
    name = account.name if account.name == account.account_id else f"{account.name} ({account.account_id})"
    lines = [
        f"- Account: {name}",
        f"- Agent: {agent or 'none, so messages wait'}",
        f"- Model: {session_options.model_in_use(agent, conversation) if agent is not None else 'none'}",
        f"- Last turn here: {_last_turn(conversation)}",
    ]
    return "\n".join(lines)


def _last_turn(conversation: Conversation) -> str:
    turns = Turn.objects.filter(conversation=conversation, command="", trigger_at__gt=conversation.fresh_since)
    turn = turns.exclude(finished_at=None).order_by("-pk").first()
    if turn is None or turn.finished_at is None:
        return "none yet"
    words = {
        TurnState.DONE: "answered",
        TurnState.FAILED: "failed",
        TurnState.RETRIED: "failed, then tried again",
        TurnState.CANCELLED: "cancelled",
    }
    took = f", after {(turn.finished_at - turn.started_at).total_seconds():.1f} s" if turn.started_at else ""
    return f"{words.get(TurnState(turn.state), turn.state)} {_ago(turn)}{took}"


def _ago(turn: Turn) -> str:
    if turn.finished_at is None:
        return ""
    seconds = int((timezone.now() - turn.finished_at).total_seconds())
    for size, unit in ((86400, "day"), (3600, "hour"), (60, "minute")):
        if seconds >= size:
            count = seconds // size
            return f"{count} {unit}{'s' if count > 1 else ''} ago"
    return "just now"
