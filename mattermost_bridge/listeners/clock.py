"""Time and chance for listeners. Tests put in a clock of their own, so that nothing has to sleep."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import Callable
from typing import Protocol


class Timer(Protocol):
    """Something that will be called later."""

    def cancel(self) -> None:
        """Let it not be called."""


class Clock:
    """Monotonic seconds, timers on the running loop, and randomness."""

    def now(self) -> float:
        """Seconds; only differences mean something."""
        return time.monotonic()

    def random(self) -> float:
        """A number in [0, 1) to spread what would otherwise happen in one moment."""
        return random.random()  # noqa: S311 - nothing is secret here

    def call_later(self, seconds: float, callback: Callable[[], None]) -> Timer:
        """Call `callback` on the running loop after so many seconds."""
        return asyncio.get_running_loop().call_later(seconds, callback)

    async def wait(self, event: asyncio.Event, seconds: float) -> bool:
        """Wait for an event, no longer than so many seconds; whether it came."""
        over: asyncio.Future[None] = asyncio.get_running_loop().create_future()

        def end() -> None:
            if not over.done():
                over.set_result(None)

        timer = self.call_later(seconds, end)
        waiting = asyncio.ensure_future(event.wait())
        try:
            await asyncio.wait((over, waiting), return_when=asyncio.FIRST_COMPLETED)
        finally:
            timer.cancel()
            waiting.cancel()
        return event.is_set()

    async def sleep(self, seconds: float) -> None:
        """Wait for so many seconds."""
        await self.wait(asyncio.Event(), seconds)
