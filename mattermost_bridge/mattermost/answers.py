"""Answers of API v4 as plain values: one of them, or a list."""

import logging
from typing import Any, TypeVar

from .calls import MattermostCalls
from .types import Channel, Command, FileInfo, Post, Team, UnreadableError, User

log = logging.getLogger(__name__)

T = TypeVar("T", User, Team, Channel, Post, FileInfo, Command)


class ReadingCalls(MattermostCalls):
    """Calls whose answers are read into `types`."""

    def _one(self, kind: type[T], value: Any) -> T:
        try:
            return kind.from_json(value)
        except UnreadableError as error:
            raise self._protocol_error(str(error).rstrip(".")) from None

    def _many(self, kind: type[T], value: Any) -> list[T]:
        """The readable entries of a list. An unreadable one is reported and does not hide the others."""
        found: list[T] = []
        for entry in self._list(value):
            try:
                found.append(kind.from_json(entry))
            except UnreadableError as error:
                log.warning("%s: one entry of a list was skipped: %s", self.base_url, error)
        return found
