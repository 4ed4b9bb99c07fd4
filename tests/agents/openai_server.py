"""A small real HTTP server that speaks the OpenAI chat API, with faults on demand, for any test that needs a model.

    with OpenAIServer() as server:
        server.reply(says("Hello."), refuses(429, "slow down"))     # one for each request; the last one stays
        ... AgentConfig(backend="openai_compatible", base_url=server.base_url, model="test-model") ...
        assert server.requests[0].body["messages"][-1]["content"] == "hi"

A reply is a function that takes an Exchange, so a test can also write its own.
"""

from __future__ import annotations

import json
import socket
import ssl
import struct
import threading
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

MODEL = "test-model"


@dataclass(frozen=True)
class Received:
    """One request as it came; header names in lower case, `body` decoded when it is JSON."""

    method: str
    path: str
    headers: dict[str, str]
    body: Any

    @property
    def messages(self) -> list[dict[str, Any]]:
        return self.body["messages"]


class Exchange:
    """What a reply works with: the request, and ways to write the response."""

    def __init__(self, handler: BaseHTTPRequestHandler, server: OpenAIServer, request: Received) -> None:
        self.request = request
        self.server = server
        self._handler = handler

    @property
    def wants_stream(self) -> bool:
        return isinstance(self.request.body, dict) and self.request.body.get("stream") is True

    def send(self, status: int, body: Any, content_type: str = "application/json", **headers: str) -> None:
        """A whole response. `body` is bytes, text, or what becomes JSON; `retry_after="1"` sends Retry-After."""
        data = body if isinstance(body, bytes) else (body if isinstance(body, str) else json.dumps(body)).encode()
        self._head(status, content_type, headers | {"content_length": str(len(data))})
        self._handler.wfile.write(data)

    def start_stream(self, content_type: str = "text/event-stream; charset=utf-8") -> None:
        self._head(200, content_type, {"transfer_encoding": "chunked"})

    def raw(self, data: bytes) -> None:
        """One HTTP chunk within a stream."""
        self._handler.wfile.write(b"%x\r\n%s\r\n" % (len(data), data))

    def event(self, data: Any) -> None:
        text = data if isinstance(data, str) else json.dumps(data)
        self.raw(f"data: {text}\n\n".encode())

    def delta(self, text: str | None, *, model: str = MODEL, finish: str | None = None) -> None:
        delta = {} if text is None else {"content": text}
        choice = {"index": 0, "delta": delta, "finish_reason": finish}
        self.event({"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": model, "choices": [choice]})

    def end_stream(self) -> None:
        self.event("[DONE]")
        self._handler.wfile.write(b"0\r\n\r\n")

    def drop(self) -> None:
        """Reset the connection, as a killed process or proxy does."""
        connection = self._handler.connection
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._handler.close_connection = True
        self.server.forget(connection)
        connection.close()

    def send_part(self, status: int, data: bytes, content_type: str = "application/json") -> None:
        """A response that announces more than it sends, and then ends."""
        self._head(status, content_type, {"content_length": str(len(data) + 1000)})
        self._handler.wfile.write(data)
        self._handler.close_connection = True

    def send_bytes(self, data: bytes) -> None:
        """Anything on the bare connection, also what is no HTTP."""
        self._handler.connection.sendall(data)

    def garble(self) -> None:
        """Break a stream in a way that cannot overtake what was sent before, as a reset can: no valid chunk follows."""
        self._handler.wfile.write(b"zz\r\n")
        self._handler.close_connection = True

    def until_client_leaves(self, send: Callable[[], object] | None = None, every: float = 0.01) -> None:
        """Call `send` now and then until the client has closed the connection (or the server stops)."""
        connection = self._handler.connection
        self._handler.close_connection = True
        connection.settimeout(every)
        try:
            while not self.server.stopping.wait(every):
                if send is not None:
                    send()
                try:
                    if connection.recv(1) == b"":
                        break
                except TimeoutError:
                    continue
        except OSError:
            pass  # a reset is a way to leave, too
        self.server.client_left.set()

    def _head(self, status: int, content_type: str, headers: dict[str, str]) -> None:
        self._handler.send_response(status)
        if content_type:
            self._handler.send_header("Content-Type", content_type)
        for name, value in headers.items():
            self._handler.send_header(name.replace("_", "-"), value)
        self._handler.end_headers()


