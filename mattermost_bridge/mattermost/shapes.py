"""Single values out of JSON that may be missing, null or of another type than documented."""

from typing import Any

from .text import loads

MAX_INTEGER = 2**63 - 1
MAX_ID_LENGTH = 64


def text_of(value: Any) -> str:
    """Return the string, or "" for everything else."""
    return value if isinstance(value, str) else ""


def integer_of(value: Any) -> int:
    """Return the number as an integer that a database column holds, or 0 for everything else."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        return 0
    try:
        number = int(value)
    except (OverflowError, ValueError):
        return 0
    return number if -MAX_INTEGER <= number <= MAX_INTEGER else 0


def sequence_of(value: Any) -> int | None:
    """Return a frame's sequence number, or None when there is no usable one."""
    if isinstance(value, bool) or not isinstance(value, int) or not 0 <= value <= MAX_INTEGER:
        return None
    return value


def mapping_of(value: Any) -> dict[str, Any]:
    """Return the object, or an empty one for everything else."""
    return value if isinstance(value, dict) else {}


def id_of(value: Any) -> str:
    """Return an id, or "" when the value cannot be one (Mattermost's own have 26 characters of [a-z0-9])."""
    if not isinstance(value, str) or not 0 < len(value) <= MAX_ID_LENGTH:
        return ""
    return value if value.isprintable() and " " not in value else ""


def texts_of(value: Any) -> tuple[str, ...]:
    """Return the strings of a list, in order; () for everything else."""
    return tuple(item for item in value if isinstance(item, str) and item) if isinstance(value, list) else ()


def embedded(value: Any) -> Any:
    """Return JSON that stands in a string, parsed; the value itself when it is no string; None when unreadable.

    WebSocket events carry posts, reactions and mentions as JSON strings inside JSON, some events as plain objects.
    """
    if not isinstance(value, str):
        return value
    try:
        return loads(value)
    except ValueError:
        return None
