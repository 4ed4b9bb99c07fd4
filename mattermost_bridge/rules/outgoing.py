"""What a text becomes before it is posted: tables, mentions of everybody, the prefix of answers, and its parts."""

from __future__ import annotations

import re
from dataclasses import dataclass

from mattermost_bridge.rules.chunking import DEFAULT_LIMIT, split_text
from mattermost_bridge.rules.tables import render_tables

#: What notifies a whole channel. Servers look at the words between signs, so `@all-hands` and `@all.` count, too.
_EVERYBODY = re.compile(r"@(?=(?:all|channel|here)(?![a-z0-9]))", re.IGNORECASE)
#: It has no width: the words look as before and notify nobody.
_BREAK = "\N{ZERO WIDTH SPACE}"


@dataclass(frozen=True, slots=True)
class Looks:
    """How a text is to look: `chunkMode`, `markdown.tables`, `responsePrefix`, and who may be notified."""

    limit: int = DEFAULT_LIMIT
    chunk_mode: str = "length"
    tables: str = "off"
    prefix: str = ""
    mass_mentions: bool = True


def without_mass_mentions(text: str) -> str:
    """The text, in which `@all`, `@channel` and `@here` notify nobody any more."""
    return _EVERYBODY.sub(f"@{_BREAK}", text)


def with_prefix(text: str, prefix: str) -> str:
    """The text behind the prefix, once; a blank text gets none."""
    if not prefix.strip() or not text.strip() or text.startswith(prefix):
        return text
    return prefix + ("" if prefix[-1].isspace() else " ") + text


def posts_of(text: str, looks: Looks) -> list[str]:
    """The texts of the posts that a text becomes; none for a blank one."""
    rendered = render_tables(text, looks.tables)
    # A table with nothing in its cells would vanish, and with it an answer that is nothing else.
    text = rendered if rendered.strip() else text
    if not looks.mass_mentions:
        text = without_mass_mentions(text)
    return split_text(with_prefix(text, looks.prefix), looks.limit, looks.chunk_mode)
