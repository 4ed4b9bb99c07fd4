"""What every agent takes, gives and raises, and the list of backends."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from enum import StrEnum
from importlib import import_module
from typing import Any, Literal, Protocol

from .deadline import Deadline

__all__ = [
    "BACKENDS",
    "INLINE_BUTTONS",
    "Agent",
    "AgentAnswer",
    "AgentConfig",
    "AgentError",
    "AgentRequest",
    "Backend",
    "Deadline",
    "ErrorKind",
    "Image",
    "Message",
    "ToolCall",
    "ToolRound",
    "build",
    "clean_text",
    "cut_answer",
    "interruption",
    "time_left",
    "trim_history",
]

#: The capability of a chat that shows buttons and tells of clicks, as in the configuration's `capabilities`.
INLINE_BUTTONS = "inlineButtons"

# About fifteen posts of Mattermost; a model that talks without end is stopped there.
MAX_ANSWER_CHARS = 60_000


class ErrorKind(StrEnum):
    """Why an agent gave no answer."""

    TIMEOUT = "timeout"  # not done within the total time
    UNREACHABLE = "unreachable"  # no connection, or it broke
    REFUSED_KEY = "refused_key"  # the server does not accept the key, or not for this
    RATE_LIMITED = "rate_limited"  # too many requests, or no credit
    BAD_ANSWER = "bad_answer"  # something came that is no answer
    BAD_SETTINGS = "bad_settings"  # the operator has to change something
    SERVER_ERROR = "server_error"  # the server failed
    CANCELLED = "cancelled"  # stopped by us: a graceful stop, a lost lease


class AgentError(Exception):
    """An agent that could not answer. `str()` of it is `cause`.

    `cause` is for the operator: whole sentences with the remedy, and without secrets. `retry_after` is in seconds, when
    the server named a time.
    """

    def __init__(self, kind: ErrorKind | str, cause: str, retry_after: float | None = None) -> None:
        super().__init__(kind, cause, retry_after)
        self.kind = ErrorKind(kind)
        self.cause = cause
        self.retry_after = retry_after

    def __str__(self) -> str:
        return self.cause


@dataclass(frozen=True)
class AgentConfig:
    """The settings of one agent. `backend` is a key of `BACKENDS`, `name` is what the operator calls it.

    `total_time` is in seconds and bounds one answer from the call to its last character. `extra` holds further fields
    of the backend's own (for the OpenAI chat API: of the request, such as temperature), never secrets.
    """

    backend: str
    name: str
    base_url: str = ""
    api_key: str = field(default="", repr=False)
    model: str = ""
    instructions: str = ""
    total_time: float = 120.0
    max_answer_chars: int = MAX_ANSWER_CHARS
    extra: Mapping[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class Message:
    """One earlier message. `name` is the person's username, `at_ms` milliseconds since the epoch."""

    role: Literal["user", "assistant"]
    text: str
    name: str = ""
    at_ms: int = 0


@dataclass(frozen=True, slots=True)
class Image:
    """A picture that came with a message: its bytes, of the type `mime_type`."""

    name: str
    mime_type: str
    data: bytes = field(repr=False)


@dataclass(frozen=True, slots=True)
class ToolCall:
    """A tool that the agent asks for. `arguments` is JSON as the agent wrote it, which may be broken."""

    id: str
    name: str
    arguments: str = ""


@dataclass(frozen=True, slots=True)
class ToolRound:
    """What an agent said and asked for on the way to its answer, and the `results` of its `calls`, in their order."""

    text: str
    calls: tuple[ToolCall, ...]
    results: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class AgentRequest:
    """What somebody wrote, and where. `history` is in order, oldest first, and does not contain `text`.

    `before` and `after` are what a model reads around the text: who wrote it, what was said before, the text of files.
    `images` are for agents that take them; `files` says of every file that came along, in words, what became of it.
    `instructions` hold in this channel beside the agent's own. `capabilities` are what the account's operator says that
    the chat can do, as the configuration names it: `INLINE_BUTTONS`. `tools` are what it may ask for, as functions of
    the OpenAI chat API; `rounds` are those in which it did so already, oldest first.
    `channel_kind` is direct, group or channel (Mattermost's own letters D, G, O and P are understood as well).
    """

    text: str
    history: tuple[Message, ...] = ()
    before: str = ""
    after: str = ""
    images: tuple[Image, ...] = ()
    files: tuple[str, ...] = ()
    instructions: str = ""
    capabilities: tuple[str, ...] = ()
    sender_name: str = ""
    channel_name: str = ""
    channel_kind: str = "direct"
    session_key: str = ""
    turn_id: int | None = None
    tools: tuple[Mapping[str, Any], ...] = field(default=(), hash=False)
    rounds: tuple[ToolRound, ...] = ()

    def can(self, capability: str) -> bool:
        """Whether the chat has this capability; how its name is capitalised does not matter."""
        return capability.casefold() in {one.strip().casefold() for one in self.capabilities}

    @property
    def is_direct(self) -> bool:
        """Whether bot and person are alone."""
        return self.channel_kind in {"", "direct", "D"}


@dataclass(frozen=True, slots=True)
class AgentAnswer:
    """What the agent says. `model` and the token counts are as the server reports them; None when it does not.

    With `calls` it is no answer yet: the agent asks for these tools, and is asked again with their results.
    `reasoning` is what the model says of its way there, "" where the server does not tell it.
    """

    text: str
    model: str = ""
    input_tokens: int | None = None
    output_tokens: int | None = None
    truncated: bool = False
    calls: tuple[ToolCall, ...] = ()
    reasoning: str = ""


