"""Running a turn: the agent works, typing is shown, the lease is kept, and the result is handed in."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import structlog
from django.conf import settings
from django.db import close_old_connections

from mattermost_bridge.agents.base import (
    Agent,
    AgentAnswer,
    AgentConfig,
    AgentError,
    AgentRequest,
    Deadline,
    ErrorKind,
    Message,
    build,
    trim_history,
)
from mattermost_bridge.config.effective import AccountSettings
from mattermost_bridge.mattermost.errors import MattermostError
from mattermost_bridge.models import Agent as AgentRecord
from mattermost_bridge.models import Turn
from mattermost_bridge.models.fields import WrongKeyError
from mattermost_bridge.models.states import TurnState
from mattermost_bridge.rules.mentions import strip_mention
from mattermost_bridge.services import outbox, turn_results, turns
from mattermost_bridge.services.agents import agent_config
from mattermost_bridge.services.clients import client_of
from mattermost_bridge.services.keeping import kept

log = structlog.get_logger(__name__)

TYPING_AFTER = 0.5
TYPING_EVERY = 3.0
HISTORY_CHARS = 40_000
#: After so many turns in a row a worker lets others have the conversation's next one, and itself look at its queue.
MOST_IN_A_ROW = 20
CHANNEL_KINDS = {"D": "direct", "G": "group", "P": "group", "O": "channel"}

_running: set[Deadline] = set()
_running_lock = threading.Lock()
_stopping = threading.Event()


def run(taken: turns.Taken) -> int:
    """Run a turn and those of the same conversation that wait behind it; then its place in `turns.room` is free.

    Returns how many were run.
    """
    count = 0
    following: turns.Taken | None = taken
    try:
        while following is not None:
            put_back = _run_one(following)
            count += 1
            if put_back or _stopping.is_set():
                break
            if count >= MOST_IN_A_ROW:
                turns.hint(taken.conversation_id)
                break
            # The lease was given back a moment ago: what came meanwhile found it taken, so look once more.
            following = turns.take_or_hint(taken.conversation_id, has_place=True)
    finally:
        turns.room.leave()
    return count


def stop_running(reason: str = "Durar is being stopped") -> None:
    """A graceful stop is out of patience: agents that still work are stopped, and their turns put back."""
    _stopping.set()
    with _running_lock:
        for deadline in _running:
            deadline.cancel(reason)


def _run_one(taken: turns.Taken) -> bool:
    """Run one turn; True when it was put back."""
    turn, account = taken.turn, taken.settings
    answer: AgentAnswer | AgentError
    try:
        chosen = _agent(turn.conversation.agent_id or account.agent_pk, account.version)
    except (AgentError, WrongKeyError) as error:
        return _hand_in(taken, None, AgentError(ErrorKind.BAD_SETTINGS, str(error)))
    deadline = Deadline(chosen.config.total_time)
    lease = kept(
        lambda: turns.still_ours(taken),
        every=settings.TIMES["conversation_renew"],
        length=settings.TIMES["conversation_lease"],
        on_lost=lambda: deadline.cancel("another worker has taken over this conversation"),
    )
    log.debug("turn started", turn_id=turn.pk, account=account.account_id, start=turn.starts)
    with lease, _listed(deadline), _typing(account, turn):
        try:
            answer = _ask(chosen, taken, deadline)
        except AgentError as error:
            answer = error
        except Exception as error:
            # An agent's own defect ends like any failure: a sentence for the person, a cause for the operator.
            log.exception("an agent failed in an unexpected way", turn_id=turn.pk)
            answer = AgentError(ErrorKind.BAD_ANSWER, f"The agent failed in an unexpected way: {type(error).__name__}.")
    if isinstance(answer, AgentError) and answer.kind == ErrorKind.CANCELLED:
        turns.put_back(taken)
        return True
    return _hand_in(taken, chosen.record, answer)


def _hand_in(taken: turns.Taken, record: AgentRecord | None, answer: AgentAnswer | AgentError) -> bool:
    """Write what came of the turn and send it; False, as the turn was not put back."""
    claimed = turn_results.finish(taken, taken.turn, record, answer)
    if claimed is not None:
        outbox.send_claimed(claimed)
    return False


@dataclass(frozen=True)
class _Agent:
    """An agent's record, and its settings as the adapters take them."""

    record: AgentRecord
    config: AgentConfig


_known: dict[int, tuple[int, _Agent]] = {}


def _agent(agent_pk: int | None, version: int) -> _Agent:
    """The agent, from memory while no setting changes. Raises AgentError, and WrongKeyError for an unreadable key."""
    known = _known.get(agent_pk or 0)
    if known is not None and known[0] == version:
        return known[1]
    record = AgentRecord.objects.filter(pk=agent_pk or 0).first()
    if record is None:
        raise AgentError(ErrorKind.BAD_SETTINGS, "The agent was removed while the message waited. Choose another one.")
    chosen = _Agent(record, agent_config(record))
    if not record.api_key_ref:  # what a reference names may change without anybody telling us
        _known[record.pk] = (version, chosen)
    return chosen


def _ask(chosen: _Agent, taken: turns.Taken, deadline: Deadline) -> AgentAnswer:
    agent: Agent = build(chosen.config)
    turn, conversation = taken.turn, taken.turn.conversation
    request = AgentRequest(
        text=_question(turn, taken.settings.bot_username),
        history=_history(turn, chosen.record),
        sender_name=taken.sender,
        channel_name=conversation.title,
        channel_kind=CHANNEL_KINDS.get(conversation.channel_type, "channel"),
        session_key=conversation.session_key,
        turn_id=turn.pk,
    )
    return agent.answer(request, deadline=deadline)


def _question(turn: Turn, bot_username: str) -> str:
    """What was asked, without the bot's own mention in channels; a bare mention stays what it is."""
    if turn.conversation.channel_type == "D":
        return turn.question
    return strip_mention(turn.question, bot_username) or turn.question


def _history(turn: Turn, record: AgentRecord) -> tuple[Message, ...]:
    """The newest earlier questions and answers of the conversation, as many as the agent gets."""
    if not record.history_messages:
        return ()
    earlier = Turn.objects.filter(conversation=turn.conversation_id, state=TurnState.DONE, pk__lt=turn.pk).order_by(
        "-pk"
    )[: (record.history_messages + 1) // 2]
    messages = []
    for one in reversed(earlier):
        messages.append(Message("user", one.question, at_ms=one.trigger_at))
        messages.append(Message("assistant", one.answer))
    return trim_history(messages, record.history_messages, HISTORY_CHARS)


@contextmanager
def _listed(deadline: Deadline) -> Iterator[None]:
    with _running_lock:
        _running.add(deadline)
        if _stopping.is_set():
            deadline.cancel("Durar is being stopped")
    try:
        yield
    finally:
        with _running_lock:
            _running.discard(deadline)


@contextmanager
def _typing(account: AccountSettings, turn: Turn) -> Iterator[None]:
    """Show that the bot types while the agent works, once that takes longer than a moment."""
    done = threading.Event()
    channel_id, root_id = turn.conversation.channel_id, turn.reply_root

    def show() -> None:
        failures = 0
        try:
            client = client_of(account)
            while failures < 2 and not done.is_set():
                try:
                    client.typing(channel_id, root_id)
                    failures = 0
                except MattermostError as error:
                    failures += 1
                    log.debug("typing could not be shown", error=str(error))
                done.wait(TYPING_EVERY)
        finally:
            close_old_connections()

    timer = threading.Timer(TYPING_AFTER, show)
    timer.daemon = True
    timer.start()
    try:
        yield
    finally:
        done.set()
        timer.cancel()
