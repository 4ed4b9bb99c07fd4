"""Whether a post in a channel is for the bot: chat modes, prefixes, follow-ups, edits, reactions and other bots."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mattermost_bridge.rules.addressing import FOLLOW_UP_MS, without_address
from mattermost_bridge.rules.channel_rules import chatmode, mention_required, switched_off
from mattermost_bridge.rules.decide import decide
from mattermost_bridge.rules.mentions import onchar_prefix
from mattermost_bridge.rules.reasons import Reason
from mattermost_bridge.rules.types import (
    ChannelType,
    Earlier,
    Fact,
    GroupRule,
    IncomingPost,
    ListEntry,
    Outcome,
    Policy,
)

NOW = 2_000_000_000
POST = IncomingPost("p1", "u1", "alice", "c1", ChannelType.OPEN, "hello", create_at=NOW)
POLICY = Policy("ops", "bot1", "durar", has_agent=True, group_policy="open", bot_turns=2)
IN_CHANNELS = [ChannelType.OPEN, ChannelType.PRIVATE, ChannelType.GROUP]
OTHER = Earlier(known=True)


def reason_of(post=POST, policy=POLICY, **changes):
    """The reason for a post that is changed so."""
    decision = decide(replace(post, **changes), policy, now_ms=NOW)
    assert not decision.asks
    return decision.reason


@pytest.mark.parametrize("kind", IN_CHANNELS)
@pytest.mark.parametrize(
    ("mode", "text", "reason"),
    [
        ("", "hello", Reason.NO_MENTION),
        ("", "@durar hello", Reason.ADMITTED_MENTIONED),
        ("oncall", "hello", Reason.NO_MENTION),
        ("oncall", "> hello", Reason.NO_MENTION),
        ("oncall", "@Durar: hello", Reason.ADMITTED_MENTIONED),
        ("oncall", "@durar", Reason.ADMITTED_MENTIONED),
        ("oncall", "@durarx mail@durar.org", Reason.NO_MENTION),
        ("onmessage", "hello", Reason.ADMITTED_UNMENTIONED),
        ("onmessage", "@durar hello", Reason.ADMITTED_MENTIONED),
        ("onchar", "hello", Reason.NOT_TRIGGERED),
        ("onchar", "> hello", Reason.ADMITTED_PREFIX),
        ("onchar", "  !hello", Reason.ADMITTED_PREFIX),
        ("onchar", "hello!", Reason.NOT_TRIGGERED),
        ("onchar", "hello @durar", Reason.ADMITTED_MENTIONED),
    ],
)
def test_each_chat_mode_in_each_kind_of_channel(mode, kind, text, reason):
    assert reason_of(policy=replace(POLICY, chatmode=mode), text=text, channel_type=kind) is reason


@pytest.mark.parametrize("mode", ["", "oncall", "onmessage", "onchar"])
def test_direct_messages_are_answered_in_every_chat_mode(mode):
    policy = replace(POLICY, chatmode=mode, dm_policy="open", allow_from=(ListEntry("*"),))
    assert reason_of(policy=policy, channel_type=ChannelType.DIRECT) is Reason.ADMITTED_DM_OPEN


@pytest.mark.parametrize(
    ("groups", "chat", "flag", "required", "source"),
    [
        ((), "", None, True, "built-in"),
        ((), "", False, False, "built-in"),
        ((), "oncall", False, True, "account"),
        ((), "onchar", False, True, "account"),
        ((), "onmessage", True, False, "account"),
        ((GroupRule("*", True),), "onmessage", False, True, 'groups["*"]'),
        ((GroupRule("c1", False), GroupRule("*", True)), "oncall", True, False, "groups[c1]"),
        ((GroupRule("c1", chatmode="onmessage"), GroupRule("*", True)), "oncall", True, False, "groups[c1]"),
        ((GroupRule("c1", True, chatmode="onmessage"),), "", None, True, "groups[c1]"),
        ((GroupRule("*", chatmode="onchar"),), "onmessage", False, True, 'groups["*"]'),
        ((GroupRule("c2", False),), "", None, True, "built-in"),
    ],
)
def test_whether_a_mention_is_needed_is_said_by_the_nearest(groups, chat, flag, required, source):
    sources = (("chatmode", "account"),)
    policy = replace(POLICY, groups=groups, chatmode=chat, require_mention=flag, sources=sources)
    assert mention_required(policy, "c1") == (required, source)


def test_a_prefix_counts_where_a_channel_has_its_own_mode_and_where_it_needs_a_mention():
    policy = replace(POLICY, groups=(GroupRule("c1", True, chatmode="onchar"),))
    assert chatmode(policy, "c1") == ("onchar", "groups[c1]")
    assert chatmode(policy, "c2") == ("", "built-in")
    assert reason_of(policy=policy, text="> go") is Reason.ADMITTED_PREFIX
    assert reason_of(policy=policy, text="> go", channel_id="c2") is Reason.NO_MENTION


def test_a_channel_that_needs_no_mention_answers_everything_in_the_mode_onchar_too():
    policy = replace(POLICY, chatmode="onchar", groups=(GroupRule("c1", False),))
    assert reason_of(policy=policy) is Reason.ADMITTED_UNMENTIONED


@pytest.mark.parametrize(
    ("prefixes", "text", "prefix"),
    [
        ((">", "!"), ">go", ">"),
        ((">", ">>"), ">> go", ">"),
        (("bot:",), " bot: go", "bot:"),
        ((" ! ",), "!go", "!"),
        ((), "!go", "!"),
        (("", "  "), ">go", ">"),
        (("$",), ">go", ""),
        ((">",), "go >", ""),
    ],
)
def test_the_first_prefix_that_fits_counts(prefixes, text, prefix):
    assert onchar_prefix(text, replace(POLICY, onchar_prefixes=prefixes)) == prefix


@pytest.mark.parametrize(
    ("mode", "text", "said"),
    [
        ("onchar", ">  go on\n  now", "go on\n  now"),
        ("onchar", "> @durar go", "go"),
        ("onchar", ">", ">"),
        ("oncall", "> quoted @durar go", "> quoted go"),
        ("oncall", "@durar", "@durar"),
        ("oncall", "@durar\n    code", "    code"),
    ],
)
def test_the_agent_gets_what_is_said_without_the_address(mode, text, said):
    policy = replace(POLICY, chatmode=mode)
    assert without_address(text, policy, "c1", ChannelType.OPEN) == said
    assert without_address(text, policy, "c1", ChannelType.DIRECT) == text


@pytest.mark.parametrize(
    ("groups", "off"),
    [
        ((), False),
        ((GroupRule("c1", off=True),), True),
        ((GroupRule("*", off=True),), True),
        ((GroupRule("*", off=True), GroupRule("c1", True)), False),
        ((GroupRule("c2", off=True),), False),
    ],
)
def test_a_channel_is_off_by_its_own_entry_or_by_the_one_for_all(groups, off):
    policy = replace(POLICY, groups=groups)
    assert switched_off(policy, "c1")[0] is off
    assert reason_of(policy=policy, text="@durar hi") is (Reason.CHANNEL_OFF if off else Reason.ADMITTED_MENTIONED)


def test_a_channel_that_is_off_leaves_direct_messages_alone():
    policy = replace(POLICY, groups=(GroupRule("*", off=True),), dm_policy="open", allow_from=(ListEntry("u1"),))
    assert reason_of(policy=policy, channel_type=ChannelType.DIRECT) is Reason.ADMITTED_DM_OPEN


@pytest.mark.parametrize(
    ("answered", "implicit", "reason"),
    [
        (NOW - 1, True, Reason.ADMITTED_FOLLOW_UP),
        (NOW - FOLLOW_UP_MS, True, Reason.ADMITTED_FOLLOW_UP),
        (NOW - FOLLOW_UP_MS - 1, True, Reason.NO_MENTION),
        (0, True, Reason.NO_MENTION),
        (NOW - 1, False, Reason.NO_MENTION),
    ],
)
def test_in_a_thread_in_which_the_bot_answered_within_seven_days_no_mention_is_needed(answered, implicit, reason):
    policy = replace(POLICY, implicit_thread=implicit)
    assert reason_of(policy=policy, root_id="r", thread_answered_ms=answered) is reason


@pytest.mark.parametrize(
    ("changes", "asked"),
    [
        ({"root_id": "r"}, (Fact.THREAD,)),
        ({"root_id": "r", "text": "@durar"}, ()),
        ({}, ()),
        ({"is_edit": True, "text": "@durar"}, (Fact.EARLIER,)),
        ({"is_edit": True}, ()),
        ({"is_edit": True, "text": "@durar", "channel_type": ChannelType.DIRECT}, ()),
        ({"from_bot": True, "text": "@durar"}, (Fact.BOT_TURNS,)),
        ({"from_bot": True}, ()),
        ({"is_reaction": True}, (Fact.REACTED,)),
    ],
)
def test_a_fact_is_asked_for_only_when_it_matters(changes, asked):
    decision = decide(replace(POST, **changes), replace(POLICY, answers_bots=True), now_ms=NOW)
    assert decision.asks == asked
    assert bool(decision.reason) is not bool(asked)


@pytest.mark.parametrize(
    ("text", "earlier", "kind", "reason"),
    [
        ("@durar now", OTHER, ChannelType.OPEN, Reason.ADMITTED_MENTIONED),
        ("@durar now", replace(OTHER, mentioned=True), ChannelType.OPEN, Reason.EDIT_NOT_CONSIDERED),
        ("@durar now", replace(OTHER, admitted=True), ChannelType.OPEN, Reason.EDIT_NOT_CONSIDERED),
        ("@durar now", Earlier(known=False), ChannelType.OPEN, Reason.EDIT_NOT_CONSIDERED),
        ("now", OTHER, ChannelType.OPEN, Reason.EDIT_NOT_CONSIDERED),
        ("@durar now", OTHER, ChannelType.DIRECT, Reason.EDIT_NOT_CONSIDERED),
        ("@durar now", None, ChannelType.UNKNOWN, Reason.CHANNEL_TYPE_UNKNOWN),
    ],
)
def test_an_edit_wakes_the_bot_when_it_adds_the_first_mention(text, earlier, kind, reason):
    assert reason_of(is_edit=True, text=text, earlier=earlier, channel_type=kind) is reason


@pytest.mark.parametrize("maker", [{"from_bot": True}, {"from_webhook": True}])
@pytest.mark.parametrize(("turns", "reason"), [(0, Reason.ADMITTED_MENTIONED), (2, Reason.LOOP_BUDGET)])
def test_bots_are_answered_where_the_account_allows_it_and_as_often_as_it_allows(maker, turns, reason):
    policy = replace(POLICY, answers_bots=True)
    assert reason_of(policy=policy, text="@durar", bot_turns=turns, **maker) is reason
    assert reason_of(text="@durar", bot_turns=turns, **maker) in (Reason.OTHER_BOT, Reason.OTHER_WEBHOOK)


@pytest.mark.parametrize(
    ("hours", "age_h", "reason"),
    [
        (24, 23.9, Reason.ADMITTED_MENTIONED),
        (24, 24.1, Reason.TOO_OLD),
        (0.5, 1, Reason.TOO_OLD),
        (None, 1000, Reason.ADMITTED_MENTIONED),
        (0, 1000, Reason.ADMITTED_MENTIONED),
    ],
)
def test_what_catch_up_finds_too_late_is_kept_and_not_answered(hours, age_h, reason):
    policy = replace(POLICY, answer_within_hours=hours)
    created = NOW - int(age_h * 3_600_000)
    assert reason_of(policy=policy, text="@durar", found_ms=NOW, create_at=created) is reason
    assert reason_of(policy=policy, text="@durar", create_at=created) is Reason.ADMITTED_MENTIONED


@pytest.mark.parametrize(
    ("kind", "changes", "reason"),
    [
        (ChannelType.OPEN, {}, Reason.REACTION_NOTED),
        (ChannelType.OPEN, {"group_policy": "allowlist"}, Reason.GROUP_LIST_EMPTY),
        (ChannelType.OPEN, {"blocked": frozenset({"u1"})}, Reason.BLOCKED),
        (ChannelType.OPEN, {"groups": (GroupRule("*", off=True),)}, Reason.CHANNEL_OFF),
        (ChannelType.DIRECT, {}, Reason.REACTION_NOT_PAIRED),
        (ChannelType.DIRECT, {"approved": (ListEntry("u1"),)}, Reason.REACTION_NOTED),
        (ChannelType.DIRECT, {"dm_policy": "allowlist"}, Reason.DM_NOT_LISTED),
        (ChannelType.UNKNOWN, {}, Reason.CHANNEL_TYPE_UNKNOWN),
    ],
)
def test_the_same_people_may_react_who_may_write_and_nobody_is_asked_to_pair(kind, changes, reason):
    policy = replace(POLICY, **changes)
    assert reason_of(policy=policy, is_reaction=True, reacted="", channel_type=kind, text="eyes") is reason


def test_the_bot_s_own_reactions_are_ignored():
    assert reason_of(is_reaction=True, user_id="bot1", reacted="") is Reason.OWN_POST


def test_a_reaction_belongs_to_the_session_of_its_post_s_thread():
    decision = decide(replace(POST, is_reaction=True, reacted="Root9"), POLICY, now_ms=NOW)
    assert decision.session_key == "agent:main:mattermost:ops:channel:c1:thread:Root9"
    assert decision.outcome is Outcome.ADMITTED


@given(st.sampled_from(["hello", "@durar", "> x", "!", "`@durar`", "support"]), st.booleans())
def test_who_mentions_the_bot_is_heard_in_every_mode(text, threaded):
    post = replace(POST, text=f"{text}\n@durar", root_id="r" if threaded else "", thread_answered_ms=0)
    for mode in ("", "oncall", "onmessage", "onchar"):
        assert reason_of(post, replace(POLICY, chatmode=mode)) is Reason.ADMITTED_MENTIONED
