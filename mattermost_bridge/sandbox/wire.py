"""JSON the way Mattermost's server (written in Go) reads and writes it."""

import json
from typing import Any

_ESCAPES = (("&", "\\u0026"), ("<", "\\u003c"), (">", "\\u003e"), ("\u2028", "\\u2028"), ("\u2029", "\\u2029"))


def dumps(value: Any, *, sort_keys: bool = False) -> str:
    """Encode compactly with raw UTF-8; `<`, `>` and `&` are escaped, as Go's encoder does."""
    text = json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=sort_keys)
    for char, escape in _ESCAPES:
        if char in text:
            text = text.replace(char, escape)
    return text


def loads(data: bytes | str) -> Any:
    """Decode JSON; invalid UTF-8 and lone surrogates become U+FFFD. Raises ValueError for what is no JSON."""
    text = data.decode("utf-8", "replace") if isinstance(data, bytes) else data
    value = json.loads(text, parse_constant=_refuse_constant)
    return _without_surrogates(value) if "\\u" in text else value


def _refuse_constant(name: str) -> Any:
    raise ValueError(f"{name} is no JSON value")


def _without_surrogates(value: Any) -> Any:
    if isinstance(value, str):
        return value.encode("utf-16", "surrogatepass").decode("utf-16", "replace")
    if isinstance(value, list):
        return [_without_surrogates(item) for item in value]
    if isinstance(value, dict):
        return {_without_surrogates(key): _without_surrogates(item) for key, item in value.items()}
    return value
