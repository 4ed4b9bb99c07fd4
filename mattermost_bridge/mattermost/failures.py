"""Sentences for connections that failed: the libraries' nested exceptions, said so that an operator can act on them."""

import asyncio
import http.client
import socket
import ssl
from collections.abc import Iterator

import requests
import urllib3.exceptions

from .errors import Kind, MattermostError, redact, shorten


def connection_error(error: Exception, *, address: str, sent: bool, secrets: tuple[str, ...] = ()) -> MattermostError:
    """Make the exception for a call that got no (whole) answer; `address` is scheme and host, for the text."""
    kind, sentence = _describe(list(_chain(error)), sent=sent)
    label = {"timeout": "timeout", "network": "network error", "tls": "TLS error"}.get(kind, "protocol error")
    text = f"Mattermost API {label} at {address}: {shorten(redact(sentence, *secrets))}"
    return MattermostError(text, kind=kind, sent=sent)


def describe(error: Exception, *, sent: bool, secrets: tuple[str, ...] = ()) -> str:
    """What went wrong with a call of any kind, as the rest of a sentence: "the connection was refused"."""
    return shorten(redact(_describe(list(_chain(error)), sent=sent)[1], *secrets))


def _describe(chain: list[BaseException], *, sent: bool) -> tuple[Kind, str]:
    for error in chain:
        if isinstance(error, ssl.SSLCertVerificationError):
            return "tls", f"the server's certificate is not trusted ({error.verify_message})"
        if isinstance(error, socket.gaierror | urllib3.exceptions.NameResolutionError):
            return "network", "the host name cannot be resolved"
        if isinstance(error, ConnectionRefusedError):
            return "network", "the connection was refused"
        if isinstance(error, http.client.RemoteDisconnected):
            return "network", "the server closed the connection without an answer"
        if isinstance(error, ConnectionResetError | BrokenPipeError):
            return "network", "the connection was reset"
        if isinstance(error, urllib3.exceptions.IncompleteRead | http.client.IncompleteRead):
            return "network", "the connection was lost in the middle of the answer"
        if isinstance(error, requests.exceptions.ContentDecodingError):
            return "protocol", "the answer's compression is broken"
        if isinstance(error, requests.exceptions.InvalidURL | urllib3.exceptions.LocationParseError):
            return "protocol", "the address cannot be used"
    if any(_is_timeout(error) for error in chain):
        return "timeout", "there was no complete answer in time" if sent else "no connection could be made in time"
    # An end in the middle of the handshake is a lost connection; every other failure of TLS is one of TLS.
    ended = (EOFError, ssl.SSLEOFError, ssl.SSLZeroReturnError, ssl.SSLSyscallError)
    if any(isinstance(error, ended) for error in chain):
        return "network", "the server closed the connection without an answer"
    for error in chain:
        if isinstance(error, ssl.SSLError):
            return "tls", f"no encrypted connection could be made ({error.reason or error})"
    return "network", f"{type(chain[-1]).__name__}: {chain[-1]}"


def _is_timeout(error: BaseException) -> bool:
    if isinstance(error, urllib3.exceptions.NewConnectionError):
        return False  # a subclass of ConnectTimeoutError, for every other reason
    timeouts = (requests.exceptions.Timeout, urllib3.exceptions.TimeoutError, TimeoutError, asyncio.TimeoutError)
    return isinstance(error, timeouts)


def _chain(error: BaseException) -> Iterator[BaseException]:
    """The exception and everything it wraps, by cause, context, `reason` and arguments, outermost first."""
    seen: set[int] = set()
    waiting: list[object] = [error]
    while waiting:
        current = waiting.pop(0)
        if not isinstance(current, BaseException) or id(current) in seen:
            continue
        seen.add(id(current))
        yield current
        waiting += [current.__cause__, current.__context__, getattr(current, "reason", None), *current.args]
