"""Facts that only the records know: a decision asks for one when it matters, and not before.

So a plain direct message, or a mention, is decided from what the event says; nothing is looked up for it.
"""

from __future__ import annotations

from typing import TypeVar

from mattermost_bridge.rules.types import Fact

T = TypeVar("T")


class FactMissing(Exception):
    """A decision needs a fact that was not looked up yet."""

    def __init__(self, fact: Fact) -> None:
        super().__init__(fact)
        self.fact = fact


def known(value: T | None, fact: Fact) -> T:
    """The value, which is None while nobody looked. Raises FactMissing then."""
    if value is None:
        raise FactMissing(fact)
    return value
