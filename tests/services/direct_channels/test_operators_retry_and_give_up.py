"""What operators do by hand: retry now, give up, take up again, send again, discard."""

from __future__ import annotations

import pytest

from mattermost_bridge.models import AuditEntry, BlockedUser, Delivery
from mattermost_bridge.services import by_hand, opening
from mattermost_bridge.services.errors import Refused
from tests.services.direct_channels.jobs import ALICE, DIRECT, job, said, send, states

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_new_message_after_a_failure_begins_a_new_job_and_what_was_given_up_stays_so(sandbox, account, carol, hints):
    sandbox.fault("answer", status=403, **DIRECT)
    send(account, carol, "lost")
    hints.run()
    assert job().state == "failed"
    send(account, carol, "arrives")
    hints.run()
    assert (job().state, job().error) == ("ready", "")
    assert states() == ["dead", "sent"]
    assert said(sandbox) == ["arrives"]


def test_retry_now_after_a_failure_sends_what_was_lost_in_order(sandbox, account, carol, hints):
    sandbox.fault("answer", status=403, **DIRECT)
    send(account, carol, "one")
    send(account, carol, "two")
    hints.run()
    assert states() == ["dead", "dead"]
    assert by_hand.retry_direct_channel(job().pk, actor=ALICE) == 2
    hints.run()
    assert said(sandbox) == ["one", "two"]
    assert not Delivery.objects.filter(unclear=True).exists()
    assert AuditEntry.objects.get(verb="direct_channel.retry").details["deliveries"] == 2


def test_retry_now_ends_the_waiting(sandbox, account, carol, hints):
    sandbox.fault("answer", status=503, **DIRECT)
    send(account, carol)
    hints.run()
    by_hand.retry_direct_channel(job().pk, actor=ALICE)
    hints.run()
    assert said(sandbox) == ["hello"]
    with pytest.raises(Refused, match="is not being opened"):
        by_hand.retry_direct_channel(job().pk, actor=ALICE)


def test_what_is_being_tried_right_now_cannot_be_tried_twice(account, carol, hints):
    send(account, carol)
    assert opening._claim(job().pk) is not None
    with pytest.raises(Refused, match="right now"):
        by_hand.retry_direct_channel(job().pk, actor=ALICE)


def test_giving_up_cancels_what_waits_and_an_attempt_under_way_does_not_count(sandbox, account, carol, hints):
    send(account, carol)
    claimed = opening._claim(job().pk)
    assert by_hand.give_up_direct_channel(job().pk, actor=ALICE) == 1
    assert not opening.resolved(claimed, account.bot_user_id, sandbox.channel_id("carol,durar"))
    assert job().state == "given_up"
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.error) == ("cancelled", "Given up by alice.")
    hints.run()
    assert said(sandbox) == []
    send(account, carol, "a new one")
    hints.run()
    assert said(sandbox) == ["a new one"]


def test_giving_up_is_undone_what_was_cancelled_with_it_goes_out_in_order(sandbox, account, carol, hints, told):
    for text in ("one", "discarded by itself", "two"):
        send(account, carol, text, overrides={"max_retries": 7})
    by_hand.discard_delivery(Delivery.objects.get(text="discarded by itself").pk, actor=ALICE)
    by_hand.give_up_direct_channel(job().pk, actor=ALICE)
    hints.lose()
    assert states() == ["cancelled"] * 3
    told.clear()
    assert by_hand.retry_direct_channel(job().pk, actor=ALICE) == 2
    assert {kind for _account, kind, _keys in told} >= {"delivery", "direct_channel"}
    hints.run()
    assert job().max_retries == 7
    assert said(sandbox) == ["one", "two"]
    assert states() == ["sent", "cancelled", "sent"]


def test_what_was_cancelled_with_an_earlier_job_is_not_sent_by_undoing_a_later_one(sandbox, account, carol, hints):
    for text in ("of the first job", "of the second"):
        send(account, carol, text)
        by_hand.give_up_direct_channel(job().pk, actor=ALICE)
    hints.lose()
    assert by_hand.retry_direct_channel(job().pk, actor=ALICE) == 1
    hints.run()
    assert said(sandbox) == ["of the second"]


def test_open_pages_hear_of_messages_that_are_cancelled(account, carol, told):
    send(account, carol)
    told.clear()
    by_hand.give_up_direct_channel(job().pk, actor=ALICE)
    assert {kind for _account, kind, _keys in told} >= {"delivery", "direct_channel"}


def test_nothing_is_tried_for_somebody_who_was_blocked_meanwhile(account, carol):
    send(account, carol)
    BlockedUser.objects.create(user_id=carol.user_id)
    with pytest.raises(Refused, match=r"@carol is blocked\. Remove the block first"):
        by_hand.retry_direct_channel(job().pk, actor=ALICE)


def test_a_dead_message_is_sent_again_by_itself(sandbox, account, carol, hints):
    sandbox.fault("answer", status=403, **DIRECT)
    send(account, carol, "one")
    send(account, carol, "two")
    hints.run()
    by_hand.send_delivery_again(Delivery.objects.get(text="two").pk, actor=ALICE)
    hints.run()
    assert said(sandbox) == ["two"]
    by_hand.send_delivery_again(Delivery.objects.get(text="one").pk, actor=ALICE)
    hints.run()
    assert said(sandbox) == ["two", "one"]


def test_a_message_that_waits_can_be_discarded(sandbox, account, carol, hints):
    send(account, carol, "one")
    send(account, carol, "two")
    by_hand.discard_delivery(Delivery.objects.get(text="one").pk, actor=ALICE)
    hints.run()
    assert said(sandbox) == ["two"]
