"""Only the panel's own pages may open its WebSocket.

A browser sends the session's cookie along with whatever page asks, also one of another port of the same host. So the
page's origin must be the address that it calls, or one of the trusted ones, as Django asks it of forms.
"""

from __future__ import annotations

from typing import Any

import structlog
from channels.security.websocket import WebsocketDenier
from django.conf import settings

log = structlog.get_logger(__name__)


class SameOrigin:
    """ASGI middleware that refuses WebSockets of other origins; no origin at all is refused, too."""

    def __init__(self, application: Any) -> None:
        self._application = application

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        """Let the connection through, or deny it."""
        headers = {name.lower(): value.decode("latin1") for name, value in scope.get("headers", [])}
        origin = headers.get(b"origin", "")
        if origin not in {*settings.CSRF_TRUSTED_ORIGINS, *_own(scope, headers)}:
            log.warning("a WebSocket of another origin was refused", origin=origin[:200])
            await WebsocketDenier()(scope, receive, send)
            return
        await self._application(scope, receive, send)


def _own(scope: Any, headers: dict[bytes, str]) -> set[str]:
    """The origin that this connection's own address has; none for a host that is not ours."""
    host = headers.get(b"host", "")
    name = host.rpartition(":")[0] if host.rpartition(":")[2].isdecimal() else host
    if name not in settings.ALLOWED_HOSTS and "*" not in settings.ALLOWED_HOSTS:
        return set()
    secure = scope.get("scheme") == "wss"
    if proxy := getattr(settings, "SECURE_PROXY_SSL_HEADER", None):
        header = proxy[0].removeprefix("HTTP_").replace("_", "-").lower().encode()
        secure = secure or headers.get(header, "").partition(",")[0].strip() == proxy[1]
    return {f"https://{host}" if secure else f"http://{host}"}
