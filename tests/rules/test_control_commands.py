"""Control commands in posts, and who may use them."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mattermost_bridge.rules.control_commands import command_in
from mattermost_bridge.rules.decide import decide
from mattermost_bridge.rules.reasons import Reason
from mattermost_bridge.rules.types import ChannelType, IncomingPost, ListEntry, Policy

ME = (ListEntry("u1"),)
DIRECT = IncomingPost("p1", "u1", "alice", "c1", ChannelType.DIRECT, " /new")
OPEN = replace(DIRECT, channel_type=ChannelType.OPEN, text="@durar /new")
POLICY = Policy("ops", "bot1", "durar", has_agent=True, group_policy="open", approved=ME)


@pytest.mark.parametrize(
    ("text", "command"),
    [
        ("@durar /new", "new"),
        (" /status", "status"),
        ("/help", "help"),
        ("@Durar: /STOP", "stop"),
        ("/stop @durar", "stop"),
        ("@durar\n/new", "new"),
        ("@durar /new please", ""),
        ("what does /new do", ""),
        ("/newest", ""),
        ("new", ""),
        ("@other /new", ""),
        ("/ new", ""),
        ("/", ""),
        ("`@durar` /new", ""),
    ],
)
def test_a_command_stands_alone_beside_the_address(text, command):
    assert command_in(replace(OPEN, text=text), POLICY) == command
    assert command_in(replace(DIRECT, text=text), POLICY) == command


def test_a_command_follows_a_trigger_prefix_where_those_count():
    assert command_in(replace(OPEN, text="> /new"), replace(POLICY, chatmode="onchar")) == "new"
    assert command_in(replace(OPEN, text="> /new"), POLICY) == ""


def test_switched_off_commands_are_plain_text():
    policy = replace(POLICY, control_commands=False, allow_from=ME)
    assert decide(OPEN, policy, now_ms=0).command == ""
    assert decide(replace(OPEN, text=" /new"), policy, now_ms=0).reason is Reason.NO_MENTION


@pytest.mark.parametrize(
    ("post", "changes", "reason", "command"),
    [
        # In channels one of the lists has to have the sender; pairings count in direct messages only.
        (OPEN, {}, Reason.COMMAND_REFUSED, ""),
        (OPEN, {"allow_from": ME}, Reason.ADMITTED_MENTIONED, "new"),
        (OPEN, {"group_allow_from": ME}, Reason.ADMITTED_MENTIONED, "new"),
        (OPEN, {"group_allow_from": ()}, Reason.COMMAND_REFUSED, ""),
        (OPEN, {"allow_from": (ListEntry("u2"),)}, Reason.COMMAND_REFUSED, ""),
        (OPEN, {"allow_from": (ListEntry("u1", expires_ms=1),)}, Reason.COMMAND_REFUSED, ""),
        (OPEN, {"allow_from": (ListEntry("@alice"),)}, Reason.COMMAND_REFUSED, ""),
        (OPEN, {"allow_from": (ListEntry("@alice"),), "name_matching": True}, Reason.ADMITTED_MENTIONED, "new"),
        (OPEN, {"use_access_groups": False}, Reason.ADMITTED_MENTIONED, "new"),
        (OPEN, {"group_policy": "allowlist", "group_allow_from": ME}, Reason.ADMITTED_MENTIONED, "new"),
        (OPEN, {"group_policy": "allowlist"}, Reason.GROUP_LIST_EMPTY, ""),
        # A command that may be used needs no mention; one that may not is refused even so.
        (replace(OPEN, text=" /new"), {"allow_from": ME}, Reason.ADMITTED_COMMAND, "new"),
        (replace(OPEN, text=" /new"), {}, Reason.COMMAND_REFUSED, ""),
        (replace(OPEN, text=" /new"), {"allow_from": ME, "chatmode": "onchar"}, Reason.ADMITTED_COMMAND, "new"),
        # In direct messages who may not command is heard as if it were text.
        (DIRECT, {}, Reason.ADMITTED_DM_PAIRED, "new"),
        (DIRECT, {"dm_policy": "open", "allow_from": (ListEntry("*"),)}, Reason.ADMITTED_DM_OPEN, "new"),
        (DIRECT, {"approved": ()}, Reason.PAIRING_REQUIRED, ""),
        (DIRECT, {"dm_policy": "allowlist", "allow_from": ME}, Reason.ADMITTED_DM_LISTED, "new"),
        # It needs no agent.
        (DIRECT, {"has_agent": False}, Reason.ADMITTED_DM_PAIRED, "new"),
    ],
)
def test_who_may_use_a_command_and_what_becomes_of_it(post, changes, reason, command):
    decision = decide(post, replace(POLICY, **changes), now_ms=1000)
    assert (decision.reason, decision.command) == (reason, command)
    assert bool(decision.session_key) is bool(command)
