"""What a worker process does when it starts and when it stops."""

from __future__ import annotations

import threading

from celery.signals import worker_init, worker_shutdown, worker_shutting_down
from django.conf import settings

from mattermost_bridge.services import nearby, turn_runner, turns

NEARBY_THREADS = 4


@worker_init.connect
def share_slots(sender=None, **_: object) -> None:
    """Ears run turns in half of their slots, so that slow agents keep no pairing code waiting; voices in all."""
    queues = set(sender.app.amqp.queues.consume_from)
    slots = int(sender.concurrency or 1)
    turns.room.slots = slots if queues == {"turns"} else max(1, slots // 2)
    if "events" in queues:
        nearby.start(NEARBY_THREADS)


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
