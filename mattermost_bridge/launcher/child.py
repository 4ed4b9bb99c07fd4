"""One child process: started in a group of its own, watched, and started again when it dies."""

from __future__ import annotations

import ctypes
import os
import signal
import subprocess
import sys
from collections.abc import Callable
from io import FileIO
from pathlib import Path
from typing import IO

from mattermost_bridge.launcher.forked import CAN_FORK, Forked
from mattermost_bridge.launcher.output import Lines
from mattermost_bridge.launcher.plan import Program

FIRST_DELAY = 1.0
LONGEST_DELAY = 30.0
# Who lived this long was well: the next death counts as a first one.
WELL_AFTER = 60.0
_PR_SET_PDEATHSIG = 1
_PR_SET_NAME = 15
# Loaded here: a process that was just forked should import nothing.
_LIBC = ctypes.CDLL(None, use_errno=True) if sys.platform == "linux" else None


class Backoff:
    """How long to wait before a start: 1 s, doubling to 30 s, and from the beginning again after a minute of life."""

    def __init__(self) -> None:
        self._next = FIRST_DELAY

    def after(self, lived: float) -> float:
        """The seconds to wait after a life of `lived` seconds."""
        if lived >= WELL_AFTER:
            self._next = FIRST_DELAY
        delay, self._next = self._next, min(self._next * 2, LONGEST_DELAY)
        return delay


def _before(name: str, parent: int) -> Callable[[], None]:
    """What a child does before it becomes its program: make a group of its own, so that a Ctrl-C at the terminal
    reaches `parent` alone, which stops the children in order; and have the system kill it when `parent` dies, however
    it dies. Only Linux can do that, and it watches the thread that started the child: the only one we have.
    """
    title = f"durar-{name}".encode()

    def before() -> None:
        os.setpgid(0, 0)
        if _LIBC is not None:
            _LIBC.prctl(_PR_SET_NAME, title)
            _LIBC.prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
            if os.getppid() != parent:  # it died between the fork and this line
                os._exit(1)

    return before


def how_it_ended(status: int) -> str:
    """An exit status of subprocess in words."""
    if status >= 0:
        return f"ended with exit status {status}"
    try:
        return f"was killed by {signal.Signals(-status).name}"
    except ValueError:
        return f"was killed by signal {-status}"


class Child:
    """A program and the process that runs it at the moment, if any. Times are of one monotonic clock, in seconds."""

    def __init__(self, program: Program, *, folder: Path, environment: dict[str, str]) -> None:
        self.program = program
        self.lines = Lines()
        self.start_at: float | None = None
        self._folder = folder
        self._environment = environment | {"DURAR_PROCESS": program.name}
        self._backoff = Backoff()
        self._process: subprocess.Popen[bytes] | Forked | None = None
        self._started = 0.0

    def __repr__(self) -> str:
        return f"<Child {self.program.name} pid={self.pid}>"

    @property
    def pid(self) -> int | None:
        """The process id, while it runs."""
        return self._process.pid if self._process else None

    @property
    def running(self) -> bool:
        """Whether there is a process, dead or alive, that was not tidied up yet."""
        return self._process is not None

    @property
    def output(self) -> IO[bytes] | FileIO:
        """Where its lines come from, both its standard output and its errors. Only while `running`."""
        assert self._process is not None
        assert self._process.stdout is not None
        return self._process.stdout

    def start(self, now: float) -> None:
        """Start the program. Raises OSError when it cannot be."""
        self.start_at, self._started = None, now
        program, first = self.program, _before(self.program.name, os.getpid())
        if program.fork and CAN_FORK:
            _python, _m, module, *arguments = program.command
            self._process = Forked(module, arguments, folder=self._folder, environment=self._environment, first=first)
        else:
            self._process = subprocess.Popen(  # noqa: S603 - the command is ours
                program.command,
                cwd=self._folder,
                env=self._environment,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                preexec_fn=first,
            )
        os.set_blocking(self.output.fileno(), False)

    def poll(self) -> int | None:
        """The exit status once the process is dead. Call `end` then."""
        return self._process.poll() if self._process else None

    def end(self) -> None:
        """Leave nothing of the process: kill what is left of its group, wait for it, close its output."""
        self.start_at = None
        if self._process:
            self.kill()
            self._process.wait()
            self.output.close()
            self._process = None

    def plan_restart(self, now: float) -> float:
        """Set the time of the next start, and give the seconds until then."""
        delay = self._backoff.after(now - self._started)
        self.start_at = now + delay
        return delay

    def terminate(self) -> None:
        """Ask the process to stop."""
        self._signal(signal.SIGTERM)

    def kill(self) -> None:
        """End the process and everything in its group at once."""
        self._signal(signal.SIGKILL)

    def _signal(self, number: int) -> None:
        if self._process:
            try:
                os.killpg(self._process.pid, number)
            except (ProcessLookupError, PermissionError):
                # The group is empty already; macOS says "not permitted" of a group that only holds the dead.
                return
