"""What runs by the clock."""

from __future__ import annotations

from celery import shared_task

from mattermost_bridge.services import (
    button_secrets,
    files_out,
    listeners,
    old_names,
    pairing,
    retention,
    scheduled_messages,
    send_keys,
    sessions,
    sweep,
)


@shared_task(name="durar.upkeep.sweep")
def run_sweep() -> str:
    """Hint what nobody works on."""
    return f"{sweep.sweep()} hint(s)"


@shared_task(name="durar.upkeep.expire")
def expire() -> str:
    """Let pairing requests expire whose hour is over; say of connections whose worker died that they stopped; remove
    sessions of the panel and secrets of buttons whose time is over."""
    if not sweep.claim_tick("expire", 60.0):
        return "done by another scheduler"
    lost = listeners.note_abandoned()
    sessions.delete_expired()
    send_keys.forget_old()
    button_secrets.forget_old()
    return f"{pairing.expire()} request(s) expired, {lost} connection(s) without a worker"


@shared_task(name="durar.upkeep.names")
def refresh_names() -> str:
    """Ask for the oldest names of people and channels again."""
    return f"names of {old_names.refresh_old_names()} account(s) looked at again"


@shared_task(name="durar.upkeep.bodies")
def blank_bodies() -> str:
    """Blank the texts whose time is over; once a day, remove files that no message needs."""
    if sweep.claim_tick("files", 86400.0):
        files_out.remove_orphans()
    if not sweep.claim_tick("bodies", 600.0):
        return "done by another scheduler"
    return f"{retention.blank_old()} bodies blanked"


@shared_task(name="durar.upkeep.schedule")
def send_scheduled() -> str:
    """Put scheduled messages that are due into the outbox."""
    return f"{scheduled_messages.send_due()} scheduled message(s)"
