"""Why a service did not do what it was asked: every text is a sentence that an operator can read and act on."""

from __future__ import annotations

from datetime import datetime


class Refused(Exception):
    """The change is not made. The text says what is wrong and what to do, and never holds a secret."""


class NotFound(Refused):
    """What the change is about does not exist (any more)."""


class ConfirmationNeeded(Refused):
    """The change has a consequence that its author may not expect. Ask, then call again with the confirmation."""


class AlreadyDecided(Refused):
    """Somebody else was first: `by` says who, `at` when."""

    def __init__(self, text: str, *, by: str, at: datetime | None) -> None:
        super().__init__(text)
        self.by = by
        self.at = at
