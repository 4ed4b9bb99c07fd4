"""One log of many processes: every line says whose it is, and no line carries a secret."""

from __future__ import annotations

import json
import sys
from datetime import UTC, datetime
from typing import TextIO

from mattermost_bridge.logging import redact_text

# A line longer than this is broken; a child that never ends its line must not fill the memory.
LONGEST_LINE = 64 * 1024
OWN_NAME = "durar"
_COLOURS = ("36", "32", "35", "33", "34", "96", "92", "95")


class Output:
    """Where the lines of all processes go.

    For people: `web     | line`, coloured on a terminal only. With `as_json` every line is one JSON object: what a
    child wrote as such stays as it is, anything else is wrapped.
    """

    def __init__(self, names: list[str], *, as_json: bool = False, stream: TextIO | None = None) -> None:
        self._stream = stream or sys.stdout
        self._as_json = as_json
        self._width = max(len(name) for name in [*names, OWN_NAME])
        self._colours = {name: _COLOURS[place % len(_COLOURS)] for place, name in enumerate(names)}
        self._on_terminal = self._stream.isatty()
        self._read = True

    def line(self, name: str, text: str) -> None:
        """Write one line of the process `name`."""
        text = redact_text(text)
        if not self._as_json:
            self._write(f"{self._prefix(name)} {text}")
        elif text.startswith("{"):
            self._write(text)
        else:
            self._write(json.dumps({"event": text, "process": name, "timestamp": datetime.now(UTC).isoformat()}))

    def say(self, text: str) -> None:
        """Write a sentence of our own."""
        self.line(OWN_NAME, text)

    def plain(self, text: str) -> None:
        """Write `text` as it is: what an operator is meant to read, copy and click, secrets made for them included."""
        self._write(text)

    def _prefix(self, name: str) -> str:
        prefix = f"{name:<{self._width}} |"
        colour = self._colours.get(name, "1")
        return f"\x1b[{colour}m{prefix}\x1b[0m" if self._on_terminal else prefix

    def _write(self, text: str) -> None:
        if not self._read:
            return
        try:
            self._stream.write(text + "\n")
            self._stream.flush()
        except BrokenPipeError:
            # Whoever read the log is gone (`up | head`). The processes are worth more than their lines.
            self._read = False


class Lines:
    """Cuts what arrives in pieces into lines."""

    def __init__(self) -> None:
        self._rest = b""

    def feed(self, data: bytes) -> list[str]:
        """The lines that `data` completes."""
        *whole, self._rest = (self._rest + data).split(b"\n")
        if len(self._rest) > LONGEST_LINE:
            whole.append(self._rest)
            self._rest = b""
        return [line.decode(errors="replace").rstrip("\r") for line in whole]

    def end(self) -> list[str]:
        """What was left without an end of line."""
        rest, self._rest = self._rest, b""
        return [rest.decode(errors="replace")] if rest else []