Reply = Callable[[Exchange], None]


def says(
    text: str,
    *,
    pieces: int = 3,
    model: str = MODEL,
    finish: str = "stop",
    usage: tuple[int, int] | None = (7, 3),
    stream: bool | None = None,
) -> Reply:
    """An answer, in so many pieces; streamed when the request asks for it, or as `stream` says."""

    def reply(exchange: Exchange) -> None:
        counts = usage and {"prompt_tokens": usage[0], "completion_tokens": usage[1], "total_tokens": sum(usage)}
        if not (exchange.wants_stream if stream is None else stream):
            message = {"role": "assistant", "content": text}
            choice = {"index": 0, "message": message, "finish_reason": finish}
            exchange.send(200, {"id": "c1", "object": "chat.completion", "created": 1, "model": model,
                                "choices": [choice], "usage": counts})  # fmt: skip
            return
        exchange.start_stream()
        size = max(1, -(-len(text) // pieces))
        for start in range(0, len(text), size):
            exchange.delta(text[start : start + size], model=model)
        exchange.delta(None, model=model, finish=finish)
        if counts and (exchange.request.body.get("stream_options") or {}).get("include_usage"):
            exchange.event({"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": model,
                            "choices": [], "usage": counts})  # fmt: skip
        exchange.end_stream()

    return reply


def asks(*calls: dict[str, Any] | str, text: str = "", stream: bool | None = None, name: str = "message") -> Reply:
    """Asks for the tool `name` once for each of `calls`: its arguments, or what stands where they should be.

    Streamed, each comes in three pieces, the first of which has no arguments.
    """
    written = [call if isinstance(call, str) else json.dumps(call) for call in calls]

    def reply(exchange: Exchange) -> None:
        if not (exchange.wants_stream if stream is None else stream):
            whole = [
                {"id": f"c{number}", "type": "function", "function": {"name": name, "arguments": arguments}}
                for number, arguments in enumerate(written)
            ]
            message = {"role": "assistant", "content": text or None, "tool_calls": whole}
            choice = {"index": 0, "message": message, "finish_reason": "tool_calls"}
            exchange.send(200, {"id": "c1", "object": "chat.completion", "created": 1, "model": MODEL,
                                "choices": [choice]})  # fmt: skip
            return
        exchange.start_stream()
        if text:
            exchange.delta(text)
        for number, arguments in enumerate(written):
            half = len(arguments) // 2
            begin = {"id": f"c{number}", "type": "function", "function": {"name": name, "arguments": ""}}
            for piece in (begin, *({"function": {"arguments": one}} for one in (arguments[:half], arguments[half:]))):
                delta = {"tool_calls": [{"index": number, **piece}]}
                choice = {"index": 0, "delta": delta, "finish_reason": None}
                exchange.event({"id": "c1", "object": "chat.completion.chunk", "created": 1, "model": MODEL,
                                "choices": [choice]})  # fmt: skip
        exchange.delta(None, finish="tool_calls")
        exchange.end_stream()

    return reply


def in_rounds(*replies: Reply) -> Reply:
    """The first of `replies` until the request tells of one round of tools, then the second, and so on: as a model,
    which remembers nothing, does. The last one is for all that follow."""

    def reply(exchange: Exchange) -> None:
        done = sum(1 for message in exchange.request.messages if message.get("tool_calls"))
        replies[min(done, len(replies) - 1)](exchange)

    return reply


def repeats() -> Reply:
    """The text of the last message again."""
    return lambda exchange: says(exchange.request.messages[-1]["content"])(exchange)


def refuses(status: int, message: str = "", *, code: str | None = None, **headers: str) -> Reply:
    """An error in the shape of the API."""
    error = {"message": message, "type": "error", "param": None, "code": code}
    return lambda exchange: exchange.send(status, {"error": error}, **headers)


def sends(status: int, body: Any, content_type: str = "application/json", **headers: str) -> Reply:
    """Any whole response."""
    return lambda exchange: exchange.send(status, body, content_type, **headers)


def streams(*events: Any) -> Reply:
    """A stream of exactly these events."""

    def reply(exchange: Exchange) -> None:
        exchange.start_stream()
        for event in events:
            exchange.event(event)
        exchange.end_stream()

    return reply


def hangs() -> Reply:
    """Nothing at all, until the client leaves."""
    return lambda exchange: exchange.until_client_leaves()


def drips(text: str = "") -> Reply:
    """`text`, and then one byte of a comment after another without end: each read is in time, the answer never is."""

    def reply(exchange: Exchange) -> None:
        exchange.start_stream()
        if text:
            exchange.delta(text)
        exchange.raw(b":")
        exchange.until_client_leaves(lambda: exchange.raw(b"."))

    return reply


def hangs_up() -> Reply:
    """Closes the connection instead of answering."""
    return lambda exchange: exchange.drop()


def breaks_off(text: str) -> Reply:
    """Part of an answer, and then the connection is gone."""

    def reply(exchange: Exchange) -> None:
        exchange.start_stream()
        exchange.delta(text)
        exchange.garble()

    return reply


class OpenAIServer:
    """The server, on a free port of 127.0.0.1, in a thread. A context manager."""

    def __init__(self, *, tls: ssl.SSLContext | None = None) -> None:
        self.requests: list[Received] = []
        self.stopping = threading.Event()
        self.received = threading.Event()
        self.client_left = threading.Event()
        self._lock = threading.Lock()
        self._replies: deque[Reply] = deque([says("Hello.")])
        self._connections: set[socket.socket] = set()
        self._httpd = ThreadingHTTPServer(("127.0.0.1", 0), self._handler_class(), bind_and_activate=True)
        self._httpd.daemon_threads = True
        if tls is not None:
            self._httpd.socket = tls.wrap_socket(self._httpd.socket, server_side=True)
        self.port: int = self._httpd.server_address[1]
        self.origin = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self.base_url = f"{self.origin}/v1"

    def reply(self, *replies: Reply) -> None:
        """What the next requests get, in order; the last one is for all that follow."""
        with self._lock:
            self._replies = deque(replies)

    def forget(self, connection: socket.socket) -> None:
        with self._lock:
            self._connections.discard(connection)

    def close_connections(self) -> None:
        """Close every connection that a client keeps open."""
        with self._lock:
            connections, self._connections = self._connections, set()
        for connection in connections:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                continue  # closed already

    def __enter__(self) -> OpenAIServer:
        self._thread = threading.Thread(target=self._httpd.serve_forever, args=(0.02,), daemon=True)
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stopping.set()
        self._httpd.shutdown()
        self._httpd.server_close()
        self.close_connections()
        self._thread.join(timeout=10)

    def _next(self, request: Received) -> Reply:
        with self._lock:
            self.requests.append(request)
            self.received.set()
            return self._replies.popleft() if len(self._replies) > 1 else self._replies[0]

    def _handler_class(self) -> type[BaseHTTPRequestHandler]:
        server = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True  # else every small write waits 40 ms for an acknowledgement

            def setup(self) -> None:
                super().setup()
                with server._lock:
                    server._connections.add(self.connection)

            def do_POST(self) -> None:
                data = self.rfile.read(int(self.headers.get("Content-Length") or 0))
                try:
                    body = json.loads(data)
                except ValueError:
                    body = data
                headers = {name.lower(): value for name, value in self.headers.items()}
                request = Received(self.command, self.path, headers, body)
                reply = server._next(request)
                exchange = Exchange(self, server, request)
                try:
                    if self.path == "/v1/chat/completions" or self.path.startswith("/any/"):
                        reply(exchange)
                    else:
                        exchange.send(404, "404 page not found", "text/plain")
                except (BrokenPipeError, ConnectionResetError):
                    server.client_left.set()
                    self.close_connection = True

            do_GET = do_POST

            def finish(self) -> None:
                server.forget(self.connection)
                try:
                    super().finish()
                except (OSError, ValueError):
                    return  # dropped on purpose

            def log_message(self, *_: object) -> None:
                """Quiet: tests look at `requests`."""

        return Handler
