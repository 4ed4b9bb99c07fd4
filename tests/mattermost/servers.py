"""A Mattermost server reduced to the bytes it sends: each test says what the next connection or request gets."""

from __future__ import annotations

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any


@dataclass
class Request:
    """A request as it arrived."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes

    @property
    def json(self) -> Any:
        return json.loads(self.body)


Answer = bytes | Callable[[socket.socket, Request], None]


@dataclass
class ScriptedServer:
    """Answers each request with the next entry of `script`, and the last one for ever."""

    script: list[Answer]
    requests: list[Request] = field(default_factory=list)
    connections: int = 0
    url: str = ""

    def next_answer(self) -> Answer:
        return self.script.pop(0) if len(self.script) > 1 else self.script[0]


def answer(status: int = 200, body: Any = None, headers: dict[str, str] | None = None, *, reason: str = "") -> bytes:
    """An HTTP answer; a body that is no bytes is sent as JSON."""
    content = body if isinstance(body, bytes) else json.dumps(body).encode()
    fields = {"Content-Type": "application/json", "Content-Length": str(len(content)), **(headers or {})}
    lines = [f"HTTP/1.1 {status} {reason or 'Some Reason'}", *(f"{name}: {value}" for name, value in fields.items())]
    return ("\r\n".join(lines) + "\r\n\r\n").encode() + content


def hang_up(connection: socket.socket, _request: Request) -> None:
    """Close without an answer, as a panic in the server does."""
    connection.shutdown(socket.SHUT_RDWR)


def read_request(stream: Any) -> Request | None:
    """Read one request, None at the end of the connection."""
    first = stream.readline().decode("latin-1").split()
    if not first:
        return None
    headers: dict[str, str] = {}
    while line := stream.readline().decode("latin-1").strip():
        name, _, value = line.partition(":")
        headers[name.strip().title()] = value.strip()
    return Request(first[0], first[1], headers, stream.read(int(headers.get("Content-Length", 0))))


@contextlib.contextmanager
def scripted_server(
    *script: Answer, wrap: Callable[[socket.socket], socket.socket] | None = None
) -> Iterator[ScriptedServer]:
    """Serve on a free port until the end of the block; `wrap` may put TLS around each connection."""
    server = ScriptedServer(list(script))
    listener = socket.create_server(("127.0.0.1", 0))
    server.url = f"{'https' if wrap else 'http'}://127.0.0.1:{listener.getsockname()[1]}"
    open_connections: list[socket.socket] = []

    def converse(connection: socket.socket) -> None:
        with contextlib.suppress(OSError), connection:
            if wrap:
                connection = wrap(connection)
                open_connections.append(connection)
            with connection, connection.makefile("rb") as stream:
                while request := read_request(stream):
                    server.requests.append(request)
                    reply = server.next_answer()
                    if callable(reply):
                        reply(connection, request)
                    else:
                        connection.sendall(reply)

    def accept() -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = listener.accept()
                server.connections += 1
                open_connections.append(connection)
                threading.Thread(target=converse, args=(connection,), daemon=True).start()

    acceptor = threading.Thread(target=accept, daemon=True)
    acceptor.start()
    try:
        yield server
    finally:
        with contextlib.suppress(OSError):
            listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        for connection in open_connections:
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            connection.close()
        acceptor.join(timeout=10)


def closed_port() -> int:
    """A port on which nothing listens."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        return listener.getsockname()[1]
