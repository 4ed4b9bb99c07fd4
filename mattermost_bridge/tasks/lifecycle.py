"""What a worker process does when it starts and when it stops."""

from __future__ import annotations

import threading

from celery.signals import worker_init, worker_shutdown, worker_shutting_down
from django.conf import settings

from mattermost_bridge.live import messages as live
from mattermost_bridge.services import nearby, turn_runner, turns

NEARBY_THREADS = 4


@worker_init.connect
def share_slots(sender=None, **_: object) -> None:
    """Ears run turns in less than half of their slots, so that slow agents keep no pairing code waiting; voices in all.

    Of the threads that take hints nearby one is always left for deciding and sending.
    """
    queues = set(sender.app.amqp.queues.consume_from)
    slots = int(sender.concurrency or 1)
    if "events" in queues:
        turns.room.slots = max(1, min(slots // 2, NEARBY_THREADS) - 1)
        nearby.start(NEARBY_THREADS)
    else:
        turns.room.slots = slots


@worker_shutting_down.connect
def stop_turns_in_time(**_: object) -> None:
    """A graceful stop: turns that run get ten seconds, then they are put back."""
    timer = threading.Timer(settings.TIMES["stop_grace"], turn_runner.stop_running)
    timer.daemon = True
    timer.start()


@worker_shutdown.connect
def wait_for_nearby(**_: object) -> None:
    """What this worker took without the broker ends with it."""
    nearby.stop()


@worker_shutdown.connect
def tell_the_last(**_: object) -> None:
    """Open pages learn that this worker's connections have stopped."""
    live.flush()
