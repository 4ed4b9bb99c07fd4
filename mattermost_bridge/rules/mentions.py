"""Whether a text mentions the bot, and the text without those mentions."""

from __future__ import annotations

import re
from bisect import bisect_right
from collections import deque
from collections.abc import Iterator

from mattermost_bridge.rules.markdown import code_ranges
from mattermost_bridge.rules.types import Policy

_WORD = re.compile(r"[\w.:@-]+")
"""What Mattermost 5.37 takes for one word when it looks for mentions: names may contain dots and hyphens."""

_SENTENCE_MARKS = ".:_-"
_ADDRESS_MARKS = ":,،，："
_CLOSING_MARKS = '.!?;…؟。！？)]}"”*_~\r'
_POSSESSIVE = re.compile(r"['’]s\b")


EVERY_CHANNEL = "*"
"""Stands in `groups` for all channels without an entry of their own."""

_OWNERS = {"account": " of the account", "defaults": " of the defaults"}


def mention_required(policy: Policy, channel_id: str) -> tuple[bool, str]:
    """Whether a post in a channel or group must mention the bot, and where that is said, in words.

    The channel's own entry in `groups` counts most, then the one for `*`, then `require_mention`. An entry that leaves
    it open counts as absent.
    """
    owner = _OWNERS.get(policy.source_of("groups"), "")
    said = {rule.channel_id: rule.require_mention for rule in policy.groups}
    for key, shown in ((channel_id, channel_id), (EVERY_CHANNEL, '"*"')):
        required = said.get(key)
        if required is not None:
            return required, f"groups[{shown}]{owner}"
    if policy.require_mention is None:
        return True, policy.source_of("require_mention")
    return policy.require_mention, policy.source_of("require_mention")


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
