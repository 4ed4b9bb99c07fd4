"""The one error of the launcher."""

from __future__ import annotations


class CannotStartError(Exception):
    """Durar cannot start; the message is a sentence for the operator: what is wrong and what to do."""
