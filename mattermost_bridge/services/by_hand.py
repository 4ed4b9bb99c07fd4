"""What an operator does by hand to an event or a delivery, each with its audit row."""

from __future__ import annotations

from django.db import transaction

from mattermost_bridge.models import Delivery, InboundEvent
from mattermost_bridge.models.states import DeliveryState
from mattermost_bridge.services import audit, decisions, outbox, sending
from mattermost_bridge.services.audit import Actor
from mattermost_bridge.services.errors import NotFound, Refused

DISCARDED = "Discarded by {name}."


def decide_event_again(event_pk: int, *, actor: Actor) -> None:
    """Let an event that could not be decided be decided again. Raises NotFound, Refused."""
    with transaction.atomic():
        event = InboundEvent.objects.select_related("account").defer("account__bot_token").filter(pk=event_pk).first()
        if event is None:
            raise NotFound("This event does not exist any more. Reload the page.")
        if not decisions.retry_event(event_pk):
            if event.turn_id is not None:
                raise Refused(f"Event {event_pk} was decided; its turn failed. Look at the turn for the cause.")
            raise Refused(
                f"Event {event_pk} is not failed ({event.get_state_display().lower()}), so there is nothing to decide."
            )
        audit.record(
            actor=actor,
            verb="event.decide_again",
            summary=f"Event {event_pk} is decided again.",
            account=event.account,
            target=event,
        )


def send_delivery_again(delivery_pk: int, *, actor: Actor) -> None:
    """Send a delivery that was given up once more; what may have been posted is looked for first.

    Raises NotFound, Refused.
    """
    with transaction.atomic():
        delivery = _delivery(delivery_pk)
        if delivery.account.is_archived:
            raise Refused(f"The account {delivery.account.account_id} is archived. Restore it first.")
        if not sending.retry_dead(delivery_pk):
            raise Refused(
                f"Delivery {delivery_pk} is not one that was given up ({delivery.get_state_display().lower()})."
            )
        audit.record(
            actor=actor,
            verb="delivery.send_again",
            summary=f"Delivery {delivery_pk} is sent again.",
            account=delivery.account,
            target=delivery,
        )


def discard_delivery(delivery_pk: int, *, actor: Actor) -> None:
    """Give up a delivery that waits to be sent. One that is being sent right now is refused.

    Raises NotFound, Refused.
    """
    with transaction.atomic():
        delivery = _delivery(delivery_pk)
        if not outbox.cancel([delivery_pk], DISCARDED.format(name=actor.name)):
            raise Refused(
                f"Delivery {delivery_pk} does not wait to be sent ({_state_now(delivery_pk)}), so it was not discarded."
            )
        audit.record(
            actor=actor,
            verb="delivery.discard",
            summary=f"Delivery {delivery_pk} was discarded.",
            account=delivery.account,
            target=delivery,
        )


def _delivery(delivery_pk: int) -> Delivery:
    rows = Delivery.objects.select_related("account").defer("account__bot_token")
    delivery = rows.filter(pk=delivery_pk).first()
    if delivery is None:
        raise NotFound("This delivery does not exist any more. Reload the page.")
    return delivery


def _state_now(delivery_pk: int) -> str:
    return str(DeliveryState(Delivery.objects.values_list("state", flat=True).get(pk=delivery_pk)).label).lower()
