"""What is looked at before anything starts, so that an operator reads one sentence and not five tracebacks."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mattermost_bridge.launcher.errors import CannotStartError


@contextmanager
def only_one(state: Path) -> Iterator[None]:
    """Hold the lock of the state directory `state`. The system gives it back however this process ends.

    Raises CannotStartError, with the other's process id, when somebody else holds it.
    """
    path = state / "up.lock"
    with path.open("a+", encoding="ascii") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.seek(0)
            raise CannotStartError(
                f"Durar is already running in {state} (process {file.read().strip() or 'unknown'}). Stop that one "
                "first, or name another directory in DURAR_STATE_DIR."
            ) from error
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield
        file.truncate(0)


def port_is_free(host: str, port: int, option: str) -> None:
    """Raise CannotStartError unless this process could listen on `host` and `port`; `option` names what to change."""
    try:
        family, kind, protocol, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
    except socket.gaierror as error:
        raise CannotStartError(f"The address {host} is unknown: {error.strerror}. Give another with --bind.") from error
    with socket.socket(family, kind, protocol) as probe:
        # Connections of an earlier run that are still closing do not count; a listener does.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(address)
            probe.listen(1)
        except OSError as error:
            raise CannotStartError(_why_not(error, host, port, option)) from error


def _why_not(error: OSError, host: str, port: int, option: str) -> str:
    """The sentence for a port that cannot be had."""
    if error.errno == errno.EADDRINUSE:
        return f"Port {port} on {host} is in use by another program. Stop it, or choose another port with {option}."
    if error.errno == errno.EACCES:
        return f"Port {port} on {host} may not be opened by this user. Choose a port above 1023 with {option}."
    if error.errno == errno.EADDRNOTAVAIL:
        return f"{host} is no address of this machine. Give one that is with --bind."
    return f"Port {port} on {host} cannot be opened: {error.strerror}. Choose another with {option}."
