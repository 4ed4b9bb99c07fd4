"""The WebSocket of a Mattermost server: connect, authenticate, read frames in order, send actions.

An open socket proves nothing: a revoked token keeps it open, and 5.37 then even goes on sending events. Only the reply
to the application action `ping` says that the session still counts. Reconnecting is the caller's: a stream lives once.
"""

import asyncio
import itertools
from collections import deque
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Any

from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed

from .errors import MattermostError, redact, shorten
from .events import Frame, FrameError, Hello, Other, Reply, Unreadable, parse_frame
from .handshake import open_connection
from .text import dumps
from .transport import tls_context, token_problem
from .urls import websocket_url

MAX_CLIENT_FRAME = 8 * 1024
"""Bytes: the server drops a connection that sends more, or anything but JSON, without a word."""

MAX_FRAME = 16 * 1024 * 1024
_ABNORMAL = 1006


class StreamError(Exception):
    """The stream ended, or never began. Its text holds no token."""


class StreamClosed(StreamError):
    """The connection is over. `code` is that of the server's close frame, 1006 when it sent none (as Mattermost does
    when it stops, when we read too slowly, and for most of its reasons)."""

    def __init__(self, code: int, reason: str) -> None:
        super().__init__(f"The WebSocket was closed ({code}): {reason or 'no reason given'}")
        self.code = code
        self.reason = reason


class TokenRefused(StreamError):
    """The server did not accept the token.

    Mattermost says so by closing the TCP connection without any frame after the challenge. A server that stops in that
    moment does the same: ask REST (`users/me`) before telling an operator that the token is bad.
    """


class MattermostStream:
    """One connection. One task reads (`next_frame`, or `async for`); any task of the same loop may send."""

    def __init__(self, connection: ClientConnection, token: str, auth_timeout: float) -> None:
        self._connection = connection
        self._token = token
        self._auth_timeout = auth_timeout
        self._numbers = itertools.count(1)
        self._kept: deque[Frame] = deque()
        self._waiting: dict[int, asyncio.Future[Reply]] = {}

    def __repr__(self) -> str:
        return f"<MattermostStream {self._connection.state.name}>"

    async def authenticate(self) -> Hello:
        """Send the challenge and wait for the hello event and the reply, in any order; return the hello.

        Other frames that arrive meanwhile are kept for `next_frame`. Raises TokenRefused, StreamClosed when the
        connection ends in another way, and MattermostError (timeout) when the server keeps silent.
        """
        try:
            async with asyncio.timeout(self._auth_timeout):
                return await self._authenticate()
        except TimeoutError:
            seconds = f"{self._auth_timeout:g} s"
            raise MattermostError(
                f"Mattermost API timeout: the WebSocket did not answer the authentication within {seconds}.",
                kind="timeout",
            ) from None

    async def _authenticate(self) -> Hello:
        hello: Hello | None = None
        accepted = False
        heard = False
        try:
            challenge = await self._send("authentication_challenge", {"token": self._token})
            while hello is None or not accepted:
                frame = await self._read()
                heard = True
                if isinstance(frame, Hello) and hello is None:
                    hello = frame
                elif isinstance(frame, Reply) and (frame.seq_reply == challenge or _is_bare_refusal(frame)):
                    _check_accepted(frame)
                    accepted = True
                else:
                    self._kept.append(frame)
        except StreamClosed as closed:
            # A close frame was sent when we answered the server's, or when we gave up (a broken frame, no pong).
            if heard or self._connection.protocol.close_sent is not None:
                raise
            raise TokenRefused(
                "The server closed the connection after the authentication challenge: "
                "it refuses the token, or it is stopping."
            ) from closed
        return hello

    async def next_frame(self) -> Frame:
        """Return the next frame in order; raises StreamClosed at the end.

        A frame that is no JSON comes as `Unreadable` without a channel: a gap. Replies come in their place between the
        events, so a pong proves that every event before it was read.
        """
        frame = self._kept.popleft() if self._kept else await self._read()
        if isinstance(frame, Reply) and frame.seq_reply is not None:
            waiting = self._waiting.get(frame.seq_reply)
            if waiting is not None and not waiting.done():
                waiting.set_result(frame)
        return frame

    def __aiter__(self) -> AsyncIterator[Frame]:
        return self

    async def __anext__(self) -> Frame:
        return await self.next_frame()

    async def send_ping(self) -> int:
        """Send the application action `ping`; its Reply comes out of `next_frame`, with the returned number.

        The Reply says the server's time (`server_time_ms`), or that the session does not count (`is_unauthorized`).
        """
        return await self._send("ping", {})

    async def ping(self, wait_seconds: float = 10.0) -> Reply:
        """Send the application action `ping` and return its reply, while another task reads frames.

        The reading task gets the reply too. Raises MattermostError (timeout) when none comes in time, StreamClosed.
        """
        number = next(self._numbers)
        reply: asyncio.Future[Reply] = asyncio.get_running_loop().create_future()
        self._waiting[number] = reply
        closed = asyncio.ensure_future(self._connection.wait_closed())
        try:
            await self._send("ping", {}, number)
            await asyncio.wait((reply, closed), timeout=wait_seconds, return_when=asyncio.FIRST_COMPLETED)
            if reply.done():
                return reply.result()
            if closed.done():
                raise self._closed("")
        finally:
            closed.cancel()
            del self._waiting[number]
        raise MattermostError(f"Mattermost API timeout: no reply to a ping within {wait_seconds:g} s.", kind="timeout")

    async def close(self) -> None:
        """Close the connection; the reading task gets StreamClosed."""
        await self._connection.close()

    async def _send(self, action: str, data: dict[str, Any], number: int | None = None) -> int:
        """Send an action and return its number. A text frame always: newer servers read binary ones as msgpack."""
        number = next(self._numbers) if number is None else number
        content = dumps({"seq": number, "action": action, "data": data})
        if len(content) > MAX_CLIENT_FRAME:
            raise ValueError(f"An action of {len(content)} bytes is longer than the {MAX_CLIENT_FRAME} a server takes.")
        try:
            await self._connection.send(content.decode())
        except ConnectionClosed as error:
            raise self._closed(str(error)) from None
        return number

    async def _read(self) -> Frame:
        try:
            content = await self._connection.recv()
        except ConnectionClosed as error:
            raise self._closed(str(error)) from None
        try:
            return parse_frame(content)
        except FrameError as error:
            if isinstance(content, bytes):  # not a kind of frame that Mattermost sends, so nothing of its own is lost
                return Other(None, "", why="a binary frame")
            return Unreadable(None, "", str(error))

    def _closed(self, detail: str) -> StreamClosed:
        code = self._connection.close_code
        reason = self._connection.close_reason or detail
        return StreamClosed(_ABNORMAL if code is None else code, shorten(redact(reason, self._token), 200))


