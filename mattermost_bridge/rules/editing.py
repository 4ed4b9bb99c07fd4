"""Two people edit the same record: what each of them changed, and what the second one is to look at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Difference:
    """A value that somebody else changed meanwhile: what the form had `shown`, what it sent back (`mine`), and what
    holds `now`."""

    name: str
    shown: str
    mine: str
    now: str

    @property
    def clashes(self) -> bool:
        """Whether both changed it, and not to the same."""
        return self.mine not in (self.shown, self.now)


def differences(shown: Mapping[str, str], mine: Mapping[str, str], now: Mapping[str, str]) -> tuple[Difference, ...]:
    """What somebody else changed since a form was shown, in the form's order. What only I changed is none of it."""
    return tuple(
        Difference(name, shown[name], mine.get(name, shown[name]), now[name])
        for name in shown
        if name in now and now[name] != shown[name]
    )
