"""The server's rate limiter: off by default, a bucket for each remote address or for each user."""

import math
import time
from dataclasses import dataclass, field


@dataclass(slots=True)
class Verdict:
    """What the limiter says of one request: whether it may pass, and the headers of its answer."""

    allowed: bool
    headers: dict[str, str]


@dataclass
class RateLimiter:
    """Token buckets of `burst` + 1, refilled by `per_second`."""

    enabled: bool = False
    per_second: float = 10.0
    burst: int = 100
    vary_by_user: bool = False
    _buckets: dict[str, tuple[float, float]] = field(default_factory=dict)

    def check(self, address: str, token: str) -> Verdict | None:
        """Count a request and judge it; None when the limiter is off."""
        if not self.enabled:
            return None
        limit = self.burst + 1
        key = token if self.vary_by_user and token else address
        now = time.monotonic()
        level, at = self._buckets.get(key, (float(limit), now))
        level = min(limit, level + (now - at) * self.per_second)
        allowed = level >= 1
        level -= allowed
        self._buckets[key] = (level, now)
        values = {
            "X-Ratelimit-Limit": limit,
            "X-Ratelimit-Remaining": int(level),
            "X-Ratelimit-Reset": math.ceil((limit - level) / self.per_second),
        }
        # Two limiters run one after the other then, and each writes its value into the same header.
        doubled = self.vary_by_user and token and allowed
        headers = {name: f"{value}, {value}" if doubled else str(value) for name, value in values.items()}
        if not allowed:
            headers["Retry-After"] = str(max(1, math.ceil((1 - level) / self.per_second)))
        return Verdict(allowed, headers)

    def forget(self) -> None:
        """Fill all buckets."""
        self._buckets.clear()
