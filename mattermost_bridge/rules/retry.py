"""How long to wait before the next try. Seconds everywhere; the randomness is passed in as a number in [0, 1)."""

from __future__ import annotations

EVENT_ATTEMPTS = 5
"""An event that is still undecided after so many attempts is given up."""

RETRY_AFTER_CAP = 60.0
"""The longest wait in seconds that a server's `Retry-After` may ask for where a person waits for the result."""

_LONGEST = 60.0
_JITTER = 0.2


def outbox_delay(attempt: int, rnd: float) -> float:
    """Seconds until a delivery is tried again after its failed try number `attempt` (from 1).

    1 s, doubling to 60 s, each ±20 %.
    """
    return _jittered(_doubled(1.0, attempt), rnd)


def reconnect_delay(failures: int, rnd: float) -> float:
    """Seconds until a listener connects again after `failures` failures in a row (from 1).

    2 s, doubling to 60 s, each ±20 %, so that many listeners do not come back in the same moment.
    """
    return _jittered(_doubled(2.0, failures), rnd)


def event_delay(attempt: int) -> float | None:
    """Seconds until an event is tried again after its failed attempt number `attempt` (from 1): 1, 2, 4, 8.

    None after the fifth: the event has failed.
    """
    if attempt >= EVENT_ATTEMPTS:
        return None
    return _doubled(1.0, attempt)


def with_retry_after(computed: float, retry_after: float | None, *, cap: float | None = None) -> float:
    """The longer of our own delay and the one the server asked for, both in one unit.

    `cap` bounds what the server may ask for, never our own delay.
    """
    if retry_after is None:
        return computed
    asked = retry_after if cap is None else min(retry_after, cap)
    return max(computed, asked)


def _doubled(first: float, attempt: int) -> float:
    if attempt < 1:
        raise ValueError(f"Attempts count from 1, but attempt {attempt} was given.")
    # Beyond a few doublings the longest delay is reached; the bound keeps huge counts from overflowing.
    return min(_LONGEST, first * 2.0 ** min(attempt - 1, 16))


def _jittered(delay: float, rnd: float) -> float:
    return delay * (1 - _JITTER + 2 * _JITTER * rnd)
