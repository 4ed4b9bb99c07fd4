"""Looking for what needs a hand, and telling operators."""

from __future__ import annotations

from celery import shared_task

from mattermost_bridge.services import alert_notices, alerts


@shared_task(name="durar.upkeep.alerts")
def look_for_alerts() -> str:
    """Open and close alerts, and have due notes sent."""
    looked = alerts.tick()
    return "done by another scheduler" if looked is None else f"{looked.raised} alert(s), {looked.over} over"


@shared_task(name="durar.alerts.send")
def send_notes(target_pk: int) -> str:
    """Tell one target what it is to be told."""
    return f"{alert_notices.send_due(target_pk)} note(s) sent"
