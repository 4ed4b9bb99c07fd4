"""Clicks on buttons: what Mattermost sends with one, read and checked, and what is said about it."""

from __future__ import annotations

import base64
import binascii
import json
import math
import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

from mattermost_bridge.rules.buttons import ACTION_ID, CALLBACK_DATA, CHANNEL, GENERATION
from mattermost_bridge.rules.signatures import TOKEN, is_signed

#: Levels of nesting that a body may have. No button's context needs as many.
MOST_LEVELS = 32
#: A trigger's time is believed when it is at most so far, in milliseconds, from the server's own.
TRIGGER_ROOM_MS = 86_400_000

_ID = re.compile(r"[A-Za-z0-9]{1,26}")
_USERNAME = re.compile(r"[A-Za-z0-9._-]{1,64}")


class Refusal(Exception):
    """The click is not taken: the HTTP status and the error that Mattermost's log shows. `logged` is said in ours."""

    def __init__(self, status: int, error: str, *, logged: str = "") -> None:
        super().__init__(error)
        self.status, self.error, self.logged = status, error, logged


@dataclass(frozen=True, slots=True)
class Click:
    """A click whose context is signed. Who clicked, and where, is Mattermost's word."""

    user_id: str
    username: str
    channel_id: str
    channel_name: str
    post_id: str
    trigger_id: str
    action_id: str
    generation: str = ""
    value: str = ""
    too_old: bool = False
    context: Mapping[str, Any] = field(default_factory=dict, compare=False, repr=False)


def parse_body(body: bytes) -> dict[str, Any]:
    """The JSON object in a body. Raises Refusal 400 for anything else, and for what is nested very deeply."""
    try:
        value = json.loads(body.decode(), parse_constant=_no_number)
    except (ValueError, RecursionError) as problem:
        raise Refusal(400, "Invalid request body") from problem
    if not isinstance(value, dict) or not _is_plain(value, MOST_LEVELS):
        raise Refusal(400, "Invalid request body")
    return value


def _no_number(name: str) -> Any:
    raise ValueError(f"{name} is no JSON value")


def _is_plain(value: Any, levels: int) -> bool:
    if isinstance(value, float):
        return math.isfinite(value)
    if isinstance(value, dict):
        return levels > 0 and all(_is_plain(one, levels - 1) for one in value.values())
    if isinstance(value, list):
        return levels > 0 and all(_is_plain(one, levels - 1) for one in value)
    return not isinstance(value, int) or abs(value) < 10**300


def read_click(payload: Mapping[str, Any], secrets: Iterable[tuple[str, bool]]) -> Click:
    """The click in a body, checked up to what only the server knows; raises Refusal.

    `secrets` are those under which the account's buttons may be signed, each with whether it is too old to count. The
    order of the checks is part of the interface: context, token, signature, action id, channel.
    """
    context = payload.get("context")
    if not isinstance(context, dict) or not context:
        raise Refusal(400, "Missing context")
    token = context.get(TOKEN)
    if not isinstance(token, str) or not token:
        raise Refusal(403, "Missing token", logged="missing _token in context")
    too_old = _age(context, token, secrets)
    action_id = context.get(ACTION_ID)
    if not isinstance(action_id, str) or not action_id.strip():
        raise Refusal(400, "Missing action_id in context")
    channel_id = payload.get("channel_id")
    if CHANNEL in context and context[CHANNEL] != channel_id:
        raise Refusal(403, "Channel mismatch")
    user_id = payload.get("user_id")
    if not _is_id(user_id) or not _is_id(channel_id):
        raise Refusal(400, "Invalid request body")
    username = payload.get("user_name")
    post_id = payload.get("post_id")
    return Click(
        user_id=str(user_id),
        username=username if isinstance(username, str) and _USERNAME.fullmatch(username) else "",
        channel_id=str(channel_id),
        channel_name=_text(payload.get("channel_name"))[:64],
        post_id=post_id if isinstance(post_id, str) and _is_id(post_id) else "",
        trigger_id=_text(payload.get("trigger_id"))[:1000],
        action_id=action_id.strip(),
        generation=_text(context.get(GENERATION))[:64],
        value=_text(context.get(CALLBACK_DATA)),
        too_old=too_old,
        context={key: value for key, value in context.items() if key != TOKEN},
    )


def _age(context: Mapping[str, Any], token: str, secrets: Iterable[tuple[str, bool]]) -> bool:
    """Whether the secret that signed the context is too old. Raises Refusal when none did."""
    for secret, too_old in secrets:
        if is_signed(context, token, secret):
            return too_old
    raise Refusal(403, "Invalid token", logged="invalid _token")


def _is_id(value: Any) -> bool:
    return isinstance(value, str) and _ID.fullmatch(value) is not None


def _text(value: Any) -> str:
    return value if isinstance(value, str) else ""


def clicked_at(trigger_id: str, server_now_ms: int) -> int:
    """When somebody clicked, in the server's milliseconds: from inside the trigger, or else now.

    A trigger is base64 of an id, the person, the time and a signature. Only the server can check that, so a time far
    from its own does not count.
    """
    try:
        parts = base64.b64decode(trigger_id, validate=True).split(b":", 3)
        at = int(parts[2])
    except (binascii.Error, IndexError, ValueError):
        return server_now_ms
    return at if abs(at - server_now_ms) <= TRIGGER_ROOM_MS else server_now_ms


def message_of(name: str, username: str) -> str:
    """What the agent is told of a click."""
    return f'[Button click: user @{username} selected "{name}"]'


def room_of(channel_type: str, channel_name: str) -> str:
    """How a person reads where they clicked."""
    if channel_type == "D":
        return "this direct message"
    if channel_type == "G":
        return "this group message"
    return f"~{channel_name}" if channel_name else "this channel"
