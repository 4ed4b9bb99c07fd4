"""Middleware for what an open page asks for by itself, to see what is new.

Nobody reads the answer as a page, so it must not use up what somebody is to read: the note "1 request approved" belongs
to the page that comes after the button, not to whatever other page of the same browser looks in between.
"""

from __future__ import annotations

from typing import Any

from django.contrib.messages.storage.base import BaseStorage
from django.http import HttpRequest, HttpResponse
from django.utils.deprecation import MiddlewareMixin

#: The header by which a page says that it asks by itself.
HEADER = "X-Durar-Live"


class _NoMessages(BaseStorage):
    """Shows no message, and leaves those that are stored where they are."""

    def _get(self, *args: Any, **kwargs: Any) -> tuple[list[Any], bool]:
        return [], True

    def _store(self, messages: Any, response: HttpResponse, *args: Any, **kwargs: Any) -> list[Any]:
        return []


class LookingMiddleware(MiddlewareMixin):
    """Has to stand after MessageMiddleware."""

    def process_request(self, request: HttpRequest) -> None:
        """Put the messages out of reach."""
        if request.headers.get(HEADER):
            request._messages = _NoMessages(request)  # type: ignore[attr-defined]
