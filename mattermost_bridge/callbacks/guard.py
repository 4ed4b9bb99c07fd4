"""The guard before Django: calls from Mattermost, bounded in size and time, and answered without the panel's ways."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Awaitable, Callable, Mapping, MutableMapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any, ParamSpec, Protocol, TypeVar

import structlog
from asgiref.sync import sync_to_async
from django.db import connections

log = structlog.get_logger(__name__)

P = ParamSpec("P")
T = TypeVar("T")
Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[..., Awaitable[None]]

#: The largest body of any call, in bytes. Mattermost's own have a few hundred.
LONGEST_BODY = 64 * 1024
#: Threads for what calls do with records and servers: many people click at once, and a server may be slow.
_threads = ThreadPoolExecutor(max_workers=16, thread_name_prefix="durar-callback")


@dataclass(frozen=True, slots=True)
class Call:
    """One HTTP request before its body: method, path, headers by lower-case name, and the address at the other end."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict)
    remote: str = ""


@dataclass(frozen=True, slots=True)
class Answer:
    """What is sent back. A body that is no text is sent as JSON."""

    status: int
    body: Any
    headers: tuple[tuple[str, str], ...] = ()


class Callback(Protocol):
    """One kind of call. The guard asks for each of these in this order, and sends the first answer that it gets."""

    #: How long the body may take, in seconds.
    body_seconds: float

    def matches(self, path: str) -> bool:
        """Whether calls of this path are of this kind.

        A callback whose paths are configured also has `async def look(path)`, which is asked before.
        """

    def wrong_method(self) -> Answer:
        """What is said to anything but POST."""

    async def before_body(self, call: Call) -> Answer | None:
        """What can be said before the body is read, as that calls are not taken from there."""

    def too_large(self) -> Answer:
        """What is said when the body is larger than `LONGEST_BODY`, or says that it will be."""

    def too_slow(self) -> Answer:
        """What is said when the body does not arrive in time."""

    def broken(self) -> Answer:
        """What is said when the body ends before its announced length."""

    def failed(self) -> Answer:
        """What is said when answering fails in a way that nobody thought of."""

    async def answer(self, call: Call, body: bytes) -> Answer:
        """The answer to the whole call."""


class _Gone(Exception):
    """The caller closed the connection: nobody waits for an answer."""


class _Refused(Exception):
    """The body is not read any further."""

    def __init__(self, answer: Answer) -> None:
        super().__init__(answer.status)
        self.answer = answer


class Guard:
    """An ASGI application in front of another one, which answers the callbacks itself."""

    def __init__(self, inner: Application, callbacks: Sequence[Callback]) -> None:
        self._inner, self._callbacks = inner, tuple(callbacks)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer a callback; everything else goes on to the application behind."""
        path = str(scope.get("path", ""))
        callback = await self._callback(path) if scope["type"] == "http" else None
        if callback is None:
            await self._inner(scope, receive, send)
            return
        try:
            answer = await _answer(callback, _call(scope), receive)
        except _Gone:
            return
        except Exception:
            log.exception("a call of Mattermost could not be answered", path=path)
            answer = callback.failed()
        await _send(answer, send)

    async def _callback(self, path: str) -> Callback | None:
        """Whose path this is; fixed paths count before configured ones."""
        for one in self._callbacks:
            look = getattr(one, "look", None)
            if look is not None:
                await look(path)
            if one.matches(path):
                return one
        return None


def _call(scope: Scope) -> Call:
    headers: dict[str, str] = {}
    for raw_name, raw_value in scope.get("headers", ()):
        name, value = raw_name.decode("latin-1").lower(), raw_value.decode("latin-1")
        # A list that is sent in several lines is one list.
        headers[name] = f"{headers[name]}, {value}" if name in headers else value
    client = scope.get("client")
    return Call(str(scope["method"]).upper(), str(scope["path"]), headers, str(client[0]) if client else "")


async def _answer(callback: Callback, call: Call, receive: Receive) -> Answer:
    if call.method != "POST":
        return callback.wrong_method()
    refused = await callback.before_body(call)
    if refused is not None:
        return refused
    try:
        async with asyncio.timeout(callback.body_seconds):
            body = await _body(callback, call, receive)
    except TimeoutError:
        return callback.too_slow()
    except _Refused as refusal:
        return refusal.answer
    return await callback.answer(call, body)


async def _body(callback: Callback, call: Call, receive: Receive) -> bytes:
    """The whole body. What its header says is used to refuse early and is never relied on."""
    announced = call.headers.get("content-length", "").strip()
    if announced and not (announced.isascii() and announced.isdecimal()):
        raise _Refused(callback.broken())
    if announced and (len(announced) > 12 or int(announced) > LONGEST_BODY):
        raise _Refused(callback.too_large())
    body = bytearray()
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise _Gone
        body += message.get("body", b"")
        if len(body) > LONGEST_BODY:
            raise _Refused(callback.too_large())
        if not message.get("more_body", False):
            break
    if announced and int(announced) != len(body):
        raise _Refused(callback.broken())
    return bytes(body)


async def _send(answer: Answer, send: Send) -> None:
    text = answer.body if isinstance(answer.body, str) else json.dumps(answer.body, ensure_ascii=False)
    kind = "text/plain" if isinstance(answer.body, str) else "application/json"
    body = text.encode("utf-8", "replace")
    headers = [
        ("content-type", f"{kind}; charset=utf-8"),
        ("content-length", str(len(body))),
        ("cache-control", "no-store"),
        # Of a body that was not read nothing may be taken for the next request.
        *([("connection", "close")] if answer.status in (400, 403, 404, 405, 408, 413) else []),
        *answer.headers,
    ]
    raw = [(name.lower().encode("latin-1"), value.encode("latin-1")) for name, value in headers]
    await send({"type": "http.response.start", "status": answer.status, "headers": raw})
    await send({"type": "http.response.body", "body": body})


async def in_thread(function: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """Run a service in a thread of the callbacks; its database connection is given back afterwards."""

    def run() -> T:
        try:
            return function(*args, **kwargs)
        finally:
            connections.close_all()

    return await sync_to_async(run, thread_sensitive=False, executor=_threads)()
