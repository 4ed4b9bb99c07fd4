"""Trying a message shows what a real one would get, and leaves no trace."""

from __future__ import annotations

import random
from dataclasses import fields, replace
from datetime import UTC, datetime

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mattermost_bridge.config import effective
from mattermost_bridge.config.account_settings import AccountSettings
from mattermost_bridge.models import (
    AccessEntry,
    Account,
    BlockedUser,
    Conversation,
    Delivery,
    GroupOverride,
    InboundEvent,
    KnownChannel,
    KnownPerson,
    PairingRequest,
)
from mattermost_bridge.rules.reasons import Reason
from mattermost_bridge.rules.types import Binding, ChannelType, Earlier, GroupRule, ListEntry, Policy
from mattermost_bridge.services import decisions, facts, inbox, pairing, rehearsal
from tests.bridge import make_account, post
from tests.services.incoming.making import ROOT, open_account

NOW = datetime(2026, 11, 22, 12, tzinfo=UTC)
NOW_MS = int(NOW.timestamp() * 1000)
DAY = 24 * 3600 * 1000
MODES = ["off", "first", "all", "batched"]
CHATMODES = ["", "oncall", "onmessage", "onchar"]

people = st.sampled_from(["u1", "u2", "bot1"])
entries = st.lists(
    st.builds(ListEntry, st.sampled_from(["u1", "@alice", "*", "u2"]), expires_ms=st.sampled_from([None, 1])),
    max_size=2,
).map(tuple)
rules = st.builds(
    GroupRule,
    st.sampled_from(["c1", "*", "c2"]),
    st.sampled_from([None, True, False]),
    st.sampled_from([False, False, True]),
    st.sampled_from(CHATMODES),
    st.sampled_from(["", *MODES]),
    st.sampled_from(["", "helper"]),
)
policies = st.builds(
    Policy,
    st.just("ops"),
    st.just("bot1"),
    st.just("durar"),
    has_agent=st.booleans(),
    dm_policy=st.sampled_from(["pairing", "allowlist", "open", "disabled"]),
    group_policy=st.sampled_from(["allowlist", "open", "open", "disabled"]),
    require_mention=st.sampled_from([None, True, False]),
    groups=st.lists(rules, max_size=2, unique_by=lambda rule: rule.channel_id).map(tuple),
    allow_from=entries,
    group_allow_from=st.none() | entries,
    approved=entries,
    blocked=st.sampled_from([frozenset(), frozenset({"u2"})]),
    name_matching=st.booleans(),
    chatmode=st.sampled_from(CHATMODES),
    mention_patterns=st.sampled_from([None, (), ("robot",), ("(",)]),
    agent_name=st.sampled_from(["", "Robot"]),
    implicit_thread=st.booleans(),
    reply_to_mode=st.sampled_from(MODES),
    reply_to_mode_by_type=st.sampled_from([(), (("direct", "all"), ("group", "off"))]),
    dm_scope=st.sampled_from(["main", "per-peer"]),
    identity_links=st.sampled_from([(), (("Al", ("mattermost:u1",)),)]),
    bindings=st.sampled_from([(), (Binding("b", "*", team_id="t1"),), (Binding("b", "ops", "channel", "c1"),)]),
    control_commands=st.booleans(),
    use_access_groups=st.booleans(),
    answers_bots=st.booleans(),
)
texts = st.sampled_from(
    ["hello", "@durar hello", "> hello", "", " ", "robot?", "@durar /new", " /stop", "/help", "@durarx", "`@durar`"]
)


def account_settings(policy: Policy) -> AccountSettings:
    """Settings with that policy; nothing else in them decides."""
    empty = {field.name: None for field in fields(AccountSettings) if field.init}
    return AccountSettings(**{**empty, "pk": 1, "policy": policy, "debounce_ms": 0})


def essence(decision):
    """What both have to agree in."""
    return replace(decision, trail=()), [(check.name, check.value, check.passed) for check in decision.trail]


