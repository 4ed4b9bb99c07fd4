"""What became of a message that was put into the outbox: for who waits for it, and for who asks later."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from enum import StrEnum

from django.db.models.functions import Now

from mattermost_bridge.config.effective import settings_for
from mattermost_bridge.models import Delivery, DirectChannel, ListenerLease, OutboxState
from mattermost_bridge.models.states import UNSETTLED, DeliveryState, DirectChannelState

#: Between two looks at the rows, in seconds: short at first, since most messages are there in a moment.
LOOKS = (0.03, 0.05, 0.1, 0.2, 0.3)


class Fate(StrEnum):
    """What became of a message."""

    SENT = "sent"
    FAILED = "failed"
    WAITING = "waiting"


@dataclass(frozen=True)
class Outcome:
    """How a message stands. `post_ids` are the posts that are there, in order, `links` their addresses.

    `sentence` says why a message failed or what it waits for; "" when it was sent.
    """

    fate: Fate
    channel_id: str = ""
    post_ids: tuple[str, ...] = ()
    links: tuple[str, ...] = ()
    sentence: str = ""


def link_to(base_url: str, post_id: str) -> str:
    """The address of a post, whatever its team: Mattermost leads there from `/_redirect/pl/`."""
    return f"{base_url.rstrip('/')}/_redirect/pl/{post_id}" if base_url and post_id else ""


def wait(deliveries: Sequence[int], seconds: float, *, sleep: Callable[[float], None] = time.sleep) -> Outcome:
    """Look until the message is sent or failed, `seconds` at most, and say how it stands then.

    Call it outside of transactions: what others commit would not be seen inside.
    """
    end = time.monotonic() + seconds
    number = 0
    while True:
        found = outcome(deliveries)
        left = end - time.monotonic()
        if found.fate is not Fate.WAITING or left <= 0:
            return found
        sleep(min(LOOKS[min(number, len(LOOKS) - 1)], left))
        number += 1


def outcome(deliveries: Sequence[int]) -> Outcome:
    """How the message of these deliveries stands now."""
    rows = list(Delivery.objects.filter(pk__in=deliveries).order_by("pk"))
    if len(rows) < len(deliveries):
        return Outcome(Fate.FAILED, sentence="The message is not in the outbox any more.")
    if keys := {row.text_key for row in rows if row.text_key}:
        # A part that the server found too long was split further: what was added belongs to the message, too.
        known = {row.pk for row in rows}
        rows += Delivery.objects.filter(text_key__in=keys).exclude(pk__in=known)
        rows.sort(key=lambda row: (row.part, row.pk))
    sent = [row for row in rows if row.state == DeliveryState.SENT]
    account = settings_for(rows[0].account_id) if rows else None
    posts = tuple(row.post_id for row in sent)
    links = tuple(link_to(account.base_url, post_id) for post_id in posts) if account else ()
    channel_id = rows[-1].channel_id if rows else ""
    bad = next((row for row in rows if row.state in (DeliveryState.DEAD, DeliveryState.CANCELLED)), None)
    if bad is not None:
        return Outcome(Fate.FAILED, channel_id, posts, links, bad.error or bad.get_state_display())
    open_ = next((row for row in rows if row.state in UNSETTLED), None)
    if open_ is not None:
        return Outcome(Fate.WAITING, channel_id, posts, links, _why_it_waits(open_))
    return Outcome(Fate.SENT, channel_id, posts, links)


def _why_it_waits(row: Delivery) -> str:
    """What an unsettled delivery waits for, and what to do."""
    state = OutboxState.objects.filter(pk=row.account_id).first()
    if state is not None and state.parked_since is not None:
        return f"Nothing is sent for this account: {state.parked_reason} Enter a token that works; it is sent then."
    if state is not None and state.paused_since is not None:
        return f"Sending is paused: {state.paused_reason} It is sent once the server answers."
    if row.error:
        return f"It is tried again: {row.error}"
    if not ListenerLease.objects.filter(expires_at__gt=Now()).exists():
        return (
            "It is in the outbox, and no worker runs that could send it. Start Durar (make run, or Durar up); it is "
            "sent then."
        )
    opening = row.direct_channel
    if not row.channel_id and isinstance(opening, DirectChannel) and opening.state == DirectChannelState.RESOLVING:
        why = f" {opening.error}" if opening.error else ""
        return f"The direct channel to the person is being opened.{why}"
    return "It is in the outbox and is sent soon."
