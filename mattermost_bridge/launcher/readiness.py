"""Whether what was started answers yet."""

from __future__ import annotations

import http.client
import json
import time
from dataclasses import dataclass, field
from urllib.parse import urlsplit

# An answer that takes longer is no answer yet; the next look comes soon.
ANSWER_LIMIT = 1.0
# Once the panel answers, the rest gets this long before the operator is told what is missing.
PATIENCE = 20.0


def fetch(url: str, limit: float = ANSWER_LIMIT) -> tuple[int, bytes]:
    """Status and body of a GET; status 0 when nobody answers within `limit` seconds."""
    parts = urlsplit(url)
    link = http.client.HTTPConnection(parts.hostname or "", parts.port, timeout=limit)
    try:
        link.request("GET", parts.path)
        answer = link.getresponse()
        return answer.status, answer.read()
    except (OSError, http.client.HTTPException):
        return 0, b""
    finally:
        link.close()


@dataclass
class Readiness:
    """Asks the panel at `web`, and the sandbox at `sandbox` if there is one, until everything is ready or the patience
    ends. `missing` then has a sentence for everything that is not."""

    web: str
    sandbox: str = ""
    missing: list[str] = field(default_factory=list)
    _web_since: float | None = None

    def __call__(self) -> bool:
        """Whether there is nothing left to wait for."""
        if self._web_since is None and fetch(f"{self.web}/healthz")[0] == 200:
            self._web_since = time.monotonic()
        if self._web_since is None:
            return False
        self.missing = self._look()
        return not self.missing or time.monotonic() - self._web_since > PATIENCE

    def _look(self) -> list[str]:
        """A sentence for everything that is not ready."""
        missing = []
        if self.sandbox and fetch(f"{self.sandbox}/api/v4/system/ping")[0] != 200:
            missing.append("The sandbox does not answer yet.")
        status, body = fetch(f"{self.web}/readyz")
        try:
            parts = json.loads(body)["parts"] if status else {}
        except (ValueError, KeyError):
            parts = {}
        if not parts:
            return [*missing, "The panel does not say yet how the rest is doing."]
        missing += [part["message"] for part in parts.values() if not part["ok"]]
        leases = parts["leases"]
        if self.sandbox and leases["listening"] < leases["enabled"]:
            # A first connection starts at now: what somebody writes before it would not be answered.
            missing.append(f"{leases['listening']} of {leases['enabled']} accounts are connected.")
        return missing
