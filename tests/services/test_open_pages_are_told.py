"""Services tell open pages what changed, after the commit, in keys and never in contents."""

from __future__ import annotations

from datetime import timedelta
from typing import get_args

import pytest
from django.db import transaction
from django.utils import timezone

from mattermost_bridge.live import messages
from mattermost_bridge.models import Delivery, InboundEvent, PairingRequest, Turn
from mattermost_bridge.models.states import ConnectionPhase
from mattermost_bridge.services import access, accounts, agents, ends, inbox, listeners, outbox, pairing, sweep
from mattermost_bridge.services.audit import SYSTEM
from tests import factories
from tests.bridge import direct_post, make_account
from tests.services.fake_server import refused

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def _way(hinted, server):
    """No hint leaves the process, and there is a Mattermost."""


def kinds(told) -> list[str]:
    """The kinds that were told, each once, in the order in which they came first."""
    return list(dict.fromkeys(kind for _, kind, _ in told))


def test_nothing_is_told_before_the_commit(told):
    with transaction.atomic():
        messages.changed(1, "event", [7])
        assert told == []
    assert told == [(1, "event", (7,))]


def test_nothing_is_told_of_what_was_rolled_back(told):
    account = make_account(dm_policy="pairing")
    told.clear()
    with transaction.atomic():
        outbox.post(account_pk=account.pk, channel_id="c" * 26, text="hello", kind="answer")
        accounts.disable(account.pk, actor=SYSTEM)
        transaction.set_rollback(True)
    assert told == []


def test_a_pairing_that_is_asked_for_is_told(told, hinted):
    account = make_account(dm_policy="pairing")
    told.clear()
    inbox.record(account.pk, [direct_post("hello")])
    hinted.run()
    request = PairingRequest.objects.get()
    assert (account.pk, "pairing", (request.pk,)) in told
    assert {"event", "pairing", "delivery"} <= set(kinds(told))


@pytest.mark.parametrize("decide", [pairing.approve, pairing.reject, pairing.block])
def test_a_decision_is_told(told, hinted, decide):
    account = make_account(dm_policy="pairing")
    inbox.record(account.pk, [direct_post("hello")])
    hinted.run()
    request = PairingRequest.objects.get()
    told.clear()
    decide(request_id=request.pk, actor=SYSTEM)
    assert (account.pk, "pairing", (request.pk,)) in told
    if decide is not pairing.reject:
        assert "access" in kinds(told)


def test_an_answer_tells_of_event_turn_and_delivery_in_keys_only(told, hinted):
    account = make_account(dm_policy="open", own_allow_from=True)
    access.add_entry(actor=SYSTEM, account=account, list="dm", value="*")
    told.clear()
    inbox.record(account.pk, [direct_post("a very private question")])
    hinted.run()
    event, turn, delivery = InboundEvent.objects.get(), Turn.objects.get(), Delivery.objects.get()
    assert kinds(told) == ["event", "turn", "delivery"]
    for kind, pk in (("event", event.pk), ("turn", turn.pk), ("delivery", delivery.pk)):
        assert (account.pk, kind, (pk,)) in told
    assert {account_pk for account_pk, _, _ in told} == {account.pk}
    assert all(isinstance(pk, int) for _, _, pks in told for pk in pks)
    assert delivery.state == "sent"
    # The last word is that the post is made.
    assert told[-1] == (account.pk, "delivery", (delivery.pk,))


def test_a_delivery_that_fails_is_told(told, hinted, server):
    account = make_account()
    server.script = [(refused(403), "refused")]
    outbox.post(account_pk=account.pk, channel_id="c" * 26, text="hello", kind="answer", since_ms=1)
    told.clear()
    hinted.run()
    assert Delivery.objects.get().state == "dead"
    assert "delivery" in kinds(told)


def test_a_connection_that_changes_is_told_and_one_that_stays_is_not(told):
    account = make_account()
    listeners.set_phase(account.pk, ConnectionPhase.READY)
    assert (account.pk, "connection", (account.pk,)) in told
    told.clear()
    listeners.set_phase(account.pk, ConnectionPhase.READY)
    assert told == []


def test_changes_of_accounts_agents_and_lists_are_told(told):
    account = make_account()
    told.clear()
    accounts.update(account.pk, actor=SYSTEM, name="Another name")
    access.add_entry(actor=SYSTEM, account=account, list="dm", value="carol".ljust(26, "u"))
    agent = agents.create(actor=SYSTEM, slug="second", backend="echo")
    assert (account.pk, "account", (account.pk,)) in told
    assert "access" in kinds(told)
    assert (None, "agent", (agent.pk,)) in told


def test_kinds_are_the_ones_that_pages_know(told):
    assert get_args(messages.Kind) == messages.KINDS


def test_what_ends_by_its_time_is_told_once_by_the_sweep_after_it_ended(told):
    account, now = make_account(), timezone.now()
    assert ends.tell_ended(now) == 0
    entry = factories.AccessEntryFactory(account=account, expires_at=now + timedelta(seconds=30))
    factories.AccessEntryFactory(account=account, expires_at=now - timedelta(days=1))
    factories.AccessEntryFactory(account=account)
    told.clear()
    assert ends.tell_ended(now + timedelta(seconds=29)) == 0
    assert told == []
    assert ends.tell_ended(now + timedelta(seconds=31)) == 1
    assert told == [(account.pk, "access", (entry.pk,))]
    assert ends.tell_ended(now + timedelta(seconds=33)) == 0


def test_a_member_of_an_access_group_whose_time_ends_is_told_to_all_who_see_lists(told):
    now = timezone.now()
    ends.tell_ended(now)
    factories.AccessGroupMemberFactory(expires_at=now + timedelta(seconds=1))
    told.clear()
    assert ends.tell_ended(now + timedelta(seconds=2)) == 1
    assert told == [(None, "access", ())]


def test_the_sweep_tells_what_ended_while_nobody_looked(told):
    account, before = make_account(), timezone.now() - timedelta(minutes=5)
    ends.tell_ended(before)
    factories.AccessEntryFactory(account=account, expires_at=before + timedelta(minutes=1))
    told.clear()
    sweep.sweep()
    assert (account.pk, "access") in {(pk, kind) for pk, kind, _ids in told}
