"""The tools that a model calls, put together from the pieces in which a server streams them."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from .base import ToolCall, clean_text

#: Longer arguments are cut: they are no JSON then, and the model is told so.
LONGEST_ARGUMENTS = 100_000
#: A server that streams more calls than this for one answer does not end by itself.
MOST_CALLS = 64
_LONGEST_NAME = 64


@dataclass
class _Begun:
    id: str = ""
    name: str = ""
    arguments: str = ""


class Calls:
    """The calls of one answer. The pieces of one have the same `index`; some servers leave it out and send it whole."""

    def __init__(self) -> None:
        self._begun: dict[int, _Begun] = {}

    def __bool__(self) -> bool:
        return bool(self._begun)

    def add(self, pieces: object) -> None:
        """Take in the `tool_calls` of a chunk or of a whole message; anything else is passed over."""
        for piece in pieces if isinstance(pieces, list) else []:
            begun = self._of(piece)
            if begun is None:
                continue
            function = _get(piece, "function")
            begun.id = begun.id or _text(_get(piece, "id"))[:200]
            begun.name = begun.name or _text(_get(function, "name"))[:_LONGEST_NAME]
            room = LONGEST_ARGUMENTS - len(begun.arguments)
            begun.arguments += _text(_get(function, "arguments"))[: max(room, 0)]

    def complete(self) -> tuple[ToolCall, ...]:
        """The calls in their order. One without an id gets one, since its result has to name it."""
        return tuple(
            ToolCall(clean_text(begun.id) or f"call_{index}", clean_text(begun.name), clean_text(begun.arguments))
            for index, begun in sorted(self._begun.items())
        )

    def _of(self, piece: object) -> _Begun | None:
        index = _get(piece, "index")
        if not isinstance(index, int) or isinstance(index, bool):
            last = max(self._begun, default=-1)
            known = self._begun.get(last)
            is_new = known is None or _text(_get(piece, "id")) not in ("", known.id)
            index = last + 1 if is_new or _text(_get(_get(piece, "function"), "name")) else last
        if index not in self._begun and len(self._begun) >= MOST_CALLS:
            return None
        return self._begun.setdefault(index, _Begun())


def _get(thing: object, name: str) -> Any:
    return thing.get(name) if isinstance(thing, Mapping) else getattr(thing, name, None)


def _text(value: object) -> str:
    return value if isinstance(value, str) else ""
