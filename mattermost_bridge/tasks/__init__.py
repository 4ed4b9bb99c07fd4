"""Celery tasks, each a few lines that call a service. Tasks take ids, can run twice and return a short sentence."""

from mattermost_bridge.tasks import deliveries, events, lifecycle, upkeep

__all__ = ["deliveries", "events", "lifecycle", "upkeep"]
