"""The tool `message` that agents may use: how it is declared, and what a call of it asks for, checked.

The names of its arguments are those of `Durar message` and of the original gateway. What is wrong with a call is a
sentence for the agent, which may try again.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .base import ToolCall, clean_text

NAME = "message"
ACTIONS = ("send", "react", "buttons", "read")
DEFAULT_LIMIT, MOST_READ = 20, 100
_ID = re.compile(r"[a-z0-9]{26}")
#: Further names by which agents call an argument.
_ALIASES: dict[str, str] = {
    "target": "to",
    "text": "message",
    "postId": "messageId",
    "replyTo": "replyToId",
    "media": "files",
    "mediaUrl": "files",
    "mediaUrls": "files",
    "path": "files",
    "filePath": "files",
    "fileUrl": "files",
}
_ARGUMENTS = {
    "send": {"to", "message", "files", "replyToId", "buttons"},
    "buttons": {"to", "message", "files", "replyToId", "buttons"},
    "react": {"to", "messageId", "emoji", "remove"},
    "read": {"to", "limit", "before"},
}


class BadCall(ValueError):
    """A call that cannot be carried out. The text is a sentence for the agent."""


@dataclass(frozen=True, slots=True)
class Abilities:
    """What the agent may do with the tool here. `targets` are where it may write beside its own conversation."""

    buttons: bool = False
    reactions: bool = False
    reading: bool = False
    targets: tuple[str, ...] = ()

    @property
    def actions(self) -> tuple[str, ...]:
        """The actions that are declared."""
        allowed = {"react": self.reactions, "buttons": self.buttons, "read": self.reading}
        return tuple(action for action in ACTIONS if allowed.get(action, True))


@dataclass(frozen=True, slots=True)
class Wanted:
    """What a call asks for. An empty `to` is the agent's own conversation; `buttons` are rows of them, or None."""

    action: str
    to: str = ""
    message: str = ""
    files: tuple[str, ...] = ()
    reply_to: str = ""
    buttons: Any = None
    message_id: str = ""
    emoji: str = ""
    remove: bool = False
    limit: int = DEFAULT_LIMIT
    before: str = ""


def declaration(abilities: Abilities) -> dict[str, Any]:
    """The tool as a function of the OpenAI chat API, with the actions and arguments that work here and no others."""
    what = {
        "send": "send posts a message beside your answer.",
        "react": "react adds an emoji to a post, or takes it back.",
        "buttons": "buttons posts a message with buttons; when somebody clicks one, you get a message that says so.",
        "read": "read gives the newest posts of this conversation, in a thread the thread's, or of a channel in `to`.",
    }
    elsewhere = f" or one of: {', '.join(abilities.targets)}" if abilities.targets else "; there is no other place"
    arguments: dict[str, Any] = {
        "action": {"type": "string", "enum": list(abilities.actions)},
        "to": _text(f"Where. Leave it out for this conversation{elsewhere}."),
        "message": _text("What to write, in Markdown."),
        "files": {
            "type": "array",
            "items": {"type": "string"},
            "description": "Files to send: http(s) addresses, or paths below Durar's folder media.",
        },
        "replyToId": _text("The id of a post in whose thread to write."),
    }
    if abilities.reactions:
        arguments["messageId"] = _text("The id of the post to react to; without it, the message that you answer.")
        arguments["emoji"] = _text("As thumbsup.")
        arguments["remove"] = {"type": "boolean", "description": "true takes your reaction back."}
    if abilities.buttons:
        button = {
            "type": "object",
            "properties": {
                "text": _text("What it shows."),
                "callback_data": _text("What it stands for: letters and digits."),
                "style": {"type": "string", "enum": ["default", "primary", "danger"]},
            },
            "required": ["text", "callback_data"],
        }
        rows = {"type": "array", "items": {"type": "array", "items": button}}
        arguments["buttons"] = {**rows, "description": "Rows of buttons, for the action buttons."}
    if abilities.reading:
        arguments["limit"] = {"type": "integer", "minimum": 1, "maximum": MOST_READ}
        arguments["before"] = _text("The id of a post: read what is older.")
    told = " ".join(what[action] for action in abilities.actions)
    return {
        "type": "function",
        "function": {
            "name": NAME,
            "description": f"Act in Mattermost. {told} Your answer itself needs no tool: it is posted here anyway.",
            "parameters": {"type": "object", "properties": arguments, "required": ["action"]},
        },
    }


