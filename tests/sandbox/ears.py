"""A WebSocket client for these tests: it reads frames as they are and tells how the connection ended."""

import contextlib
import json
import socket
from collections.abc import Iterator
from typing import Any
from urllib.parse import urlsplit

from websockets.exceptions import ConnectionClosed
from websockets.sync.client import ClientConnection, connect

from mattermost_bridge.sandbox.testing import SandboxClient

LIMIT = 20.0


class Ear:
    """One socket of one user; a context manager."""

    def __init__(self, sandbox: SandboxClient, who: str = "durar", *, auth: str = "challenge", **options: Any) -> None:
        """`auth` is "challenge", "bearer", or "" for none yet. With either, the hello is read and kept."""
        self.sandbox = sandbox
        self.token = sandbox.token(who)
        headers = {"Authorization": f"Bearer {self.token}"} if auth == "bearer" else {}
        self._stack = contextlib.ExitStack()
        self.socket: ClientConnection = self._stack.enter_context(
            connect(
                sandbox.base_url.replace("http", "ws") + "/api/v4/websocket",
                additional_headers=headers | options.pop("headers", {}),
                compression=None,
                proxy=None,
                open_timeout=LIMIT,
                **options,
            )
        )
        self.seq = 0
        if auth == "challenge":
            self.challenge()
        self.hello: dict[str, Any] = self.frame() if auth else {}
        if auth == "challenge":
            self.answer: dict[str, Any] = self.frame()

    def __enter__(self) -> "Ear":
        return self

    def __exit__(self, *exc: object) -> None:
        self._stack.close()

    def send(self, **frame: Any) -> None:
        """Send a frame as it is."""
        self.socket.send(json.dumps(frame))

    def challenge(self, token: Any = None) -> None:
        """Authenticate with the user's token, or another."""
        self.seq += 1
        data = {"token": self.token if token is None else token}
        self.send(seq=self.seq, action="authentication_challenge", data=data)

    def text(self) -> str:
        """Return the next frame, undecoded."""
        frame = self.socket.recv(timeout=LIMIT)
        assert isinstance(frame, str)
        return frame

    def frame(self) -> dict[str, Any]:
        """Return the next frame."""
        return dict(json.loads(self.text()))

    def act(self, action: str, **data: Any) -> dict[str, Any]:
        """Send an action and return its answer; events on the way are dropped."""
        self.seq += 1
        self.send(seq=self.seq, action=action, data=data)
        while True:
            frame = self.frame()
            if frame.get("seq_reply") == self.seq:
                return frame

    def event(self, name: str) -> dict[str, Any]:
        """Return the next event of that name; others are dropped."""
        while True:
            frame = self.frame()
            if frame.get("event") == name:
                return frame

    def until_pong(self) -> list[dict[str, Any]]:
        """Return the events that come before the answer to a ping sent now, status changes left out."""
        self.seq += 1
        self.send(seq=self.seq, action="ping")
        events: list[dict[str, Any]] = []
        while True:
            frame = self.frame()
            if frame.get("seq_reply") == self.seq:
                return events
            if frame["event"] != "status_change":
                events.append(frame)

    def end(self) -> tuple[list[str], bool]:
        """Read until the connection ends; return the frames on the way, and whether a close frame came."""
        frames = []
        while True:
            try:
                frames.append(self.text())
            except ConnectionClosed as closed:
                return frames, closed.rcvd is not None


@contextlib.contextmanager
def raw_socket(sandbox: SandboxClient, who: str = "durar", *, buffer: int = 0) -> Iterator[socket.socket]:
    """Open a WebSocket by hand, signed in by its Bearer header, that reads nothing by itself and answers no ping."""
    address = urlsplit(sandbox.base_url)
    with socket.socket() as raw:
        if buffer:
            raw.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer)
        raw.settimeout(LIMIT)
        raw.connect((address.hostname, address.port))
        raw.sendall(
            f"GET /api/v4/websocket HTTP/1.1\r\nHost: {address.netloc}\r\nUpgrade: websocket\r\n"
            "Connection: Upgrade\r\nSec-WebSocket-Version: 13\r\nSec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n"
            f"Authorization: Bearer {sandbox.token(who)}\r\n\r\n".encode()
        )
        yield raw


def post_in(event: dict[str, Any]) -> dict[str, Any]:
    """Return the post that an event carries as a JSON string."""
    return dict(json.loads(event["data"]["post"]))
