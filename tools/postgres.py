"""A PostgreSQL server of one's own for a while: the one that the system has installed, in a temporary directory."""

from __future__ import annotations

import contextlib
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import time
from collections.abc import Iterator
from pathlib import Path

START_LIMIT = 30.0
USER = "postgres"


def programs() -> Path | None:
    """Where the newest installed server's programs are; None when there is none."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/initdb"), key=lambda path: float(path.parent.parent.name))
    if found:
        return found[-1].parent
    on_path = shutil.which("initdb")
    return Path(on_path).parent if on_path else None


@contextlib.contextmanager
def temporary_server() -> Iterator[str]:
    """Start a server without fsync on a free port; the address of its database `postgres`. Raises RuntimeError."""
    where = programs()
    if where is None:
        raise RuntimeError("PostgreSQL is not installed here. On Debian: apt-get install postgresql.")
    folder = Path(tempfile.mkdtemp(prefix="durar-postgres-"))
    port = _free_port()
    try:
        if os.getuid() == 0:  # the server refuses to run as root
            account = pwd.getpwnam(USER)
            os.chown(folder, account.pw_uid, account.pw_gid)
        make = [str(where / "initdb"), "-D", str(folder / "data"), "-U", USER, "-A", "trust", "--no-sync"]
        _run([*make, "-E", "UTF8", "--locale=C"], folder)
        options = f"-p {port} -h 127.0.0.1 -k {folder} -F -c synchronous_commit=off -c max_connections=200"
        control = [str(where / "pg_ctl"), "-D", str(folder / "data"), "-l", str(folder / "log"), "-w"]
        _run([*control, "-t", str(int(START_LIMIT)), "-o", options, "start"], folder)
        try:
            yield f"postgres://{USER}@127.0.0.1:{port}/postgres"
        finally:
            _run([*control, "-m", "immediate", "stop"], folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def _run(command: list[str], folder: Path) -> None:
    """Run one of the server's programs as its user. Raises RuntimeError with what it said."""
    if os.getuid() == 0:
        command = ["runuser", "-u", USER, "--", *command]
    # A file and no pipe: the server keeps the output of what started it open.
    with (folder / f"said-{time.monotonic_ns()}").open("w+") as said:
        done = subprocess.run(command, cwd=folder, stdout=said, stderr=subprocess.STDOUT, check=False)  # noqa: S603
        if done.returncode:
            said.seek(0)
            raise RuntimeError(f"{command[0]} failed: {said.read().strip()}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