def read_call(call: ToolCall, abilities: Abilities) -> Wanted:
    """What a call asks for. Raises BadCall; whether the target and the post exist is not looked at."""
    if call.name != NAME:
        raise BadCall(f'There is no tool "{call.name[:60]}". The only one is "{NAME}".')
    given = _arguments(call.arguments)
    action = given.pop("action", None)
    if action not in ACTIONS:
        shown = f"Unsupported Mattermost action: {action[:60]}" if isinstance(action, str) else "The action is missing"
        raise BadCall(f"{shown}. Choose one of: {', '.join(abilities.actions)}.")
    if unknown := sorted(set(given) - _ARGUMENTS[action]):
        raise BadCall(
            f'The action {action} takes no "{unknown[0][:60]}". It takes: {", ".join(sorted(_ARGUMENTS[action]))}.'
        )
    if action == "react":
        return _reaction(given)
    if action == "read":
        limit = given.get("limit", DEFAULT_LIMIT)
        if isinstance(limit, bool) or not isinstance(limit, int) or not 1 <= limit <= MOST_READ:
            raise BadCall(f"limit must be a whole number from 1 to {MOST_READ}.")
        return Wanted(action, to=_line(given, "to"), limit=limit, before=_id(given, "before"))
    return _message(action, given, abilities)


def _message(action: str, given: Mapping[str, Any], abilities: Abilities) -> Wanted:
    buttons = given.get("buttons")
    if isinstance(buttons, str) and buttons.strip():
        buttons = _json(buttons, "buttons")
    if action == "buttons" and not buttons:
        raise BadCall("The action buttons needs buttons: rows of objects with text and callback_data.")
    if buttons and not abilities.buttons:
        raise BadCall("This chat has no buttons (inlineButtons is not among its capabilities). Write text instead.")
    files = given.get("files") or []
    files = [files] if isinstance(files, str) else files
    if not isinstance(files, list) or not all(isinstance(one, str) for one in files):
        raise BadCall("files must be a list of addresses or paths.")
    wanted = Wanted(
        action,
        to=_line(given, "to"),
        message=_line(given, "message", strip=False),
        files=tuple(one for one in files if one.strip()),
        reply_to=_id(given, "replyToId"),
        buttons=buttons or None,
    )
    if not (wanted.message.strip() or wanted.files or wanted.buttons):
        raise BadCall("Mattermost message is empty. Give a message.")
    return wanted


def _reaction(given: Mapping[str, Any]) -> Wanted:
    emoji = _line(given, "emoji")
    if not emoji:
        raise BadCall("Mattermost react requires emoji")
    # Only the boolean takes a reaction back, as in the original gateway: a text "true" adds one.
    return Wanted(
        "react", to=_line(given, "to"), message_id=_id(given, "messageId"), emoji=emoji,
        remove=given.get("remove") is True,
    )  # fmt: skip


def _arguments(text: str) -> dict[str, Any]:
    """The arguments by their own names; those that are null or blank were not given."""
    found = _json(text, "The arguments") if text.strip() else {}
    if not isinstance(found, dict):
        raise BadCall("The arguments must be a JSON object.")
    given: dict[str, Any] = {}
    for name, value in found.items():
        if value is None or (isinstance(value, str) and not value.strip()):
            continue
        given.setdefault(_ALIASES.get(str(name), str(name)), _clean(value))
    return given


def _clean(value: Any) -> Any:
    """Texts anywhere in it as a database can hold them."""
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, list):
        return [_clean(one) for one in value]
    if isinstance(value, dict):
        return {clean_text(name): _clean(one) for name, one in value.items()}
    return value


def _json(text: str, what: str) -> Any:
    try:
        return json.loads(text)
    except RecursionError:
        raise BadCall(f"{what}: this JSON is nested too deeply.") from None
    except ValueError as problem:
        raise BadCall(f"{what}: this is no JSON ({problem}). Write it again.") from None


def _line(given: Mapping[str, Any], name: str, *, strip: bool = True) -> str:
    value = given.get(name, "")
    if not isinstance(value, str):
        raise BadCall(f"{name} must be a text.")
    return value.strip() if strip else value


def _id(given: Mapping[str, Any], name: str) -> str:
    value = _line(given, name)
    if value and not _ID.fullmatch(value):
        raise BadCall(f"{name} {value[:40]!r} is no post id: one has 26 lower-case letters and digits.")
    return value


def _text(description: str) -> dict[str, str]:
    return {"type": "string", "description": description}
