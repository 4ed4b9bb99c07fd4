"""The arguments of `Durar message` in both spellings: options, and words as `action=react` that tools write."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any

CHANNEL = "mattermost"
ACTIONS = ("send", "react", "read", "buttons")
#: What a word may be called, and the argument that it is. In any case, with - or _ or without.
_KEYS = {
    "action": "action",
    "channel": "channel",
    "provider": "channel",
    "account": "account",
    "accountid": "account",
    "target": "target",
    "to": "target",
    "message": "message",
    "text": "message",
    "caption": "message",
    "media": "media",
    "mediaurl": "media",
    "mediaurls": "media",
    "path": "media",
    "filepath": "media",
    "fileurl": "media",
    "url": "media",
    "buttons": "buttons",
    "replyto": "reply_to",
    "replytoid": "reply_to",
    "threadid": "reply_to",
    "emoji": "emoji",
    "messageid": "message_id",
    "postid": "message_id",
    "remove": "remove",
    "limit": "limit",
    "before": "before",
    "wait": "wait",
    "json": "json",
}
_FLAGS = ("remove", "json")
#: What may be said several times.
_LISTS = ("media",)


class WrongWords(ValueError):
    """The arguments cannot be read. The text is a sentence that says what to write."""


@dataclass
class Words:
    """What was asked for, each as it was written; "" where nothing was."""

    action: str = ""
    channel: str = ""
    account: str = ""
    target: str = ""
    message: str = ""
    media: list[str] = field(default_factory=list)
    buttons: str = ""
    reply_to: str = ""
    emoji: str = ""
    message_id: str = ""
    remove: bool = False
    limit: str = ""
    before: str = ""
    wait: str = ""
    json: bool = False


def read_words(words: Iterable[str], options: Mapping[str, Any]) -> Words:
    """Bring both spellings together: the action as the first bare word, `key=value` words, and options.

    Raises WrongWords for a word that means nothing, for one that is said twice with different values, for a flag that
    is neither true nor false, and for another channel than mattermost.
    """
    found = Words()
    said: dict[str, str] = {}
    for name in Words.__dataclass_fields__:
        value = options.get(name)
        if value:
            setattr(found, name, list(value) if name in _LISTS else value)
            said[name] = str(value)
    for word in words:
        key, equals, value = word.partition("=")
        if not equals:
            _say(found, said, "action", word)
            continue
        word_name = _KEYS.get(key.strip().lower().replace("-", "").replace("_", ""))
        if word_name is None:
            known = ", ".join(sorted(dict.fromkeys(_KEYS.values())))
            raise WrongWords(f"{key!r} is nothing that can be said here. Known are: {known}.")
        _say(found, said, word_name, value)
    if found.action not in ACTIONS:
        asked = f"Unsupported Mattermost action: {found.action}." if found.action else "The action is missing."
        raise WrongWords(f"{asked} Use one of: {', '.join(ACTIONS)}.")
    if found.channel.strip().lower() not in ("", CHANNEL):
        raise WrongWords(f"Invalid channel: {found.channel}. Durar bridges {CHANNEL}.")
    return found


def _say(found: Words, said: dict[str, str], name: str, value: str) -> None:
    if name in _LISTS:
        getattr(found, name).append(value)
        return
    if name in said and said[name].lower() != value.lower():
        raise WrongWords(f"{name} is said twice: {said[name]!r} and {value!r}. Say it once.")
    said[name] = value
    setattr(found, name, _flag(name, value) if name in _FLAGS else value)


def _flag(name: str, value: str) -> bool:
    if value.strip().lower() not in ("true", "false"):
        raise WrongWords(f"{name}={value} is neither true nor false. Write {name}=true, or leave it out.")
    return value.strip().lower() == "true"


def whole_number(name: str, value: str, *, default: int, least: int, most: int) -> int:
    """The number that was written, `default` for nothing. Raises WrongWords."""
    if not str(value).strip():
        return default
    try:
        number = int(value)
    except ValueError:
        number = least - 1
    if not least <= number <= most:
        raise WrongWords(f"{name} must be a whole number from {least} to {most}; {value!r} is none.")
    return number


def read_json(name: str, value: str) -> Any:
    """The JSON that was written, None for nothing. Raises WrongWords."""
    if not value.strip():
        return None
    try:
        return json.loads(value)
    except (ValueError, RecursionError):
        raise WrongWords(f'{name} is no JSON. Quote it for the shell, as \'[[{{"text": "Yes", ...}}]]\'.') from None
