"""Telling others what they would find out anyway: one try of a second, and after a failure none for five seconds.

Hints to the workers and messages to open pages go this way. Whoever changed a record must not wait for a broker that is
away, and nothing is lost when nobody was told: the sweep looks at the records, and so does a page.
"""

from __future__ import annotations

import time
from collections.abc import Callable

import structlog
from redis.exceptions import RedisError

log = structlog.get_logger(__name__)

TRY_SECONDS = 1.0
QUIET_SECONDS = 5.0


class BestEffort:
    """Tries that share their silence. `sentence` is logged at a failure, so once in each silence; `failures` are the
    errors that mean that the broker is away, others are raised."""

    def __init__(self, sentence: str, failures: tuple[type[Exception], ...] = ()) -> None:
        self._sentence = sentence
        self._failures: tuple[type[Exception], ...] = (RedisError, OSError, TimeoutError, *failures)
        self._quiet_until = 0.0

    @property
    def quiet_for(self) -> float:
        """Seconds until the next try is made; 0 when it may be made now."""
        return max(0.0, self._quiet_until - time.monotonic())

    def attempt(self, deed: Callable[[], object]) -> bool:
        """Do it, unless it failed a moment ago. False when it was not done."""
        if self.quiet_for:
            return False
        try:
            deed()
        except self._failures as error:
            self._quiet_until = time.monotonic() + QUIET_SECONDS
            log.warning(self._sentence, error=str(error) or type(error).__name__)
            return False
        return True
