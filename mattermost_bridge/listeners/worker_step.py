"""`celery worker --listeners N`: a step of the worker that listens for up to N accounts beside its tasks.

A step and no task: a task that holds a connection would be delivered a second time after the broker's visibility
timeout, and would keep the worker from stopping. The step runs under every pool, and needs no broker.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click
from celery import Celery, bootsteps
from celery.signals import worker_shutting_down

if TYPE_CHECKING:
    from mattermost_bridge.listeners.host import ListenerHost

OPTION = click.Option(
    ("--listeners",),
    type=click.IntRange(min=0),
    default=0,
    show_default=True,
    help="Listen for up to so many Mattermost accounts in this worker.",
)


class ListenersStep(bootsteps.StartStopStep):
    """Starts the listeners before the worker connects to its broker, and stops them before its tasks end."""

    requires = ("celery.worker.components:Pool",)

    def __init__(self, parent: Any, listeners: int = 0, **kwargs: Any) -> None:
        super().__init__(parent, **kwargs)
        self._most = int(listeners or 0)
        self.enabled = self._most > 0
        self.host: ListenerHost | None = None

    def start(self, parent: Any) -> None:
        """Start listening; returns at once."""
        # Imported here: this module is read before Django is set up.
        from mattermost_bridge.listeners.host import ListenerHost

        self.host = ListenerHost(self._most)
        self.host.start()
        # The worker itself looks up to a second later, when its broker's connection gives it the time.
        worker_shutting_down.connect(self._stop_soon)

    def _stop_soon(self, **_: Any) -> None:
        if self.host is not None:
            self.host.stop_soon()

    def stop(self, parent: Any) -> None:
        """Close the connections and give the leases back, at once."""
        if self.host is not None:
            self.host.stop()

    terminate = stop


def install(app: Celery) -> None:
    """Give the app's worker the option and the step."""
    app.user_options["worker"].add(OPTION)
    app.steps["worker"].add(ListenersStep)
