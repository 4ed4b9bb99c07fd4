"""Telling the workers that there is something to do.

A hint may be lost: the sweep finds what nobody works on. So publishing has one try of a second, and after a failure
this process tries none for five seconds, since whoever saved a message must not wait for a broker that is away.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable

import structlog
from django.db import transaction
from kombu.exceptions import OperationalError
from kombu.pools import ProducerPool
from redis.exceptions import RedisError

from mattermost_bridge.services import nearby

log = structlog.get_logger(__name__)

TRY_SECONDS = 1.0
QUIET_SECONDS = 5.0


class _Publisher:
    """This process's connection for hints."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._pool: ProducerPool | None = None
        self._quiet_until = 0.0

    def send(self, name: str, args: tuple) -> bool:
        """Publish a task; False when the broker is away (said once per quiet spell)."""
        if time.monotonic() < self._quiet_until:
            return False
        from durar_site.celery import app

        try:
            with self._producers(app).acquire(block=True, timeout=TRY_SECONDS) as producer:
                app.send_task(name, args=args, producer=producer, retry=False, ignore_result=True)
        except (OperationalError, RedisError, OSError) as error:
            self._quiet_until = time.monotonic() + QUIET_SECONDS
            log.warning("broker away: hints stop for a moment, the sweep brings the rest", error=str(error))
            return False
        return True

    def _producers(self, app):
        with self._lock:
            if self._pool is None:
                connection = app.connection_for_write()
                connection.transport_options = {**connection.transport_options, "socket_timeout": TRY_SECONDS}
                self._pool = ProducerPool(connections=connection.Pool(limit=16), limit=16)
            return self._pool


_publisher = _Publisher()


def _send(name: str, args: tuple) -> bool:
    """Run the hinted task in this process when it is a worker with a thread to spare, else publish it."""
    return nearby.offer(name, args) or _publisher.send(name, args)


#: Tests replace this to see or to run hints in place.
send: Callable[[str, tuple], bool] = _send


def task_after_commit(name: str, *args: object) -> None:
    """Hint the task `name` with `args` (ids only) once the current transaction is committed."""
    transaction.on_commit(lambda: send(name, args), robust=True)
