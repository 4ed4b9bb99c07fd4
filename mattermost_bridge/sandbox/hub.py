"""The open WebSocket connections, and who of them hears which event."""

import asyncio
import contextlib
from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

from aiohttp import web

from mattermost_bridge.sandbox.ids import new_id
from mattermost_bridge.sandbox.records import User
from mattermost_bridge.sandbox.settings import Settings
from mattermost_bridge.sandbox.state import State
from mattermost_bridge.sandbox.wire import dumps

#: How silent a deaf socket is; each level includes the ones before it.
DEAF_LEVELS = ("events", "replies", "pongs")


def cut(transport: asyncio.BaseTransport | None) -> None:
    """Close a TCP connection without a word: the peer sees EOF, no close frame and no answer."""
    if transport is None:
        return
    if isinstance(transport, asyncio.WriteTransport) and transport.get_write_buffer_size():
        transport.abort()  # close() would wait for a peer that does not read
    else:
        transport.close()


@dataclass(slots=True)
class Event:
    """One event and who may hear it, encoded once for all connections."""

    name: str
    data: dict[str, Any]
    channel_id: str = ""
    user_id: str = ""
    team_id: str = ""
    omit_user: str = ""
    mentions: tuple[str, ...] = ()


class Connection:
    """One socket: its session, its sequence number and its queue of waiting frames."""

    def __init__(self, settings: Settings, ws: web.WebSocketResponse, transport: asyncio.Transport | None) -> None:
        self.settings = settings
        self.ws = ws
        self.transport = transport
        self.id = new_id() if settings.modern else ""
        self.user: User | None = None
        self.token = ""
        self.seq = 0
        self.deaf_level = ""
        self.count_while_deaf = False
        self.silenced = False
        """the session died with its account: no event ever again, and actions are refused"""
        self._queue: asyncio.Queue[str] = asyncio.Queue()
        self.writer = asyncio.create_task(self._write())

    def send_event(self, name: str, head: str) -> None:
        """Queue an event; `head` is its JSON up to the sequence number."""
        if self.silenced:
            return
        if self.deaf_level:
            self.seq += self.count_while_deaf
            return
        spaced = self.settings.modern and name != "hello"
        self._put(f'{head}, "seq": {self.seq}}}' if spaced else f'{head},"seq":{self.seq}}}\n')
        self.seq += 1

    def send_reply(self, reply: dict[str, Any]) -> None:
        """Queue the answer to an action."""
        if self.deaf_level not in DEAF_LEVELS[1:]:
            self._put(dumps(reply) + "\n")

    def _put(self, frame: str) -> None:
        if self._queue.qsize() >= self.settings.queue_limit:
            self.cut()  # a slow reader; what waits is lost
        else:
            self._queue.put_nowait(frame)

    async def _write(self) -> None:
        with contextlib.suppress(ConnectionError):
            while True:
                await self.ws.send_str(await self._queue.get())

    def cut(self) -> None:
        """End the connection without a close frame."""
        self.writer.cancel()
        cut(self.transport)


class Hub:
    """All authenticated connections."""

    def __init__(self, settings: Settings, state: Callable[[], State]) -> None:
        self.settings = settings
        self._state = state
        self.connections: dict[str, list[Connection]] = defaultdict(list)
        """user id -> connections, oldest first"""
        self.unauthenticated: set[Connection] = set()

    def online(self) -> set[str]:
        """Return the ids of the users who have a connection."""
        return {user_id for user_id, connections in self.connections.items() if connections}

    def all(self) -> list[Connection]:
        """Return every connection, authenticated or not."""
        return [conn for per_user in self.connections.values() for conn in per_user] + list(self.unauthenticated)

    def of(self, user_id: str | None) -> list[Connection]:
        """Return the connections of one user, or all for None."""
        return self.all() if user_id is None else list(self.connections.get(user_id, ()))

    def join(self, connection: Connection, user: User) -> None:
        """Let an authenticated connection hear events from now on."""
        self.unauthenticated.discard(connection)
        first = not self.connections[user.id]
        self.connections[user.id].append(connection)
        if first:
            self.publish(Event("status_change", {"status": "online", "user_id": user.id}, user_id=user.id))

    def leave(self, connection: Connection) -> None:
        """Forget a connection that is closed."""
        self.unauthenticated.discard(connection)
        user = connection.user
        if user is not None and connection in self.connections[user.id]:
            self.connections[user.id].remove(connection)

    def hello(self, connection: Connection) -> None:
        """Send the first event of an authenticated connection."""
        user = connection.user
        data: dict[str, Any] = {"connection_id": connection.id, "server_version": self.settings.version_id}
        if self.settings.modern:
            data["server_hostname"] = "sandbox"
        event = Event("hello", data, user_id=user.id if user else "")
        connection.send_event("hello", self._head(event, spaced=False))

    def publish(self, event: Event) -> None:
        """Queue an event for everybody whom it concerns. Does not wait: see `settle`."""
        spaced = self.settings.modern
        head = self._head(event, spaced=spaced)
        for user_id in self._hearers(event):
            own_head = head
            if spaced and user_id in event.mentions:  # since 9.3 everybody reads only of themselves
                data = event.data | {"mentions": dumps([user_id])}
                own_head = self._head(Event(event.name, data, event.channel_id), spaced=True)
            for connection in self.connections.get(user_id, ()):
                if not self._deaf_by_session(connection):
                    connection.send_event(event.name, own_head)

    async def settle(self) -> None:
        """Let the writers put queued events on the wire, so that an echo leaves before the answer to its POST."""
        for _ in range(3):
            await asyncio.sleep(0)

    def _deaf_by_session(self, connection: Connection) -> bool:
        """A revoked token: 5.37 goes on sending events, newer servers fall silent at once and for good."""
        if self.settings.modern and self._state().user_of_token(connection.token) is None:
            connection.silenced = True
        return connection.silenced

    def _hearers(self, event: Event) -> Iterable[str]:
        state = self._state()
        if event.user_id:
            return [event.user_id]
        if event.channel_id:
            channel = state.channels.get(event.channel_id)
            hearers: Iterable[str] = channel.members if channel else ()
        else:
            hearers = state.team_members if event.team_id else ()
        return [user_id for user_id in hearers if user_id != event.omit_user]

    def _head(self, event: Event, *, spaced: bool) -> str:
        """Encode an event without its closing sequence number; the data's keys are sorted, as in Go."""
        data = event.data
        if event.mentions and not self.settings.modern:
            data = data | {"mentions": dumps(list(event.mentions))}
        broadcast: dict[str, Any] = {
            "omit_users": {event.omit_user: True} if event.omit_user else None,
            "user_id": event.user_id,
            "channel_id": event.channel_id,
            "team_id": event.team_id,
        }
        if self.settings.modern:
            broadcast |= {"connection_id": "", "omit_connection_id": ""}
        parts = (("event", dumps(event.name)), ("data", dumps(data, sort_keys=True)), ("broadcast", dumps(broadcast)))
        if spaced:
            return "{" + ", ".join(f'"{key}": {value}' for key, value in parts)
        return "{" + ",".join(f'"{key}":{value}' for key, value in parts)
