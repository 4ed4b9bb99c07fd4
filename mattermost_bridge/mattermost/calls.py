"""One call to API v4: the seam through which every request to a Mattermost server passes."""

import http
import re
import time
from collections.abc import Callable, Sequence
from email.utils import parsedate_to_datetime
from typing import IO, Any, Literal
from urllib.parse import urljoin, urlsplit

import requests
import urllib3.exceptions

from .errors import MattermostError, error_from_response, redact, shorten
from .failures import connection_error
from .text import dumps, loads
from .transport import Call, TokenAuth, call_within, new_session, token_problem
from .urls import api_path, normalise_base_url

Method = Literal["GET", "POST", "PUT", "DELETE"]

DEFAULT_TIMEOUT = (5.0, 30.0)
"""Seconds to connect, and seconds for the whole call, retries included."""

MAX_BODY = 64 * 1024 * 1024
MAX_ERROR_BODY = 64 * 1024
_CHUNK = 64 * 1024
_ERROR_IN_LIST = re.compile(rb'\s*\[\s*\{"id":"([A-Za-z0-9_.]{1,128})"')
_MAX_REDIRECTS = 3

_IDLE = 30.0
"""Seconds after which an unused connection is not used again: servers and proxies close theirs after 60 or 75, and a
write that meets that moment would be unclear."""

before_request: list[Callable[[], None]] = []
"""Called before each request leaves. A test puts a check here that no database transaction is open."""


class TooLong(MattermostError):
    """An answer that is longer than its caller takes, or than any answer of Mattermost's is."""

    def __init__(self, origin: str, longest: int) -> None:
        super().__init__(
            f"Mattermost API protocol error: {origin} answered with what is longer than {longest / 2**20:.3g} MiB.",
            kind="protocol",
            permanent=False,
        )


