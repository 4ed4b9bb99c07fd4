"""Reading the environment: typed values, secrets that may come from files, and keys made on the first run.

Every reader raises ImproperlyConfigured with a sentence that names the variable and says what to do. A variable that
is set to nothing counts as not set.
"""

from __future__ import annotations

import hashlib
import os
import secrets
import tempfile
import zoneinfo
from ipaddress import IPv4Network, IPv6Network, ip_network
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

import environ
from django.core.exceptions import ImproperlyConfigured

# A UNIX socket's path may have 107 bytes on Linux and 103 on macOS.
SOCKET_PATH_LIMIT = 100
_YES, _NO = {"1", "true", "yes", "on"}, {"0", "false", "no", "off"}


def text(name: str, default: str = "") -> str:
    """The variable `name`, without surrounding blanks."""
    return os.environ.get(name, "").strip() or default


def flag(name: str, *, default: bool) -> bool:
    """The variable `name` as yes or no. A word that is neither is an error: a typing mistake must not mean "no"."""
    word = text(name).lower()
    if word and word not in _YES | _NO:
        raise ImproperlyConfigured(f"{name} is {word!r}; it must be 1 or 0 (also true, yes, on, false, no, off).")
    return word in _YES if word else default


def seconds(name: str, default: float) -> float:
    """The variable `name` as a length of time in seconds, greater than 0."""
    word = text(name)
    try:
        value = float(word) if word else default
    except ValueError:
        value = -1
    if not 0 < value < float("inf"):
        raise ImproperlyConfigured(f"{name} is {word!r}; it must be a number of seconds greater than 0.")
    return value


def port(name: str, default: int) -> int:
    """The variable `name` as a TCP port, 1 to 65535."""
    word = text(name, str(default))
    if not word.isdecimal() or not 1 <= int(word) <= 65535:
        raise ImproperlyConfigured(f"{name} is {word!r}; it must be a port, a whole number from 1 to 65535.")
    return int(word)


def words(name: str, default: list[str]) -> list[str]:
    """The variable `name` as a list; commas separate."""
    return [word.strip() for word in text(name).split(",") if word.strip()] or default


def networks(name: str) -> list[IPv4Network | IPv6Network]:
    """The variable `name` as a list of addresses and networks; commas separate."""
    try:
        return [ip_network(word, strict=False) for word in words(name, [])]
    except ValueError as problem:
        raise ImproperlyConfigured(
            f"{name}: {problem}. It must be addresses or networks, as 10.0.0.5 or 10.0.0.0/8; commas separate."
        ) from None


def time_zone(name: str) -> str:
    """The variable `name` if it is a zone of the IANA database, else UTC: TZ may also hold forms only libc reads."""
    zone = text(name, "UTC")
    try:
        return zoneinfo.ZoneInfo(zone).key
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return "UTC"


def secret(name: str) -> str:
    """The secret `name` from the environment, or from the file that `<name>_FILE` names; "" when neither is set.

    A secret that is half configured (both set, file unreadable or empty) stops the start: it must not be replaced
    in silence.
    """
    value, path = text(name), text(f"{name}_FILE")
    if value and path:
        raise ImproperlyConfigured(f"{name} and {name}_FILE are both set. Remove one of them.")
    return _read(Path(path), f"{name}_FILE") if path else value


def _read(path: Path, origin: str) -> str:
    """What the file `path` holds; `origin` says in errors who named it."""
    try:
        value = path.read_text(encoding="utf-8").strip()
    except (OSError, UnicodeDecodeError) as error:
        why = error.strerror if isinstance(error, OSError) else "it is not text"
        raise ImproperlyConfigured(
            f"{origin} names {path}, which cannot be read: {why}. Correct the path or its rights."
        ) from error
    if not value:
        raise ImproperlyConfigured(f"{origin} names {path}, which is empty. Put the secret into that file.")
    return value


