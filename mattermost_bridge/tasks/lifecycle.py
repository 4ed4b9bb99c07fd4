"""What a worker process does when it starts and when it stops."""

from __future__ import annotations

import threading

from celery.signals import worker_init, worker_shutting_down
from django.conf import settings

from mattermost_bridge.services import turn_runner, turns


@worker_init.connect
def share_slots(sender=None, **_: object) -> None:
    """Ears run turns in half of their slots, so that slow agents keep no pairing code waiting; voices in all."""
    app_worker = getattr(sender, "app", None)
    slots = getattr(sender, "concurrency", None) or 8
    queues = set(app_worker.amqp.queues.consume_from) if app_worker is not None else set()
    turns.room.slots = slots if queues == {"turns"} else max(1, int(slots) // 2)


@worker_shutting_down.connect
def stop_turns_in_time(**_: object) -> None:
    """A graceful stop: turns that run get ten seconds, then they are put back."""
    timer = threading.Timer(settings.TIMES["stop_grace"], turn_runner.stop_running)
    timer.daemon = True
    timer.start()
