"""What an operator does by hand to an event, a delivery or a direct channel, each with its audit row."""

from __future__ import annotations

from typing import TypeVar

from django.db import transaction
from django.utils import timezone

from mattermost_bridge.config.effective import AccountSettings, settings_for
from mattermost_bridge.live import messages as live
from mattermost_bridge.models import Delivery, DirectChannel, InboundEvent, OutboxState
from mattermost_bridge.models.states import DeliveryState, DirectChannelState, EventOutcome, EventState
from mattermost_bridge.rules.reasons import Reason
from mattermost_bridge.services import audit, decisions, direct_channels, hints, outbox, sending, slash_answers
from mattermost_bridge.services.audit import Actor
from mattermost_bridge.services.errors import NotFound, Refused
from mattermost_bridge.services.records import blocked_for

Row = TypeVar("Row", InboundEvent, Delivery, DirectChannel)
DISCARDED = "Discarded by {name}."


def decide_event_again(event_pk: int, *, actor: Actor) -> None:
    """Let an event that could not be decided be decided again. Raises NotFound, Refused."""
    with transaction.atomic():
        event = _existing(InboundEvent, event_pk)
        _refuse_blanked(event)
        if not decisions.retry_event(event_pk):
            if event.turn_id is not None:
                raise Refused(f"Event {event_pk} was decided; its turn failed. Look at the turn for the cause.")
            raise Refused(
                f"Event {event_pk} is not failed ({event.get_state_display().lower()}), so there is nothing to decide."
            )
        _note(actor, "event.decide_again", f"Event {event_pk} is decided again.", event, event.state)


def put_event_aside(event_pk: int, *, actor: Actor) -> None:
    """Take an event that could not be decided out of what needs a hand; nobody answers it. Its error stays.

    Raises NotFound, Refused.
    """
    with transaction.atomic():
        event = _existing(InboundEvent, event_pk)
        failed = InboundEvent.objects.filter(pk=event_pk, state=EventState.FAILED, turn=None)
        if not failed.update(state=EventState.DECIDED, outcome=EventOutcome.IGNORED, reason=Reason.PUT_ASIDE):
            raise Refused(f"Event {event_pk} is not one that could not be decided. Reload the page.")
        summary = f"Event {event_pk}, which could not be decided, was put aside."
        _note(actor, "event.put_aside", summary, event, event.state)


def send_delivery_again(delivery_pk: int, *, actor: Actor) -> None:
    """Send a delivery that was given up once more; what may have been posted is looked for first.

    Raises NotFound, Refused.
    """
    with transaction.atomic():
        delivery = _existing(Delivery, delivery_pk)
        if delivery.account.is_archived:
            raise Refused(f"The account {delivery.account.account_id} is archived. Restore it first.")
        _refuse_blanked(delivery)
        if slash_answers.is_past(delivery):
            raise Refused(f"Delivery {delivery_pk} cannot be sent again. {slash_answers.TOO_LATE}")
        if not sending.retry_dead(delivery_pk):
            raise Refused(
                f"Delivery {delivery_pk} is not one that was given up ({delivery.get_state_display().lower()})."
            )
        if not delivery.channel_id:
            _find_its_channel(delivery)
        _note(actor, "delivery.send_again", f"Delivery {delivery_pk} is sent again.", delivery, delivery.state)


def discard_delivery(delivery_pk: int, *, actor: Actor) -> None:
    """Give up a delivery that waits to be sent, or put one aside that could not be sent; its error stays.

    One that is being sent right now is refused. Raises NotFound, Refused.
    """
    discarded = DISCARDED.format(name=actor.name)
    with transaction.atomic():
        delivery = _existing(Delivery, delivery_pk)
        dead = Delivery.objects.filter(pk=delivery_pk, state=DeliveryState.DEAD).update(
            state=DeliveryState.CANCELLED, error=f"{discarded} {delivery.error}".strip()
        )
        if not dead and not outbox.cancel([delivery_pk], discarded):
            raise Refused(
                f"Delivery {delivery_pk} does not wait to be sent ({_state_now(delivery_pk)}), so it was not discarded."
            )
        _note(actor, "delivery.discard", f"Delivery {delivery_pk} was discarded.", delivery, delivery.state)