class MattermostCalls:
    """A server, a token and one HTTP session. Not for several threads at once: see `rest.client_for`."""

    def __init__(
        self,
        base_url: str,
        token: str,
        *,
        timeout: tuple[float, float] = DEFAULT_TIMEOUT,
        session: requests.Session | None = None,
    ) -> None:
        self.base_url = normalise_base_url(base_url)
        self.timeout = timeout
        self._token = token.strip()
        self._auth = TokenAuth(self._token)
        self._session = session or new_session()
        self._last_used = 0.0
        self._server_clock: tuple[int, float] | None = None
        self.rate_limit: tuple[int, int] | None = None
        """Calls that the server's limiter takes in a row, and how many the last answer said are left; None while no
        answer spoke of one."""

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.base_url}>"

    def is_for(self, base_url: str, token: str, timeout: tuple[float, float]) -> bool:
        """Whether the client was made for exactly these."""
        return (self.base_url, self._token, self.timeout) == (normalise_base_url(base_url), token.strip(), timeout)

    def close(self) -> None:
        """Close the connection. The client can be used again; it then opens a new one."""
        self._session.close()

    def server_now_ms(self) -> int | None:
        """Return the server's time in milliseconds since 1970, None before its first answer.

        It is the `Date` of the last answer plus the time that passed here since, by the monotonic clock: our wall clock
        has no part in it. HTTP dates have whole seconds, so it may be up to a second early, and never late.
        """
        if self._server_clock is None:
            return None
        date_ms, heard_at = self._server_clock
        return date_ms + int((time.monotonic() - heard_at) * 1000)

    def _request(
        self, method: Method, *segments: str, params: dict[str, str | int] | None = None, payload: Any = None
    ) -> Any:
        """Make one call and return the parsed JSON of its answer, None when that is empty.

        A GET is tried again after connection errors and 502 to 504 and follows redirects to the same origin; a write is
        sent once. The whole takes no longer than the total timeout (name resolution, which the system bounds, aside).
        Raises MattermostError for everything that went wrong.
        """
        body = None if payload is None else dumps(payload)
        response, content = self._answer(method, segments, params, body, total=self.timeout[1], longest=MAX_BODY)
        return self._parsed(method, response, content)

    def _upload(self, *segments: str, params: dict[str, str | int], body: IO[bytes], total: float) -> Any:
        """POST the bytes of an open file, read as they go, within `total` seconds; return the parsed JSON answer.

        Sent once, like every write. Raises MattermostError.
        """
        answer = self._answer(
            "POST", segments, params, body, total=total, longest=MAX_BODY, content_type="application/octet-stream"
        )
        return self._parsed("POST", *answer)

    def _download(self, *segments: str, total: float, longest: int) -> bytes:
        """GET what is no JSON, at most `longest` bytes of it, within `total` seconds. Raises MattermostError.

        More than that is not read to its end: `TooLong`, a MattermostError of its own.
        """
        response, content = self._answer("GET", segments, None, None, total=total, longest=longest)
        if not 200 <= response.status_code < 300:
            raise self._refusal(response, content)
        return content

    def _answer(
        self,
        method: Method,
        segments: tuple[str, ...],
        params: dict[str, str | int] | None,
        body: bytes | IO[bytes] | None,
        *,
        total: float,
        longest: int,
        content_type: str = "application/json",
    ) -> tuple[requests.Response, bytes]:
        """Make one call within `total` seconds; whatever its status, its answer and the body's bytes."""
        for hook in before_request:
            hook()
        problem = token_problem(self._token)
        if problem:
            raise MattermostError(problem, status=http.HTTPStatus.UNAUTHORIZED, sent=False)
        try:
            url = self.base_url + api_path(*segments)
        except ValueError as error:
            raise MattermostError(f"Mattermost API: {error}.", permanent=True, kind="protocol", sent=False) from None
        with call_within(total) as call:
            return self._exchange(call, method, url, params, body, longest, content_type)

    def _exchange(
        self,
        call: Call,
        method: Method,
        url: str,
        params: dict[str, str | int] | None,
        body: bytes | IO[bytes] | None,
        longest: int,
        content_type: str,
    ) -> tuple[requests.Response, bytes]:
        """Send, follow allowed redirects, read the answer to its end. Raises MattermostError when there is none."""
        if time.monotonic() - self._last_used > _IDLE:
            self._session.close()
        failure: Exception | None = None
        try:
            for _ in range(_MAX_REDIRECTS + 1):
                response = self._session.request(
                    method,
                    url,
                    params=params,
                    data=body,
                    headers={"Content-Type": content_type} if body is not None else None,
                    auth=self._auth,
                    timeout=(min(self.timeout[0], call.remaining()), call.remaining()),
                    allow_redirects=False,
                    stream=True,
                )
                with response:
                    self._hear_date(response)
                    self._hear_limit(response)
                    target = self._redirect_target(method, response)
                    if target is None:
                        return response, self._read(response, longest)
                url, params = target, None
        except (requests.RequestException, urllib3.exceptions.HTTPError, OSError) as error:
            failure = error
        finally:
            self._last_used = time.monotonic()
        # Raised out here, so that the exception drags along no request object, which holds the token.
        if failure is None:
            raise MattermostError(f"Mattermost API: {self._origin} redirects in a circle.", status=302, kind="protocol")
        self._session.close()
        raise connection_error(failure, address=self._origin, sent=call.sent, secrets=(self._token,))

    def _redirect_target(self, method: Method, response: requests.Response) -> str | None:
        """The address to read instead, None for an answer that is no redirect; raises when it must not be followed."""
        if response.status_code not in (301, 302, 303, 307, 308):
            return None
        target = urljoin(response.url, response.headers.get("Location", ""))
        parts = urlsplit(target)
        origin = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"
        if method == "GET" and origin == self._origin:
            return target
        place = shorten(redact(f"{origin}{parts.path}", self._token), 200)
        raise MattermostError(
            f"Mattermost API {response.status_code} {response.reason}: {self._origin} redirects to {place}. "
            "Durar does not follow with the bot token: set the base URL to the server's own address.",
            status=response.status_code,
            permanent=False,
        )

    def _read(self, response: requests.Response, longest: int) -> bytes:
        """The answer's body; an error's is cut, one beyond `longest` bytes is refused."""
        is_error = response.status_code >= 400
        content = bytearray()
        for chunk in response.iter_content(_CHUNK):
            content += chunk
            if is_error and len(content) >= MAX_ERROR_BODY:
                return bytes(content[:MAX_ERROR_BODY])
            if len(content) > longest:
                raise TooLong(self._origin, longest)
        return bytes(content)

    def _parsed(self, method: Method, response: requests.Response, content: bytes) -> Any:
        if not 200 <= response.status_code < 300:
            raise self._refusal(response, content)
        if not content.strip():
            if method == "GET":
                raise self._not_mattermost(response, "the answer is empty")
            return None
        try:
            return loads(content)
        except ValueError:
            problem = f"the answer is no JSON (content type {response.headers.get('Content-Type', 'missing')})"
        # Newer servers begin a list, then write an error object into it, with status 200.
        error_id = _ERROR_IN_LIST.match(content)
        raise self._not_mattermost(response, problem, error_id.group(1).decode() if error_id else "")

    def _refusal(self, response: requests.Response, content: bytes) -> MattermostError:
        return error_from_response(
            response.status_code, response.reason or "", response.headers, content, secrets=(self._token,)
        )

    def _not_mattermost(self, response: requests.Response, problem: str, error_id: str = "") -> MattermostError:
        problem = f"{self._origin} answered {response.status_code}, but {problem}"
        return self._protocol_error(problem, error_id, response.headers.get("X-Request-Id", ""))

    def _protocol_error(self, problem: str, error_id: str = "", request_id: str = "") -> MattermostError:
        text = f"Mattermost API protocol error: {shorten(redact(problem, self._token))}. Is the base URL right?"
        return MattermostError(text, kind="protocol", error_id=error_id, request_id=request_id, permanent=False)

    def _object(self, value: Any) -> dict[str, Any]:
        if not isinstance(value, dict):
            raise self._protocol_error(f"{self._origin} answered with something else than a JSON object")
        return value

    def _list(self, value: Any) -> Sequence[Any]:
        if value is None:  # an empty list is null in some answers of a Go server
            return []
        if not isinstance(value, list):
            raise self._protocol_error(f"{self._origin} answered with something else than a JSON list")
        return value

    def _hear_date(self, response: requests.Response) -> None:
        try:
            date = parsedate_to_datetime(response.headers.get("Date", ""))
        except (TypeError, ValueError):
            return
        self._server_clock = (int(date.timestamp() * 1000), time.monotonic())

    def _hear_limit(self, response: requests.Response) -> None:
        # With VaryByUser two limiters write into one header ("101, 101"): the smaller number counts.
        values = [
            [int(part) for part in response.headers.get(name, "").split(",") if part.strip().isdecimal()]
            for name in ("X-Ratelimit-Limit", "X-Ratelimit-Remaining")
        ]
        if all(values):
            self.rate_limit = (min(values[0]), min(values[1]))

    @property
    def _origin(self) -> str:
        parts = urlsplit(self.base_url)
        return f"{parts.scheme}://{parts.netloc}"
