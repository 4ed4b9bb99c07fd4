"""Operators decide about pairing requests: approve, reject, block, revoke, one by one and many at once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from mattermost_bridge.config.effective import settings_for
from mattermost_bridge.models import AccessEntry, AuditEntry, BlockedUser, Delivery, InboundEvent, PairingRequest
from mattermost_bridge.services import access, accounts, inbox, pairing
from mattermost_bridge.services.approvals import CodeExpired
from mattermost_bridge.services.audit import SYSTEM, Actor
from mattermost_bridge.services.errors import AlreadyDecided, NotFound, Refused
from tests.bridge import direct_post, make_account

pytestmark = pytest.mark.django_db(transaction=True)
CAROL = "carol".ljust(26, "u")


@pytest.fixture(autouse=True)
def hints(hinted):
    """No hint leaves the process."""
    return hinted


@pytest.fixture
def by_alice(alice):
    return Actor.of(alice)


def request_of(account, name="carol", **values) -> PairingRequest:
    now = timezone.now()
    fields = {
        "code": f"{name.upper():A<8}"[:8],
        "channel_id": f"dm{name}".ljust(26, "x"),
        "expires_at": now + timedelta(hours=1),
        "created_at": now,
    }
    return PairingRequest.objects.create(account=account, user_id=name.ljust(26, "u"), username=name, **fields | values)


def test_an_approval_opens_direct_messages_of_this_account_only(by_alice):
    account, other = make_account(), make_account("ops", bot_user_id="")
    pairing.approve(request_id=request_of(account).pk, actor=by_alice)
    entry = AccessEntry.objects.get()
    assert (entry.account, entry.list, entry.value, entry.source) == (account, "dm", CAROL, "pairing")
    assert (entry.username, entry.added_by) == ("carol", by_alice.user)
    assert [each.value for each in settings_for(account.pk).policy.approved] == [CAROL]
    assert settings_for(account.pk).policy.allow_from == ()
    assert settings_for(account.pk).policy.group_allow_from is None
    assert settings_for(other.pk).policy.approved == ()


def test_an_approval_is_noted_with_who_and_when(by_alice):
    account = make_account()
    approved = pairing.approve(request_id=request_of(account).pk, actor=by_alice)
    request = PairingRequest.objects.get()
    assert (request.state, request.decided_by, request.decided_by_name) == ("approved", by_alice.user, "alice")
    assert approved.request.pk == request.pk
    row = AuditEntry.objects.get(verb="pairing.approve")
    assert (row.actor_name, row.account, row.target_id) == ("alice", account, str(request.pk))
    assert request.code not in f"{row.summary} {row.details}"


def test_the_person_is_told_in_the_channel_where_they_wrote(by_alice):
    account = make_account()
    inbox.record(account.pk, [direct_post("hello", at=1_795_344_000_777)])
    request = request_of(account)
    pairing.approve(request_id=request.pk, actor=by_alice)
    told = Delivery.objects.get()
    assert (told.kind, told.channel_id, told.recipient_id) == ("approval", request.channel_id, CAROL)
    assert told.text == "Durar: your access has been approved."
    assert told.since_ms == 1_795_344_000_777


def test_a_stranger_is_challenged_approved_told_and_answered(hinted, server, by_alice):
    account = make_account()
    inbox.record(account.pk, [direct_post("hello")])
    inbox.record(account.pk, [direct_post("are you there?")])
    hinted.run()
    request = PairingRequest.objects.get()
    assert [event.reason for event in InboundEvent.objects.order_by("create_at")] == [
        "pairing_required",
        "pairing_repeated",
    ]
    assert len(server.texts()) == 1
    assert request.code in server.texts()[0]

    approved = pairing.approve(request_id=request.pk, actor=by_alice)
    assert approved.messages == 2
    hinted.run()
    assert server.texts()[1] == "Durar: your access has been approved."
    assert len(server.texts()) == 3
    assert "hello" in server.texts()[2]
    assert "are you there?" in server.texts()[2]
    inbox.record(account.pk, [direct_post("again")])
    hinted.run()
    assert server.texts()[3] == "You said: again"


def test_a_second_decision_is_refused_with_who_was_first(by_alice):
    request = request_of(make_account())
    pairing.approve(request_id=request.pk, actor=by_alice)
    for verb in (pairing.approve, pairing.reject, pairing.block):
        with pytest.raises(AlreadyDecided, match="was approved by alice") as error:
            verb(request_id=request.pk, actor=SYSTEM)
        assert error.value.by == "alice"
        assert error.value.at is not None
    assert Delivery.objects.count() == 1
    assert not BlockedUser.objects.exists()


def test_a_request_that_expired_says_when(by_alice):
    past = timezone.now() - timedelta(minutes=12, seconds=5)
    request = request_of(make_account(), expires_at=past)
    with pytest.raises(CodeExpired, match=r"expired 12 minutes ago; ask the person to write to the bot again"):
        pairing.approve(request_id=request.pk, actor=by_alice)
    assert not AccessEntry.objects.exists()


def test_a_request_that_is_gone_says_so(by_alice):
    with pytest.raises(NotFound):
        pairing.approve(request_id=12345, actor=by_alice)


def test_a_blocked_person_cannot_be_approved(by_alice):
    account = make_account()
    request = request_of(account)
    BlockedUser.objects.create(account=None, user_id=CAROL)
    with pytest.raises(Refused, match="Remove the block first"):
        pairing.approve(request_id=request.pk, actor=by_alice)
    request.refresh_from_db()
    assert request.state == "pending"


def test_an_archived_account_approves_nobody(by_alice):
    account = make_account()
    request = request_of(account)
    accounts.archive(account.pk, actor=by_alice)
    with pytest.raises(Refused, match="archived"):
        pairing.approve(request_id=request.pk, actor=by_alice)


def test_a_rejected_person_is_not_told_and_may_ask_again(hinted, by_alice):
    account = make_account()
    inbox.record(account.pk, [direct_post("hello")])
    hinted.run()
    pairing.reject(request_id=PairingRequest.objects.get().pk, actor=by_alice)
    assert Delivery.objects.count() == 1
    assert not AccessEntry.objects.exists()
    inbox.record(account.pk, [direct_post("please")])
    hinted.run()
    assert PairingRequest.objects.filter(state="pending").count() == 1
    assert Delivery.objects.filter(kind="challenge").count() == 2


def test_a_blocked_person_gets_no_reply_any_more(hinted, by_alice):
    account = make_account()
    inbox.record(account.pk, [direct_post("hello")])
    hinted.run()
    pairing.block(request_id=PairingRequest.objects.get().pk, actor=by_alice, reason="spam")
    assert BlockedUser.objects.get().reason == "spam"
    assert PairingRequest.objects.get().state == "rejected"
    inbox.record(account.pk, [direct_post("please")])
    hinted.run()
    assert InboundEvent.objects.order_by("-create_at").first().reason == "blocked"
    assert Delivery.objects.count() == 1


def test_blocking_for_all_accounts_refuses_requests_and_takes_approvals_everywhere(by_alice):
    account, other = make_account(), make_account("ops", bot_user_id="")
    request = request_of(account)
    AccessEntry.objects.create(account=other, value=CAROL, source="pairing")
    access.block(actor=by_alice, account=None, user_id=CAROL, username="carol")
    request.refresh_from_db()
    assert (request.state, request.decided_by_name) == ("rejected", "alice")
    assert not AccessEntry.objects.exists()
    access.unblock(BlockedUser.objects.get().pk, actor=by_alice)
    assert settings_for(other.pk).policy.approved == ()
    assert settings_for(other.pk).policy.blocked == frozenset()


def test_who_is_revoked_gets_a_new_code(hinted, by_alice):
    account = make_account()
    pairing.approve(request_id=request_of(account).pk, actor=by_alice)
    pairing.revoke(account_pk=account.pk, user_id=CAROL, actor=by_alice)
    with pytest.raises(NotFound):
        pairing.revoke(account_pk=account.pk, user_id=CAROL, actor=by_alice)
    inbox.record(account.pk, [direct_post("hello")])
    hinted.run()
    assert InboundEvent.objects.get().reason == "pairing_required"


def test_many_are_decided_each_by_itself(by_alice):
    account = make_account()
    requests = [request_of(account, name) for name in ("anna", "bert", "cleo")]
    pairing.reject(request_id=requests[1].pk, actor=by_alice)
    bulk = pairing.approve_many([request.pk for request in requests], actor=by_alice)
    assert [done.request.username for done in bulk.done] == ["anna", "cleo"]
    assert len(bulk.refused) == 1
    assert "@bert was rejected" in bulk.refused[0]


def test_many_are_rejected_blocked_and_revoked(by_alice):
    account = make_account()
    names = ("anna", "bert", "cleo")
    first, second, third = (request_of(account, name) for name in names)
    assert len(pairing.reject_many([first.pk], actor=by_alice).done) == 1
    assert len(pairing.block_many([second.pk], actor=by_alice, reason="spam").done) == 1
    pairing.approve(request_id=third.pk, actor=by_alice)
    listed = access.add_entry(actor=by_alice, account=account, list="dm", value="*")
    approved = AccessEntry.objects.get(source="pairing")
    bulk = pairing.revoke_many([approved, listed], actor=by_alice)
    assert len(bulk.done) == 1
    assert "no approved pairing" in bulk.refused[0]


class TestCodes:
    def test_a_code_is_found_as_people_type_it(self):
        request = request_of(make_account(), code="ABCD2345")
        for typed in ("ABCD2345", " abcd2345 ", "`ABCD2345`"):
            assert pairing.by_code(typed).pk == request.pk

    def test_an_unknown_code_is_another_sentence_than_an_expired_one(self):
        account = make_account()
        request_of(account, code="ABCD2345", expires_at=timezone.now() - timedelta(hours=3))
        with pytest.raises(NotFound, match="No pending pairing request found for code: WXYZ2345"):
            pairing.by_code("WXYZ2345")
        with pytest.raises(CodeExpired, match="expired 3 hours ago"):
            pairing.by_code("ABCD2345")

    def test_an_account_restricts_and_says_so(self):
        request_of(make_account(), code="ABCD2345")
        make_account("ops", bot_user_id="")
        with pytest.raises(NotFound, match="another account than ops"):
            pairing.by_code("ABCD2345", "ops")

    def test_an_old_request_with_the_same_code_hides_nothing(self):
        account = make_account()
        waiting = request_of(account, code="ABCD2345")
        request_of(account, "dave", code="ABCD2345", state="rejected", decided_by_name="alice")
        assert pairing.by_code("ABCD2345").pk == waiting.pk

    def test_a_code_that_was_used_says_by_whom(self, by_alice):
        request = request_of(make_account(), code="ABCD2345")
        pairing.approve(request_id=request.pk, actor=by_alice)
        with pytest.raises(AlreadyDecided, match="approved by alice just now"):
            pairing.by_code("ABCD2345")
