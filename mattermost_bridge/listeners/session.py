"""One connection, from the authenticated socket to its end: reading, pinging, catching up, comparing."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from functools import partial

import structlog
from django.conf import settings

from mattermost_bridge.listeners.catch_up import CatchUp
from mattermost_bridge.listeners.clock import Timer
from mattermost_bridge.listeners.tools import Tools
from mattermost_bridge.listeners.writer import Writer
from mattermost_bridge.mattermost.frames import Frame, Hello, Other, Reply, Unreadable
from mattermost_bridge.mattermost.rest import MattermostClient
from mattermost_bridge.mattermost.stream import MattermostStream, StreamClosed
from mattermost_bridge.mattermost.types import Channel
from mattermost_bridge.services import listeners, reading, slash_registration

log = structlog.get_logger(__name__)

#: Seconds that a reply to a ping may take. Beyond, the connection is dead, whatever the socket says.
PONG_SECONDS = 10.0
#: Somebody, perhaps the bot, came into a team or left one, or became its administrator. Slash commands belong to teams,
#: and need a permission there.
TEAM_EVENTS = frozenset({"added_to_team", "leave_team", "memberrole_updated"})


class SessionEndedError(Exception):
    """The connection is of no use any more; the text says why, for operators."""


class SessionRefusedError(SessionEndedError):
    """The server does not accept the session any more: ask it about the token."""


class Session:
    """One connection's life after the greeting. `run` returns only by raising."""

    def __init__(
        self,
        account_pk: int,
        bot_id: str,
        stream: MattermostStream,
        client: MattermostClient,
        types: dict[str, str],
        tools: Tools,
        on_ready: Callable[[], Awaitable[None]],
    ) -> None:
        self.heard = False
        self._account_pk, self._stream, self._tools, self._on_ready = account_pk, stream, tools, on_ready
        self._clock, self._threads = tools.clock, tools.threads
        self._writer = Writer(
            account_pk,
            bot_id,
            threads=tools.threads,
            clock=tools.clock,
            types=types,
            on_trouble=self._fail,
            on_reply=self._replied,
            wants_reading=self._read_later,
            channel_seen=self._remember_later,
        )
        self._catch_up = CatchUp(account_pk, bot_id, client, self._writer, threads=tools.threads, clock=tools.clock)
        self._client = client
        self._failure: Exception | None = None
        self._expected: int | None = None
        self._pongs: dict[int, asyncio.Future[Reply]] = {}
        self._timers: dict[str, Timer] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._chores: deque[Callable[[], Awaitable[None]]] = deque()
        self._busy = False

    async def run(self, hello: Hello) -> None:
        """Catch up, then listen until the connection ends. Raises why it ended: SessionEndedError, StreamClosed,
        MattermostError, or a Django error when the database was away."""
        self._expected = None if hello.seq is None else hello.seq + 1
        self._do(self._start)
        self._ping_later()
        try:
            while True:
                self._take(await self._stream.next_frame())
        except StreamClosed as closed:
            raise self._failure or closed from None
        finally:
            for timer in self._timers.values():
                timer.cancel()
            for task in self._tasks:
                task.cancel()
            await self._writer.finish()
            self._client.close()

    # Reading

    def _take(self, frame: Frame) -> None:
        """Look at a frame in its place, and queue it. Raises SessionEndedError for a gap and for a refused session."""
        if isinstance(frame, Reply):
            self._stop_timer("pong")
            if not frame.ok:
                raise _refusal(frame)
        else:
            self.heard = True
            self._check_order(frame)
        if isinstance(frame, Other):
            if frame.why:
                log.info("a frame was skipped", account=self._account_pk, why=frame.why)
            elif frame.event in TEAM_EVENTS:
                self._do(partial(self._threads.db, slash_registration.look_soon, self._account_pk))
        elif not self._writer.put(frame):
            raise SessionEndedError("More came in than could be kept in time. What was lost is fetched.")

    def _check_order(self, frame: Frame) -> None:
        if isinstance(frame, Unreadable) and frame.is_gap:
            raise SessionEndedError(f"Something that could not be read was sent: {frame.why} What was lost is fetched.")
        if frame.seq is None:
            return
        if self._expected is not None and frame.seq != self._expected:
            raise SessionEndedError(
                f"The server sent event {frame.seq} where {self._expected} was due. What was lost is fetched."
            )
        self._expected = frame.seq + 1

    # Pings

    def _ping_later(self) -> None:
        self._start_timer("ping", settings.TIMES["ping_every"], self._ping_now)

    def _ping_now(self) -> None:
        self._spawn(self._ping)
        self._ping_later()

    async def _ping(self) -> int:
        """Ask whether the session still counts; an open socket proves nothing."""
        number = await self._stream.send_ping()
        if "pong" not in self._timers:
            self._start_timer("pong", PONG_SECONDS, self._silent)
        return number

    async def _pong(self) -> int:
        """The server's time in milliseconds, once everything that was sent before it is kept."""
        number = await self._ping()
        reply = self._pongs[number] = asyncio.get_running_loop().create_future()
        try:
            pong = await reply
        finally:
            del self._pongs[number]
        if pong.server_time_ms is None:
            raise SessionEndedError("The server answered a ping without its time. Is this a Mattermost server?")
        return pong.server_time_ms

    def _replied(self, reply: Reply) -> None:
        waiting = self._pongs.get(reply.seq_reply) if reply.seq_reply is not None else None
        if waiting is not None and not waiting.done():
            waiting.set_result(reply)

    def _silent(self) -> None:
        self._fail(SessionEndedError(f"The server did not answer a ping within {PONG_SECONDS:g} s."))

    # Chores: one after the other, beside the reading

    async def _start(self) -> None:
        now_ms = await self._pong()
        await self._catch_up.after_connecting(now_ms)
        await self._proven(now_ms)
        await self._on_ready()
        self._compare_later()

    async def _compare(self) -> None:
        now_ms = await self._pong()
        found = await self._catch_up.compare(now_ms)
        if found.old:
            raise SessionEndedError(
                f"The connection was deaf: {found.old} post(s) that it should have brought were found by asking."
            )
        if not found.missing:
            await self._proven(now_ms)
        self._compare_later()

    async def _proven(self, now_ms: int) -> None:
        await self._threads.db(reading.set_proven, self._account_pk, self._tools.holder, now_ms)
        await self._threads.db(listeners.note_warning, self._account_pk, self._catch_up.warning)
        self._client.close()  # until the next time; an idle account keeps one socket, not two

    def _compare_later(self) -> None:
        # Spread, so that a worker's accounts do not all ask in the same moment.
        seconds = settings.TIMES["compare_every"] * (0.9 + 0.2 * self._clock.random())
        self._start_timer("compare", seconds, partial(self._do, self._compare))

    def _read_later(self, channel_id: str, *, joined: bool) -> None:
        self._do(partial(self._catch_up.read_channel, channel_id, joined=joined))

    def _remember_later(self, channel: Channel) -> None:
        self._do(partial(self._threads.db, reading.remember_channels, self._account_pk, [channel]))

    def _do(self, chore: Callable[[], Awaitable[None]]) -> None:
        self._chores.append(chore)
        if not self._busy:
            self._busy = True
            self._spawn(self._do_chores)

    async def _do_chores(self) -> None:
        try:
            while self._chores:
                await self._chores.popleft()()
        finally:
            self._busy = False

    # Ends

    def _spawn(self, work: Callable[[], Awaitable[object]]) -> None:
        task = asyncio.create_task(self._guard(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _guard(self, work: Callable[[], Awaitable[object]]) -> None:
        try:
            await work()
        except StreamClosed:
            pass  # the reading meets the same, and says so
        except Exception as error:
            self._fail(error)

    def _fail(self, error: Exception) -> None:
        """End the connection because of this; the first reason counts."""
        if self._failure is None:
            self._failure = error
            self._spawn(self._stream.close)

    def _start_timer(self, name: str, seconds: float, callback: Callable[[], None]) -> None:
        def due() -> None:
            self._timers.pop(name, None)
            callback()

        self._stop_timer(name)
        self._timers[name] = self._clock.call_later(seconds, due)

    def _stop_timer(self, name: str) -> None:
        if timer := self._timers.pop(name, None):
            timer.cancel()


def _refusal(reply: Reply) -> SessionEndedError:
    if reply.is_unauthorized:
        return SessionRefusedError(f"The server does not accept the session any more ({reply.error_id or 'no id'}).")
    return SessionEndedError(f"The server answered a ping with {reply.status_code} ({reply.error_id or 'no id'}).")
