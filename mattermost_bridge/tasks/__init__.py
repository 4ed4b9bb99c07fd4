"""Celery tasks, each a few lines that call a service. Tasks take ids, can run twice and return a short sentence."""

from mattermost_bridge.tasks import alerts, commands, deliveries, events, lifecycle, upkeep

__all__ = ["alerts", "commands", "deliveries", "events", "lifecycle", "upkeep"]
