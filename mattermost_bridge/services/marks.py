"""Marks: how a post proves which delivery made it, and what a delivery becomes once its post is there.

A post's props carry its delivery's mark. Whoever sees an own post with a mark, as the server's answer, as an echo on
the socket, by catch-up or by looking for it, settles the delivery with it. Should there be two, the younger one goes.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import structlog
from django.db import transaction
from django.utils import timezone

from mattermost_bridge.live import messages as live
from mattermost_bridge.models import Delivery
from mattermost_bridge.models.states import DeliveryState
from mattermost_bridge.services import files_out, hints

log = structlog.get_logger(__name__)

REMOVE_DOUBLE = "durar.deliveries.remove_double"
#: The post's prop that carries a delivery's mark. Whoever rewrites a post's props carries it along.
MARK = "durar_mark"


@dataclass(frozen=True, slots=True)
class Echo:
    """An own post with a mark, as heard on the socket or read by catch-up."""

    mark: str
    post_id: str
    create_at: int


def settle_echoes(account_pk: int, echoes: Sequence[Echo]) -> int:
    """Settle what own posts prove to be made; a second post with a settled mark is noted, to be deleted.

    Returns how many deliveries were settled or found doubled.
    """
    marks = {echo.mark for echo in echoes}
    rows = Delivery.objects.filter(account=account_pk, mark__in=marks)
    changed = 0
    for pk, mark, post_id, state in rows.values_list("pk", "mark", "post_id", "state"):
        for echo in (one for one in echoes if one.mark == mark):
            if state == DeliveryState.SENT and post_id == echo.post_id:
                continue
            changed += 1
            settle(pk, echo.post_id, echo.create_at)
            state, post_id = DeliveryState.SENT, post_id or echo.post_id
    return changed


def settle(delivery_id: int, post_id: str, created_ms: int) -> bool:
    """A delivery's post is there. A second one for the same delivery is noted: the younger of the two is to go.

    Can be called any number of times, by the sender, by the echo and by a look-up. True when this call settled it.
    """
    with transaction.atomic():
        delivery = Delivery.objects.select_for_update().get(pk=delivery_id)
        if delivery.state == DeliveryState.SENT:
            if delivery.post_id != post_id:
                _note_double(delivery, post_id, created_ms)
            return False
        delivery.state, delivery.post_id, delivery.posted_at_ms = DeliveryState.SENT, post_id, created_ms
        delivery.settled_at, delivery.unclear, delivery.claim_until = timezone.now(), False, None
        delivery.error = delivery.error_id = ""
        delivery.save(
            update_fields=[
                "state", "post_id", "posted_at_ms", "settled_at", "unclear", "claim_until", "error", "error_id",
            ]
        )  # fmt: skip
        live.changed(delivery.account_id, "delivery", [delivery_id])
        files_out.remove_after_commit(delivery)
    return True


def _note_double(delivery: Delivery, post_id: str, created_ms: int) -> None:
    if post_id in delivery.double_post_ids.split():
        return
    if created_ms and delivery.posted_at_ms and created_ms < delivery.posted_at_ms:
        post_id, delivery.post_id = delivery.post_id, post_id
        delivery.posted_at_ms = created_ms
    delivery.double_post_ids = f"{delivery.double_post_ids} {post_id}".strip()
    delivery.save(update_fields=["post_id", "posted_at_ms", "double_post_ids"])
    log.warning("a post was made twice; the younger one is deleted", delivery_id=delivery.pk, post_id=post_id)
    hints.task_after_commit(REMOVE_DOUBLE, delivery.pk)
