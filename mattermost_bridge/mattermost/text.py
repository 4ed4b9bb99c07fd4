"""Text and JSON from outside, made safe to store and to send.

PostgreSQL refuses NUL in text, UTF-8 refuses lone surrogates, and Python's JSON refuses what is nested a thousand
levels deep, while Mattermost relays all of it between people. Here such values lose what cannot be kept, nothing else.
"""

import json
import math
import re
from typing import Any

REPLACEMENT = "\N{REPLACEMENT CHARACTER}"
MAX_DEPTH = 64
"""Levels of nesting that are kept. Anything deeper was made to break a reader: no honest client nests props so."""

_UNSTORABLE = re.compile("[\x00\ud800-\udfff]")
_JSON_PARTS = re.compile(r'"(?:[^"\\]++|\\.)*+(?:"|$)|[\[{]|[\]}]', re.DOTALL)


def clean(value: Any) -> Any:
    """Return the JSON value with NUL and lone surrogates replaced by U+FFFD, in every string and key.

    Numbers that JSON cannot express (infinities, NaN) and structures below `MAX_DEPTH` levels become None. The result
    can be stored in any database and encoded as UTF-8. Apply it before storing and before sending.
    """
    return _clean(value, MAX_DEPTH)


def _clean(value: Any, levels: int) -> Any:
    if isinstance(value, str):
        return _UNSTORABLE.sub(REPLACEMENT, value) if _UNSTORABLE.search(value) else value
    if isinstance(value, dict):
        if levels == 0:
            return None
        return {_clean(str(key), 0): _clean(item, levels - 1) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return None if levels == 0 else [_clean(item, levels - 1) for item in value]
    if isinstance(value, float) and not math.isfinite(value):
        return None
    return value


def loads(text: str | bytes) -> Any:
    """Parse JSON from outside and clean it; raises ValueError for what is no JSON.

    Depth is no error: anybody may post props that are nested thousands of levels deep, and a reader that refused them
    could be kept from ever reading that channel again. What lies too deep becomes null.
    """
    if isinstance(text, bytes | bytearray):
        text = bytes(text).decode("utf-8", "replace")
    try:
        parsed = json.loads(text)
    except RecursionError:
        parsed = json.loads(_without_depths(text))
    return clean(parsed)


def dumps(value: Any) -> bytes:
    """Return the value cleaned, as compact UTF-8 JSON: the server's body limit counts bytes, so nothing is escaped."""
    return json.dumps(clean(value), ensure_ascii=False, allow_nan=False, separators=(",", ":")).encode()


def _without_depths(text: str) -> str:
    """The JSON text with every structure that starts below `MAX_DEPTH` levels replaced by null."""
    kept: list[str] = []
    depth = 0
    keep_from = 0
    for part in _JSON_PARTS.finditer(text):
        mark = part.group()
        if mark in "[{":
            if depth == MAX_DEPTH:
                kept.append(text[keep_from : part.start()] + "null")
            depth += 1
        elif mark in "]}":
            depth -= 1
            if depth == MAX_DEPTH:
                keep_from = part.end()
    return "".join(kept) + text[keep_from:] if depth <= MAX_DEPTH else ""
