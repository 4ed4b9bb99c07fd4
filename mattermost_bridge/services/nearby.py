"""Doing at once, in the same worker, what would else go through the broker.

A worker that listens has the post in its hands and threads to spare: sending the hint to the broker and fetching it
again would cost a person some milliseconds, and nothing at all would be answered while the broker is away. So hints of
these kinds are taken by a few threads of the worker itself; when too many wait for them the hint is published and any
worker takes it. Nothing depends on it: what a killed process had here, the sweep brings back like any lost hint.
"""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import structlog
from django.db import close_old_connections

log = structlog.get_logger(__name__)

#: What is worth doing at once: deciding (which answers, too) and sending.
KINDS = frozenset({"durar.events.process", "durar.deliveries.drain"})
#: So many may wait for a thread; deciding takes milliseconds, and one thread at least never runs a turn.
MOST_WAITING = 100
#: When every thread has been at its task for so many seconds, what comes next goes to whoever is free elsewhere.
STUCK_SECONDS = 0.25


class _Threads:
    """The threads of this worker that take hints; none until `start`."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pool: ThreadPoolExecutor | None = None
        self._count = self._room = 0
        self._began: dict[int, float] = {}

    def start(self, count: int) -> None:
        """From now on `count` threads of this process take hints."""
        with self._lock:
            if self._pool is None:
                self._pool = ThreadPoolExecutor(count, thread_name_prefix="durar-nearby")
                self._count, self._room = count, count + MOST_WAITING

    def stop(self) -> None:
        """Take no more, and wait for what is being done."""
        with self._lock:
            pool, self._pool, self._room = self._pool, None, 0
        if pool is not None:
            pool.shutdown(wait=True)

    def offer(self, name: str, args: tuple) -> bool:
        """Take a hint unless too many wait already; False leaves it to the caller."""
        if name not in KINDS:
            return False
        with self._lock:
            if self._pool is None or self._room <= 0 or self._is_stuck():
                return False
            self._room -= 1
            self._pool.submit(self._run, name, args)
        return True

    def _is_stuck(self) -> bool:
        """Whether all threads are busy with something slow: agents that think, a server that hangs."""
        long_ago = time.monotonic() - STUCK_SECONDS
        return len(self._began) >= self._count and all(began < long_ago for began in self._began.values())

    def _run(self, name: str, args: tuple) -> None:
        from durar_site.celery import app

        with self._lock:
            self._began[threading.get_ident()] = time.monotonic()
        try:
            close_old_connections()
            app.tasks[name](*args)
        except Exception:
            # The row is as it was, so the sweep hints it again.
            log.exception("a hinted task failed", task=name, args=args)
        finally:
            close_old_connections()
            with self._lock:
                self._room += 1
                self._began.pop(threading.get_ident(), None)


_threads = _Threads()
start = _threads.start
stop = _threads.stop
offer = _threads.offer
