"""Values of settings: from a file or a form to what is stored, from there to a file, and in words.

Sentences are for people who see the key or the field beside them, so they begin with "must".
"""

from __future__ import annotations

import ipaddress
import math
import re
from typing import Any
from urllib.parse import urlsplit

from mattermost_bridge.config.setting import Kind, Setting
from mattermost_bridge.rules.mention_patterns import pattern_problem
from mattermost_bridge.rules.pairing import check_template

_SWITCH = {True: "on", False: "off", "auto": "auto"}
_HOST = re.compile(r"\[?[A-Za-z0-9:._-]{1,253}\]?")
#: More entries than this in one list are a mistake.
MOST_ENTRIES = 200
_TARGET = re.compile(r"(channel|user):\S+|@\S+")


class BadValue(Exception):
    """A value that a setting cannot have; the text is a sentence that says what it must be, `at` the place below it."""

    def __init__(self, sentence: str, at: tuple[str | int, ...] = ()) -> None:
        super().__init__(sentence)
        self.at = at


def from_file(setting: Setting, raw: object) -> Any:
    """The stored form of what a file says; raises BadValue. None is "not set"."""
    if raw is None:
        return setting.unset
    match setting.kind:
        case Kind.FLAG:
            if not isinstance(raw, bool):
                raise BadValue("must be true or false.")
            return raw
        case Kind.SWITCH:
            if not isinstance(raw, bool) and raw != "auto":
                raise BadValue('must be true, false or "auto".')
            return _SWITCH[raw]
        case Kind.CHOICE:
            words = [word for word, _label in setting.choices]
            if raw not in words:
                shown = f"not {raw!r}" if isinstance(raw, str) and len(raw) < 40 else "in quotes"
                raise BadValue(f"must be one of {', '.join(words)}, {shown}.")
        case Kind.LINE | Kind.TEXT:
            if not isinstance(raw, str):
                raise BadValue("must be a text in quotes.")
        case Kind.LABEL:
            if not isinstance(raw, str) and raw is not False:
                raise BadValue("must be a text in quotes, or false.")
        case Kind.LINES:
            if not isinstance(raw, list):
                raise BadValue("must be a list of texts, [ … ].")
            for number, each in enumerate(raw):
                if not isinstance(each, str):
                    raise BadValue("must be a text in quotes.", (number,))
        case Kind.LINKS:
            if not isinstance(raw, dict):
                raise BadValue('must be an object of lists of texts, { "name": ["mattermost:…"] }.')
            for name, ids in raw.items():
                if not isinstance(ids, list) or not all(isinstance(each, str) for each in ids):
                    raise BadValue("must be a list of texts, [ … ].", (name,))
    return checked(setting, raw)


def checked(setting: Setting, value: Any) -> Any:
    """A value in its stored form, trimmed and within the limits; raises BadValue. For forms, and behind `from_file`."""
    match setting.kind:
        case Kind.WHOLE | Kind.NUMBER:
            return None if value is None else _number(setting, value)
        case Kind.LINE:
            return _text(setting, value.strip())
        case Kind.TEXT:
            return _text(setting, value) if value.strip() else ""
        case Kind.LINES:
            return None if value is None else _lines(setting, value)
        case Kind.LINKS:
            return _links(setting, value) if value else None
        case Kind.LABEL:
            return _text(setting, value) if value else value
        case Kind.CHOICE | Kind.SWITCH if value and value not in dict(setting.choices):
            raise BadValue(f"must be one of {', '.join(dict(setting.choices))}.")
    return value


def to_file(setting: Setting, value: Any) -> Any:
    """What a file says for a stored value."""
    if setting.kind is Kind.SWITCH:
        return next(raw for raw, stored in _SWITCH.items() if stored == value)
    if setting.kind is Kind.NUMBER and float(value).is_integer():
        return int(value)
    return value


def in_words(setting: Setting, value: Any) -> str:
    """A stored value as people read it; "" for one that is not set."""
    if not setting.is_set(value):
        return str(setting.default_words)
    match setting.kind:
        case Kind.FLAG:
            return "yes" if value else "no"
        case Kind.CHOICE | Kind.SWITCH:
            return str(dict(setting.choices).get(value, value))
        case Kind.LINES:
            return ", ".join(value) or "an empty list"
        case Kind.LINKS:
            return ", ".join(f"{name} = {', '.join(ids)}" for name, ids in value.items()) or "none"
        case Kind.NUMBER:
            return f"{value:g}"
    return str(value)


