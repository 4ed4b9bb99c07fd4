"""Running a turn: the agent works, typing is shown, the lease is kept, and the result is handed in."""

from __future__ import annotations

import secrets
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import structlog
from django.conf import settings
from django.db import close_old_connections

from mattermost_bridge.agents.base import (
    AgentAnswer,
    AgentConfig,
    AgentError,
    AgentRequest,
    Deadline,
    ErrorKind,
    Image,
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
from mattermost_bridge.rules import context as rules
from mattermost_bridge.rules.channel_rules import said_here
from mattermost_bridge.rules.files import Shown, in_words
from mattermost_bridge.services import (
    context,
    control_commands,
    incoming_files,
    outbox,
    retention,
    session_options,
    tool_rounds,
    turn_results,
    turns,
)
from mattermost_bridge.services.agents import agent_config
from mattermost_bridge.services.clients import client_of
from mattermost_bridge.services.keeping import kept

log = structlog.get_logger(__name__)

TYPING_AFTER = 0.5
TYPING_EVERY = 3.0
HISTORY_CHARS = 40_000
#: After so many turns in a row a worker lets others have the conversation's next one, and itself look at its queue.
MOST_IN_A_ROW = 20
#: So many codes are drawn at most until one stands in nobody's text; a single one practically always does.
MOST_CODES = 100
CHANNEL_KINDS = {"D": "direct", "G": "group", "P": "group", "O": "channel"}

_running: dict[int, Deadline] = {}
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
        for deadline in _running.values():
            deadline.cancel(reason)


def stop_turn(turn_id: int, reason: str) -> None:
    """End the agent's work on a turn if it is this process that runs it; others find out when they renew its lease."""
    with _running_lock:
        deadline = _running.get(turn_id)
    if deadline is not None:
        deadline.cancel(reason)


def _run_one(taken: turns.Taken) -> bool:
    """Run one turn; True when it was put back."""
    turn, account = taken.turn, taken.settings
    if turn.command:
        return _hand_in(taken, None, control_commands.answer(taken))
    answer: AgentAnswer | AgentError
    try:
        chosen = _agent(turn.conversation.agent_id or account.agent_pk, account.version)
    except (AgentError, WrongKeyError) as error:
        return _hand_in(taken, None, AgentError(ErrorKind.BAD_SETTINGS, str(error)))
    # The agent bounds its answer by its own total time; what is read for it before takes none of that.
    config = session_options.configured(chosen.config, chosen.record, turn.conversation.options)
    deadline = Deadline(chosen.config.total_time + incoming_files.SECONDS + context.THREAD_SECONDS)
    lease = kept(
        lambda: turns.still_ours(taken),
        every=settings.TIMES["conversation_renew"],
        length=settings.TIMES["conversation_lease"],
        on_lost=lambda: deadline.cancel("another worker has taken over this conversation"),
    )
    log.debug("turn started", turn_id=turn.pk, account=account.account_id, start=turn.starts)
    found: context.Found | None = None
    with lease, _listed(turn.pk, deadline), _typing(account, turn):
        try:
            request, found = _request(chosen, taken, deadline)
            agent = build(config)
            if chosen.record.takes_tools:
                name = chosen.record.slug
                answer = tool_rounds.answer(agent, config, request, taken, deadline, name=name)
            else:
                answer = agent.answer(request, deadline=deadline)
        except AgentError as error:
            answer = error
        except Exception as error:
            # An agent's own defect ends like any failure: a sentence for the person, a cause for the operator.
            log.exception("an agent failed in an unexpected way", turn_id=turn.pk)
            answer = AgentError(ErrorKind.BAD_ANSWER, f"The agent failed in an unexpected way: {type(error).__name__}.")
    if isinstance(answer, AgentError) and answer.kind == ErrorKind.CANCELLED:
        turns.put_back(taken)
        return True
    return _hand_in(taken, chosen.record, answer, found)


def _hand_in(
    taken: turns.Taken,
    record: AgentRecord | None,
    answer: AgentAnswer | AgentError,
    found: context.Found | None = None,
) -> bool:
    """Write what came of the turn and send it; False, as the turn was not put back."""
    claimed = turn_results.finish(taken, taken.turn, record, answer, reactions=found.reactions if found else ())
    if claimed is not None:
        outbox.send_claimed(claimed)
    if found is not None and found.posts and taken.turn.state == TurnState.DONE:
        # What was not meant for the bot is needed no more once it has served as context.
        retention.blank_context(taken.settings.pk, found.posts)
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


def _request(chosen: _Agent, taken: turns.Taken, deadline: Deadline) -> tuple[AgentRequest, context.Found]:
    """What the agent is asked, with what is told beside it; the turn notes what that was."""
    turn, conversation, newest = taken.turn, taken.turn.conversation, taken.events[-1]
    kind = CHANNEL_KINDS.get(conversation.channel_type, "channel")
    question = turn.question
    history, last_at = _history(turn, chosen.record)
    if last_at is None and newest.root_id and not chosen.record.history_messages:
        last_at = context.last_answered_at(turn)
    found = context.gather(taken, last_at)
    files = incoming_files.fetch(taken, takes_images=chosen.record.takes_images, deadline=deadline)
    message = rules.Message(
        post_id=newest.post_id,
        name=taken.sender,
        at_ms=newest.create_at,
        kind=kind,
        channel=conversation.title.removesuffix(" (thread)"),
        in_thread=bool(newest.root_id) and kind != "direct",
    )
    codes = (secrets.token_hex(3) for _ in range(MOST_CODES))
    texts = [question, *(file.text for file in files), *(heard.text for heard in found.around.posts)]
    code = rules.fresh_code(codes, texts)
    named = tuple(in_words(file) for file in files)
    turn.given = context.given(found, named)
    request = AgentRequest(
        text=question,
        history=history,
        before=rules.before(code, message, found.around),
        after=rules.after(code, files),
        images=tuple(Image(f.name, f.mime_type, f.data) for f in files if f.shown is Shown.IMAGE),
        files=named,
        instructions=said_here(taken.settings.policy, newest.channel_id, "instructions")[0],
        capabilities=taken.settings.capabilities,
        sender_name=taken.sender,
        channel_name=conversation.title,
        channel_kind=kind,
        session_key=conversation.session_key,
        turn_id=turn.pk,
    )
    return request, found


def _history(turn: Turn, record: AgentRecord) -> tuple[tuple[Message, ...], int | None]:
    """The newest earlier questions and answers of the conversation, as many as the agent gets, and when the last one
    was asked, by the server's time."""
    if not record.history_messages:
        return (), None
    earlier = list(
        Turn.objects.filter(
            conversation=turn.conversation_id,
            state=TurnState.DONE,
            pk__lt=turn.pk,
            command="",
            trigger_at__gt=turn.conversation.fresh_since,
        ).order_by("-pk")[: (record.history_messages + 1) // 2]
    )
    messages = []
    for one in reversed(earlier):
        if one.blanked_at is None:
            question = one.question if one.question.strip() else ", ".join(one.given.get("files", ()))
            messages.append(Message("user", question, at_ms=one.trigger_at))
            # What it sent with its tool stands before the answer, which may then be blank.
            said = "\n\n".join(text for text in (*one.given.get("sent", ()), one.answer) if text.strip())
            messages += [Message("assistant", said)] if said else []
    last_at = earlier[0].trigger_at if earlier else None
    return trim_history(messages, record.history_messages, HISTORY_CHARS), last_at


@contextmanager
def _listed(turn_id: int, deadline: Deadline) -> Iterator[None]:
    with _running_lock:
        _running[turn_id] = deadline
        if _stopping.is_set():
            deadline.cancel("Durar is being stopped")
    try:
        yield
    finally:
        with _running_lock:
            if _running.get(turn_id) is deadline:
                del _running[turn_id]


@contextmanager
def _typing(account: AccountSettings, turn: Turn) -> Iterator[None]:
    """Show that the bot types while the agent works, once that takes longer than a moment."""
    done = threading.Event()
    channel_id, root_id = turn.channel_id, turn.reply_root

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
