"""What went wrong between Durar and a server with the OpenAI chat API, in sentences that name cause and remedy."""

from __future__ import annotations

import email.utils
import math
import re
import socket
import ssl
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import httpx2
import openai

from .base import AgentConfig, AgentError, ErrorKind, clean_text
from .redaction import redact

LONGEST_QUOTE = 300
LONGEST_WAIT_S = 86_400.0
_TAGS = re.compile(r"<(script|style)\b.*?</\1>|<[^>]*>", re.IGNORECASE | re.DOTALL)
_TOO_LONG = re.compile(
    r"context.?(length|window|size)|maximum context|too many (input )?tokens|prompt is too long"
    r"|exceeds? the (available )?context",
    re.IGNORECASE,
)
_NO_IMAGES = re.compile(
    r"image(_url|s)?\b.{0,60}\b(not|un|only|invalid)|(not|un).{0,60}\bimage|multi.?modal|\bvision\b", re.I
)
_NO_TOOLS = re.compile(r"\b(tools?|function.?call(ing|s)?)\b.{0,60}\b(not|un)|(not|un).{0,60}\btools?\b", re.I)
_NO_CREDIT = re.compile(r"insufficient_quota|exceeded your current quota|credit|billing", re.IGNORECASE)
_NO_MODEL = re.compile(r"model_not_found|\bmodels?\b", re.IGNORECASE)
_WANTS_PLAIN = re.compile(r"stream_options|\bname\b|alternat|system (role|message)|role.{0,20}system", re.IGNORECASE)


