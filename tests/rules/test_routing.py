"""Which session a post belongs to, and where its answer goes."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mattermost_bridge.rules.routing import reply_root, session_key
from mattermost_bridge.rules.types import ChannelType, IncomingPost

MODES = ("off", "first", "all", "batched")
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
