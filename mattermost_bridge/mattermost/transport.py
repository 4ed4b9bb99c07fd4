"""The HTTP transport below the client: sessions that keep the token, the deadline and the knowledge of what was sent.

`requests` bounds each socket operation, not the call: a server that drips one byte a second would hold a worker for as
long as it likes. Here the connection itself knows the call's deadline and reads no byte beyond it. It also notes when
the first byte leaves, which is what separates "did not happen" from "may have happened".
"""

import http.client
import io
import os
import ssl
import time
from collections.abc import Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass
from functools import cache
from http.cookiejar import DefaultCookiePolicy
from typing import Any

import requests
from requests.adapters import HTTPAdapter
from requests.auth import AuthBase
from requests.utils import DEFAULT_CA_BUNDLE_PATH
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import MaxRetryError
from urllib3.util.retry import Retry

USER_AGENT = "Durar (Mattermost bridge)"


@dataclass(slots=True)
class Call:
    """One call in progress: when it must be over (monotonic seconds) and whether any byte of it was sent."""

    deadline: float
    sent: bool = False

    def remaining(self) -> float:
        """Return the seconds left; raises TimeoutError when there are none."""
        left = self.deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("the call's total time is used up")
        return left


_current: ContextVar[Call | None] = ContextVar("current_mattermost_call", default=None)


@contextmanager
def call_within(seconds: float) -> Iterator[Call]:
    """Bound everything that happens on our connections inside the block to `seconds` in total."""
    call = Call(deadline=time.monotonic() + seconds)
    token = _current.set(call)
    try:
        yield call
    finally:
        _current.reset(token)


class TokenAuth(AuthBase):
    """Puts the bot token on each request. As an auth object, because a `.netrc` entry replaces a plain header."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request

    def __repr__(self) -> str:
        return "TokenAuth([redacted])"


def token_problem(token: str) -> str:
    """Return a sentence on what is wrong with the token's form, "" when nothing is. The token is not quoted."""
    if not token:
        return "The bot token is empty: enter the token that Mattermost showed when the bot account was made."
    if not (token.isascii() and token.isprintable()) or " " in token:
        return "The bot token holds a blank, a line break or a character outside ASCII: paste it again."
    return ""


@cache
def tls_context() -> ssl.SSLContext:
    """Return the certificates trusted by REST and WebSocket alike.

    The system's own (where a company installs its private authority), certifi's (slim images have no others), and the
    bundle that REQUESTS_CA_BUNDLE names.
    """
    context = ssl.create_default_context()
    context.load_verify_locations(DEFAULT_CA_BUNDLE_PATH)
    bundle = os.environ.get("REQUESTS_CA_BUNDLE")
    if bundle:
        context.load_verify_locations(bundle)
    return context


class _DeadlineReader(io.RawIOBase):
    """The socket's input, where each read waits no longer than the call has left."""

    def __init__(self, raw: io.RawIOBase, sock: Any, call: Call) -> None:
        self._raw = raw
        self._sock = sock
        self._call = call

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        self._sock.settimeout(self._call.remaining())
        return self._raw.readinto(buffer)

    def close(self) -> None:
        self._raw.close()
        super().close()


class _Response(http.client.HTTPResponse):
    """Reads status line, headers and body through `_DeadlineReader`."""

    def __init__(self, sock: Any, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        call = _current.get()
        if call is not None:
            self.fp = io.BufferedReader(_DeadlineReader(self.fp.detach(), sock, call))


class _CallAware:
    """Mixed into urllib3's connections: the call's deadline and its `sent` mark."""

    response_class: Any = _Response
    timeout: Any
    sock: Any

    def connect(self) -> None:
        call = _current.get()
        if call is not None and isinstance(self.timeout, int | float):
            self.timeout = min(self.timeout, call.remaining())
        super().connect()  # type: ignore[misc]

    def send(self, data: Any) -> None:
        if self.sock is None:
            self.connect()
        call = _current.get()
        if call is not None:
            self.sock.settimeout(call.remaining())
            call.sent = True
        super().send(data)  # type: ignore[misc]


class _PlainConnection(_CallAware, HTTPConnection):  # type: ignore[misc]
    pass


class _TlsConnection(_CallAware, HTTPSConnection):  # type: ignore[misc]
    pass


class _PlainPool(HTTPConnectionPool):
    ConnectionCls = _PlainConnection  # type: ignore[assignment]


class _TlsPool(HTTPSConnectionPool):
    ConnectionCls = _TlsConnection  # type: ignore[assignment]


def pinned_pool(scheme: str, ip: str, port: int, host: str) -> HTTPConnectionPool:
    """Return a pool that connects to this very IP address, and takes the server there for `host` (TLS included).

    Its calls keep to the deadline of `call_within`.
    """
    if scheme == "https":
        return _TlsPool(ip, port, maxsize=1, ssl_context=tls_context(), server_hostname=host, assert_hostname=host)
    return _PlainPool(ip, port, maxsize=1)


class _ReadRetry(Retry):
    """Tries a GET again after a connection error or 502 to 504, while time is left; never a write.

    urllib3 by itself repeats every method when the connection could not be made. Writes belong to the outbox, which
    alone knows whether to try again.
    """

    def increment(
        self,
        method: Any = None,
        url: Any = None,
        response: Any = None,
        error: Any = None,
        _pool: Any = None,
        _stacktrace: Any = None,
    ) -> Any:
        call = _current.get()
        out_of_time = call is not None and time.monotonic() >= call.deadline
        if error is not None and (method != "GET" or out_of_time):
            raise MaxRetryError(_pool, url, error) from error
        return super().increment(method, url, response, error, _pool, _stacktrace)


class _Adapter(HTTPAdapter):
    """Pools of our own connections, with the shared TLS context."""

    def init_poolmanager(self, connections: int, maxsize: int, block: bool = False, **kwargs: Any) -> None:  # noqa: FBT001, FBT002
        super().init_poolmanager(connections, maxsize, block, ssl_context=tls_context(), **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _PlainPool, "https": _TlsPool}

    def cert_verify(self, conn: Any, url: str, verify: Any, cert: Any) -> None:
        # The context holds the certificates; requests would load certifi's into it anew for each connection.
        conn.cert_reqs = "CERT_REQUIRED"


def new_session() -> requests.Session:
    """Return a session for one thread and one account: no cookies, no .netrc, no proxy from the environment."""
    session = requests.Session()
    session.trust_env = False
    session.cookies.set_policy(DefaultCookiePolicy(allowed_domains=[]))
    session.headers.update({"User-Agent": USER_AGENT, "Accept": "application/json"})
    retry = _ReadRetry(
        total=2,
        redirect=0,
        status_forcelist=(502, 503, 504),
        allowed_methods={"GET"},
        backoff_factor=0.2,
        raise_on_status=False,
        respect_retry_after_header=False,
    )
    for scheme in ("http://", "https://"):
        session.mount(scheme, _Adapter(pool_connections=1, pool_maxsize=1, max_retries=retry))
    return session
