"""Buttons: what of them may stand in a post, which fields their contexts have, and what replaces them after a click."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any

from mattermost_bridge.rules.signatures import TOKEN

#: The context's field with the id of the button that was clicked.
ACTION_ID = "action_id"
#: The context's field with the channel for which the button was made. The original gateway's name, so that buttons
#: which either of them posted work with the other.
CHANNEL = "__openclaw_channel_id"
#: The context's field that names the set of buttons. A set works once.
GENERATION = "__durar_generation"
#: The context's field with what the button stands for, as it was given: the action id has lost what is no ASCII letter
#: or digit.
CALLBACK_DATA = "callback_data"
#: What a custom context cannot set.
RESERVED = frozenset({ACTION_ID, CALLBACK_DATA, CHANNEL, GENERATION, TOKEN})
STYLES = ("default", "primary", "danger")

_NOT_ALLOWED = re.compile(r"[^A-Za-z0-9]")
#: What an attachment can show beside its buttons.
_SHOWN = ("text", "pretext", "title", "fields", "image_url", "thumb_url", "footer", "author_name")


@dataclass(frozen=True, slots=True)
class Button:
    """A button of a post: its id there, what it shows, how it looks, what it stands for, and its custom fields."""

    id: str
    name: str
    style: str
    value: str
    context: Mapping[str, Any] = field(default_factory=dict)


def safe_id(given: str) -> str:
    """An action id of which Mattermost's router takes clicks: only A-Z, a-z and 0-9 of what was given; "" for nothing.

    Words without any such letter, as in other scripts, get an id of their own instead of none.
    """
    kept = _NOT_ALLOWED.sub("", given)
    if kept or not any(character.isalnum() for character in given):
        return kept
    return "b" + hashlib.sha256(given.encode("utf-8", "replace")).hexdigest()[:12]


def read_buttons(rows: Any) -> list[Button]:
    """The buttons of rows (a list of lists, or one list) of objects, in order, with ids that are unique.

    Each has `text` (or `name`, `label`), `callback_data` (or `id`), and may have `style` and `context`. One without an
    id or a name is dropped. An unknown style counts as the default one. Raises ValueError when it is no list of
    objects, or a context no object.
    """
    found: list[Button] = []
    taken: set[str] = set()
    for entry in _flat(rows):
        value = _first_text(entry, "id", CALLBACK_DATA)
        name = _first_text(entry, "text", "name", "label")
        button_id = safe_id(value)
        if not button_id or not name:
            continue
        context = entry.get("context") or {}
        if not isinstance(context, Mapping):
            raise ValueError(f'The context of the button "{name}" is no object: give fields with their values.')
        style = str(entry.get("style") or "").strip().lower()
        found.append(
            Button(_unique(button_id, taken), name, style if style in STYLES else STYLES[0], value, dict(context))
        )
    return found


def _flat(rows: Any) -> Iterator[Mapping[str, Any]]:
    if isinstance(rows, Mapping | str | bytes) or not isinstance(rows, Iterable):
        raise ValueError("Buttons are a list of rows, and each row is a list of buttons: [[{text, callback_data}]].")
    for row in rows:
        for entry in [row] if isinstance(row, Mapping) else row if isinstance(row, list | tuple) else [None]:
            if not isinstance(entry, Mapping):
                raise ValueError("Each button is an object with text and callback_data; one of them is something else.")
            yield entry


def _first_text(entry: Mapping[str, Any], *names: str) -> str:
    """The first of these fields that is there, as text without surrounding blanks."""
    for name in names:
        value = entry.get(name)
        if isinstance(value, str | int | float) and not isinstance(value, bool) and str(value).strip():
            return str(value).strip()
    return ""


def _unique(button_id: str, taken: set[str]) -> str:
    unique, number = button_id, 2
    while unique in taken:
        unique, number = f"{button_id}{number}", number + 1
    taken.add(unique)
    return unique


def context_of(button: Button, *, channel_id: str = "", generation: str = "") -> dict[str, Any]:
    """What is put behind a button, still to be signed: its custom fields, and what they cannot override."""
    context = {key: value for key, value in button.context.items() if key not in RESERVED}
    context |= {ACTION_ID: button.id, CALLBACK_DATA: button.value}
    if channel_id:
        context[CHANNEL] = channel_id
    if generation:
        context[GENERATION] = generation
    return context


def actions_of(props: Any) -> list[dict[str, Any]]:
    """The actions of a post with an id and a name, as anybody reads them: what stands behind them is hidden."""
    found = []
    for attachment in _attachments_of(props):
        actions = attachment.get("actions")
        for action in actions if isinstance(actions, list) else []:
            if isinstance(action, dict) and _is_text(action.get("id")) and _is_text(action.get("name")):
                found.append(action)
    return found


def name_of(action_id: str, props: Any) -> str:
    """What the button with this id shows; the id itself where no button has it."""
    return next((action["name"] for action in actions_of(props) if action["id"] == action_id), action_id)


def confirmation(name: str, username: str) -> str:
    """The line that stands in the place of the buttons after a click."""
    return f"✓ **{name}** selected by @{username}"


def without_buttons(props: Any, line: str) -> dict[str, Any]:
    """The props of a post in which `line` has taken the place of all buttons; everything else stays.

    A server shows nobody what is behind a button, so none can be kept: Mattermost 5.37 would even crash on one that
    is written back without it.
    """
    kept = []
    for attachment in _attachments_of(props):
        rest = {key: value for key, value in attachment.items() if key != "actions"}
        if any(rest.get(name) for name in _SHOWN):
            kept.append(rest)
    others = {key: value for key, value in props.items() if key != "attachments"} if isinstance(props, dict) else {}
    return {**others, "attachments": [*kept, {"text": line}]}


def _attachments_of(props: Any) -> list[dict[str, Any]]:
    attachments = props.get("attachments") if isinstance(props, dict) else None
    return [one for one in attachments if isinstance(one, dict)] if isinstance(attachments, list) else []


def _is_text(value: Any) -> bool:
    return isinstance(value, str) and bool(value.strip())