@given(
    policies,
    people,
    st.booleans(),
    st.sampled_from([kind.value for kind in ChannelType]),
    texts,
    st.sampled_from(["", "root"]),
    st.booleans(),
    st.sampled_from([0, NOW_MS - 1, NOW_MS - 8 * DAY]),
    st.integers(0, 6),
)
@settings(max_examples=1000, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_what_is_tried_gets_what_a_real_message_gets(
    monkeypatch, policy, person, is_bot, kind, text, thread, has_files, answered, turns
):
    found = {"thread_answered_ms": answered, "earlier": Earlier(known=False), "bot_turns": turns, "team_id": "t1"}
    known = account_settings(policy)
    with monkeypatch.context() as patch:
        patch.setattr(facts, "with_fact", lambda one, fact, *_: replace(one, **found))
        patch.setattr(facts, "with_username", lambda one, _: one)
        patch.setattr(rehearsal, "settings_for", lambda _: known)
        patch.setattr(rehearsal, "known_person", lambda *_: ("alice", is_bot))
        patch.setattr(rehearsal, "known_channel", lambda *_: ("c1", kind))
        patch.setattr(pairing, "pending", lambda *_, **__: [])
        tried = rehearsal.rehearse(
            1, person=person, channel="c1", text=text, thread=thread, at=NOW, has_files=has_files
        )
        draft = replace(
            post(text, root=thread, at=NOW_MS, post_id=rehearsal.THIS_POST),
            user_id=person,
            username="alice",
            channel_id="c1",
            channel_type=kind,
            payload={"type": "", "file_ids": ["f"] if has_files else [], "from_bot": is_bot, "from_webhook": False},
        )
        real = decisions.decision_on(inbox._row(1, draft, ()), known, now=NOW)
    if real.reason == Reason.PAIRING_REQUIRED:
        assert tried.reason == Reason.PAIRING_REQUIRED
        assert essence(tried)[1][:-1] == essence(real)[1]
    else:
        assert essence(tried) == essence(real)


@pytest.mark.django_db(transaction=True)
def test_it_agrees_with_the_way_through_the_inbox_too(hinted, server):
    """Forty cases with rows: what is tried first is what then becomes of the message."""
    chance = random.Random(4711)
    make_account("default", own_groups=True, own_allow_from=True)
    account = Account.objects.get()
    KnownPerson.objects.create(account=account, user_id="carol".ljust(26, "u"), username="carol")
    for channel, kind in (("support", "O"), ("secret", "P"), ("dmcarol", "D")):
        KnownChannel.objects.create(account=account, channel_id=channel.ljust(26, "x"), type=kind)
    agreed: set[str] = set()
    for _ in range(40):
        Account.objects.update(
            dm_policy=chance.choice(["pairing", "open", "allowlist", "disabled"]),
            group_policy=chance.choice(["open", "open", "allowlist"]),
            chatmode=chance.choice(CHATMODES),
            reply_to_mode=chance.choice(MODES),
        )
        for model in (AccessEntry, BlockedUser, GroupOverride, PairingRequest):
            model.objects.all().delete()
        if chance.random() < 0.7:
            AccessEntry.objects.create(account=account, list="dm", value=chance.choice(["*", "carol".ljust(26, "u")]))
        if chance.random() < 0.15:
            BlockedUser.objects.create(account=account, user_id="carol".ljust(26, "u"))
        if chance.random() < 0.3:
            GroupOverride.objects.create(
                account=account, channel_id="*", off=chance.random() < 0.5, require_mention=False
            )
        effective.bump_version()
        channel, kind = chance.choice([("support", "O"), ("secret", "P"), ("dmcarol", "D")])
        draft = post(
            chance.choice(["hello", "@durar hello", "> hello", " /status", "@durar /new"]),
            channel=channel,
            channel_type=kind,
            root=chance.choice(["", ROOT]),
        )
        at = datetime.fromtimestamp(draft.create_at / 1000, UTC)
        tried = rehearsal.rehearse(
            account.pk, person=draft.user_id, channel=draft.channel_id, text=draft.text, thread=draft.root_id, at=at
        )
        inbox.record(account.pk, [draft])
        hinted.run()
        real = InboundEvent.objects.get(post_id=draft.post_id)
        assert real.reason == tried.reason
        assert real.reply_root == tried.reply_root.replace(rehearsal.THIS_POST, draft.post_id)
        if real.conversation is not None:
            assert real.conversation.session_key == tried.session_key.replace(rehearsal.THIS_POST, draft.post_id)
        agreed.add(real.reason)
    assert len(agreed) > 6


@pytest.mark.django_db(transaction=True)
class TestTrying:
    PERSON = "carol".ljust(26, "u")

    def test_it_leaves_no_trace(self, hinted, server):
        account = make_account()
        decision = rehearsal.rehearse(account.pk, person=self.PERSON, text="hello")
        assert decision.reason == Reason.PAIRING_REQUIRED
        for model in (InboundEvent, Conversation, Delivery, PairingRequest):
            assert not model.objects.exists()
        assert not hinted.given

    def test_it_knows_the_requests_that_wait(self, hinted, server):
        account = make_account()
        inbox.record(account.pk, [post("hi", channel="dmcarol", channel_type="D")])
        hinted.run()
        assert rehearsal.rehearse(account.pk, person=self.PERSON, text="again").reason == Reason.PAIRING_REPEATED
        for number in range(2):
            user = f"person{number}"
            inbox.record(account.pk, [post("hi", user=user, channel=f"dm{user}", channel_type="D")])
        hinted.run()
        stranger = rehearsal.rehearse(account.pk, person="x".ljust(26, "x"), text="hi")
        assert stranger.reason == Reason.PAIRING_QUEUE_FULL

    def test_unsaved_changes_are_tried_and_named_in_the_trail(self, hinted, server):
        account = make_account()
        tried = rehearsal.rehearse(account.pk, person=self.PERSON, text="hello", overrides={"dm_policy": "disabled"})
        assert tried.reason == Reason.DM_DISABLED
        assert tried.trail[-1].source == "tried out"
        assert rehearsal.rehearse(account.pk, person=self.PERSON, text="hello").reason == Reason.PAIRING_REQUIRED

    @pytest.mark.parametrize("name", ["bot_user_id", "nonsense"])
    def test_what_is_no_setting_cannot_be_tried(self, hinted, server, name):
        account = make_account()
        with pytest.raises(ValueError, match=name):
            rehearsal.rehearse(account.pk, person=self.PERSON, text="hello", overrides={name: "x"})

    def test_a_channel_that_is_not_known_cannot_be_decided(self, hinted, server):
        account = open_account()
        tried = rehearsal.rehearse(account.pk, person=self.PERSON, channel="c".ljust(26, "c"), text="@durar")
        assert tried.reason == Reason.CHANNEL_TYPE_UNKNOWN

    def test_another_bot_is_known_as_one(self, hinted, server):
        account = open_account()
        KnownPerson.objects.create(account=account, user_id=self.PERSON, username="robot", is_bot=True)
        assert rehearsal.rehearse(account.pk, person=self.PERSON, text="hello").reason == Reason.OTHER_BOT
