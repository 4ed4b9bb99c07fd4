"""The WebSocket side of the web process: one address, for pages of the panel."""

from __future__ import annotations

from typing import Any

import structlog
from channels.routing import URLRouter
from channels.security.websocket import WebsocketDenier
from channels.sessions import CookieMiddleware
from django.db import DatabaseError
from django.urls import path, re_path
from redis.exceptions import RedisError

from mattermost_bridge.live.consumers import LATER, LiveConsumer
from mattermost_bridge.live.origin import SameOrigin

log = structlog.get_logger(__name__)


class WhileAllAnswer:
    """ASGI middleware: without broker or database a connection is closed, to be tried again later. It is no defect, so
    it is one line and no traceback."""

    def __init__(self, application: Any) -> None:
        self._application = application

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Run the application."""
        gone = False

        async def watched() -> Any:
            nonlocal gone
            message = await receive()
            gone = gone or message["type"] == "websocket.disconnect"
            return message

        try:
            await self._application(scope, watched, send)
        except (RedisError, DatabaseError, OSError, TimeoutError) as error:
            log.warning("an open page cannot be told of changes now", error=str(error) or type(error).__name__)
            if not gone:
                await send({"type": "websocket.close", "code": LATER})


_ROUTES = URLRouter([path("ws/live/", LiveConsumer.as_asgi()), re_path("", WebsocketDenier.as_asgi())])
application = WhileAllAnswer(SameOrigin(CookieMiddleware(_ROUTES)))
