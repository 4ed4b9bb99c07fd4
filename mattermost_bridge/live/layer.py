"""The channel layer: Redis PubSub, which notices when messages may have been missed.

A message that is published while the subscription is down is gone, and the layer connects again without a word. So
this one says it to who asks: pages then look at everything once.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any
from urllib.parse import urlsplit
from weakref import WeakSet

from channels_redis.pubsub import RedisPubSubChannelLayer

#: Seconds that connecting may take, and after which an idle connection is tried out.
CONNECT_SECONDS = 1.0
PROBE_SECONDS = 15
#: After the connection is there again, the subscriptions take a moment.
SETTLE_SECONDS = 0.3


class LiveLayer(RedisPubSubChannelLayer):
    """The PubSub layer on one server. Its names carry the number of the Redis database: Redis itself keeps published
    messages of different databases not apart."""

    def __init__(self, url: str) -> None:
        number = urlsplit(url).path.strip("/") if not url.startswith("unix:") else ""
        host = {
            "address": url,
            "redis_connect_func": self._connected,
            "socket_connect_timeout": CONNECT_SECONDS,
            "health_check_interval": PROBE_SECONDS,
        }
        super().__init__(hosts=[host], prefix=f"durar{number or 0}")
        self._known: WeakSet[Any] = WeakSet()
        self._askers: dict[asyncio.AbstractEventLoop, WeakSet[Any]] = {}

    def tell_of_gaps(self, asker: Any) -> None:
        """From now on call `asker.missed()` in this loop whenever messages may have been missed."""
        self._askers.setdefault(asyncio.get_running_loop(), WeakSet()).add(asker)

    async def _connected(self, connection: Any) -> None:
        await connection.on_connect()
        if connection in self._known:
            asyncio.get_running_loop().call_later(SETTLE_SECONDS, self._gap, asyncio.get_running_loop())
        self._known.add(connection)

    def _gap(self, loop: asyncio.AbstractEventLoop) -> None:
        for asker in list(self._askers.get(loop, ())):
            missed: Callable[[], None] = asker.missed
            missed()
