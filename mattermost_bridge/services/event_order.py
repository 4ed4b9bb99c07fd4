"""The order in which a channel's events are taken: by the server's time, and by post id within a millisecond."""

from __future__ import annotations

from django.db.models import Q

from mattermost_bridge.models import InboundEvent
from mattermost_bridge.models.states import UNDECIDED, EventState

#: What is not decided yet, or is decided and waits for a fact, and so may still be answered before what is younger.
IS_UNDECIDED = Q(state__in=UNDECIDED) | Q(state=EventState.WAITING, conversation=None)


def before(event: InboundEvent) -> Q:
    """Older than this event."""
    return Q(create_at__lt=event.create_at) | Q(create_at=event.create_at, post_id__lt=event.post_id)


def after(event: InboundEvent) -> Q:
    """Younger than this event."""
    return Q(create_at__gt=event.create_at) | Q(create_at=event.create_at, post_id__gt=event.post_id)
