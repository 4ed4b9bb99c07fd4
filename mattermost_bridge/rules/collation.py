"""The order in which JavaScript's `localeCompare` puts texts, which is the one of ICU's root collation.

Letters come in alphabetical order whatever their case (`ownership` before `ownerUserId`), a small letter before its
capital where nothing else differs, and punctuation before digits before letters. Printable ASCII, which keys nearly
always are, is compared by a table of 95 characters. For the rest the library pyuca is asked: it is pure Python, while
PyICU needs a library of the system and its headers. It loads its table, 12 MiB, when it is asked for the first time.
"""

from __future__ import annotations

from functools import lru_cache
from typing import Any

_ASCII = " _-,;:!?.'\"()[]{}@*/\\&#%`^+<=>|~$0123456789abcdefghijklmnopqrstuvwxyz"
_RANKS = {character: rank for rank, character in enumerate(_ASCII)}


def locale_order(texts: list[str]) -> list[str]:
    """The texts in the order of `localeCompare`; texts that compare as equal stay in the order in which they come."""
    if all(text.isascii() and text.isprintable() for text in texts):
        return sorted(texts, key=_ascii_key)
    collator = _collator()
    return sorted(texts, key=collator.sort_key)


def _ascii_key(text: str) -> tuple[list[int], list[bool]]:
    return [_RANKS[character] for character in text.lower()], [character.isupper() for character in text]


@lru_cache(maxsize=1)
def _collator() -> Any:
    from pyuca import Collator

    return Collator()
