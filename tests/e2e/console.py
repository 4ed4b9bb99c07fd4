"""The stack's own Django, in a process of its own: tests ask it for rows and let it call services.

As a program it connects to a socket, reads one JSON request a line there and writes one JSON answer a line; `Console`
is the other end.
"""

from __future__ import annotations

import json
import os
import socket
import sys
import threading
from pathlib import Path
from typing import Any

from tests.e2e.nursery import Nursery

ANSWER_LIMIT = 60.0


class Console:
    """Rows and services of the Django that the nursery's processes run."""

    def __init__(self, nursery: Nursery, folder: Path) -> None:
        self._lock = threading.Lock()
        path = folder / "console.sock"
        with socket.socket(socket.AF_UNIX) as server:
            server.bind(str(path))
            server.listen(1)
            server.settimeout(ANSWER_LIMIT)
            nursery.start("tests.e2e.console", [str(path)], {}, folder / "console.log")
            self._connection, _ = server.accept()
        self._connection.settimeout(ANSWER_LIMIT)
        self._lines = self._connection.makefile("rw")

    def ask(self, what: str, **arguments: Any) -> Any:
        """Call one of the functions of `console_calls`. Raises AssertionError with what went wrong."""
        with self._lock:
            try:
                self._lines.write(json.dumps({"what": what, "arguments": arguments}) + "\n")
                self._lines.flush()
                line = self._lines.readline()
            except OSError:
                line = ""
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
        """End the process: it stops when nobody asks any more."""
        with self._lock:
            self._lines.close()
            self._connection.close()


def _serve(path: str) -> None:
    """Answer requests until the other end is closed."""
    os.environ.setdefault("DJANGO_SETTINGS_MODULE", "durar_site.settings")
    import django

    django.setup()
    from tests.e2e import console_calls, watch

    watch.install()
    connection = socket.socket(socket.AF_UNIX)
    connection.connect(path)
    lines = connection.makefile("rw")
    for line in lines:
        request = json.loads(line)
        try:
            result = getattr(console_calls, request["what"])(**request["arguments"])
            answer = json.dumps({"result": result}, default=str)
        except Exception as error:
            answer = json.dumps({"error": f"{type(error).__name__}: {error}"})
        lines.write(answer + "\n")
        lines.flush()


if __name__ == "__main__":
    _serve(sys.argv[1])
