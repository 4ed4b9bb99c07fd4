"""Messages by hand: whom they go to, what is refused with which sentence, and what the receipt says."""

from __future__ import annotations

import pytest

from mattermost_bridge.config import effective
from mattermost_bridge.models import (
    Account,
    AuditEntry,
    BlockedUser,
    ChannelCursor,
    Conversation,
    Delivery,
    DirectChannel,
    KnownChannel,
    KnownPerson,
    PairingRequest,
)
from mattermost_bridge.services import accounts, messages, targets
from mattermost_bridge.services.audit import Actor
from mattermost_bridge.services.errors import NotFound, Refused
from mattermost_bridge.services.messages import Target
from tests import factories
from tests.bridge import BOT_ID, make_account, mattermost_id

pytestmark = pytest.mark.django_db(transaction=True)
ALICE = Actor("alice", "panel")
CAROL, ROOM = mattermost_id("carol", 1), mattermost_id("dmcarol", 1)


@pytest.fixture(autouse=True)
def hints(hinted):
    """No hint leaves the process."""
    targets.forget()
    return hinted


@pytest.fixture
def at_sandbox(sandbox):
    """An account on a real server."""
    return make_account(
        base_url=sandbox.base_url, bot_token=sandbox.token("durar"), bot_user_id=sandbox.user_id("durar")
    )


def send(account, target=None, text="hello", **values) -> messages.Receipt:
    return messages.send(account.pk, target or Target(user_id=CAROL, username="carol"), text, actor=ALICE, **values)


def test_a_message_to_a_person_waits_for_the_direct_channel_and_has_its_audit_row():
    account = make_account()
    receipt = send(account, text="x" * 5000)
    row, first = DirectChannel.objects.get(), Delivery.objects.order_by("pk").first()
    assert receipt == messages.Receipt(
        Target(user_id=CAROL, username="carol"), (first.pk, first.pk + 1), row.pk, waits=True
    )
    assert (first.kind, first.recipient_id, first.channel_id, first.direct_channel) == ("message", CAROL, "", row)
    audit = AuditEntry.objects.get()
    assert (audit.verb, audit.actor_name, audit.account) == ("message.send", "alice", account)
    assert audit.details == {
        "user_id": CAROL,
        "channel_id": "",
        "characters": 5000,
        "deliveries": [*receipt.deliveries],
    }
    assert "xxx" not in audit.summary


def test_a_message_to_a_channel_needs_no_direct_channel(sandbox, at_sandbox, hints):
    receipt = send(at_sandbox, Target(channel_id=sandbox.channel_id("support")), "to all")
    assert not receipt.waits
    assert receipt.direct_channel is None
    hints.run()
    assert [post["message"] for post in sandbox.posts("support")] == ["to all"]


@pytest.mark.parametrize("first", [BOT_ID, CAROL])
def test_a_direct_channel_whose_name_is_known_is_used_without_asking(first):
    account = make_account()
    ids = (BOT_ID, CAROL) if first == BOT_ID else (CAROL, BOT_ID)
    KnownChannel.objects.create(account=account, channel_id=ROOM, type="D", name="__".join(ids))
    assert not send(account).waits
    row = DirectChannel.objects.get()
    assert (row.state, row.channel_id, row.bot_user_id, row.attempt) == ("ready", ROOM, BOT_ID, 0)


@pytest.mark.parametrize("model", [Conversation, PairingRequest])
def test_a_channel_in_which_the_person_was_heard_is_used_once_it_was_read_for_this_bot(model):
    account = make_account()
    if model is Conversation:
        factories.ConversationFactory(account=account, channel_type="D", peer_id=CAROL, channel_id=ROOM)
    else:
        factories.PairingRequestFactory(account=account, user_id=CAROL, channel_id=ROOM)
    assert send(account).waits
    DirectChannel.objects.all().delete()
    ChannelCursor.objects.create(account=account, channel_id=ROOM, channel_type="D")
    assert not send(account).waits
    assert DirectChannel.objects.get().channel_id == ROOM


def test_what_another_account_knows_is_not_used():
    other = make_account("other", bot_user_id="b" * 26)
    KnownChannel.objects.create(account=other, channel_id=ROOM, type="D", name=f"{BOT_ID}__{CAROL}")
    assert send(make_account()).waits


def test_a_channel_that_the_person_opened_meanwhile_is_found_before_the_next_attempt(hints):
    from mattermost_bridge.services import opening

    account = make_account()
    send(account)
    hints.run()  # nobody listens at the address of the account
    row = DirectChannel.objects.get()
    assert row.attempt == 1
    KnownChannel.objects.create(account=account, channel_id=ROOM, type="D", name=f"{BOT_ID}__{CAROL}")
    DirectChannel.objects.update(next_attempt_at=None)
    assert opening.attempt(row.pk)
    assert Delivery.objects.get().channel_id == ROOM


