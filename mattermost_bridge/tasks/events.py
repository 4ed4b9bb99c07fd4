"""Deciding events and running turns."""

from __future__ import annotations

from celery import shared_task
from django.db import transaction

from mattermost_bridge.models import Conversation
from mattermost_bridge.services import channels, decisions, turn_runner, turns


@shared_task(name="durar.events.process")
def process_event(event_id: int) -> str:
    """Decide an event, and run the turn it leads to when this worker has room for it."""
    taken = decisions.process_event(event_id)
    if taken is None:
        return "decided, or already decided"
    return f"answered in {turn_runner.run(taken)} turn(s)"


@shared_task(name="durar.events.look_up_channel")
def look_up_channel(account_pk: int, channel_id: str) -> str:
    """Ask the server for a channel's type, so that the events that wait for it can be decided."""
    return f"{channels.look_up(account_pk, channel_id)} event(s) go on"


@shared_task(name="durar.turns.run")
def run_turns(conversation_id: int) -> str:
    """Answer what waits in a conversation."""
    with transaction.atomic():
        conversation = Conversation.objects.filter(pk=conversation_id).first()
        taken = turns.take(conversation) if conversation else None
    if taken is None:
        return "nothing to answer, or another worker answers"
    turns.room.enter()  # this thread is there for turns
    return f"answered in {turn_runner.run(taken)} turn(s)"
