"""Opening a direct channel: how often it is tried, how long is waited between, and which failures pass by themselves.

The numbers and the order of the tests are those of the original gateway's `dmChannelRetry`. Where Durar differs, a
server's `Retry-After` is honoured, and `timeoutMs` bounds an attempt as a whole.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields, replace
from typing import Any

from mattermost_bridge.rules.retry import RETRY_AFTER_CAP, with_retry_after


@dataclass(frozen=True)
class RetryValues:
    """`dmChannelRetry` as it holds for one job. Milliseconds, except `max_retries`, which follow the first attempt."""

    max_retries: int = 3
    initial_delay_ms: int = 1_000
    max_delay_ms: int = 10_000
    timeout_ms: int = 30_000

    @property
    def attempts(self) -> int:
        """How many attempts there are at most."""
        return self.max_retries + 1


BUILT_IN = RetryValues()
#: The least and the most that each value may be.
LIMITS: dict[str, tuple[int, int]] = {
    "max_retries": (0, 10),
    "initial_delay_ms": (100, 60_000),
    "max_delay_ms": (1_000, 60_000),
    "timeout_ms": (5_000, 120_000),
}
#: The key of each value in configuration files, below `dmChannelRetry`.
KEYS: dict[str, str] = {
    "max_retries": "maxRetries",
    "initial_delay_ms": "initialDelayMs",
    "max_delay_ms": "maxDelayMs",
    "timeout_ms": "timeoutMs",
}
INITIAL_BEYOND_MAX = "initialDelayMs must be less than or equal to maxDelayMs"
_NAMES = tuple(one.name for one in fields(RetryValues))


def problem_of(name: str, value: object) -> str:
    """A sentence on what is wrong with one value of `RetryValues`; "" when nothing is, also for None (not set)."""
    least, most = LIMITS[name]
    whole = isinstance(value, int) or (isinstance(value, float) and math.isfinite(value) and value.is_integer())
    if value is None or (whole and not isinstance(value, bool) and least <= value <= most):  # type: ignore[operator]
        return ""
    return f"must be a whole number from {least} to {most}."


def delays_problem(initial_delay_ms: int | None, max_delay_ms: int | None) -> str:
    """The original's message when both are given and the first delay is beyond the longest; else ""."""
    both = initial_delay_ms is not None and max_delay_ms is not None
    return INITIAL_BEYOND_MAX if both and initial_delay_ms > max_delay_ms else ""  # type: ignore[operator]


def merged(*levels: Mapping[str, int | None]) -> RetryValues:
    """Field by field the first value that is set, from the nearest level on; else the built-in one. 0 is a value."""
    chosen = {
        name: next((level[name] for level in levels if level.get(name) is not None), None)  # type: ignore[misc]
        for name in _NAMES
    }
    return replace(BUILT_IN, **{name: value for name, value in chosen.items() if value is not None})


def overridden(values: RetryValues, overrides: Mapping[str, Any] | None) -> RetryValues:
    """The values with those that one call brings along. Raises ValueError with a sentence that names the key."""
    given = {name: value for name, value in (overrides or {}).items() if value is not None}
    for name, value in given.items():
        if name not in LIMITS:
            raise ValueError(f"dmChannelRetry has no value {name!r}; it has {', '.join(_NAMES)}.")
        if problem := problem_of(name, value):
            raise ValueError(f"dmChannelRetry.{KEYS[name]} {problem}")
    if problem := delays_problem(given.get("initial_delay_ms"), given.get("max_delay_ms")):
        raise ValueError(f"dmChannelRetry: {problem}.")
    return replace(values, **{name: int(value) for name, value in given.items()})


def delay_ms(retry: int, values: RetryValues, rnd: float, retry_after: float | None = None) -> int:
    """Milliseconds until retry number `retry` (from 0): doubling, with up to as much again at random, bounded.

    `rnd` is in [0, 1). `retry_after` are seconds that the server asked for: at least so long is waited, but no more
    than a minute for that reason.
    """
    if retry < 0:
        raise ValueError(f"Retries count from 0, but retry {retry} was given.")
    # A first delay beyond the longest one can come about by inheritance: then all delays are the longest. Beyond ten
    # doublings every allowed first delay has reached it; the bound keeps huge counts from overflowing.
    grown = min(min(values.initial_delay_ms, values.max_delay_ms) * 2 ** min(retry, 10), values.max_delay_ms)
    computed = min(math.ceil(grown * (1 + rnd)), values.max_delay_ms)
    # In milliseconds throughout: 4001 / 1000 * 1000 is a little more than 4001.
    asked = None if retry_after is None else retry_after * 1000
    return math.ceil(with_retry_after(computed, asked, cap=RETRY_AFTER_CAP * 1000))


_PASSING_PHRASES = (
    "network error",
    "timeout",
    "timed out",
    "abort",
    "connection refused",
    "econnreset",
    "econnrefused",
    "etimedout",
    "enotfound",
    "socket hang up",
    "getaddrinfo",
)


def passes_by_itself(*, status: int | None, kind: str = "", text: str = "") -> bool:
    """Whether a failed attempt is worth another one; False for what would fail again.

    `status` is that of the answer, None when there was none; `kind` is "network" or "timeout" when the connection
    failed or took too long, and "tls" when the server's certificate is not trusted or TLS failed otherwise; `text` is
    what was said about it. Asked in this order: 5xx yes, 429 yes, any other status no, a failed connection yes, TLS no
    (none of its errors is among those that the original gateway tries again), and else what the text says.
    """
    said = text.lower()
    if status is not None and 500 <= status <= 599:
        return True
    if status == 429 or "too many requests" in said:
        return True
    if status is not None:
        return False
    if kind in ("network", "timeout"):
        return True
    if kind == "tls":
        return False
    return any(phrase in said for phrase in _PASSING_PHRASES)
