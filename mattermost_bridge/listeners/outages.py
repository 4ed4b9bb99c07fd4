"""Servers that cannot be reached: one probe each ends the waiting of all accounts there, as soon as it gets through."""

from __future__ import annotations

import asyncio

import structlog
from django.conf import settings

from mattermost_bridge.listeners.clock import Clock
from mattermost_bridge.listeners.threads import Threads
from mattermost_bridge.mattermost.errors import MattermostError
from mattermost_bridge.mattermost.rest import MattermostClient

log = structlog.get_logger(__name__)

#: Seconds to connect, and for a probe as a whole.
TIMEOUT = (2.0, 5.0)


class Outages:
    """Who waits for which server. A server is probed only while somebody waits for it."""

    def __init__(self, clock: Clock, threads: Threads) -> None:
        self._clock, self._threads = clock, threads
        self._waiting: dict[str, set[asyncio.Event]] = {}
        self._probes: dict[str, asyncio.Task[None]] = {}

    async def wait(self, base_url: str, token: str, seconds: float) -> None:
        """Wait for so many seconds, or until the server answers again."""
        event = asyncio.Event()
        waiting = self._waiting.setdefault(base_url, set())
        waiting.add(event)
        if base_url not in self._probes:
            self._probes[base_url] = asyncio.create_task(self._probe(base_url, token))
        try:
            await self._clock.wait(event, seconds)
        finally:
            waiting.discard(event)
            if not waiting and base_url in self._probes:
                self._probes.pop(base_url).cancel()

    async def _probe(self, base_url: str, token: str) -> None:
        while True:
            await self._clock.sleep(settings.TIMES["probe_every"])
            if await self._threads.http(_answers, base_url, token):
                break
        log.info("server answers again", base_url=base_url)
        self._probes.pop(base_url, None)
        for event in self._waiting.get(base_url, ()):
            event.set()


def _answers(base_url: str, token: str) -> bool:
    """Whether the server answers at all; what it says about the token or the call does not matter."""
    client = MattermostClient(base_url, token, timeout=TIMEOUT)
    try:
        client.client_config()
    except MattermostError as error:
        return not error.is_server_trouble
    finally:
        client.close()
    return True
