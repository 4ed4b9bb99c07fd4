"""One process of a stack: started, killed, stopped; its lines go to a file."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from tests.e2e.nursery import Born, Nursery

T = TypeVar("T")

REPOSITORY = Path(__file__).resolve().parents[2]
STOP_LIMIT = 30.0
_LIBC = ctypes.CDLL(None, use_errno=True)
_PR_SET_PDEATHSIG = 1


def wait_for(condition: Callable[[], T], limit: float = 30.0, *, what: str, every: float = 0.05) -> T:
    """The first true value of `condition`. Raises AssertionError after `limit` seconds, naming `what`."""
    end = time.monotonic() + limit
    while not (value := condition()):
        if time.monotonic() > end:
            raise AssertionError(f"Not within {limit:g} s: {what} (last value: {value!r}).")
        time.sleep(every)
    return value


def die_with_parent() -> None:
    """Between fork and exec: the system kills the child when the test run dies, however it dies."""
    _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)


class Process:
    """A program under a name. Its output goes to `log`, also over restarts.

    With a nursery, `command` is `python -m MODULE ...`, and the module is run in a fork of that.
    """

    def __init__(
        self, name: str, command: list[str], environment: dict[str, str], log: Path, nursery: Nursery | None = None
    ) -> None:
        self.name, self.command, self.environment, self.log = name, command, environment, log
        self.starts = 0
        self._nursery = nursery
        self._popen: subprocess.Popen[bytes] | Born | None = None

    @property
    def running(self) -> bool:
        """Whether the process lives."""
        return self._popen is not None and self._popen.poll() is None

    @property
    def pid(self) -> int:
        """The id of the process that was started last."""
        assert self._popen is not None, f"{self.name} was never started"
        return self._popen.pid

    def start(self) -> None:
        """Start it. Raises AssertionError when it runs already."""
        assert not self.running, f"{self.name} runs already"
        self.starts += 1
        with self.log.open("ab") as out:
            out.write(f"----- {self.name}, start {self.starts}\n".encode())
            out.flush()
            environment = self.environment | {"DURAR_PROCESS": self.name}
            if self._nursery:
                _python, _m, module, *arguments = self.command
                self._popen = self._nursery.start(module, arguments, environment, self.log)
                return
            self._popen = subprocess.Popen(
                self.command,
                cwd=REPOSITORY,
                env=environment,
                stdin=subprocess.DEVNULL,
                stdout=out,
                stderr=subprocess.STDOUT,
                process_group=0,
                preexec_fn=die_with_parent,
            )

    def kill(self) -> None:
        """SIGKILL, and wait until it is gone. A process that is dead already is left as it is."""
        if self._popen is not None and self._popen.poll() is None:
            os.kill(self._popen.pid, signal.SIGKILL)
            self._popen.wait(STOP_LIMIT)

    def terminate(self) -> None:
        """SIGTERM, without waiting."""
        if self.running:
            os.kill(self.pid, signal.SIGTERM)

    def stop(self, limit: float = STOP_LIMIT) -> int:
        """SIGTERM, and wait. Returns the exit status; raises AssertionError when it does not stop in time."""
        if self._popen is None:
            return 0
        self.terminate()
        try:
            return self._popen.wait(limit)
        except subprocess.TimeoutExpired:
            self.kill()
            raise AssertionError(f"{self.name} did not stop within {limit:g} s.\n{self.tail()}") from None

    def wait_dead(self, limit: float = STOP_LIMIT) -> int:
        """Wait until it has died by itself; the status, negative for a signal."""
        assert self._popen is not None
        wait_for(lambda: not self.running, limit, what=f"the death of {self.name}", every=0.01)
        return self._popen.returncode

    def text(self) -> str:
        """Everything it wrote so far."""
        return self.log.read_text(encoding="utf-8", errors="replace") if self.log.exists() else ""

    def tail(self, lines: int = 40) -> str:
        """The last lines that it wrote."""
        return "\n".join(
            [f"--- {self.name} ({'runs' if self.running else 'down'})", *self.text().splitlines()[-lines:]]
        )
