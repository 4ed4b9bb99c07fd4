"""The record of every API request and WebSocket authentication, for tests to count."""

import re
from collections import deque
from dataclasses import asdict, dataclass
from typing import Any

KEPT = 20_000
"""entries; older ones are forgotten"""


@dataclass(slots=True)
class Entry:
    """One request. `status` is None while it runs, and stays what the server decided when the answer was lost."""

    method: str
    path: str
    query: str
    who: str
    at: int
    status: int | None = None
    fault: str = ""
    lost: bool = False


@dataclass(slots=True)
class Authentication:
    """One try to authenticate a WebSocket; `who` is the owner of the token, also of a revoked one."""

    who: str
    at: int
    accepted: bool
    how: str


class Journal:
    """What the server saw, oldest first."""

    def __init__(self) -> None:
        self.entries: deque[Entry] = deque(maxlen=KEPT)
        self.authentications: deque[Authentication] = deque(maxlen=KEPT)

    def requests(self, *, method: str = "", path: str = "", who: str | None = None) -> list[dict[str, Any]]:
        """Return the requests that match: a method, a regular expression for the path, a name. Raises re.error."""
        pattern = re.compile(path)
        return [
            asdict(entry)
            for entry in self.entries
            if (not method or entry.method == method.upper())
            and pattern.search(entry.path)
            and who in (None, entry.who)
        ]

    def authentications_by_name(self) -> dict[str, dict[str, int]]:
        """Return how often each user's tokens were accepted and refused on WebSockets ("" for unknown tokens)."""
        counts: dict[str, dict[str, int]] = {}
        for entry in self.authentications:
            per_name = counts.setdefault(entry.who, {"accepted": 0, "refused": 0})
            per_name["accepted" if entry.accepted else "refused"] += 1
        return counts

    def clear(self) -> None:
        """Forget everything."""
        self.entries.clear()
        self.authentications.clear()
