"""The WebSocket at /api/v4/websocket: opening, authenticating, staying alive and ending without a close frame."""

import asyncio
import contextlib
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from aiohttp import WSMsgType, web

from mattermost_bridge.sandbox import wire
from mattermost_bridge.sandbox.actions import answer_action
from mattermost_bridge.sandbox.calls import token_in
from mattermost_bridge.sandbox.errors import ApiError
from mattermost_bridge.sandbox.hub import Connection
from mattermost_bridge.sandbox.journal import Authentication
from mattermost_bridge.sandbox.keys import REQUEST_ID, SANDBOX

if TYPE_CHECKING:
    from mattermost_bridge.sandbox.app import Sandbox

MAX_CLIENT_FRAME = 8 * 1024
CHALLENGE = "authentication_challenge"


async def serve_websocket(request: web.Request) -> web.StreamResponse:
    """Serve one socket until it ends."""
    box = request.app[SANDBOX]
    if not _origin_allowed(request):
        return _upgrade_failed(request, 403, "Forbidden")
    # The limit is checked below: the server drops the connection, aiohttp would say goodbye first.
    ws = web.WebSocketResponse(autoping=False, compress=False, max_msg_size=64 * 1024 * 1024, decode_text=False)
    if not ws.can_prepare(request).ok:
        return _upgrade_failed(request, 400, "Bad Request")
    await ws.prepare(request)
    connection = Connection(box.settings, ws, request.transport)
    box.hub.unauthenticated.add(connection)
    session = _Session(box, connection)
    try:
        token = token_in(request)
        if token:
            session.authenticate(token, "handshake")
        await session.run()
    finally:
        session.stop()
        box.hub.leave(connection)
        connection.writer.cancel()
    return ws


def _origin_allowed(request: web.Request) -> bool:
    """A browser's page of another host may not open a socket; whoever sends no Origin may."""
    origin = request.headers.get("Origin")
    return origin is None or urlsplit(origin).netloc.lower() == request.host.lower()


def _upgrade_failed(request: web.Request, status: int, phrase: str) -> web.Response:
    """The status text, then JSON that names another status: 500 in 5.37, 400 since 8.0."""
    inner = 400 if request.app[SANDBOX].settings.modern else 500
    error = ApiError(inner, "api.web_socket.connect.upgrade.app_error", "Failed to upgrade websocket connection.")
    body = f"{phrase}\n{wire.dumps(error.as_rest(request[REQUEST_ID]))}"
    return web.Response(status=status, body=body.encode(), headers={"Content-Type": "text/plain; charset=utf-8"})


class _Session:
    """The server's side of one socket: its timers and what it does with each frame."""

    def __init__(self, box: "Sandbox", connection: Connection) -> None:
        self.box = box
        self.connection = connection
        loop = asyncio.get_running_loop()
        self._auth_timer = loop.call_later(box.settings.auth_timeout, connection.cut)
        self._pong_timer = loop.call_later(box.settings.pong_wait, connection.cut)
        self._pings = asyncio.create_task(self._keep_alive())

    def stop(self) -> None:
        """End the timers."""
        self._auth_timer.cancel()
        self._pong_timer.cancel()
        self._pings.cancel()

    async def run(self) -> None:
        """Read frames until the peer closes or the connection is cut."""
        ws = self.connection.ws
        while True:
            message = await ws.receive()
            if message.type is WSMsgType.PING:
                if self.connection.deaf_level != "pongs":
                    await ws.pong(message.data)
            elif message.type is WSMsgType.PONG:
                self._pong_timer.cancel()
                loop = asyncio.get_running_loop()
                self._pong_timer = loop.call_later(self.box.settings.pong_wait, self.connection.cut)
            elif message.type in (WSMsgType.TEXT, WSMsgType.BINARY):
                self._read(message.data)
            else:
                return

    async def _keep_alive(self) -> None:
        with contextlib.suppress(ConnectionError):
            while True:
                await asyncio.sleep(self.box.settings.ping_interval)
                if self.connection.deaf_level != "pongs":
                    await self.connection.ws.ping()

    def _read(self, data: bytes) -> None:
        try:
            frame = wire.loads(data) if len(data) <= MAX_CLIENT_FRAME else None
        except ValueError:
            frame = None
        if not isinstance(frame, dict) or not _has_types(frame):
            self.connection.cut()
            return
        if self.connection.user is None:
            self._before_authentication(frame)
        elif frame.get("action") != CHALLENGE:  # a challenge that comes too late is ignored
            self.connection.send_reply(answer_action(self.box, self.connection, frame))

    def _before_authentication(self, frame: dict[str, Any]) -> None:
        """Nothing is answered yet; a bad token in a good challenge ends the connection."""
        if frame.get("action") != CHALLENGE or frame.get("seq", 0) <= 0:
            return
        data = frame.get("data")
        token = data.get("token") if isinstance(data, dict) else None
        if not isinstance(token, str) or not self.authenticate(token, "challenge"):
            self.connection.cut()
            return
        self.connection.send_reply({"status": "OK", "seq_reply": frame["seq"]})
        self._join()

    def authenticate(self, token: str, how: str) -> bool:
        """Sign the connection in. A bad token on the handshake leaves it waiting for a challenge."""
        state, connection = self.box.state, self.connection
        user = state.user_of_token(token)
        who = state.owner_of_token(token)
        self.box.journal.authentications.append(Authentication(who, self.box.clock.ms(), user is not None, how))
        if user is None:
            return False
        self._auth_timer.cancel()
        connection.user, connection.token = user, token
        self.box.hub.hello(connection)
        if how == "handshake":
            self._join()
        return True

    def _join(self) -> None:
        if self.connection.user is not None:
            self.box.hub.join(self.connection, self.connection.user)


def _has_types(frame: dict[str, Any]) -> bool:
    """Tell whether the server could read the frame into its own types; else it drops the connection."""
    seq, action = frame.get("seq", 0), frame.get("action", "")
    return isinstance(seq, int) and not isinstance(seq, bool) and isinstance(action, str)