@dataclass(frozen=True)
class Explainer:
    """Turns failures of one agent into AgentErrors; nothing leaves it with the agent's key inside."""

    config: AgentConfig
    base_url: str

    def error(self, kind: ErrorKind, cause: str, retry_after: float | None = None) -> AgentError:
        """An AgentError whose cause is free of the key."""
        return AgentError(kind, redact(clean_text(cause), self.config.api_key), retry_after)

    def quote(self, text: object, lead: str = "It says") -> str:
        """A server's own words as a sentence to append: tags and key removed, on one line, shortened. May be empty."""
        words = " ".join(_TAGS.sub(" ", str(text)[: 20 * LONGEST_QUOTE]).split())
        words = redact(words, self.config.api_key).rstrip(".")
        if not words:
            return ""
        return f' {lead}: "{words if len(words) <= LONGEST_QUOTE else words[:LONGEST_QUOTE] + "…"}".'

    def explain(self, failure: openai.OpenAIError) -> AgentError:
        """The AgentError for whatever the client library raised."""
        if isinstance(failure, openai.APIStatusError):
            headers = failure.response.headers
            return self.status(failure.status_code, failure.body, headers)
        if isinstance(failure, openai.APIConnectionError):
            return self.connection(failure)
        if isinstance(failure, openai.APIError):
            return self.reported(failure.body if failure.body is not None else failure.message)
        return self.error(ErrorKind.SERVER_ERROR, f"The request to {self.base_url} failed.{self.quote(failure)}")

    def reported(self, body: object) -> AgentError:
        """For an error object that comes with status 200: in the stream, or instead of an answer."""
        code = body.get("code") if isinstance(body, Mapping) else None
        if isinstance(code, (int, str)) and re.fullmatch(r"[45]\d\d", str(code)):
            return self.status(int(code), body, {})
        search = _searchable(body)
        if _TOO_LONG.search(search):
            return self.status(400, body, {})
        if "rate_limit" in search or _NO_CREDIT.search(search):
            return self.status(429, body, {})
        return self.error(
            ErrorKind.SERVER_ERROR,
            f"The server at {self.base_url} reported an error instead of an answer. Try again later; if it stays, look "
            f"into that server's log.{self.quote(_message(body))}",
        )

    def status(self, status: int, body: object, headers: Mapping[str, str]) -> AgentError:
        """For an HTTP status that is not 2xx. `body` is the decoded JSON, or the text."""
        said, search = self.quote(_message(body)), _searchable(body)
        where = f"The server at {self.base_url}"
        wait = retry_after(headers)
        if 300 <= status < 400:
            target = self.quote(headers.get("location", ""), "It points to")
            return self.error(
                ErrorKind.BAD_SETTINGS,
                f"{where} answered with a redirect ({status}), which is not followed with a key.{target} "
                "Set the final address in the agent's settings.",
            )
        if status == 401:
            return self.error(ErrorKind.REFUSED_KEY, self._refused_key(where) + said)
        if status == 402 or (status == 429 and _NO_CREDIT.search(search)):
            return self.error(
                ErrorKind.RATE_LIMITED,
                f"{where} gives no answer because the account of this key has no credit left ({status}). "
                f"Check its plan and billing.{said}",
                wait,
            )
        if status == 403:
            return self.error(
                ErrorKind.REFUSED_KEY,
                f'{where} does not allow this (403). Check that the key may use the model "{self.config.model}", and '
                f"that no firewall or proxy stands between.{said}",
            )
        if status == 429:
            after = f" It asks to wait {wait:.0f} seconds." if wait is not None else ""
            return self.error(
                ErrorKind.RATE_LIMITED,
                f"{where} has had too many requests (429).{after} Wait, or raise the limit of this key.{said}",
                wait,
            )
        if status in {400, 404, 415, 422, 500, 501} and _NO_IMAGES.search(search):
            return self.error(
                ErrorKind.BAD_SETTINGS,
                f'The model "{self.config.model}" did not take the image that came with the message ({status}). Choose '
                f'a model that takes images, or switch off "takes images" in the agent\'s settings.{said}',
            )
        if status in {400, 404, 422, 500, 501} and _NO_TOOLS.search(search):
            return self.error(
                ErrorKind.BAD_SETTINGS,
                f'The model "{self.config.model}" did not take the tools that it was given ({status}). Choose a model '
                f'that takes tools, or switch off "takes tools" in the agent\'s settings.{said}',
            )
        if status in {400, 413, 422} and (status == 413 or _TOO_LONG.search(search)):
            return self.error(
                ErrorKind.BAD_SETTINGS,
                f'The conversation is longer than the model "{self.config.model}" can take ({status}). '
                f"Give the agent less history, shorten its instructions, or choose a model that takes more.{said}",
            )
        if status in {404, 405, 410}:
            return self.error(ErrorKind.BAD_SETTINGS, self._not_found(where, status, body) + said)
        if status == 408 or status >= 500:
            return self.error(
                ErrorKind.SERVER_ERROR,
                f"{where} failed with status {status}. Try again later; if it stays, look into that server's log."
                f"{said}",
                wait,
            )
        return self.error(
            ErrorKind.BAD_SETTINGS,
            f'{where} refused the request ({status}). Check the model "{self.config.model}" and the agent\'s other '
            f"settings.{said}",
        )

    def connection(self, failure: BaseException) -> AgentError:
        """For a connection that could not be made, or broke."""
        chain = list(_chain(failure))
        parts = urlsplit(self.base_url)
        host, port = parts.hostname or "", parts.port or (443 if parts.scheme == "https" else 80)
        for cause in chain:
            if isinstance(cause, ssl.SSLError):
                return self.error(ErrorKind.UNREACHABLE, _tls(cause, host, port))
        if any(isinstance(cause, socket.gaierror) for cause in chain):
            return self.error(
                ErrorKind.UNREACHABLE,
                f'The name "{host}" could not be found (DNS). Check the spelling of the address {self.base_url}, and '
                "that this machine can resolve names.",
            )
        if any(isinstance(cause, ConnectionRefusedError) for cause in chain):
            return self.error(
                ErrorKind.UNREACHABLE,
                f"Nothing listens at {host}, port {port} (connection refused). Check the address and its port, and "
                "that the server runs. In a container, localhost is the container itself.",
            )
        if any(isinstance(cause, httpx2.ConnectTimeout) for cause in chain):
            return self.error(
                ErrorKind.UNREACHABLE,
                f"No connection to {host}, port {port}: nothing came back in time. Check the address, and the "
                "firewalls on the way.",
            )
        if isinstance(failure, openai.APITimeoutError):
            return self.error(
                ErrorKind.TIMEOUT,
                f"The server at {self.base_url} sent nothing for too long. Raise the agent's total time, or choose a "
                "faster model.",
            )
        if hung_up(failure):
            return self.error(
                ErrorKind.UNREACHABLE,
                f"The server at {self.base_url} closed the connection before it had answered. Look into its log; when "
                "its port speaks HTTPS, the address must begin with https://.",
            )
        detail = next((text for cause in reversed(chain) if (text := str(cause))), "")
        reason = self.quote(detail, "The reason given")
        return self.error(
            ErrorKind.UNREACHABLE, f"No connection to {host}, port {port}.{reason} Check the address and the network."
        )

    def broken_off(self, chars: int) -> AgentError:
        """For a stream that ended in the middle."""
        return self.error(
            ErrorKind.UNREACHABLE,
            f"The connection to {self.base_url} broke in the middle of the answer, after {chars} characters. Try "
            "again; if it stays, look into the log of that server and of the proxies before it.",
        )

    def no_answer(self, what: str) -> AgentError:
        """For something that is no answer of this API; `what` says what came, as a sentence."""
        return self.error(
            ErrorKind.BAD_ANSWER,
            f"{what} Check that {self.base_url} is the base URL of an OpenAI chat API.{self._v1()}",
        )

    def _refused_key(self, where: str) -> str:
        agent = f'the agent "{self.config.name}"'
        if not self.config.api_key:
            return f"{where} wants an API key (401), and {agent} has none. Enter one in its settings."
        return f"{where} refused the API key of {agent} (401). Enter a valid key in its settings."

    def _not_found(self, where: str, status: int, body: object) -> str:
        if status == 404 and isinstance(body, Mapping) and _NO_MODEL.search(_searchable(body)):
            return f'{where} has no model "{self.config.model}" (404), or not for this key. Choose one that it offers.'
        return (
            f"{where} has no chat API at this path ({status}). Check the address.{self._v1()} "
            f'If it is right, check the model "{self.config.model}".'
        )

    def _v1(self) -> str:
        if re.search(r"/v\d+\w*(/|$)", urlsplit(self.base_url).path):
            return ""
        return f" It usually ends in /v1: try {self.base_url}/v1."


