"""Further words that count as a mention: regular expressions of an operator's, or the agent's own name."""

from __future__ import annotations

import re
from dataclasses import dataclass
from functools import lru_cache

import regex

from mattermost_bridge.rules.markdown import code_ranges
from mattermost_bridge.rules.types import Policy

LONGEST_PATTERN = 200
MOST_PATTERNS = 50
#: One search may take so long, in seconds. A pattern that needs longer backtracks without end; a sound one takes
#: microseconds for the longest post.
SEARCH_SECONDS = 0.1
#: All searches of one post together: it is decided inside a transaction, and others wait behind that.
TOGETHER_SECONDS = 0.25

# Nobody sees them, and people paste them along: zero-width space, non-joiner and joiner, word joiner, byte order mark,
# soft hyphen.
_INVISIBLE = dict.fromkeys(map(ord, "\u200b\u200c\u200d\u2060\ufeff\u00ad"))


@dataclass(frozen=True, slots=True)
class Found:
    """Which pattern a text matches ("" for none), and sentences about patterns that could not be used."""

    pattern: str
    problems: tuple[str, ...] = ()


def pattern_problem(pattern: str) -> str:
    """What a mention pattern must be that it is not, as a sentence that begins with "must"; "" when it can be used.

    A pattern that matches the empty text would match every post. One that is right but takes too long is found out
    only by a text that makes it so.
    """
    compiled = _compiled(pattern)
    return compiled if isinstance(compiled, str) else ""


def _unused(pattern: str, problem: str) -> str:
    shown = pattern if len(pattern) <= 60 else f"{pattern[:60]}…"
    return f"The mention pattern {shown or '(empty)'} is not used: it {problem}"


def find_pattern(text: str, policy: Policy) -> Found:
    """The first of the account's mention patterns that `text` matches, in any case of letters.

    Characters that nobody sees do not count, nor does what stands in code. Without patterns of its own an account has
    one made from its agent's name; an empty list switches that off too. A pattern that is no regular expression, or
    takes too long, is left out and said among the problems.
    """
    patterns = policy.mention_patterns
    if patterns is None:
        if not policy.agent_name.strip():
            return Found("")
        # The name's own words: nothing in it can backtrack.
        found = _named(policy.agent_name).search(_readable(text))
        return Found(policy.agent_name.strip() if found else "")
    if not patterns:
        return Found("")
    problems: list[str] = []
    readable = _readable(text)
    left = TOGETHER_SECONDS
    for pattern in patterns[:MOST_PATTERNS]:
        compiled = _compiled(pattern)
        if isinstance(compiled, str):
            problems.append(_unused(pattern, compiled))
            continue
        if left <= 0:
            problems.append(_unused(pattern, "comes after others that take too long."))
            continue
        try:
            if compiled.search(readable, timeout=min(SEARCH_SECONDS, left)):
                return Found(pattern, tuple(problems))
        except TimeoutError:
            left -= SEARCH_SECONDS
            problems.append(_unused(pattern, "takes too long. Write it more simply."))
    if len(patterns) > MOST_PATTERNS:
        problems.append(f"Only the first {MOST_PATTERNS} of {len(patterns)} mention patterns are used.")
    return Found("", tuple(problems))


def _readable(text: str) -> str:
    """`text` without invisible characters, and with blanks in place of code."""
    kept, done = [], 0
    for start, end in code_ranges(text):
        kept.append(text[done:start])
        done = end
    kept.append(text[done:])
    return " ".join(kept).translate(_INVISIBLE)


@lru_cache(maxsize=256)
def _compiled(pattern: str) -> regex.Pattern[str] | str:
    """The pattern ready to be searched with, or what it must be that it is not."""
    if len(pattern) > LONGEST_PATTERN:
        return f"must not be longer than {LONGEST_PATTERN} characters."
    try:
        compiled = regex.compile(pattern, regex.IGNORECASE)
        if compiled.search("", timeout=SEARCH_SECONDS):
            return "must not match every text: write what has to be there."
    except (regex.error, OverflowError, RecursionError, TimeoutError) as error:
        return f"must be a regular expression: {error}."
    return compiled


@lru_cache(maxsize=256)
def _named(name: str) -> re.Pattern[str]:
    """The words of a name with any blanks between them, as whole words, with or without @."""
    words = r"\s+".join(re.escape(word) for word in name.split())
    return re.compile(rf"(?<!\w)@?{words}(?!\w)", re.IGNORECASE)
