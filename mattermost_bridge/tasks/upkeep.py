"""What runs by the clock."""

from __future__ import annotations

from celery import shared_task

from mattermost_bridge.services import pairing, sweep


@shared_task(name="durar.upkeep.sweep")
def run_sweep() -> str:
    """Hint what nobody works on."""
    return f"{sweep.sweep()} hint(s)"


@shared_task(name="durar.upkeep.expire")
def expire() -> str:
    """Let pairing requests expire whose hour is over."""
    if not sweep.claim_tick("expire", 60.0):
        return "done by another scheduler"
    return f"{pairing.expire()} request(s) expired"
