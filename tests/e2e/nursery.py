"""Where the processes of a stack come from: one process imports everything once, and each start is a fork of it.

`Durar up` makes its workers in the same way. Here it saves the two seconds that a worker needs for its imports, a
hundred times over. As a program it reads one JSON request a line and writes one JSON answer a line; `Nursery` is the
other end.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
import time
from pathlib import Path
from typing import Any

from tests.e2e.processes import REPOSITORY, die_with_parent


class Nursery:
    """Starts modules in forks of a process that runs with `environment`."""

    def __init__(self, environment: dict[str, str], log: Path) -> None:
        self._lock = threading.Lock()
        with log.open("ab") as errors:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.e2e.nursery"],
                cwd=REPOSITORY,
                env=environment,
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                stderr=errors,
                text=True,
                process_group=0,
                preexec_fn=die_with_parent,
            )

    def start(self, module: str, arguments: list[str], environment: dict[str, str], log: Path) -> Born:
        """Run `python -m module arguments`; `environment` is added to the nursery's, the output to `log`."""
        request = {"module": module, "arguments": arguments, "environment": environment, "log": str(log)}
        return Born(self, self.ask(request))

    def ask(self, request: dict[str, Any]) -> Any:
        """The answer to a request. Raises AssertionError when the nursery died."""
        pipes = self._process
        assert pipes.stdin is not None
        assert pipes.stdout is not None
        with self._lock:
            try:
                pipes.stdin.write(json.dumps(request) + "\n")
                pipes.stdin.flush()
                line = pipes.stdout.readline()
            except BrokenPipeError:
                line = ""
        assert line, "The nursery, from which processes are forked, died. See its log."
        return json.loads(line)

    def close(self) -> None:
        """End it, and with it all that came from it."""
        self._process.kill()
        self._process.wait()
        for pipe in (self._process.stdin, self._process.stdout):
            assert pipe is not None
            pipe.close()


class Born:
    """A process that the nursery started. Has of `subprocess.Popen` what a test needs."""

    def __init__(self, nursery: Nursery, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None
        self._nursery = nursery

    def poll(self) -> int | None:
        """The exit status, negative for a signal; None while it runs."""
        if self.returncode is None:
            self.returncode = self._nursery.ask({"status of": self.pid})
        return self.returncode

    def wait(self, limit: float) -> int:
        """The exit status, once there is one. Raises subprocess.TimeoutExpired after `limit` seconds."""
        end = time.monotonic() + limit
        while (status := self.poll()) is None:
            if time.monotonic() > end:
                raise subprocess.TimeoutExpired(f"process {self.pid}", limit)
            time.sleep(0.01)
        return status


def _serve() -> None:
    """Answer requests until the other end is closed."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    import django

    django.setup()
    from mattermost_bridge.launcher import plan
    from mattermost_bridge.launcher.forked import Forked, preload

    preload([*plan.PRELOADED, "mattermost_bridge.agents.openai_compatible", "tests.e2e.console_calls"])
    born: dict[int, Forked] = {}

    def first() -> None:
        os.setpgid(0, 0)
        die_with_parent()

    for line in sys.stdin:
        request = json.loads(line)
        if (pid := request.get("status of")) is not None:
            answer = born[pid].poll()
        else:
            with Path(request["log"]).open("ab") as output:
                child = Forked(
                    request["module"],
                    request["arguments"],
                    folder=REPOSITORY,
                    environment=request["environment"],
                    first=first,
                    output=output.fileno(),
                )
            born[child.pid], answer = child, child.pid
        answers.write(json.dumps(answer) + "\n")
        answers.flush()


if __name__ == "__main__":
    _serve()
