"""How long an agent may work, and how somebody else stops it."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager


class Deadline:
    """The total time of one answer, on the monotonic clock, which another thread may end early.

    The caller of an agent makes one, hands it in, and keeps it to call `cancel()` when the worker stops or the
    conversation's lease is lost. All methods may be called from any thread.
    """

    def __init__(self, seconds: float, *, clock: Callable[[], float] = time.monotonic) -> None:
        """A deadline `seconds` from now; zero or less has passed already."""
        self.total = float(seconds)
        self.reason = ""
        self._clock = clock
        self._end = clock() + self.total
        self._lock = threading.Lock()
        self._cancelled = threading.Event()
        self._callbacks: list[Callable[[], object]] = []

    def remaining(self) -> float:
        """Seconds that are left; 0.0 once the time is over or `cancel()` was called."""
        if self._cancelled.is_set():
            return 0.0
        return max(0.0, self._end - self._clock())

    @property
    def expired(self) -> bool:
        """Whether the time has run out (cancelled or not)."""
        return self._clock() >= self._end

    @property
    def cancelled(self) -> bool:
        """Whether somebody called `cancel()`."""
        return self._cancelled.is_set()

    def cancel(self, reason: str = "") -> None:
        """End it now. `reason` finishes the sentence "The answer was stopped because ..."; the first call counts."""
        with self._lock:
            if self._cancelled.is_set():
                return
            self.reason = reason
            self._cancelled.set()
            callbacks, self._callbacks = self._callbacks, []
        for callback in callbacks:
            callback()

    def wait(self, seconds: float) -> bool:
        """Sleep for `seconds`, no longer than what remains. True if the whole wait fitted and nobody cancelled it."""
        fits = seconds <= self.remaining()
        cancelled = self._cancelled.wait(min(seconds, self.remaining()))
        return fits and not cancelled

    @contextmanager
    def on_cancel(self, callback: Callable[[], object]) -> Iterator[None]:
        """Within the block, `cancel()` calls `callback` too, in the canceller's thread; if it was before, at once."""
        with self._lock:
            already = self._cancelled.is_set()
            if not already:
                self._callbacks.append(callback)
        if already:
            callback()
        try:
            yield
        finally:
            with self._lock:
                if callback in self._callbacks:
                    self._callbacks.remove(callback)