def wants_plain(failure: openai.APIStatusError) -> bool:
    """Whether the server may accept the same request without names, usage in the stream, and a system role."""
    return failure.status_code in {400, 422, 500} and bool(_WANTS_PLAIN.search(_searchable(failure.body)))


def hung_up(failure: BaseException) -> bool:
    """Whether the server closed the connection instead of answering: a kept connection that had just run out, often."""
    kinds = (httpx2.RemoteProtocolError, httpx2.ReadError, httpx2.WriteError)
    return any(isinstance(cause, kinds) for cause in _chain(failure))


def retry_after(headers: Mapping[str, str]) -> float | None:
    """Seconds from `retry-after-ms` or `Retry-After` (a number or an HTTP date), at most a day; None without one."""
    milliseconds = _number(headers.get("retry-after-ms", ""))
    if milliseconds is not None:
        return min(milliseconds / 1000, LONGEST_WAIT_S)
    value = headers.get("retry-after", "")
    seconds = _number(value)
    if seconds is not None:
        return min(seconds, LONGEST_WAIT_S)
    parsed = email.utils.parsedate_tz(value)
    if parsed is None:
        return None
    try:
        return min(max(0.0, email.utils.mktime_tz(parsed) - time.time()), LONGEST_WAIT_S)
    except (OverflowError, ValueError):
        return None


def _number(text: str) -> float | None:
    try:
        number = float(text)
    except ValueError:
        return None
    return number if math.isfinite(number) and number >= 0 else None


def _chain(failure: BaseException) -> Iterator[BaseException]:
    """The exception and everything that led to it, each once."""
    todo, seen = [failure], set()
    while todo:
        error = todo.pop()
        if id(error) in seen:
            continue
        seen.add(id(error))
        yield error
        todo.extend(cause for cause in (error.__context__, error.__cause__) if cause is not None)
        if isinstance(error, BaseExceptionGroup):
            todo.extend(error.exceptions)


def _tls(cause: ssl.SSLError, host: str, port: int) -> str:
    if isinstance(cause, ssl.SSLCertVerificationError):
        return (
            f"The certificate of {host}, port {port}, is not trusted: {cause.verify_message.rstrip('.')}. Use the name "
            "that stands in the certificate, or name the authority that signed it in the variable SSL_CERT_FILE."
        )
    return (
        f"No encrypted connection to {host}, port {port}: {cause.reason or 'the TLS handshake failed'}. If that server "
        "speaks plain HTTP, the address must begin with http://."
    )


def _message(body: object) -> object:
    """The readable part of an error body."""
    if isinstance(body, Mapping):
        for key in ("error", "message", "detail"):
            if body.get(key):
                return _message(body[key])
        return "" if not body else dict(body)
    return "" if body is None else body


def _searchable(body: object) -> str:
    """Message, code and type of an error body in one string, to look for words in."""
    if isinstance(body, Mapping):
        inner: Any = body.get("error", body)
        if isinstance(inner, Mapping):
            fields = [inner.get(key) for key in ("code", "type", "param", "message", "detail")]
            return " ".join(str(value) for value in fields if value)
        return str(inner)
    return str(body or "")