@pytest.mark.parametrize(
    ("target", "text", "sentence"),
    [
        (Target(user_id=CAROL), " \n", "message is empty"),
        (Target(user_id=CAROL), "x" * 40_001, "40000 are the most"),
        (Target(user_id="carol"), "hello", "is no user id"),
        (Target(user_id=BOT_ID), "hello", "is the bot of the account default itself"),
    ],
)
def test_what_cannot_be_sent_is_refused_with_a_sentence(target, text, sentence):
    account = make_account()
    with pytest.raises(Refused, match=sentence):
        send(account, target, text)
    assert not Delivery.objects.exists()
    assert not AuditEntry.objects.exists()


def test_who_is_blocked_gets_no_message():
    account = make_account()
    BlockedUser.objects.create(user_id=CAROL)
    with pytest.raises(Refused, match="@carol is blocked"):
        send(account)
    assert not DirectChannel.objects.exists()


def test_an_account_that_sends_nothing_says_why():
    account = make_account()
    accounts.disable(account.pk, actor=ALICE)
    with pytest.raises(Refused, match=r"disabled\. Enable it first"):
        send(account)
    accounts.archive(account.pk, actor=ALICE)
    with pytest.raises(Refused, match=r"archived\. Restore it first"):
        send(account)
    with pytest.raises(Refused, match='bot token missing for account "ops"'):
        send(make_account("ops", bot_token="", bot_user_id=""))
    with pytest.raises(NotFound):
        messages.send(10**6, Target(user_id=CAROL), "hello", actor=ALICE)


def test_people_and_channels_are_found_by_name_and_by_id(sandbox, at_sandbox):
    carol = Target(user_id=sandbox.user_id("carol"), username="carol")
    for words in ("@carol", " @Carol ", carol.user_id, f"user:{carol.user_id}", "user:@carol"):
        assert messages.find(at_sandbox.pk, words) == carol
    assert KnownPerson.objects.get().username == "carol"
    room = sandbox.channel_id("support")
    for words in (f"channel:{room}", room, "#support", "support", "sandbox/support", "~Support"):
        assert messages.find(at_sandbox.pk, words) == Target(channel_id=room)


def test_who_is_known_is_not_asked_for(at_sandbox, sandbox):
    KnownPerson.objects.create(account=at_sandbox, user_id=CAROL, username="carol")
    sandbox.gone()
    try:
        assert messages.find(at_sandbox.pk, CAROL) == Target(user_id=CAROL, username="carol")
        with pytest.raises(Refused, match=r"@dave could not be looked up .* Try again"):
            messages.find(at_sandbox.pk, "@dave")
    finally:
        sandbox.back()


@pytest.mark.parametrize("words", ["", "@", "channel:", "user:carol", "@two words", "https://x"])
def test_words_that_name_nobody_are_refused(words):
    with pytest.raises(Refused, match=r"is required|is no |names no"):
        messages.find(make_account().pk, words)


def test_a_name_that_nobody_has_is_said_and_so_is_a_refused_token(sandbox, at_sandbox):
    with pytest.raises(NotFound, match="is @nobody"):
        messages.find(at_sandbox.pk, "@nobody")
    with pytest.raises(NotFound, match="nobody and of no channel"):
        messages.find(at_sandbox.pk, "n" * 26)
    with pytest.raises(NotFound, match='"#nowhere" not found in any team'):
        messages.find(at_sandbox.pk, "#nowhere")
    sandbox.revoke("durar")
    with pytest.raises(Refused, match="refuses the token of the account default"):
        messages.find(at_sandbox.pk, "@carol")


def test_who_is_deactivated_gets_no_message(sandbox, at_sandbox):
    sandbox.disable("carol")
    with pytest.raises(Refused, match="@carol is deactivated"):
        messages.find(at_sandbox.pk, "@carol")


def test_a_target_is_a_person_or_a_channel():
    for values in ({}, {"user_id": CAROL, "channel_id": ROOM}):
        with pytest.raises(ValueError, match="either a person or a channel"):
            Target(**values)


def test_overrides_reach_the_job():
    account = make_account(dm_retry_timeout_ms=9000)
    effective.bump_version()
    send(account, overrides={"max_retries": 1})
    row = DirectChannel.objects.get()
    assert (row.max_retries, row.timeout_ms) == (1, 9000)
    assert Account.objects.get().dm_retry_max_retries is None
