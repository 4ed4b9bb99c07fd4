"""A clock that stands still until a test moves it. Listeners on it wait without anybody sleeping."""

from __future__ import annotations

import asyncio
import heapq
import itertools
import threading
from collections.abc import Callable

from mattermost_bridge.listeners.clock import Clock


class _Timer:
    def __init__(self, due: float, loop: asyncio.AbstractEventLoop, callback: Callable[[], None]) -> None:
        self.due, self.loop, self.callback = due, loop, callback
        self.cancelled = False

    def cancel(self) -> None:
        self.cancelled = True

    def fire(self) -> None:
        if not self.cancelled:
            self.cancelled = True
            self.callback()


class StillClock(Clock):
    """Time moves by `advance` only, from any thread. No jitter: `random` is the middle."""

    def __init__(self) -> None:
        self._now = 1000.0
        self._lock = threading.Lock()
        self._timers: list[tuple[float, int, _Timer]] = []
        self._numbers = itertools.count()

    def now(self) -> float:
        return self._now

    def random(self) -> float:
        return 0.5

    def call_later(self, seconds: float, callback: Callable[[], None]) -> _Timer:
        timer = _Timer(self._now + seconds, asyncio.get_running_loop(), callback)
        with self._lock:
            heapq.heappush(self._timers, (timer.due, next(self._numbers), timer))
        return timer

    def advance(self, seconds: float) -> None:
        """Let so many seconds pass, and start what is due, in its order."""
        with self._lock:
            self._now += seconds
            due = []
            while self._timers and self._timers[0][0] <= self._now:
                due.append(heapq.heappop(self._timers)[2])
        for timer in due:
            if not timer.loop.is_closed():  # a host that was stopped leaves its timers
                timer.loop.call_soon_threadsafe(timer.fire)

    def pending(self) -> list[float]:
        """Seconds until each timer that was not cancelled."""
        with self._lock:
            return sorted(due - self._now for due, _, timer in self._timers if not timer.cancelled)
