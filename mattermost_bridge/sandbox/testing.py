"""Drive a sandbox from Python: start one in a process of its own, be its people, and ask for trouble."""

import contextlib
import os
import re
import select
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from types import TracebackType

from mattermost_bridge.sandbox.client import SandboxClient, wait_for

__all__ = ["SandboxClient", "SandboxProcess", "wait_for"]

REPOSITORY = Path(__file__).resolve().parents[2]
START_LIMIT = 30.0
_READY = re.compile(r"sandbox ready on (http://\S+)\n")


class SandboxProcess(SandboxClient):
    """A sandbox in a process of its own, on a free port; a context manager. It dies with its parent."""

    def __init__(self, *, state_file: Path | None = None, server_version: str = "5.37", people: int = 0) -> None:
        super().__init__("")
        self._arguments = ["--port", "0", "--watch-stdin", "--server-version", server_version]
        self._arguments += ["--seed-people", str(people)]
        if state_file is not None:
            self._arguments += ["--state", str(state_file)]
        self._process: subprocess.Popen[str] | None = None
        self._errors = tempfile.TemporaryFile("w+")  # noqa: SIM115  # closed by stop()

    def __enter__(self) -> "SandboxProcess":
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    @property
    def pid(self) -> int:
        """Return the id of the running process."""
        assert self._process is not None
        return self._process.pid

    def start(self) -> None:
        """Start the process and wait until it listens. Raises AssertionError with what it wrote when it does not."""
        path = os.pathsep.join(filter(None, (str(REPOSITORY), os.environ.get("PYTHONPATH", ""))))
        self._process = subprocess.Popen(  # noqa: S603  # our own module, fixed arguments
            [sys.executable, "-m", "mattermost_bridge.sandbox", *self._arguments],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            env=os.environ | {"PYTHONPATH": path},
        )
        assert self._process.stdout is not None
        readable, _, _ = select.select([self._process.stdout], [], [], START_LIMIT)
        found = _READY.fullmatch(self._process.stdout.readline()) if readable else None
        if found is None:
            self.kill()
            raise AssertionError(f"The sandbox did not start: {self.errors()}")
        self.base_url = found[1]
        # The same port again after a restart, since clients know it.
        self._arguments[1] = self.base_url.rpartition(":")[2]

    def errors(self) -> str:
        """Return what the process wrote to its standard error."""
        self._errors.seek(0)
        return self._errors.read()

    def back(self) -> None:
        """Bring a server back that is gone, and wait until it answers."""
        os.kill(self.pid, signal.SIGUSR1)
        wait_for(self.is_up, what="the sandbox's return")

    def _end(self, how: Callable[["subprocess.Popen[str]"], None]) -> int:
        process, self._process = self._process, None
        if process is None:
            return 0
        how(process)
        try:
            return process.wait(START_LIMIT)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
            raise
        finally:
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with contextlib.suppress(BrokenPipeError):
                        pipe.close()

    def terminate(self) -> int:
        """Stop the process with SIGTERM and return its exit status; `start` starts it again on the same port."""
        return self._end(subprocess.Popen.terminate)

    def kill(self) -> int:
        """Stop the process with SIGKILL."""
        return self._end(subprocess.Popen.kill)

    def stop(self) -> None:
        """Stop the process for good."""
        self.terminate()
        self._session.close()
        self._errors.close()