def retry_direct_channel(pk: int, *, actor: Actor) -> int:
    """Try to open a direct channel now. A job that failed or was given up begins again, and its messages wait again.

    Returns how many messages wait. Raises NotFound, Refused.
    """
    with transaction.atomic():
        row = _existing(DirectChannel, pk, lock=True)
        account = settings_for(row.account_id)
        _refuse_retry(row, account)
        before = row.state
        if row.state == DirectChannelState.RESOLVING:
            DirectChannel.objects.filter(pk=pk).update(next_attempt_at=None)
            hints.task_after_commit(direct_channels.RESOLVE, pk)
        else:
            # Undoing keeps the values that the job had. One that failed begins with those of the account as it is now.
            values = row.values if row.state == DirectChannelState.GIVEN_UP else None
            direct_channels.let_wait_again(row)
            direct_channels.begin(row, account, values)
        waiting = direct_channels.waiting_for(row).count()
        _note(
            actor,
            "direct_channel.retry",
            f"Opening the direct channel to {row} is tried now.",
            row,
            before,
            user_id=row.user_id,
            deliveries=waiting,
        )
    return waiting


def give_up_direct_channel(pk: int, *, actor: Actor) -> int:
    """Stop trying to open a direct channel; the messages that wait for it are cancelled. A retry undoes it.

    Returns how many. Raises NotFound, Refused.
    """
    reason = f"Given up by {actor.name}."
    with transaction.atomic():
        row = _existing(DirectChannel, pk, lock=True)
        if row.state != DirectChannelState.RESOLVING:
            raise Refused(f"The direct channel to {row} is not being opened ({row.get_state_display().lower()}).")
        before = row.state
        direct_channels.stop(row, reason)
        cancelled = outbox.cancel(direct_channels.waiting_for(row).values_list("pk", flat=True), reason)
        live.changed(row.account_id, "delivery")
        _note(
            actor,
            "direct_channel.give_up",
            f"Opening the direct channel to {row} was given up.",
            row,
            before,
            user_id=row.user_id,
            deliveries_cancelled=cancelled,
        )
    return cancelled


def _refuse_retry(row: DirectChannel, account: AccountSettings) -> None:
    """Raises Refused while the channel cannot be tried."""
    if account.archived:
        raise Refused(f"The account {account.account_id} is archived. Restore it first.")
    if row.state == DirectChannelState.READY:
        raise Refused(f"The direct channel to {row} is not being opened ({row.get_state_display().lower()}).")
    if blocked_for(account.pk, row.user_id):
        raise Refused(f"{row} is blocked. Remove the block first, then try again.")
    if row.claim_until is not None and row.claim_until > timezone.now():
        raise Refused(f"The direct channel to {row} is being tried right now. Wait for the result.")
    if OutboxState.objects.filter(pk=account.pk).exclude(parked_since=None).exists():
        raise Refused(
            f"The server refuses the token of the account {account.account_id}. Enter one that works; what waits "
            "then goes on by itself."
        )


def _find_its_channel(delivery: Delivery) -> None:
    """Nothing was ever sent of it, since its direct channel could not be opened: try that again."""
    row = direct_channels.ensure(settings_for(delivery.account_id), delivery.recipient_id)
    Delivery.objects.filter(pk=delivery.pk).update(
        direct_channel=row, channel_id=row.channel_id, unclear=False, error="", error_id=""
    )


def _existing(model: type[Row], pk: int, *, lock: bool = False) -> Row:
    """The row with its account, on demand locked until the transaction ends. Raises NotFound."""
    rows = model._default_manager.select_related("account").defer("account__bot_token")
    row = (rows.select_for_update(of=("self",)) if lock else rows).filter(pk=pk).first()
    if row is None:
        raise NotFound(f"This {model._meta.verbose_name} does not exist any more. Reload the page.")
    return row


def _refuse_blanked(row: InboundEvent | Delivery) -> None:
    if row.blanked_at is not None:
        name = row._meta.verbose_name
        raise Refused(f"The text of this {name} was blanked after its time. Ask the person to write again.")


def _note(
    actor: Actor, verb: str, summary: str, row: InboundEvent | Delivery | DirectChannel, before: str, **details: object
) -> None:
    """The audit row, inside the caller's transaction; `before` is the state that the row had."""
    after = type(row)._default_manager.values_list("state", flat=True).get(pk=row.pk)
    state = {"state": [before, after]} if after != before else {}
    audit.record(actor=actor, verb=verb, summary=summary, account=row.account, target=row, details=state | details)


def _state_now(delivery_pk: int) -> str:
    return str(DeliveryState(Delivery.objects.values_list("state", flat=True).get(pk=delivery_pk)).label).lower()
