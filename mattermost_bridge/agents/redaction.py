"""Keeps an agent's key out of everything that people read."""

from __future__ import annotations

import re
from urllib.parse import quote

REDACTED = "[redacted]"
# Shorter "keys" are placeholders such as "x" for servers that want none; without them every text would be unreadable.
SHORTEST_SECRET = 4
# A server that masks the middle of a refused key still shows its ends: runs of this many characters are taken out too.
FRAGMENT = 8

_LOOKS_SECRET = re.compile(r"\b(Bearer\s+)\S+|\b(?:sk|pk|rk)-[\w*.…-]{6,}", re.IGNORECASE)

# What is left of a key that a server masked by itself: "[redacted]****fGhJ".
_MASKED_REST = re.compile(r"(?:[\w-]*[*•…]+)?\[redacted\](?:[*•…]+[\w-]*|\[redacted\])*")


def redact(text: str, secret: str) -> str:
    """`text` without `secret`, without longer parts of it, and without anything that looks like another key."""
    if len(secret) >= SHORTEST_SECRET:
        for form in {secret, quote(secret, safe="")}:
            text = re.sub(re.escape(form), REDACTED, text, flags=re.IGNORECASE)
        text = _without_fragments(text, secret)
    text = _LOOKS_SECRET.sub(lambda match: (match.group(1) or "") + REDACTED, text)
    return _MASKED_REST.sub(REDACTED, text)


def _without_fragments(text: str, secret: str) -> str:
    """`text` with every run of at least FRAGMENT characters that also stands in `secret` replaced."""
    if len(secret) <= FRAGMENT:
        return text
    parts = {secret[i : i + FRAGMENT] for i in range(len(secret) - FRAGMENT + 1)}
    covered = bytearray(len(text))
    for i in range(len(text) - FRAGMENT + 1):
        if text[i : i + FRAGMENT] in parts:
            covered[i : i + FRAGMENT] = b"\x01" * FRAGMENT
    if not any(covered):
        return text
    kept, i = [], 0
    while i < len(text):
        if covered[i]:
            kept.append(REDACTED)
            while i < len(text) and covered[i]:
                i += 1
        else:
            kept.append(text[i])
            i += 1
    return "".join(kept)
