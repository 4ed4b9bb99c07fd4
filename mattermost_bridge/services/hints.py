"""Telling the workers that there is something to do.

A hint may be lost: the sweep finds what nobody works on. So publishing is done by `best_effort`.
"""

from __future__ import annotations

import threading
from collections.abc import Callable
from typing import Any

from django.db import transaction
from kombu.exceptions import OperationalError

from mattermost_bridge.services import nearby
from mattermost_bridge.services.best_effort import TRY_SECONDS, BestEffort


class _Publisher:
    """This process's connection for hints."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pool: Any = None
        self._tries = BestEffort(
            "broker away: hints stop for a moment, the sweep brings the rest", failures=(OperationalError,)
        )

    def send(self, name: str, args: tuple, seconds: float | None = None) -> bool:
        """Publish a task, to be run after `seconds`; False when the broker is away (said once per quiet spell)."""
        return self._tries.attempt(lambda: self._publish(name, args, seconds))

    def _publish(self, name: str, args: tuple, seconds: float | None) -> None:
        from durar_site.celery import app

        with self._producers(app).acquire(block=True, timeout=TRY_SECONDS) as producer:
            app.send_task(name, args=args, producer=producer, retry=False, ignore_result=True, countdown=seconds)

    def _producers(self, app: Any) -> Any:
        with self._lock:
            if self._pool is None:
                from kombu.pools import ProducerPool

                connection = app.connection_for_write()
                connection.transport_options = {**connection.transport_options, "socket_timeout": TRY_SECONDS}
                self._pool = ProducerPool(connections=connection.Pool(limit=16), limit=16)
            return self._pool


_publisher = _Publisher()


def _send(name: str, args: tuple) -> bool:
    """Run the hinted task in this process when it is a worker with a thread to spare, else publish it."""
    return nearby.offer(name, args) or _publisher.send(name, args)


#: Tests replace these to see or to run hints in place.
send: Callable[[str, tuple], bool] = _send
send_later: Callable[[str, tuple, float], bool] = _publisher.send


def task_after_commit(name: str, *args: object) -> None:
    """Hint the task `name` with `args` (ids only) once the current transaction is committed."""
    transaction.on_commit(lambda: send(name, args), robust=True)


def task_later(name: str, *args: object, seconds: float) -> None:
    """As `task_after_commit`, to be run so many seconds after the commit."""
    transaction.on_commit(lambda: send_later(name, args, seconds), robust=True)
