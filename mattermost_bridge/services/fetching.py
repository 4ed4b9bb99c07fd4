"""Fetching what an address on the web names, without letting it lead into the network that Durar stands in.

The host's name is resolved once, every address that it has is looked at, and the connection goes to one of these very
addresses: a name that means something else a moment later leads nowhere.
"""

from __future__ import annotations

import mimetypes
import re
import socket
from collections.abc import Callable
from dataclasses import dataclass
from email.message import Message
from typing import IO, Any
from urllib.parse import unquote, urljoin, urlsplit

import urllib3
import urllib3.exceptions

from mattermost_bridge.mattermost import calls
from mattermost_bridge.mattermost.failures import describe
from mattermost_bridge.mattermost.transport import USER_AGENT, Call, call_within, pinned_pool
from mattermost_bridge.rules.addresses import is_public
from mattermost_bridge.rules.files import size_in_words
from mattermost_bridge.services.errors import Refused

CONNECT_SECONDS = 5.0
TOTAL_SECONDS = 60.0
MOST_REDIRECTS = 3
_CHUNK = 64 * 1024
_PORTS = {"http": 80, "https": 443}

#: Tests replace it: what a name resolves to.
resolve: Callable[[str, int], list[str]] = lambda host, port: [  # noqa: E731
    str(found[4][0]) for found in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
]


@dataclass(frozen=True)
class Fetched:
    """What an address gave: its name, as far as the address or the answer says one, its type and its size in bytes."""

    name: str
    mime_type: str
    size: int


@dataclass(frozen=True)
class Allowed:
    """Where files may be fetched from: public addresses; private ones too with `private`, and always those of the
    origin `trusted` (scheme://host:port, the account's own server)."""

    private: bool = False
    trusted: str = ""


def is_address(source: str) -> bool:
    """Whether a file's source is an address on the web rather than a path."""
    return source.strip().lower().startswith(("http:", "https:"))


def fetch(url: str, into: IO[bytes], *, allowed: Allowed, longest: int) -> Fetched:
    """Read what `url` names into an open file: `longest` bytes at most, within a minute. Raises Refused.

    Only http and https, without a user name in it; redirects are followed three times, each looked at like the first
    address. No cookies, no credentials and no proxy of the environment.
    """
    for hook in calls.before_request:
        hook()
    with call_within(TOTAL_SECONDS) as call:
        for _ in range(MOST_REDIRECTS + 1):
            answer = _Address(url, allowed).open(call)
            try:
                target = answer.headers.get("Location") if answer.status in (301, 302, 303, 307, 308) else None
                if target is None:
                    return _read(answer, url, into, longest)
            except (urllib3.exceptions.HTTPError, OSError) as error:
                raise _away(url, error, call) from None
            finally:
                answer.release_conn()
                answer.close()
            url = _joined(url, target)
    raise Refused(f"{_shown(url)} redirects more than {MOST_REDIRECTS} times. Give the address that it leads to.")


def _joined(url: str, target: str) -> str:
    """Where a redirect leads. Raises Refused."""
    try:
        return urljoin(url, target)
    except ValueError:
        raise Refused(f"{_shown(url)} redirects to something that is no address.") from None


class _Address:
    """One address, looked at: raises Refused unless it may be asked."""

    def __init__(self, url: str, allowed: Allowed) -> None:
        self._url = url
        try:
            parts = urlsplit(url)
        except ValueError as problem:
            raise Refused(f"The address of the file cannot be read ({problem}). Compare it.") from None
        self._scheme = parts.scheme.lower()
        if self._scheme not in _PORTS or not parts.hostname:
            raise Refused(f"{_shown(url)} is no address that a file can be fetched from: it must be http or https.")
        if parts.username or parts.password:
            raise Refused(f"{_shown(url)} holds a user name or password. Give an address without one.")
        try:
            self._host, self._port = parts.hostname, parts.port or _PORTS[self._scheme]
        except ValueError:
            raise Refused(f"{_shown(url)} has no usable port.") from None
        self._path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
        origin = urlsplit(allowed.trusted)
        same = (origin.scheme, origin.hostname, origin.port or _PORTS.get(origin.scheme, 0))
        self._any = allowed.private or same == (self._scheme, self._host, self._port)

    def open(self, call: Call) -> urllib3.BaseHTTPResponse:
        """Connect to one of the host's addresses and ask. Raises Refused."""
        ip = self._pinned()
        pool = pinned_pool(self._scheme, ip, self._port, self._host)
        try:
            return pool.urlopen(
                "GET",
                self._path,
                headers={"Host": self._host_header, "User-Agent": USER_AGENT, "Accept-Encoding": "identity"},
                redirect=False,
                retries=False,
                preload_content=False,
                timeout=urllib3.Timeout(connect=min(CONNECT_SECONDS, call.remaining()), read=call.remaining()),
            )
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise _away(self._url, error, call) from None

    def _pinned(self) -> str:
        try:
            found = resolve(self._host, self._port)
        except (OSError, UnicodeError):
            raise Refused(f"The host of {_shown(self._url)} is not found. Compare the address.") from None
        if not found:
            raise Refused(f"The host of {_shown(self._url)} has no address.")
        if not self._any and not all(is_public(ip) for ip in found):
            raise Refused(
                f"{_shown(self._url)} leads into a private network, and files are not fetched from there. If that is "
                "meant, set network.dangerouslyAllowPrivateNetwork for the account."
            )
        return found[0]

    @property
    def _host_header(self) -> str:
        host = f"[{self._host}]" if ":" in self._host else self._host
        return host if self._port == _PORTS[self._scheme] else f"{host}:{self._port}"


def _read(answer: urllib3.BaseHTTPResponse, url: str, into: IO[bytes], longest: int) -> Fetched:
    if not 200 <= answer.status < 300:
        raise Refused(f"{_shown(url)} answers {answer.status} instead of a file. Compare the address.")
    size = 0
    for chunk in answer.stream(_CHUNK, decode_content=False):
        size += len(chunk)
        if size > longest:
            raise Refused(f"{_shown(url)} is larger than {size_in_words(longest)}, so it is not sent (mediaMaxMb).")
        into.write(chunk)
    mime_type = (answer.headers.get("Content-Type") or "").partition(";")[0].strip().lower()
    return Fetched(_name(url, answer.headers.get("Content-Disposition") or "", mime_type), mime_type, size)


def _name(url: str, disposition: str, mime_type: str) -> str:
    """What to call it: as the answer says, else the end of the address, else `upload` with the type's extension."""
    message = Message()
    message["Content-Disposition"] = disposition or "inline"
    said = message.get_filename() or unquote(urlsplit(url).path.rstrip("/").rpartition("/")[2])
    return safe_name(said, mime_type)


def safe_name(name: str, mime_type: str = "") -> str:
    """A file name without folders and signs that mean something to systems; `upload` where nothing is left."""
    kept = re.sub(r"[\x00-\x1f\x7f<>:\"|?*]", "", name.replace("\\", "/").rpartition("/")[2]).strip(" .")
    kept = kept[-120:] or "upload"
    if "." not in kept and (extension := mimetypes.guess_extension(mime_type or "")):
        kept += extension
    return kept


def _away(url: str, error: Exception, call: Call) -> Refused:
    return Refused(f"{_shown(url)} was not reached: {describe(error, sent=call.sent, secrets=())}.")


def _shown(url: str) -> str:
    """The address without query and credentials, which may hold secrets."""
    parts: Any = urlsplit(url)
    host = parts.netloc.rpartition("@")[2]
    return f"{parts.scheme}://{host}{parts.path}"[:200]
