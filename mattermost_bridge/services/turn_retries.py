"""Turns that failed: answered again in a new turn, or put aside by an operator."""

from __future__ import annotations

from django.db import transaction

from mattermost_bridge.models import Account, Turn
from mattermost_bridge.models.states import EventOutcome, EventState, TurnState
from mattermost_bridge.services import audit, turns
from mattermost_bridge.services.audit import Actor
from mattermost_bridge.services.errors import NotFound, Refused

PUT_ASIDE = "put_aside"


def join_key_of(turn_pk: int) -> str:
    """What the events of a turn that is tried again have in common: one new turn answers them all."""
    return f"retry:{turn_pk}"


def retry_turn(turn_pk: int, actor: Actor) -> None:
    """Let the events of a turn that failed be answered again, together, in one new turn of their conversation.

    They go before everything younger that still waits there. Whether each person may still be answered is looked at
    when the new turn begins. The old turn keeps its question, error and times. Raises NotFound, Refused.
    """
    with transaction.atomic():
        turn, account = _failed(turn_pk)
        if account.is_archived:
            raise Refused(f"The account {account.account_id} is archived. Restore it first.")
        if turn.blanked_at is not None:
            raise Refused(f"The question of turn {turn_pk} was blanked after its time. Ask the person to write again.")
        events = turn.events.select_for_update(of=("self",)).order_by("create_at", "post_id")
        answered = [event.pk for event in events.only("pk")]
        if not answered:
            raise Refused(f"Nothing is left that turn {turn_pk} could answer. Ask the person to write again.")
        turn.events.update(
            state=EventState.DECIDED,
            outcome=EventOutcome.ADMITTED,
            turn=None,
            error="",
            hinted_at=None,
            join_key=join_key_of(turn_pk),
        )
        turn.state = TurnState.RETRIED
        turn.save(update_fields=["state"])
        audit.record(
            actor=actor,
            verb="turn.retry",
            summary=f"Turn {turn_pk}, which failed, is tried again.",
            account=account,
            target=turn,
            details={"state": [TurnState.FAILED, TurnState.RETRIED], "events": answered},
        )
        turns.hint(turn.conversation_id)


def put_aside_turn(turn_pk: int, actor: Actor) -> None:
    """Take a turn that failed out of what needs a hand; its events stay unanswered. Raises NotFound, Refused."""
    with transaction.atomic():
        turn, account = _failed(turn_pk)
        turn.state, turn.error_kind = TurnState.CANCELLED, PUT_ASIDE
        turn.save(update_fields=["state", "error_kind"])
        audit.record(
            actor=actor,
            verb="turn.put_aside",
            summary=f"Turn {turn_pk}, which failed, was put aside.",
            account=account,
            target=turn,
            details={"state": [TurnState.FAILED, TurnState.CANCELLED]},
        )


def _failed(turn_pk: int) -> tuple[Turn, Account]:
    """The turn, locked until the transaction ends, and its account."""
    rows = Turn.objects.select_for_update(of=("self",)).select_related("conversation__account")
    turn = rows.defer("conversation__account__bot_token").filter(pk=turn_pk).first()
    if turn is None:
        raise NotFound("This turn does not exist any more. Reload the page.")
    if turn.state != TurnState.FAILED:
        raise Refused(f"Turn {turn_pk} is not failed ({turn.get_state_display().lower()}). Reload the page.")
    return turn, turn.conversation.account
