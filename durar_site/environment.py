"""Reading the environment: typed values, secrets that may come from files, and keys made on the first run."""

from __future__ import annotations

import hashlib
import os
import secrets
import tempfile
from pathlib import Path

from django.core.exceptions import ImproperlyConfigured

# A UNIX socket's path may have 107 bytes on Linux and 103 on macOS.
SOCKET_PATH_LIMIT = 100


def secret(name: str, default: str = "") -> str:
    """The secret `name` from the environment, or from the file that `<name>_FILE` names.

    Raises ImproperlyConfigured when both are set or the file cannot be read: a secret that is half configured must
    stop the start, not be replaced in silence.
    """
    value, path = os.environ.get(name, ""), os.environ.get(f"{name}_FILE", "")
    if value and path:
        raise ImproperlyConfigured(f"{name} and {name}_FILE are both set. Remove one of them.")
    if not path:
        return value or default
    try:
        return Path(path).read_text(encoding="utf-8").strip()
    except OSError as error:
        raise ImproperlyConfigured(
            f"{name}_FILE names {path}, which cannot be read: {error.strerror}. Correct the path or its rights."
        ) from error


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
        try:
            os.link(draft, path)
        except FileExistsError:
            key = ""  # another process was first; its key is read below
        finally:
            Path(draft).unlink()
    return path.read_text(encoding="utf-8").strip()


def broker_socket(state: Path) -> Path:
    """Where the embedded Valkey listens: in the state directory, or, where that path is too long for a socket, in a
    private directory below the system's temporary one that every process of this state directory computes alike."""
    path = state / "valkey.sock"
    if len(os.fsencode(path)) <= SOCKET_PATH_LIMIT:
        return path
    name = hashlib.sha256(os.fsencode(state)).hexdigest()[:16]
    return Path(tempfile.gettempdir()) / f"durar-{os.getuid()}-{name}" / "valkey.sock"
