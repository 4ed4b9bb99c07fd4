"""The HTTP side of the OpenAI agents: one event loop in a thread of its own, and one connection pool for all of them.

A blocking read cannot be ended from another thread, and a blocking client's timeouts bound a single read only, so that
a server which sends a byte now and then is never late. A task of an event loop can be cancelled at any point and has a
total time: that is why the asynchronous client runs here while the workers' threads wait for its result.

This module imports the client library, which takes memory and a second to load: import it only when an answer is due.
"""

from __future__ import annotations

import asyncio
import logging
import os
import threading
from collections import OrderedDict
from collections.abc import AsyncIterator, Callable, Coroutine
from dataclasses import dataclass, field
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Any, TypeVar

import httpx2
import openai

from .base import Deadline

T = TypeVar("T")

# Its debug log repeats the server's headers, in which a server may echo what it was sent.
logging.getLogger("httpcore2").setLevel(logging.INFO)

# One answer never needs more, with reasoning streamed and all; more is a server that does not stop.
MAX_RESPONSE_BYTES = 32 * 1024 * 1024
# Clients are light (they share the connections); keys change, so old ones are let go.
MAX_CLIENTS = 64
# For the loop to notice a timeout by itself before the waiting thread gives up on it.
GRACE_S = 2.0
USER_AGENT = "Durar"


class ResponseTooLargeError(Exception):
    """The server sent more than MAX_RESPONSE_BYTES for one answer."""


class _CappedStream(httpx2.AsyncByteStream):
    def __init__(self, stream: httpx2.AsyncByteStream) -> None:
        self._stream = stream

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for chunk in self._stream:
            size += len(chunk)
            if size > MAX_RESPONSE_BYTES:
                raise ResponseTooLargeError
            yield chunk

    async def aclose(self) -> None:
        await self._stream.aclose()


async def _cap(response: httpx2.Response) -> None:
    if isinstance(response.stream, httpx2.AsyncByteStream):
        response.stream = _CappedStream(response.stream)


@dataclass
class Client:
    """One server and key. `plain_models` are the models for which it wanted the plain form of a request."""

    api: openai.AsyncOpenAI
    plain_models: set[str] = field(default_factory=set)


class _Loop:
    """The event loop, its thread, and what lives in it. Started by the first answer; a forked child begins anew."""

    def __init__(self) -> None:
        self.loop = asyncio.new_event_loop()
        self._http: httpx2.AsyncClient | None = None
        self._clients: OrderedDict[tuple[str, str], Client] = OrderedDict()
        threading.Thread(target=self.loop.run_forever, name="durar-agents", daemon=True).start()

    def client(self, base_url: str, api_key: str) -> Client:
        """The client of this server and key; call it only inside the loop."""
        known = self._clients.get((base_url, api_key))
        if known is None:
            known = self._clients[base_url, api_key] = Client(self._new_api(base_url, api_key))
            while len(self._clients) > MAX_CLIENTS:
                self._clients.popitem(last=False)
        self._clients.move_to_end((base_url, api_key))
        return known

    def _new_api(self, base_url: str, api_key: str) -> openai.AsyncOpenAI:
        if self._http is None:
            # No redirects: they would carry the key and the conversation to an address that nobody typed. No cookies:
            # the connections are shared by agents that have nothing to do with each other.
            self._http = httpx2.AsyncClient(
                follow_redirects=False,
                cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
                event_hooks={"response": [_cap]},
                limits=httpx2.Limits(max_connections=None, max_keepalive_connections=50, keepalive_expiry=20.0),
            )
        # Everything is named, so that OPENAI_* variables of the process (another server's key) are never sent here.
        authorization = {"Authorization": f"Bearer {api_key}"} if api_key else {}
        api = openai.AsyncOpenAI(
            api_key=api_key,
            admin_api_key="",
            organization="",
            project="",
            webhook_secret="",
            base_url=base_url,
            max_retries=0,
            default_headers={**authorization, "User-Agent": USER_AGENT},
            http_client=self._http,
            _enforce_credentials=False,
        )
        api.organization = api.project = None  # empty strings would be sent as empty headers
        return api


_lock = threading.Lock()
_running: _Loop | None = None


def _the_loop() -> _Loop:
    global _running
    with _lock:
        if _running is None:
            _running = _Loop()
        return _running


def _forget() -> None:
    global _lock, _running
    _lock, _running = threading.Lock(), None


os.register_at_fork(after_in_child=_forget)


def client_for(base_url: str, api_key: str) -> Client:
    """The client of this process for a server and key. Call it inside a coroutine that `run` runs."""
    return _the_loop().client(base_url, api_key)


def run(work: Callable[[], Coroutine[Any, Any, T]], *, deadline: Deadline, limit: float) -> T:
    """The result of the coroutine that `work` makes, for a thread that has nothing else to do.

    Raises TimeoutError after `limit` seconds, and concurrent.futures.CancelledError as soon as `deadline` is cancelled;
    in both cases the coroutine is cancelled in the loop, which closes its connection.
    """

    async def bounded() -> T:
        async with asyncio.timeout(limit):
            return await work()

    future = asyncio.run_coroutine_threadsafe(bounded(), _the_loop().loop)
    try:
        with deadline.on_cancel(future.cancel):
            return future.result(timeout=limit + GRACE_S)
    finally:
        future.cancel()