def bent(setting: Setting, raw: Any) -> int | None:
    """A number that is moved into its limits, for settings that bend; None where there is nothing to move."""
    if not setting.bends or not _is_whole(raw) or raw <= 0 or setting.least is None or setting.most is None:
        return None
    moved = int(min(max(raw, setting.least), setting.most))
    return None if moved == raw else moved


def _is_whole(raw: Any) -> bool:
    if isinstance(raw, bool) or not isinstance(raw, int | float):
        return False
    return isinstance(raw, int) or (math.isfinite(raw) and raw.is_integer())


def _is_number(raw: Any) -> bool:
    return isinstance(raw, int | float) and not isinstance(raw, bool) and math.isfinite(raw)


def _number(setting: Setting, raw: Any) -> int | float:
    whole = setting.kind is Kind.WHOLE
    least, most = setting.least, setting.most
    right = _is_whole(raw) if whole else _is_number(raw)
    if not right or (least is not None and raw < least) or (most is not None and raw > most):
        kind = "a whole number" if whole else "a number"
        if setting.bends and (not _is_whole(raw) or raw < (1 if least else 0)):
            raise BadValue(f"must be {kind} above 0." if least else f"must be {kind}, 0 or more.")
        limits = f"from {least:g} to {most:g}" if most is not None else f"of at least {least:g}"
        raise BadValue(f"must be {kind} {limits}.")
    return int(raw) if whole else float(raw)


def _text(setting: Setting, text: str) -> str:
    if len(text) > setting.longest:
        raise BadValue(f"must not be longer than {setting.longest} characters.")
    if "\0" in text:
        raise BadValue("must not hold the character NUL.")
    if text and setting.each:
        _check_text(setting.each, text)
    return text


def _lines(setting: Setting, lines: list[str]) -> list[str] | None:
    kept: list[str] = []
    for number, line in enumerate(lines):
        try:
            text = _text(setting, line.strip())
        except BadValue as problem:
            raise BadValue(str(problem), (number,)) from None
        if text and text not in kept:
            kept.append(text)
    if len(kept) > MOST_ENTRIES:
        raise BadValue(f"must not have more than {MOST_ENTRIES} entries.")
    # A list that is empty after cleaning counts only where that means something of its own.
    return kept if kept or setting.empty_counts else None


def _links(setting: Setting, links: dict[str, list[str]]) -> dict[str, list[str]] | None:
    found: dict[str, list[str]] = {}
    for name, ids in links.items():
        name = _text(setting, name.strip())
        ids = list(dict.fromkeys(_text(setting, each.strip()) for each in ids if each.strip()))
        if not name or name in found:
            raise BadValue("must name each person once, and not with a blank name.")
        if ids:
            found[name] = ids
    return found or None


def _check_text(what: str, text: str) -> None:
    match what:
        case "pattern":
            if problem := pattern_problem(text):
                raise BadValue(problem)
        case "pairing text":
            if problems := check_template(text):
                raise BadValue(" ".join(problems))
        case "path":
            if not re.fullmatch(r"/[!-~]*", text) or "?" in text or "#" in text:
                raise BadValue("must be a path that begins with /, without blanks, ? and #.")
        case "prefix":
            if not re.fullmatch(r"[a-z0-9][a-z0-9_.-]*", text):
                raise BadValue("must be small letters, digits, dots, - and _, and begin with a letter or digit.")
        case "address":
            try:
                parts = urlsplit(text)
                right = parts.scheme in ("http", "https") and bool(parts.hostname) and not re.search(r"\s", text)
                right = right and parts.port != 0 and parts.username is None
            except ValueError:
                right = False
            if not right:
                raise BadValue(
                    "must be an address that begins with http:// or https://, as https://gateway.example.com."
                )
        case "host":
            if not _HOST.fullmatch(text):
                raise BadValue("must be a host name or an IP address, without http:// and without a port.")
        case "network":
            try:
                ipaddress.ip_network(text, strict=False)
            except ValueError:
                raise BadValue(f"must be IP addresses or networks such as 10.0.0.0/8; {text[:40]!r} is none.") from None
        case "target":
            if not _TARGET.fullmatch(text):
                raise BadValue(f"must be targets: channel:ID, user:ID or @username; {text[:40]!r} is none.")
