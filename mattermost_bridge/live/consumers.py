"""The WebSocket of an open page: it is told what changed, as long as its person may know.

Who is signed in and what they may see is looked up at the connection and before every message. The first change goes
out at once; what follows is gathered, so that a busy account makes no more than four messages a second.
"""

from __future__ import annotations

import asyncio
import json
from typing import Any

import structlog
from channels.db import database_sync_to_async
from channels.generic.websocket import AsyncWebsocketConsumer
from django.conf import settings
from django.db import DatabaseError
from redis.exceptions import RedisError

from mattermost_bridge.live.messages import Change, Changed, Kind, ToPage
from mattermost_bridge.live.people import Sight, sight_of
from mattermost_bridge.live.teller import group_of

log = structlog.get_logger(__name__)

#: Seconds between two messages to one page.
BETWEEN = 0.25
ECHO_SECONDS = 2.0
#: Close codes for the page: nobody is signed in (any more); who is may see nothing; nonsense; try again later.
NOT_SIGNED_IN, NO_RIGHTS, NONSENSE, LATER = 4401, 4403, 1003, 1013
BROKER_AWAY = (RedisError, OSError, TimeoutError)


class LiveConsumer(AsyncWebsocketConsumer):
    """One open page."""

    async def connect(self) -> None:
        """Accept, so that the page learns by the close code why it is not told anything."""
        self._session: str | None = self.scope["cookies"].get(settings.SESSION_COOKIE_NAME)
        self._joined: set[str] = set()
        self._pending: dict[tuple[int | None, Kind], Change] = {}
        self._missed = self._ended = False
        self._sending: asyncio.Task[None] | None = None
        await self.accept()
        if await self._look() and hasattr(self.channel_layer, "tell_of_gaps"):
            self.channel_layer.tell_of_gaps(self)

    async def disconnect(self, code: int) -> None:
        """Leave."""
        self._ended = True
        if self._sending is not None:
            self._sending.cancel()
        await self._join(set())

    async def receive(self, text_data: str | None = None, bytes_data: bytes | None = None) -> None:
        """A page says one thing: `ping`. The answer goes by way of the broker, so it proves that messages come."""
        if self._ended:
            return
        try:
            said = json.loads(text_data or "").get("type")
        except (ValueError, AttributeError):
            said = None
        if said != "ping":
            await self._end(NONSENSE)
            return
        try:
            await asyncio.wait_for(self.channel_layer.send(self.channel_name, {"type": "live.echo"}), ECHO_SECONDS)
        except BROKER_AWAY:
            await self._say({"type": "away"})

    async def live_echo(self, message: Any) -> None:
        """Our own answer to a ping is back."""
        if await self._look():
            await self._say({"type": "pong"})

    async def live_changed(self, message: Changed) -> None:
        """Records changed."""
        for change in message["changes"]:
            key = (change["account"], change["kind"])
            known = self._pending.get(key)
            if known is None:
                self._pending[key] = change
            else:
                ids = {*known["ids"], *change["ids"]} if known["ids"] and change["ids"] else ()
                self._pending[key] = {**known, "ids": sorted(ids)}
        self._send_soon()

    def missed(self) -> None:
        """The layer's subscription was down for a while."""
        self._missed = True
        self._send_soon()

    def _send_soon(self) -> None:
        if self._sending is None or self._sending.done():
            self._sending = asyncio.create_task(self._send_pending())

    async def _send_pending(self) -> None:
        try:
            while self._pending or self._missed:
                changes, missed = list(self._pending.values()), self._missed
                self._pending, self._missed = {}, False
                sight = await self._look()
                if sight is None:
                    return
                if missed:
                    await self._say({"type": "catch_up"})
                elif visible := sight.of(changes):
                    await self._say({"type": "changed", "changes": visible})
                await asyncio.sleep(BETWEEN)
        except (DatabaseError, *BROKER_AWAY) as error:
            # The page connects again, and looks at everything by itself meanwhile.
            log.warning("an open page could not be told of a change", error=str(error) or type(error).__name__)
            await self._end(LATER)

    async def _look(self) -> Sight | None:
        """What the person may see now; the groups follow. Without rights the connection is closed."""
        sight = await database_sync_to_async(sight_of)(self._session)
        if sight is None or not sight.kinds:
            await self._join(set())
            await self._end(NOT_SIGNED_IN if sight is None else NO_RIGHTS)
            return None
        await self._join({group_of(None), *map(group_of, sight.accounts)})
        return sight

    async def _end(self, code: int) -> None:
        """Close, once; nothing is said after it."""
        if not self._ended:
            self._ended = True
            await self.close(code)

    async def _join(self, wanted: set[str]) -> None:
        """Be in these groups and in no other."""
        for group in wanted - self._joined:
            await self.channel_layer.group_add(group, self.channel_name)
            self._joined.add(group)
        for group in self._joined - wanted:
            self._joined.discard(group)
            await self.channel_layer.group_discard(group, self.channel_name)

    async def _say(self, message: ToPage) -> None:
        if not self._ended:
            await self.send(json.dumps(message))
