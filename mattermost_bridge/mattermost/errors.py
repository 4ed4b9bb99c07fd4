"""What went wrong with a call to Mattermost, in one exception that says what a caller may do about it.

Three questions matter: may it be tried again (`permanent`), may it have happened all the same (`is_unclear`), and how
long to wait (`retry_after`). Branch on `error_id`, never on the text: the server writes it in the bot's language.
"""

import http
import math
import re
from collections.abc import Mapping
from email.utils import parsedate_to_datetime
from typing import Any, Literal

from .shapes import mapping_of, text_of
from .text import clean, loads

Kind = Literal["network", "timeout", "tls", "http", "protocol"]

MAX_DETAIL = 500
STILL_BEING_SAVED = "api.post.deduplicate_create_post.pending"

_SECRETS = re.compile(
    r"(?i)\b((?:token|authorization)\s*[=:]\s*(?:bearer\s+)?|bearer\s+|token\s+(?=\S{20}))[^\s,;\"']{6,}"
)
_ERROR_ID = re.compile(r"[A-Za-z0-9_.\-]{1,128}")


class MattermostError(Exception):
    """A call to Mattermost that failed.

    `status` is the HTTP status, None when there was no answer. `error_id` is Mattermost's own id ("" when there was
    none). `permanent`: the same call would fail again (4xx other than 408 and 429). `retry_after`: seconds that the
    server asks to wait. `kind`: "network" (no answer), "timeout", "tls" (no encrypted connection: the certificate is
    not trusted, or no protocol is shared), "http" (an answer with an error status), "protocol" (an answer that is none
    of Mattermost's). `sent`: whether any byte of the request left; False only when that is
    certain, so that a write can be repeated without looking first.
    """

    def __init__(
        self,
        message: str,
        *,
        status: int | None = None,
        error_id: str = "",
        permanent: bool | None = None,
        retry_after: float | None = None,
        request_id: str = "",
        kind: Kind | None = None,
        sent: bool = True,
    ) -> None:
        super().__init__(message)
        self.status = status
        self.error_id = error_id
        self.permanent = _is_permanent(status) if permanent is None else permanent
        self.retry_after = retry_after
        self.request_id = request_id
        self.kind: Kind = kind or ("network" if status is None else "http")
        self.sent = sent

    @property
    def is_unauthorized(self) -> bool:
        """Whether the server refused the token. A failing session lookup looks the same: confirm before giving up."""
        return self.status == http.HTTPStatus.UNAUTHORIZED

    @property
    def is_unclear(self) -> bool:
        """For a write: whether it may have happened, so that one has to look before it is tried again.

        True once anything was sent and no answer said no: a lost or unreadable answer, a timeout, a 5xx (newer servers
        answer 500 even after the post was saved). False when the connection was never made.
        """
        if not self.sent:
            return False
        if self.kind != "http":
            return True
        return self.status is None or self.status >= 500 or self.status == http.HTTPStatus.REQUEST_TIMEOUT

    @property
    def is_server_trouble(self) -> bool:
        """Whether the whole server is in trouble (network, timeout, TLS, 502 to 504) rather than this one call."""
        return self.kind in ("network", "timeout", "tls") or self.status in (502, 503, 504)

    @property
    def is_rate_limited(self) -> bool:
        """Whether the server asks for fewer calls (429); `retry_after` says for how long."""
        return self.status == http.HTTPStatus.TOO_MANY_REQUESTS

    @property
    def is_still_being_saved(self) -> bool:
        """Whether a post with the same pending_post_id is being saved right now: wait and try again."""
        return self.error_id == STILL_BEING_SAVED


def error_from_response(
    status: int, reason: str, headers: Mapping[str, str], body: bytes, *, secrets: tuple[str, ...] = ()
) -> MattermostError:
    """Make the exception for an answer with an error status; `secrets` are struck out of its text.

    Reads the usual JSON error, the text/plain 429, the bare 404 of an unknown route, and the "Bad Request" line with
    JSON behind it of a refused WebSocket (whose JSON claims 500: the HTTP status counts).
    """
    text = body.decode("utf-8", "replace")
    content = mapping_of(_json_in(text))
    message = text_of(content.get("message")) or (text if not content else "")
    detail = " ".join(message.split()) or (" ".join(text.split()) if content else "") or "unknown error"
    error_id = text_of(content.get("id"))
    return MattermostError(
        f"Mattermost API {status} {_reason(status, reason)}: {shorten(redact(detail, *secrets))}",
        status=status,
        error_id=error_id if _ERROR_ID.fullmatch(error_id) else "",
        retry_after=retry_after_seconds(headers, status=status),
        request_id=text_of(content.get("request_id")) or headers.get("X-Request-Id", "") or "",
        kind="http",
    )


def retry_after_seconds(headers: Mapping[str, str], *, status: int) -> float | None:
    """Return the seconds that an answer asks to wait, None when it asks for nothing.

    `Retry-After` counts, on a 429 also `X-Ratelimit-Reset`. Both may come doubled in one header ("4, 4", Mattermost
    with VaryByUser); the longer wait wins. Retry-After may be a date: it is taken relative to the answer's own Date.
    """
    retry_after = headers.get("Retry-After") or ""
    seconds = _seconds_in(retry_after)
    if seconds is None and retry_after:
        seconds = _seconds_between(headers.get("Date") or "", retry_after)
    if seconds is None and status == http.HTTPStatus.TOO_MANY_REQUESTS:
        seconds = _seconds_in(headers.get("X-Ratelimit-Reset") or "")
    return seconds


def redact(text: str, *secrets: str) -> str:
    """Return the text without the secrets, and without anything that looks like a token after that word or "Bearer"."""
    for secret in secrets:
        if secret:
            text = text.replace(secret, "[redacted]")
    return _SECRETS.sub(r"\1[redacted]", clean(text))


def shorten(text: str, limit: int = MAX_DETAIL) -> str:
    """Return the text cut to `limit` characters, with an ellipsis where something was cut."""
    return text if len(text) <= limit else text[: limit - 1] + "…"


def _is_permanent(status: int | None) -> bool:
    return status is not None and 400 <= status < 500 and status not in (408, 429)


def _json_in(text: str) -> Any:
    """The JSON of an error body; a refused WebSocket has a line of text before it."""
    for candidate in (text, text.partition("\n")[2]):
        try:
            return loads(candidate)
        except ValueError:
            continue
    return None


def _reason(status: int, reason: str) -> str:
    if reason:
        return shorten(clean(reason), 60)
    try:
        return http.HTTPStatus(status).phrase
    except ValueError:
        return "Unknown Status"


def _seconds_in(header: str) -> float | None:
    numbers = []
    for part in header.split(","):
        try:
            number = float(part)
        except ValueError:
            return None
        if not math.isfinite(number):
            return None
        numbers.append(max(0.0, number))
    return max(numbers) if numbers else None


def _seconds_between(earlier: str, later: str) -> float | None:
    try:
        return max(0.0, (parsedate_to_datetime(later) - parsedate_to_datetime(earlier)).total_seconds())
    except (TypeError, ValueError):
        return None
