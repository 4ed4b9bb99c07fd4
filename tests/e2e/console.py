"""The stack's own Django, in a process of its own: tests ask it for rows and let it call services.

As a program it reads one JSON request a line and writes one JSON answer a line; `Console` is the other end.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

from tests.e2e.processes import REPOSITORY

ANSWER_LIMIT = 60.0


class Console:
    """Rows and services of the Django that runs with `environment`."""

    def __init__(self, environment: dict[str, str], log: Path) -> None:
        self._errors = log.open("ab")
        self._lock = threading.Lock()
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.e2e.console"],
            cwd=REPOSITORY,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=self._errors,
            text=True,
            process_group=0,
        )

    def ask(self, what: str, **arguments: Any) -> Any:
        """Call one of the functions of `console_calls`. Raises AssertionError with what went wrong."""
        with self._lock:
            pipes = self._process
            assert pipes.stdin is not None
            assert pipes.stdout is not None
            watch = threading.Timer(ANSWER_LIMIT, pipes.kill)
            watch.start()
            try:
                pipes.stdin.write(json.dumps({"what": what, "arguments": arguments}) + "\n")
                pipes.stdin.flush()
                line = pipes.stdout.readline()
            except BrokenPipeError:
                line = ""
            finally:
                watch.cancel()
        assert line, f"The console died, or gave no answer to {what} within {ANSWER_LIMIT:g} s. See its log."
        answer = json.loads(line)
        assert "error" not in answer, f"{what}: {answer.get('error')}"
        return answer["result"]

    def rows(self, model: str, *fields: str, order: str = "pk", **filters: Any) -> list[dict[str, Any]]:
        """Rows of a model as dictionaries of `fields` (all, when none are named)."""
        return self.ask("rows", model=model, fields=list(fields), order=order, filters=filters)

    def count(self, model: str, **filters: Any) -> int:
        """How many rows of a model there are."""
        return self.ask("count", model=model, filters=filters)

    def service(self, path: str, *positional: Any, **arguments: Any) -> Any:
        """Call `module:function` of `mattermost_bridge.services`; the actor is Durar itself where one is needed."""
        return self.ask("service", path=path, positional=list(positional), arguments=arguments)

    def close(self) -> None:
        """End the process."""
        with self._lock:
            assert self._process.stdin is not None
            assert self._process.stdout is not None
            self._process.kill()
            self._process.wait()
            self._process.stdin.close()
            self._process.stdout.close()
            self._errors.close()


def _serve() -> None:
    """Answer requests until the other end is closed. Logs go to the standard error: the output is for answers."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "durar_site.settings")
    import django

    django.setup()
    from tests.e2e import console_calls, watch

    watch.install()
    for line in sys.stdin:
        request = json.loads(line)
        try:
            result = getattr(console_calls, request["what"])(**request["arguments"])
            answer = json.dumps({"result": result}, default=str)
        except Exception as error:
            answer = json.dumps({"error": f"{type(error).__name__}: {error}"})
        answers.write(answer + "\n")
        answers.flush()


if __name__ == "__main__":
    _serve()
