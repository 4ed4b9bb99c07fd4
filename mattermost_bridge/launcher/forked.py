"""A process made by fork from this one, which has imported everything already.

Four processes that each import Django, Celery and the rest take seconds to start and 80 MiB apiece. A fork of a
process that did it once runs at once and shares that memory. It needs a parent with one thread and nothing open.
"""

from __future__ import annotations

import contextlib
import gc
import importlib
import multiprocessing
import os
import runpy
import signal
import sys
from collections.abc import Callable, Iterable
from io import FileIO
from pathlib import Path

# On macOS the system's own libraries forbid it: asking for the proxies after a fork ends the process.
CAN_FORK = sys.platform == "linux"


def preload(modules: Iterable[str]) -> None:
    """Import what the forks will need, and keep the garbage collector from touching, and so copying, that memory."""
    for module in modules:
        importlib.import_module(module)
    gc.collect()
    gc.freeze()


class Forked:
    """Runs a module as `python -m` would. Has of `subprocess.Popen` what a child needs: pid, stdout, poll, wait.

    `first` runs in the new process before anything else. What the process writes goes to the descriptor `output`, and
    where none is given comes out of the pipe `stdout`.
    """

    def __init__(
        self,
        module: str,
        arguments: list[str],
        *,
        folder: Path,
        environment: dict[str, str],
        first: Callable[[], None],
        output: int | None = None,
    ) -> None:
        read, write = os.pipe() if output is None else (None, output)
        self._process = multiprocessing.get_context("fork").Process(
            target=_become, args=(module, arguments, folder, environment, write, first)
        )
        try:
            self._process.start()
        except OSError:
            if read is not None:
                os.close(read)
            raise
        finally:
            if output is None:
                os.close(write)
        self.stdout = None if read is None else FileIO(read)

    @property
    def pid(self) -> int:
        """The process id."""
        assert self._process.pid is not None
        return self._process.pid

    def poll(self) -> int | None:
        """The exit status, negative for a signal; None while it runs."""
        return self._process.exitcode

    def wait(self) -> None:
        """Wait until it is over."""
        self._process.join()


def _become(
    module: str, arguments: list[str], folder: Path, environment: dict[str, str], output: int, first: Callable[[], None]
) -> None:
    """In the new process: leave everything of the parent behind, then be the module."""
    signal.set_wakeup_fd(-1)
    for number in (signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD):
        signal.signal(number, signal.SIG_DFL)
    signal.signal(signal.SIGINT, signal.default_int_handler)
    first()
    for standard in (1, 2):
        os.dup2(output, standard)
    # The lock of the state directory, the other children's pipes, the loop's descriptors: none is ours. The objects
    # that own them stay referenced below us on the stack, so none of them closes a number that we use again.
    for descriptor in [int(path.name) for path in Path("/proc/self/fd").iterdir()]:
        if descriptor > 2:
            with contextlib.suppress(OSError):  # the listing itself was one of them
                os.close(descriptor)
    for stream in (sys.stdout, sys.stderr):
        stream.reconfigure(line_buffering=True)  # type: ignore[union-attr]
    os.environ.update(environment)
    os.chdir(folder)
    sys.argv = [module, *arguments]
    runpy.run_module(module, run_name="__main__", alter_sys=True)
