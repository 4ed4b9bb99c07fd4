"""A turn that failed is answered again in a new turn, in the conversation's order, or put aside."""

from __future__ import annotations

import pytest

from mattermost_bridge.config import effective
from mattermost_bridge.models import AuditEntry, BlockedUser, Delivery, InboundEvent, Turn
from mattermost_bridge.models.states import DeliveryState, EventState
from mattermost_bridge.services import accounts, by_hand, inbox, turn_retries
from mattermost_bridge.services.audit import Actor
from mattermost_bridge.services.errors import NotFound, Refused
from tests import factories
from tests.bridge import direct_post
from tests.services.test_events_are_answered_in_order import open_account

pytestmark = pytest.mark.django_db(transaction=True)
ALICE = Actor("alice", "panel")


def failed_turn(hinted, text: str = "fail", **values) -> Turn:
    """What was written was given to an agent that failed; afterwards the agent works."""
    account = open_account(**values)
    inbox.record(account.pk, [direct_post(text, at=1_000)])
    hinted.run()
    turn = Turn.objects.get()
    assert turn.state == "failed"
    InboundEvent.objects.update(text="hello again")
    return turn


def test_the_events_of_a_failed_turn_are_answered_in_a_new_turn(hinted, server):
    turn = failed_turn(hinted)
    turn_retries.retry_turn(turn.pk, ALICE)
    hinted.run()
    event = InboundEvent.objects.select_related("turn").get()
    assert event.turn != turn
    assert (event.state, event.error, event.turn.state) == ("answered", "", "done")
    assert server.texts()[-1] == "You said: hello again"
    turn.refresh_from_db()
    assert (turn.state, bool(turn.error)) == ("retried", True)
    entry = AuditEntry.objects.get(verb="turn.retry")
    details = {"state": ["failed", "retried"], "events": [event.pk]}
    assert (entry.actor_name, entry.target_id, entry.details) == ("alice", str(turn.pk), details)


def test_several_events_of_one_turn_are_answered_together_again(hinted, server):
    turn = failed_turn(hinted)
    first = InboundEvent.objects.get()
    second = factories.InboundEventFactory(
        account=first.account,
        conversation=first.conversation,
        channel_id=first.channel_id,
        user_id=first.user_id,
        turn=turn,
        state=EventState.FAILED,
        outcome="admitted",
        text="and this",
        create_at=1_001,
    )
    turn_retries.retry_turn(turn.pk, ALICE)
    hinted.run()
    assert Turn.objects.count() == 2
    assert set(InboundEvent.objects.values_list("turn", flat=True)) == {Turn.objects.latest("pk").pk}
    assert server.texts()[-1] == "You said: hello again\n\nand this"
    assert second.pk in AuditEntry.objects.get(verb="turn.retry").details["events"]


def test_what_is_tried_again_goes_before_younger_messages_that_wait(hinted, server):
    turn = failed_turn(hinted)
    account = turn.conversation.account
    turn_retries.retry_turn(turn.pk, ALICE)
    inbox.record(account.pk, [direct_post("younger", at=2_000)])
    hinted.given.reverse()
    hinted.run()
    assert server.texts()[-2:] == ["You said: hello again", "You said: younger"]


def test_a_lost_hint_is_found_by_the_sweep(hinted, server):
    from mattermost_bridge.services import sweep
    from tests.services.test_events_are_answered_in_order import later

    turn = failed_turn(hinted)
    turn_retries.retry_turn(turn.pk, ALICE)
    hinted.lose()
    later(decided_at="2020-01-01T00:00:00Z")
    sweep.sweep()
    hinted.run()
    assert server.texts()[-1] == "You said: hello again"


def test_who_was_blocked_meanwhile_is_not_answered(hinted, server):
    turn = failed_turn(hinted)
    event = InboundEvent.objects.get()
    BlockedUser.objects.create(account=event.account, user_id=event.user_id)
    effective.bump_version()
    turn_retries.retry_turn(turn.pk, ALICE)
    hinted.run()
    event.refresh_from_db()
    assert (event.outcome, event.reason, event.turn) == ("refused", "revoked_meanwhile", None)
    assert len(server.texts()) == 1


def test_a_turn_is_tried_again_once(hinted, server):
    turn = failed_turn(hinted)
    turn_retries.retry_turn(turn.pk, ALICE)
    with pytest.raises(Refused, match="is not failed"):
        turn_retries.retry_turn(turn.pk, ALICE)
    with pytest.raises(NotFound):
        turn_retries.retry_turn(turn.pk + 1000, ALICE)


def test_an_archived_account_answers_nothing_again(hinted, server):
    turn = failed_turn(hinted)
    accounts.archive(turn.conversation.account_id, actor=ALICE)
    with pytest.raises(Refused, match="Restore it first"):
        turn_retries.retry_turn(turn.pk, ALICE)


def test_a_turn_that_is_put_aside_keeps_its_error_and_answers_nothing(hinted, server):
    turn = failed_turn(hinted)
    cause = turn.error
    turn_retries.put_aside_turn(turn.pk, ALICE)
    hinted.run()
    turn.refresh_from_db()
    assert (turn.state, turn.error, InboundEvent.objects.get().state) == ("cancelled", cause, "failed")
    assert AuditEntry.objects.filter(verb="turn.put_aside", actor_name="alice").exists()
    assert len(server.texts()) == 1


def test_a_delivery_that_could_not_be_sent_is_put_aside_with_its_error(hinted):
    delivery = factories.DeliveryFactory(error="403: not a member")
    by_hand.discard_delivery(delivery.pk, actor=ALICE)
    delivery.refresh_from_db()
    assert delivery.state == DeliveryState.CANCELLED
    assert delivery.error == "Discarded by alice. 403: not a member"
    with pytest.raises(Refused):
        by_hand.discard_delivery(delivery.pk, actor=ALICE)
    assert Delivery.objects.filter(state=DeliveryState.DEAD).count() == 0


def test_an_event_that_could_not_be_decided_is_put_aside(hinted):
    event = factories.InboundEventFactory(state=EventState.FAILED, outcome="", reason="failed_processing", error="x")
    by_hand.put_event_aside(event.pk, actor=ALICE)
    event.refresh_from_db()
    assert (event.state, event.outcome, event.reason, event.error) == ("decided", "ignored", "put_aside", "x")
    with pytest.raises(Refused):
        by_hand.put_event_aside(event.pk, actor=ALICE)
