"""Slash commands as Mattermost sends them: the body read and checked, and the sentences that answer it."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import parse_qsl, urlsplit

from mattermost_bridge.rules.reasons import Reason

#: Fields that a form may have. Mattermost's own have about fifteen.
MOST_FIELDS = 100
INVALID = "Invalid slash command payload."
NOT_READY = "Slash commands are not yet initialized. Please try again in a moment."
WRONG_TOKEN = "Unauthorized: invalid command token."  # noqa: S105 - a sentence
SHARED_TOKEN = "Conflict: command token is not unique across accounts."  # noqa: S105 - a sentence
NO_CHANNEL_TYPE = "Temporary error: unable to determine channel type. Please try again."
UNCONFIRMED = "Temporary error: unable to confirm the command with Mattermost. Please try again."
WENT_WRONG = "Sorry, something went wrong processing that command."
PROCESSING = "Processing..."
AGAIN = "This command was taken already."
WAITS_FOR_AGENT = "No agent answers here yet. Your command waits, and is answered once there is one."
NO_WAY_BACK = (
    "The bot is not in this channel, and this server offers no other way to answer here. Invite the bot, or write to "
    "it directly."
)
UNAUTHORIZED = "Unauthorized."
#: What people are told whose command is not taken. A block is not told.
REFUSALS: Mapping[str, str] = {
    Reason.BLOCKED: "",
    Reason.DM_DISABLED: "This bot is not accepting direct messages.",
    Reason.GROUP_DISABLED: "Slash commands are disabled in channels.",
    Reason.CHANNEL_OFF: "Slash commands are disabled in this channel.",
    Reason.GROUP_LIST_EMPTY: "Slash commands are not configured for this channel (no allowlist).",
}

_ID = re.compile(r"[A-Za-z0-9]{1,26}")
_USERNAME = re.compile(r"[A-Za-z0-9._-]{1,64}")
_TRIGGER = re.compile(r"/?(\S{1,128})")
_DIRECT_NAME = re.compile(r"([a-z0-9]{26})__([a-z0-9]{26})")
_GROUP_NAME = re.compile(r"[0-9a-f]{40}")


class Refusal(Exception):
    """The call is not taken: its HTTP status, and the sentence that stands in the answer."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(text)
        self.status, self.text = status, text


@dataclass(frozen=True, slots=True)
class SlashCall:
    """A slash command that somebody typed, as Mattermost tells it. `trigger` is without its slash, in small letters.

    `root_id` is the thread in which it was typed, which only newer servers tell (Mattermost 5.37 does not). Nothing of
    it may be believed before the token is found to be that of this trigger in this team.
    """

    team_id: str
    channel_id: str
    user_id: str
    trigger: str
    token: str = field(default="", repr=False)
    args: str = ""
    username: str = ""
    channel_name: str = ""
    root_id: str = ""
    trigger_id: str = ""
    response_url: str = field(default="", repr=False)


def read_call(body: bytes, content_type: str) -> SlashCall:
    """The command in a body, which is a form or JSON. Raises Refusal.

    A call without a token is as one with a wrong one: 401. Whatever else is missing or no id makes it invalid: 400.
    """
    values = _values(body, content_type)
    ids = {name: _id(values, name) for name in ("team_id", "channel_id", "user_id")}
    trigger = _TRIGGER.fullmatch(_text(values, "command").strip())
    if not all(ids.values()) or trigger is None:
        raise Refusal(400, INVALID)
    token = _text(values, "token").strip()
    if not token:
        raise Refusal(401, WRONG_TOKEN)
    username = _text(values, "user_name")
    return SlashCall(
        **ids,
        trigger=trigger[1].lower(),
        token=token,
        args=_text(values, "text").strip(),
        username=username if _USERNAME.fullmatch(username) else "",
        channel_name=_text(values, "channel_name")[:64],
        root_id=_id(values, "root_id"),
        trigger_id=_text(values, "trigger_id")[:1000],
        response_url=_text(values, "response_url")[:1000],
    )


def _values(body: bytes, content_type: str) -> Mapping[str, Any]:
    """The fields of a body; a form unless it says that it is JSON. What stands there twice counts once, the first."""
    kind = content_type.partition(";")[0].strip().lower()
    try:
        text = body.decode()
        if kind == "application/json" or (not kind and text.lstrip().startswith("{")):
            value = json.loads(text)
            if not isinstance(value, dict):
                raise Refusal(400, INVALID)
            return value
        fields: dict[str, str] = {}
        for name, one in parse_qsl(text, keep_blank_values=True, max_num_fields=MOST_FIELDS, errors="strict"):
            fields.setdefault(name, one)
    except (ValueError, RecursionError) as problem:
        raise Refusal(400, INVALID) from problem
    return fields


def _text(values: Mapping[str, Any], name: str) -> str:
    value = values.get(name)
    return value if isinstance(value, str) else ""


def _id(values: Mapping[str, Any], name: str) -> str:
    value = _text(values, name).strip()
    return value if _ID.fullmatch(value) else ""


def ephemeral(text: str) -> dict[str, str]:
    """The answer that only whoever typed the command sees; with no text nothing is shown."""
    return {"response_type": "ephemeral", "text": text} if text else {}


def people_of(channel_name: str) -> frozenset[str]:
    """The ids of the two people of a direct channel, by its name; none for any other channel."""
    found = _DIRECT_NAME.fullmatch(channel_name)
    return frozenset(found.groups()) if found else frozenset()


def unseen_type(channel_name: str) -> str:
    """The type of a channel that the bot may not even see: a group message is named by a digest, others are private."""
    return "G" if _GROUP_NAME.fullmatch(channel_name) else "P"


def leads_home(response_url: str, base_url: str) -> bool:
    """Whether a `response_url` is one of the account's own server: its scheme, host and port, and a command's hook."""
    try:
        there, home = urlsplit(response_url), urlsplit(base_url)
        same = (there.scheme, there.hostname, _port(there)) == (home.scheme, home.hostname, _port(home))
    except ValueError:
        return False
    hook = re.fullmatch(re.escape(home.path.rstrip("/")) + r"/hooks/commands/[A-Za-z0-9]+", there.path)
    return same and hook is not None and not (there.username or there.password or there.query or there.fragment)


def _port(parts: Any) -> int | None:
    return parts.port or {"http": 80, "https": 443}.get(parts.scheme)


def prompt_with(prompt: str, args: str) -> str:
    """What the agent is asked for a skill: {args} stands for what follows the command; without it, that is added."""
    if "{args}" in prompt:
        return prompt.replace("{args}", args).strip()
    return f"{prompt.rstrip()}\n\n{args}".strip()
