"""A `Durar up` of a test: on free ports, in a state directory of its own."""

from __future__ import annotations

import http.client
import json
import os
import re
import socket
import subprocess
import sys
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from mattermost_bridge.sandbox.testing import SandboxClient
from tests.e2e.databases import Database, clean_environment, fresh_database
from tests.e2e.processes import REPOSITORY, Process, wait_for

READY_LIMIT = 90.0
#: Longest that a start which must fail may take.
REFUSAL_LIMIT = 60.0


def free_ports(count: int) -> list[int]:
    """Ports that are free at the moment."""
    sockets = [socket.socket() for _ in range(count)]
    try:
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]
    finally:
        for one in sockets:
            one.close()


def environment_for(state: Path, **extra: str) -> dict[str, str]:
    """The environment of a `manage.py` that works in `state`."""
    return clean_environment() | {"DURAR_STATE_DIR": str(state), "DURAR_STOP_GRACE": "3"} | extra


def refused(state: Path, *arguments: str, **extra: str) -> str:
    """What a `Durar up` that cannot start says. It must be one sentence on standard error, and exit status 1."""
    done = subprocess.run(
        [sys.executable, "manage.py", "up", *arguments],
        cwd=REPOSITORY,
        env=environment_for(state, **extra),
        capture_output=True,
        text=True,
        timeout=REFUSAL_LIMIT,
        check=False,
    )
    assert done.returncode == 1, (done.returncode, done.stdout, done.stderr)
    assert "Traceback" not in done.stderr
    assert len(done.stderr.strip().splitlines()) == 1, done.stderr
    return done.stderr.strip()


class Up:
    """A running `Durar up --sandbox`."""

    def __init__(self, folder: Path) -> None:
        self.state = folder / "state"
        self.state.mkdir(mode=0o700)
        self.port, self.sandbox_port = free_ports(2)
        self.database: Database | None = None
        server = os.environ.get("DATABASE_URL", "")
        if server:
            self.database = fresh_database(self.state, server)
        self.log = folder / "up.log"
        arguments = ["up", "--sandbox", "--port", str(self.port), "--sandbox-port", str(self.sandbox_port)]
        environment = environment_for(self.state, **(self.database.environment if self.database else {}))
        self.process = Process("up", [sys.executable, "manage.py", *arguments], environment, self.log)

    @property
    def panel(self) -> str:
        """The panel's address."""
        return f"http://127.0.0.1:{self.port}"

    @property
    def sandbox(self) -> SandboxClient:
        """The people of its sandbox."""
        return SandboxClient(f"http://127.0.0.1:{self.sandbox_port}")

    def text(self) -> str:
        """Everything it said since it was started last."""
        return self.process.text()

    def start(self) -> None:
        """Start it, and wait until it said where everything is."""
        self.log.unlink(missing_ok=True)
        self.process.start()
        self.wait_for(lambda: re.search(r"^Sandbox  ", self.text(), re.MULTILINE), "`up` to be ready", READY_LIMIT)

    def wait_for(self, condition: Any, what: str, limit: float = 60.0) -> Any:
        """Wait for a condition; a failure shows the log."""
        try:
            return wait_for(condition, limit, what=what)
        except AssertionError as error:
            raise AssertionError(f"{error}\n{self.text()[-6000:]}") from None

    def ids(self) -> dict[str, int]:
        """Process ids by name, as the state directory says them."""
        try:
            return json.loads((self.state / "processes.json").read_text())
        except FileNotFoundError:
            return {}

    def get(self, path: str) -> tuple[int, bytes]:
        """Status and body of a page of the panel; 0 while nobody answers."""
        link = http.client.HTTPConnection("127.0.0.1", urlsplit(self.panel).port, timeout=10)
        try:
            link.request("GET", path)
            answer = link.getresponse()
            return answer.status, answer.read()
        except OSError:
            return 0, b""
        finally:
            link.close()

    def close(self) -> None:
        """End it, and remove its database."""
        self.process.kill()
        if self.database:
            self.database.drop()


def lives(pid: int) -> bool:
    """Whether a process runs; one that is dead and only waits for its parent to look does not."""
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return False
    return state not in "ZX"