@asynccontextmanager
async def open_stream(
    base_url: str,
    token: str,
    *,
    open_timeout: float = 10.0,
    auth_timeout: float = 10.0,
    max_size: int = MAX_FRAME,
    ping_interval: float | None = 30.0,
    ping_timeout: float | None = 10.0,
) -> AsyncIterator[MattermostStream]:
    """Connect to the server's WebSocket, and close it at the end of the block. Times are seconds.

    No compression (each socket would hold zlib windows), no Origin header (servers compare it with their SiteURL), no
    proxy, no redirect. Raises MattermostError when the connection cannot be made: `is_rate_limited` for a 429 (the
    handshake counts too), kind "network", "timeout" or "tls", or the refused handshake's status; TokenRefused when the
    token cannot be one.
    """
    token = token.strip()
    problem = token_problem(token)
    if problem:
        raise TokenRefused(problem)
    url = websocket_url(base_url)
    connection = await open_connection(
        url,
        token,
        open_timeout=open_timeout,
        max_size=max_size,
        ping_interval=ping_interval,
        ping_timeout=ping_timeout,
        close_timeout=2.0,
        ssl=tls_context() if url.startswith("wss:") else None,
    )
    try:
        yield MattermostStream(connection, token, auth_timeout)
    finally:
        try:
            await connection.close()
        except asyncio.CancelledError:
            connection.transport.abort()
            raise


def _is_bare_refusal(reply: Reply) -> bool:
    """Whether the reply refuses an action without saying which (the server does so for some broken ones)."""
    return reply.seq_reply is None and not reply.ok


def _check_accepted(reply: Reply) -> None:
    if reply.ok:
        return
    if reply.is_unauthorized:
        raise TokenRefused(f"The server refuses the token ({reply.error_id or 'no error id'}).")
    raise MattermostError(
        f"Mattermost API {reply.status_code} on the WebSocket: {reply.error_id or 'the challenge failed'}",
        status=reply.status_code or None,
        error_id=reply.error_id,
        kind="http" if reply.status_code else "protocol",
    )