def database(url: str) -> dict[str, Any]:
    """Django's settings for the PostgreSQL server that `url` names. Errors do not repeat `url`: it has a password."""
    if urlsplit(url).scheme not in {"postgres", "postgresql"}:
        raise ImproperlyConfigured(
            "DATABASE_URL must name a PostgreSQL database, as postgres://user:password@host:5432/name. "
            "Without it Durar keeps its database in the state directory."
        )
    config: dict[str, Any] = environ.Env.db_url_config(url)
    config.setdefault("OPTIONS", {}).setdefault("connect_timeout", 5)
    return config


def mail_server(url: str) -> dict[str, Any]:
    """Django's settings for the mail server that `url` names, {} for none. Errors do not repeat `url`: it has a
    password. smtp: plain, port 25; smtp+tls: STARTTLS, port 587; smtps: TLS from the start, port 465."""
    if not url:
        return {}
    ports = {"smtp": 25, "smtp+tls": 587, "smtps": 465}
    try:
        parts = urlsplit(url)
        host, number = parts.hostname, parts.port
    except ValueError:
        parts, host, number = urlsplit(""), None, None
    if parts.scheme not in ports or not host:
        raise ImproperlyConfigured(
            "DURAR_EMAIL_URL must name a mail server, as smtp+tls://user:password@mail.example.com:587 "
            "(smtp: plain, smtp+tls: STARTTLS, smtps: TLS from the start). Write @ in a password as %40."
        )
    return {
        "EMAIL_HOST": host,
        "EMAIL_PORT": number or ports[parts.scheme],
        "EMAIL_HOST_USER": unquote(parts.username or ""),
        "EMAIL_HOST_PASSWORD": unquote(parts.password or ""),
        "EMAIL_USE_TLS": parts.scheme == "smtp+tls",
        "EMAIL_USE_SSL": parts.scheme == "smtps",
    }


def state_dir(path: Path) -> Path:
    """`path`, made with mode 0700 if it is missing. Raises ImproperlyConfigured when it cannot be written."""
    try:
        path.mkdir(mode=0o700, parents=True, exist_ok=True)
        with tempfile.TemporaryFile(dir=path):
            return path
    except OSError as error:
        raise ImproperlyConfigured(
            f"The state directory {path} cannot be written: {error.strerror}. "
            "Name a directory that this user may write in DURAR_STATE_DIR."
        ) from error


def kept_key(path: Path, make: str = "urlsafe") -> str:
    """The key kept in the file `path`; on the first run a new one is written there, readable by its owner only.

    `make` is "urlsafe" for a random text, "fernet" for an encryption key. Two processes that start at once agree:
    the file is linked into place whole, and whoever comes second reads what the first one wrote.
    """
    if not path.exists():
        if make == "fernet":
            from cryptography.fernet import Fernet

            key = Fernet.generate_key().decode()
        else:
            key = secrets.token_urlsafe(50)
        handle, draft = tempfile.mkstemp(dir=path.parent)
        with os.fdopen(handle, "w") as file:
            file.write(key + "\n")
            file.flush()
            os.fsync(handle)  # what is encrypted with it must not outlive it
        try:
            os.link(draft, path)
        except FileExistsError:
            key = ""  # another process was first; its key is read below
        finally:
            Path(draft).unlink()
    return _read(path, "The state directory")


def broker_socket(state: Path) -> Path:
    """Where the embedded Valkey listens: in the state directory, or, where that path is too long for a socket, in a
    private directory below /tmp that every process of this state directory computes alike (TMPDIR may differ)."""
    path = state / "valkey.sock"
    if len(os.fsencode(path)) <= SOCKET_PATH_LIMIT:
        return path
    name = hashlib.sha256(os.fsencode(state)).hexdigest()[:16]
    return Path("/tmp") / f"durar-{os.getuid()}-{name}" / "valkey.sock"  # noqa: S108 - made with mode 0700 by `up`
