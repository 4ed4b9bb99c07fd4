"""Whether a text is addressed to the bot, by a mention or a trigger prefix, and the text without that address."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import deque
from collections.abc import Iterator

from mattermost_bridge.rules.channel_rules import EVERY_CHANNEL, mention_required
from mattermost_bridge.rules.markdown import code_ranges
from mattermost_bridge.rules.types import Policy

__all__ = [
    "EVERY_CHANNEL",
    "mention_required",
    "mentions_bot",
    "onchar_prefix",
    "strip_mention",
    "without_prefix",
]

_WORD = re.compile(r"[\w.:@-]+")
"""What Mattermost 5.37 takes for one word when it looks for mentions: names may contain dots and hyphens."""

_SENTENCE_MARKS = ".:_-"
_ADDRESS_MARKS = ":,،，："
_CLOSING_MARKS = '.!?;…؟。！？)]}"”*_~\r'
_POSSESSIVE = re.compile(r"['’]s\b")

ONCHAR_PREFIXES = (">", "!")


def onchar_prefix(text: str, policy: Policy) -> str:
    """The trigger prefix with which `text` begins, after blanks; "" for none. The first in the list that fits counts.

    Without a prefix that is more than blanks the built-in ones hold.
    """
    prefixes = [stripped for prefix in policy.onchar_prefixes if (stripped := prefix.strip())]
    begins = text.lstrip()
    return next((prefix for prefix in prefixes or ONCHAR_PREFIXES if begins.startswith(prefix)), "")


def without_prefix(text: str, prefix: str) -> str:
    """`text` without the trigger prefix that it begins with, and without the blanks around that."""
    return text.lstrip()[len(prefix) :].lstrip() if prefix else text


def mentions_bot(text: str, bot_username: str) -> bool:
    """Whether `text` mentions the bot by @ and its name, in any case of letters.

    The name needs a boundary: `@botx`, `x@bot`, `@bot.helper` and an e-mail address are no mentions of `bot`;
    `@bot.`, `@bot:` and `(@bot)` are. What stands in inline code or in a fenced code block is no mention, as in
    the Mattermost server.
    """
    return next(_mentions(text, bot_username), None) is not None


def strip_mention(text: str, bot_username: str) -> str:
    """`text` without the mentions of the bot; all other indentation and line breaks stay as they are.

    With a mention goes a colon or comma right after it and one adjoining space; a line that has nothing else goes
    whole. A possessive ("@bot's") stays: it speaks about the bot, and without the name it would say nothing.
    """
    spans = deque(span for span in _mentions(text, bot_username) if not _POSSESSIVE.match(text, span[1]))
    lines: list[str] = []
    line_start = 0
    for line in text.split("\n"):
        line_end = line_start + len(line)
        own: list[tuple[int, int]] = []
        while spans and spans[0][0] < line_end:
            start, end = spans.popleft()
            own.append((start - line_start, end - line_start))
        stripped = _without(line, own)
        if not own or stripped.strip():
            lines.append(stripped)
        line_start = line_end + 1
    return "\n".join(lines)


def _without(line: str, spans: list[tuple[int, int]]) -> str:
    """One line without the mentions at `spans`, each with its mark of address and one adjoining space."""
    kept = ""
    done = 0
    for start, end in spans:
        kept += line[done:start]
        done = end
        if line[done : done + 1] and line[done] in _ADDRESS_MARKS:
            done += 1
        follows = line[done : done + 1]
        if follows in (" ", "\t"):
            done += 1
        elif (not follows or follows in _CLOSING_MARKS) and kept.strip() and kept[-1] in " \t":
            kept = kept[:-1]
    return kept + line[done:]


def _mentions(text: str, bot_username: str) -> Iterator[tuple[int, int]]:
    """(start, end) of each mention of the bot outside code, from its @ to the end of the name."""
    name = "@" + bot_username.lstrip("@").lower()
    if name == "@" or "@" not in text:
        return
    code: list[tuple[int, int]] | None = None
    for match in _WORD.finditer(text):
        word = match[0]
        at = len(word) - len(word.lstrip(_SENTENCE_MARKS))
        end = at + len(name)
        if word[at:end].lower() != name or word[end:].strip(_SENTENCE_MARKS):
            continue
        code = code_ranges(text) if code is None else code
        start = match.start() + at
        index = bisect_right(code, (start, len(text))) - 1
        if index < 0 or code[index][1] <= start:
            yield start, start + len(name)