class Agent(Protocol):
    """Somebody who answers."""

    def answer(self, request: AgentRequest, *, deadline: Deadline) -> AgentAnswer:
        """The answer, or the tools of `request.tools` that are to be used first. Blocks until it is complete.

        It is blank only after rounds in which tools were used: then they may have said everything.

        Raises AgentError for everything that keeps it from answering, soon after `deadline` ends or is cancelled at the
        latest.
        """
        ...


@dataclass(frozen=True, slots=True)
class Backend:
    """A kind of agent, as the panel offers it. `needs` and `takes` are names of AgentConfig's fields.

    `needs` must be filled in; `takes` may be. `factory` is `module:class`, imported only when an agent is built.
    """

    key: str
    label: str
    description: str
    factory: str
    needs: tuple[str, ...] = ()
    takes: tuple[str, ...] = ()


BACKENDS: dict[str, Backend] = {
    backend.key: backend
    for backend in (
        Backend(
            key="echo",
            label="Echo",
            description="Repeats what it is told, at once: a way to try Durar without a model. Write help to it.",
            factory="mattermost_bridge.agents.echo:EchoAgent",
            takes=("total_time", "max_answer_chars"),
        ),
        Backend(
            key="openai_compatible",
            label="OpenAI-compatible server",
            description="Any server that speaks the OpenAI chat API: OpenAI, vLLM, llama.cpp, Ollama, LiteLLM, ...",
            factory="mattermost_bridge.agents.openai_compatible:OpenAICompatibleAgent",
            needs=("base_url", "model"),
            takes=("api_key", "instructions", "total_time", "max_answer_chars", "extra"),
        ),
    )
}

FIELD_LABELS = {"base_url": "address", "model": "model", "api_key": "API key", "instructions": "instructions"}


def build(config: AgentConfig) -> Agent:
    """The agent that these settings describe; calls no server.

    Raises AgentError (bad_settings) for an unknown backend, a missing field or a value that cannot work.
    """
    backend = BACKENDS.get(config.backend)
    if backend is None:
        raise AgentError(
            ErrorKind.BAD_SETTINGS,
            f'The agent "{config.name}" has the backend "{config.backend}", which does not exist. '
            f"Choose one of: {', '.join(BACKENDS)}.",
        )
    missing = [FIELD_LABELS.get(name, name) for name in backend.needs if not str(getattr(config, name)).strip()]
    if missing:
        raise AgentError(
            ErrorKind.BAD_SETTINGS,
            f'The agent "{config.name}" ({backend.label}) has no {" and no ".join(missing)}. '
            "Fill this in in the agent's settings.",
        )
    if not (config.total_time > 0 and math.isfinite(config.total_time)):
        raise AgentError(
            ErrorKind.BAD_SETTINGS,
            f'The total time of the agent "{config.name}" is {config.total_time}. Set a number of seconds above 0.',
        )
    if config.max_answer_chars < 1:
        raise AgentError(
            ErrorKind.BAD_SETTINGS,
            f'The longest answer of the agent "{config.name}" is {config.max_answer_chars} characters. Set 1 or more.',
        )
    module, _, name = backend.factory.partition(":")
    factory = getattr(import_module(module), name)
    agent: Agent = factory(config)
    return agent


def time_left(config: AgentConfig, deadline: Deadline) -> float:
    """Seconds that an answer which starts now may take: the agent's total time, within the caller's deadline."""
    return min(deadline.remaining(), config.total_time)


def interruption(config: AgentConfig, deadline: Deadline, progress: str = "") -> AgentError:
    """The error for an answer that was cancelled or ran out of time. `progress` is a sentence on how far it came."""
    if deadline.cancelled:
        why = f" because {deadline.reason}" if deadline.reason else ""
        return AgentError(ErrorKind.CANCELLED, f'The answer of the agent "{config.name}" was stopped{why}.')
    seconds = min(config.total_time, deadline.total)
    parts = [
        f'The agent "{config.name}" was not done within {seconds:g} seconds.',
        progress,
        "Raise its total time, or choose a faster model.",
    ]
    return AgentError(ErrorKind.TIMEOUT, " ".join(part for part in parts if part))


def clean_text(text: str) -> str:
    """`text` as a database and an HTTP body can hold it: pairs of surrogates joined, lone ones U+FFFD, NUL left out."""
    joined = text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return joined.replace("\x00", "")


def cut_answer(text: str, max_chars: int) -> tuple[str, bool]:
    """`text` in at most `max_chars` characters, and whether it had to be cut; a cut one says so at its end."""
    if len(text) <= max_chars:
        return text, False
    note = f"\n\n… (The answer is longer than {max_chars} characters and is cut here.)"
    if len(note) >= max_chars:
        return text[:max_chars], True
    return text[: max_chars - len(note)] + note, True


def trim_history(messages: Sequence[Message], max_messages: int, max_chars: int) -> tuple[Message, ...]:
    """The newest of `messages` (oldest first, and so they stay), at most that many, with at most that many characters.

    Messages are kept whole; only when the newest alone is too long, its beginning is kept.
    """
    if max_messages <= 0 or max_chars <= 0:
        return ()
    kept: list[Message] = []
    room = max_chars
    for message in reversed(messages[-max_messages:]):
        if len(message.text) > room:
            if not kept:
                kept.append(replace(message, text=message.text[:room]))
            break
        kept.append(message)
        room -= len(message.text)
    return tuple(reversed(kept))
