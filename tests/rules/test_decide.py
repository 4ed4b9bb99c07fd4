"""What becomes of a post, and the trail that says why."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mattermost_bridge.rules.decide import decide, is_ordinary_type
from mattermost_bridge.rules.reasons import Reason
from mattermost_bridge.rules.types import ChannelType, Earlier, IncomingPost, ListEntry, Outcome, Policy
from tests.rules.test_access import POLICIES

NOW = 1_000_000
DIRECT = IncomingPost("p1", "u1", "alice", "c1", ChannelType.DIRECT, "hello")
OPEN = replace(DIRECT, channel_type=ChannelType.OPEN, text="@durar hello")
POLICY = Policy("ops", "bot1", "durar", has_agent=True, group_policy="open", approved=(ListEntry("u1"),))


@pytest.mark.parametrize(
    ("post", "policy", "reason"),
    [
        (replace(DIRECT, user_id=""), POLICY, Reason.SENDER_MISSING),
        (replace(DIRECT, user_id="bot1"), POLICY, Reason.OWN_POST),
        (replace(DIRECT, post_type="system_add_to_channel"), POLICY, Reason.SYSTEM_POST),
        (replace(DIRECT, post_type="reminder"), POLICY, Reason.SYSTEM_POST),
        (replace(DIRECT, is_edit=True), POLICY, Reason.EDIT_NOT_CONSIDERED),
        (replace(DIRECT, from_webhook=True), POLICY, Reason.OTHER_WEBHOOK),
        (replace(DIRECT, from_bot=True), POLICY, Reason.OTHER_BOT),
        (replace(DIRECT, channel_type=ChannelType.UNKNOWN), POLICY, Reason.CHANNEL_TYPE_UNKNOWN),
        (DIRECT, replace(POLICY, blocked=frozenset({"u1"})), Reason.BLOCKED),
        (DIRECT, replace(POLICY, dm_policy="disabled"), Reason.DM_DISABLED),
        (DIRECT, replace(POLICY, dm_policy="allowlist"), Reason.DM_NOT_LISTED),
        (DIRECT, replace(POLICY, approved=()), Reason.PAIRING_REQUIRED),
        (DIRECT, POLICY, Reason.ADMITTED_DM_PAIRED),
        (DIRECT, replace(POLICY, allow_from=(ListEntry("u1"),)), Reason.ADMITTED_DM_LISTED),
        (DIRECT, replace(POLICY, dm_policy="open", allow_from=(ListEntry("*"),)), Reason.ADMITTED_DM_OPEN),
        (replace(DIRECT, text=" \n"), POLICY, Reason.EMPTY_POST),
        (replace(DIRECT, text="", has_files=True), POLICY, Reason.ADMITTED_DM_PAIRED),
        (DIRECT, replace(POLICY, has_agent=False), Reason.NO_AGENT),
        (OPEN, replace(POLICY, blocked=frozenset({"u1"})), Reason.BLOCKED),
        (OPEN, replace(POLICY, group_policy="disabled"), Reason.GROUP_DISABLED),
        (OPEN, replace(POLICY, group_policy="allowlist"), Reason.GROUP_LIST_EMPTY),
        (OPEN, replace(POLICY, group_policy="allowlist", allow_from=(ListEntry("u2"),)), Reason.GROUP_NOT_LISTED),
        (OPEN, POLICY, Reason.ADMITTED_MENTIONED),
        (replace(OPEN, text="@durar"), POLICY, Reason.ADMITTED_MENTIONED),
        (replace(OPEN, text="hello"), POLICY, Reason.NO_MENTION),
        (replace(OPEN, text="", has_files=True), POLICY, Reason.NO_MENTION),
        (replace(OPEN, text="hello"), replace(POLICY, require_mention=False), Reason.ADMITTED_UNMENTIONED),
        (OPEN, replace(POLICY, require_mention=False), Reason.ADMITTED_MENTIONED),
        (replace(OPEN, text=""), replace(POLICY, require_mention=False), Reason.EMPTY_POST),
        (replace(OPEN, channel_type=ChannelType.GROUP, text="hello"), POLICY, Reason.NO_MENTION),
        (replace(OPEN, channel_type=ChannelType.PRIVATE), POLICY, Reason.ADMITTED_MENTIONED),
        (OPEN, replace(POLICY, has_agent=False), Reason.NO_AGENT),
        (replace(OPEN, text="x", button="Yes"), POLICY, Reason.ADMITTED_CLICK),
        (replace(OPEN, text="x", button="Yes", opener_id="u1"), POLICY, Reason.ADMITTED_CLICK),
        (replace(OPEN, text="x", button="Yes", opener_id="u2"), POLICY, Reason.CLICK_NOT_OPENER),
        (replace(OPEN, text="x", button="Yes"), replace(POLICY, group_policy="allowlist"), Reason.GROUP_LIST_EMPTY),
        (replace(OPEN, text="x", button="Yes"), replace(POLICY, has_agent=False), Reason.NO_AGENT),
        (replace(DIRECT, button="Yes"), POLICY, Reason.ADMITTED_CLICK),
        (replace(DIRECT, button="Yes"), replace(POLICY, approved=()), Reason.CLICK_NOT_PAIRED),
        (replace(DIRECT, button="Yes"), replace(POLICY, dm_policy="disabled"), Reason.DM_DISABLED),
        (replace(DIRECT, button="Yes"), replace(POLICY, blocked=frozenset({"u1"})), Reason.BLOCKED),
    ],
)
def test_every_post_ends_with_its_reason(post, policy, reason):
    decision = decide(post, policy, now_ms=NOW)
    assert decision.reason is reason
    assert decision.outcome is reason.outcome


@pytest.mark.parametrize(
    ("post_type", "ordinary"),
    [
        ("", True),
        ("me", True),
        ("slack_attachment", True),
        ("custom_poll", True),
        ("system_join_channel", False),
        ("system_ephemeral", False),
        ("burn_on_read", False),
        ("customary", False),
    ],
)
def test_only_what_people_write_is_ordinary(post_type, ordinary):
    assert is_ordinary_type(post_type) is ordinary


def test_an_answer_in_a_channel_stays_in_the_thread_and_has_the_thread_s_session():
    decision = decide(replace(OPEN, root_id="Root1"), POLICY, now_ms=NOW)
    assert decision.reply_root == "Root1"
    assert decision.session_key == "agent:main:mattermost:ops:channel:c1:thread:Root1"


def test_an_answer_to_a_direct_message_stays_flat():
    decision = decide(replace(DIRECT, root_id="root1"), POLICY, now_ms=NOW)
    assert decision.reply_root == ""
    assert decision.session_key == "agent:main:mattermost:ops:direct:u1"


def test_a_message_that_waits_for_an_agent_has_its_session_already():
    post = replace(OPEN, root_id="root1")
    waiting = decide(post, replace(POLICY, has_agent=False), now_ms=NOW)
    admitted = decide(post, POLICY, now_ms=NOW)
    assert waiting.outcome is Outcome.WAITING
    assert (waiting.session_key, waiting.reply_root) == (admitted.session_key, admitted.reply_root)
    assert waiting.session_key


def test_the_trail_can_be_read_from_top_to_bottom():
    policy = replace(POLICY, sources=(("group_policy", "account"), ("require_mention", "defaults")))
    trail = decide(replace(OPEN, text="hello"), policy, now_ms=NOW).trail
    assert [(check.name, check.value, check.source, check.passed) for check in trail] == [
        ("sender", "u1", "post", True),
        ("written by the bot itself", "no", "post", True),
        ("post type", "ordinary", "post", True),
        ("edit", "no", "post", True),
        ("written by a webhook", "no", "post", True),
        ("written by another bot", "no", "post", True),
        ("channel type", "open channel", "Mattermost", True),
        ("blocked", "no", "blocked people", True),
        ("group policy", "open", "account", True),
        ("mention required", "yes", "defaults", None),
        ("mention of @durar", "not found", "post", None),
        ("is for the bot", "no", "post", False),
    ]


def test_a_bot_whose_name_is_not_known_yet_hears_no_mention_and_the_trail_says_why():
    decision = decide(replace(OPEN, text="@durar hello"), replace(POLICY, bot_username=""), now_ms=NOW)
    assert decision.reason == Reason.NO_MENTION
    assert ("mention of the bot", "its name is known once it has connected") in [
        (check.name, check.value) for check in decision.trail
    ]


POSTS = st.builds(
    IncomingPost,
    st.just("p1"),
    st.sampled_from(["u1", "u2", "bot1", ""]),
    st.sampled_from(["alice", ""]),
    st.just("c1"),
    st.sampled_from(list(ChannelType)),
    st.sampled_from(["", "hello", "@durar", "@durarx", "`@durar`"]),
    root_id=st.sampled_from(["", "root1"]),
    post_type=st.sampled_from(["", "", "me", "system_join_team"]),
    from_bot=st.booleans(),
    from_webhook=st.booleans(),
    is_edit=st.booleans(),
    has_files=st.booleans(),
    thread_answered_ms=st.sampled_from([0, 1]),
    earlier=st.builds(Earlier, st.booleans(), st.booleans(), st.booleans()),
)


@given(POSTS, POLICIES)
def test_a_trail_has_one_failed_check_at_its_end_unless_the_post_is_admitted(post, policy):
    decision = decide(post, policy, now_ms=NOW)
    failed = [check for check in decision.trail if check.passed is False]
    assert failed == ([] if decision.outcome is Outcome.ADMITTED else [decision.trail[-1]])
    assert all(check.name and check.value and check.source for check in decision.trail)


@given(POSTS, POLICIES)
def test_what_has_no_session_gets_no_turn(post, policy):
    decision = decide(post, policy, now_ms=NOW)
    has_turn = decision.outcome is Outcome.ADMITTED or decision.reason is Reason.NO_AGENT
    assert bool(decision.session_key) is has_turn
    assert not decision.reply_root or has_turn


@given(POSTS, POLICIES)
def test_an_agent_decides_nothing_but_whether_the_message_waits(post, policy):
    with_agent = decide(post, replace(policy, has_agent=True), now_ms=NOW)
    without = decide(post, replace(policy, has_agent=False), now_ms=NOW)
    assert without.reason == (Reason.NO_AGENT if with_agent.outcome is Outcome.ADMITTED else with_agent.reason)
