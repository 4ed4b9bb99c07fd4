"""Sending what is in the outbox."""

from __future__ import annotations

from celery import shared_task

from mattermost_bridge.services import opening, outbox, sending


@shared_task(name="durar.deliveries.drain")
def drain(account_pk: int) -> str:
    """Send what is due for an account."""
    return f"{outbox.drain(account_pk)} attempt(s)"


@shared_task(name="durar.deliveries.remove_double")
def remove_double(delivery_id: int) -> str:
    """Delete the second of two posts that one delivery made."""
    return "gone" if sending.remove_double(delivery_id) else "tried again later"


@shared_task(name="durar.deliveries.resolve_direct_channel")
def resolve_direct_channel(direct_channel_id: int) -> str:
    """Make one attempt to open a person's direct channel."""
    return "open" if opening.attempt(direct_channel_id) else "not open, or not due now"
