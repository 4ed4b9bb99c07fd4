"""Who is mentioned by a text, by the server's own rules (Mattermost 5.37; the same up to 11)."""

import re
from collections.abc import Iterable, Mapping
from typing import Any

EVERYBODY = ("@channel", "@all")
ONLINE = "@here"

_CODE = re.compile(r"(`{3,}|~{3,})[^\n]*\n.*?(?:\n\s*\1|\Z)|(`+)(?!`).+?(?<!`)\2(?!`)", re.DOTALL)
_WORD = re.compile(r"(?:[^\W_]|[:.\-_@])+")
_EDGES = ".-:_"


def mentioned(text: str, members: Mapping[str, str], online: Iterable[str]) -> list[str]:
    """Return the ids of the members that `text` mentions, in the order of `members` (username -> user id).

    Counted are `@name` in any case, followed by anything that cannot belong to a name (`@durar's`, `@durar.`), and
    `@channel`, `@all` and `@here` (the last only for those in `online`). Not counted are code, `x@name` and `@name-x`.
    """
    found: set[str] = set()

    def check(word: str) -> bool:
        lowered = word.lower()
        if lowered in EVERYBODY:
            found.update(members.values())
        elif lowered == ONLINE:
            found.update(set(online))
        elif lowered.startswith("@") and lowered[1:] in members:
            found.add(members[lowered[1:]])
        else:
            return False
        return True

    for match in _WORD.finditer(_CODE.sub(" ", text)):
        word = match.group()
        if word.startswith(":") and word.endswith(":"):  # an emoji
            continue
        word = word.lstrip(_EDGES)
        shorter = word
        while not (counted := check(shorter)) and shorter.endswith(tuple(_EDGES)):
            shorter = shorter[:-1]
        if not counted and not word.startswith("@"):
            for part in re.split(r"[.\-:]", word):
                check(part)
    return [user_id for user_id in members.values() if user_id in found]


def searched_texts(message: str, props: Mapping[str, Any], *, fields: bool) -> list[str]:
    """Return the texts of a post in which mentions count: message, attachments, and their fields on newer servers."""
    texts = [message]
    attachments = props.get("attachments")
    for attachment in attachments if isinstance(attachments, list) else []:
        if not isinstance(attachment, dict):
            continue
        texts += [attachment[key] for key in ("pretext", "text") if isinstance(attachment.get(key), str)]
        for field in attachment.get("fields") or [] if fields else []:
            if isinstance(field, dict) and isinstance(field.get("value"), str):
                texts.append(field["value"])
    return texts
