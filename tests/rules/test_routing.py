"""Which session a post belongs to, and where its answer goes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mattermost_bridge.rules.decide import decide
from mattermost_bridge.rules.routing import reply_root, route, session_key
from mattermost_bridge.rules.types import Binding, ChannelType, Fact, GroupRule, IncomingPost, Policy

MODES = ("off", "first", "all", "batched")
POLICY = Policy("ops", "bot1", "durar", has_agent=True, group_policy="open")
POST = IncomingPost("p1", "u1", "alice", "c1", ChannelType.OPEN, "hi", root_id="Root1")


@pytest.mark.parametrize(
    ("channel_type", "root", "key"),
    [
        (ChannelType.DIRECT, "", "agent:main:mattermost:ops:direct:user1"),
        (ChannelType.PRIVATE, "", "agent:main:mattermost:ops:group:chan1"),
        (ChannelType.GROUP, "", "agent:main:mattermost:ops:group:chan1"),
        (ChannelType.OPEN, "", "agent:main:mattermost:ops:channel:chan1"),
        (ChannelType.OPEN, "RooT", "agent:main:mattermost:ops:channel:chan1:thread:RooT"),
        (ChannelType.PRIVATE, "RooT", "agent:main:mattermost:ops:group:chan1:thread:RooT"),
    ],
)
def test_the_key_names_account_kind_peer_and_thread(channel_type, root, key):
    assert session_key("Ops", channel_type, "Chan1", "User1", root) == key


def test_another_agent_has_sessions_of_its_own():
    assert session_key("ops", ChannelType.OPEN, "c", "u", agent="Second") == "agent:second:mattermost:ops:channel:c"


def test_a_session_is_never_guessed_for_an_unknown_channel_type():
    with pytest.raises(ValueError, match="no known type"):
        session_key("ops", ChannelType.UNKNOWN, "c", "u")


@given(st.sampled_from([ChannelType.OPEN, ChannelType.PRIVATE, ChannelType.GROUP]), st.text("abc123", min_size=1))
def test_two_accounts_in_one_channel_never_share_a_session(channel_type, channel):
    assert session_key("a", channel_type, channel, "u") != session_key("b", channel_type, channel, "u")


@pytest.mark.parametrize("channel_type", [ChannelType.OPEN, ChannelType.PRIVATE, ChannelType.GROUP])
def test_in_channels_and_groups_the_answer_stays_in_the_thread_of_the_post(channel_type):
    for mode in MODES:
        assert reply_root(replace(POST, channel_type=channel_type), mode) == "Root1"
    assert reply_root(replace(POST, channel_type=channel_type, root_id=""), "off") == ""


def test_direct_messages_stay_flat_also_when_the_person_wrote_in_a_thread():
    assert reply_root(replace(POST, channel_type=ChannelType.DIRECT), "off") == ""


@pytest.mark.parametrize("kind", [ChannelType.OPEN, ChannelType.PRIVATE, ChannelType.GROUP])
@pytest.mark.parametrize("mode", ["first", "all", "batched"])
def test_the_threading_modes_begin_a_thread_under_a_post_outside_one(kind, mode):
    way = route(replace(POST, channel_type=kind, root_id=""), replace(POLICY, reply_to_mode=mode))
    name = "channel" if kind is ChannelType.OPEN else "group"
    assert way.reply_root == "p1"
    assert way.session_key == f"agent:main:mattermost:ops:{name}:c1:thread:p1"
    assert way.parent_key == f"agent:main:mattermost:ops:{name}:c1"


@pytest.mark.parametrize(
    ("changes", "kind", "root", "expected"),
    [
        ({}, ChannelType.DIRECT, "r", ""),
        ({"reply_to_mode": "all"}, ChannelType.DIRECT, "r", ""),
        ({"reply_to_mode": "all"}, ChannelType.DIRECT, "", ""),
        ({"reply_to_mode_by_type": (("direct", "all"),)}, ChannelType.DIRECT, "r", "r"),
        ({"reply_to_mode_by_type": (("direct", "first"),)}, ChannelType.DIRECT, "", "p1"),
        ({"reply_to_mode_by_type": (("direct", "off"),)}, ChannelType.DIRECT, "r", ""),
        ({"reply_to_mode": "all", "reply_to_mode_by_type": (("channel", "off"),)}, ChannelType.OPEN, "", ""),
        ({"reply_to_mode": "all", "reply_to_mode_by_type": (("channel", "off"),)}, ChannelType.PRIVATE, "", "p1"),
        ({"reply_to_mode_by_type": (("group", "batched"),)}, ChannelType.GROUP, "", "p1"),
        ({"groups": (GroupRule("c1", reply_to_mode="all"),)}, ChannelType.OPEN, "", "p1"),
        ({"groups": (GroupRule("*", reply_to_mode="all"),)}, ChannelType.OPEN, "", "p1"),
        ({"groups": (GroupRule("*", reply_to_mode="all"),)}, ChannelType.DIRECT, "", ""),
        ({"groups": (GroupRule("c1", reply_to_mode="off"),), "reply_to_mode": "all"}, ChannelType.OPEN, "", ""),
        ({}, ChannelType.OPEN, "r", "r"),
        ({}, ChannelType.OPEN, "", ""),
    ],
)
def test_where_the_answer_goes_is_said_by_channel_kind_of_channel_and_mode(changes, kind, root, expected):
    assert route(replace(POST, channel_type=kind, root_id=root), replace(POLICY, **changes)).reply_root == expected


def test_a_direct_message_s_thread_has_a_session_and_no_parent():
    policy = replace(POLICY, reply_to_mode_by_type=(("direct", "all"),))
    way = route(replace(POST, channel_type=ChannelType.DIRECT), policy)
    assert way.session_key == "agent:main:mattermost:ops:direct:u1:thread:Root1"
    assert way.parent_key == ""


@pytest.mark.parametrize(
    ("scope", "key"),
    [
        ("main", "agent:main:mattermost:ops:main"),
        ("per-peer", "agent:main:mattermost:ops:direct:u1"),
        ("per-channel-peer", "agent:main:mattermost:ops:direct:u1"),
        ("per-account-channel-peer", "agent:main:mattermost:ops:direct:u1"),
    ],
)
def test_a_direct_session_belongs_to_the_account_in_every_scope(scope, key):
    assert route(replace(POST, channel_type=ChannelType.DIRECT), replace(POLICY, dm_scope=scope)).session_key == key
    channel = route(replace(POST, root_id=""), replace(POLICY, dm_scope=scope)).session_key
    assert channel == "agent:main:mattermost:ops:channel:c1"


@pytest.mark.parametrize(
    ("links", "scope", "peer"),
    [
        ((("Alice", ("mattermost:U1", "slack:x")),), "per-peer", "direct:alice"),
        ((("Alice", ("u1",)),), "per-peer", "direct:alice"),
        ((("Alice", ("slack:u1",)),), "per-peer", "direct:u1"),
        ((("Alice", ("mattermost:u1",)),), "main", "main"),
        (((" ", ("mattermost:u1",)),), "per-peer", "direct:u1"),
    ],
)
def test_linked_identities_share_a_session(links, scope, peer):
    policy = replace(POLICY, identity_links=links, dm_scope=scope)
    key = route(replace(POST, channel_type=ChannelType.DIRECT), policy).session_key
    assert key == f"agent:main:mattermost:ops:{peer}"


ROOT, PEER, ANY_PEER, TEAM, ACCOUNT, ALL = (
    Binding("by-root", "ops", "channel", "Root1"),
    Binding("by-peer", "ops", "channel", "C1"),
    Binding("by-any", "ops", "channel", "*"),
    Binding("by-team", "ops", team_id="t1"),
    Binding("by-account", "ops"),
    Binding("by-all", "*"),
)


@pytest.mark.parametrize(
    ("bindings", "agent"),
    [
        ((ALL, ACCOUNT, TEAM, ANY_PEER, PEER, ROOT), "by-root"),
        ((ALL, ACCOUNT, TEAM, ANY_PEER, PEER), "by-peer"),
        ((ALL, ACCOUNT, TEAM, ANY_PEER), "by-any"),
        ((ALL, ACCOUNT, TEAM), "by-team"),
        ((ALL, ACCOUNT), "by-account"),
        ((ALL,), "by-all"),
        ((), ""),
        ((replace(PEER, peer_kind="group"),), "by-peer"),  # a channel that is made private keeps its agent
        ((replace(PEER, peer_kind=""),), "by-peer"),
        ((replace(PEER, peer_kind="direct"),), ""),
        ((replace(PEER, team_id="t2"), ALL), "by-all"),
        ((replace(ACCOUNT, account_id="other"),), ""),
        ((replace(ACCOUNT, account_id=""),), ""),  # the account "default" is meant
        ((replace(ACCOUNT, agent="first"), ACCOUNT), "first"),
        ((Binding("", "ops"), ALL), "by-all"),  # its agent was removed
    ],
)
def test_the_narrowest_binding_says_who_answers(bindings, agent):
    way = route(replace(POST, team_id="t1"), replace(POLICY, bindings=bindings))
    assert way.agent == agent
    assert way.session_key.startswith(f"agent:{agent or 'main'}:")


@pytest.mark.parametrize(
    ("binding", "agent"),
    [
        (Binding("a", "ops", "direct", "u1"), "a"),
        (Binding("a", "ops", "direct", "*"), "a"),
        (Binding("a", "ops", "channel", "*"), ""),
        (Binding("a", "ops", "direct", "c1"), ""),
        (Binding("a", "ops", team_id="t1"), ""),
    ],
)
def test_a_direct_message_is_bound_by_its_person(binding, agent):
    assert route(replace(POST, channel_type=ChannelType.DIRECT), replace(POLICY, bindings=(binding,))).agent == agent


def test_a_binding_without_account_means_the_default_one():
    policy = replace(POLICY, account_id="default", bindings=(Binding("a"),))
    assert route(POST, policy).agent == "a"


def test_the_team_is_looked_up_only_when_a_binding_asks_for_it():
    assert decide(replace(POST, text="@durar"), replace(POLICY, bindings=(PEER,)), now_ms=0).asks == ()
    assert decide(replace(POST, text="@durar"), replace(POLICY, bindings=(TEAM,)), now_ms=0).asks == (Fact.TEAM,)


def test_a_channel_s_own_agent_beats_bindings_and_the_account_s_own_keeps_its_sessions():
    groups = (GroupRule("c1", agent="special"),)
    policy = replace(POLICY, groups=groups, bindings=(PEER,), agent_slug="own")
    assert route(POST, policy).agent == "special"
    own = route(POST, replace(policy, groups=(GroupRule("c1", agent="own"),)))
    assert own.agent == ""
    assert own.session_key.startswith("agent:main:")


def test_a_binding_answers_where_the_account_has_no_agent_of_its_own():
    policy = replace(POLICY, has_agent=False, bindings=(PEER,))
    assert decide(replace(POST, text="@durar"), policy, now_ms=0).agent == "by-peer"
