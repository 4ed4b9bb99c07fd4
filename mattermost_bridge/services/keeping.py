"""Keeping what is held: one thread of the process renews leases and claims while their holders work."""

from __future__ import annotations

import heapq
import itertools
import os
import secrets
import socket
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

import structlog
from django.db import DatabaseError, close_old_connections

log = structlog.get_logger(__name__)


def _holder() -> str:
    return f"{socket.gethostname()[:40]}:{os.getpid()}:{secrets.token_hex(4)}"


class _Identity:
    """This process's name as a holder; a forked child gets a name of its own."""

    def __init__(self) -> None:
        self._pid, self._name = 0, ""

    def __call__(self) -> str:
        if self._pid != os.getpid():
            self._pid, self._name = os.getpid(), _holder()
        return self._name


#: The name under which this process holds leases and claims.
holder = _Identity()


class _Keeper:
    """Calls each registered renewal every so often, on one thread that sleeps while there is none."""

    def __init__(self) -> None:
        self._wake = threading.Condition()
        self._due: list[tuple[float, int, Kept]] = []
        self._numbers = itertools.count()
        self._thread: threading.Thread | None = None

    def add(self, kept: Kept) -> None:
        with self._wake:
            # Most are released long before they are due: the thread is woken only for what comes sooner than the rest.
            sooner = not self._due or time.monotonic() + kept.every < self._due[0][0]
            heapq.heappush(self._due, (time.monotonic() + kept.every, next(self._numbers), kept))
            if self._thread is None or not self._thread.is_alive():
                self._thread = threading.Thread(target=self._run, name="durar-keeper", daemon=True)
                self._thread.start()
            if sooner:
                self._wake.notify()

    def _run(self) -> None:
        while True:
            with self._wake:
                while not self._due or self._due[0][0] > time.monotonic():
                    wait = self._due[0][0] - time.monotonic() if self._due else None
                    self._wake.wait(wait)
                _, _, kept = heapq.heappop(self._due)
            if kept.released:
                continue
            kept.renew_once()
            if not kept.lost and not kept.released:
                self.add(kept)


class Kept:
    """Something held for a while. `lost` turns true when it could not be renewed in time; `on_lost` is called then."""

    def __init__(
        self, renew: Callable[[], bool], *, every: float, length: float, on_lost: Callable[[], None] | None = None
    ) -> None:
        self.every, self.length = every, length
        self._renew, self._on_lost = renew, on_lost
        self._until = time.monotonic() + length
        self.lost = self.released = False

    @property
    def remaining(self) -> float:
        """Seconds that are left of it by our own monotonic clock."""
        return self._until - time.monotonic()

    def renew_once(self) -> bool:
        """Renew now. A database that does not answer leaves it until its time is over."""
        asked = time.monotonic()
        try:
            close_old_connections()
            held = self._renew()
        except DatabaseError as error:
            log.warning("could not renew what is held", error=str(error))
            held = None
        if held:
            self._until = asked + self.length
        elif held is False or self.remaining <= 0:
            self.lost = True
            if self._on_lost is not None:
                self._on_lost()
        return bool(held)


_keeper = _Keeper()


@contextmanager
def kept(
    renew: Callable[[], bool], *, every: float, length: float, on_lost: Callable[[], None] | None = None
) -> Iterator[Kept]:
    """Keep something while the body runs: `renew` is called every `every` seconds and says whether it is still ours."""
    item = Kept(renew, every=every, length=length, on_lost=on_lost)
    _keeper.add(item)
    try:
        yield item
    finally:
        item.released = True
