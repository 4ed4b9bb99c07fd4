"""The rules of a message hold for slash commands, pairing included."""

from __future__ import annotations

import pytest
import requests

from mattermost_bridge.config import effective
from mattermost_bridge.models import (
    AccessEntry,
    Account,
    BlockedUser,
    Conversation,
    Delivery,
    InboundEvent,
    PairingRequest,
    SlashCommand,
)
from tests.callbacks.slash.calls import form, rows, said


@pytest.mark.parametrize(
    ("changes", "blocked", "answer", "reason"),
    [
        ({"group_policy": "disabled"}, False, "Slash commands are disabled in channels.", "group_disabled"),
        ({}, False, "Unauthorized.", "group_not_listed"),
        ({"group_policy": "open"}, False, "Unauthorized.", "command_refused"),
        ({"group_policy": "open"}, True, "", "blocked"),
    ],
)
def test_in_channels_the_rules_of_a_message_hold(sandbox, bot, hints, changes, blocked, answer, reason):
    Account.objects.update(**changes)
    if blocked:
        BlockedUser.objects.create(account=bot, user_id=sandbox.user_id("bob"))
    effective.bump_version()
    assert said(sandbox.execute("bob", "/oc_status", "support")) == answer
    event = InboundEvent.objects.get()
    assert (event.reason, event.state) == (reason, "decided")
    assert not hints.given
    assert not Conversation.objects.exists()


def test_an_empty_list_says_so(sandbox, bot):
    AccessEntry.objects.all().delete()
    effective.bump_version()
    expected = "Slash commands are not configured for this channel (no allowlist)."
    assert said(sandbox.execute("alice", "/oc_status", "support")) == expected


def test_in_an_open_channel_everybody_may_use_a_skill(sandbox, bot, hints):
    Account.objects.update(group_policy="open")
    effective.bump_version()
    assert said(sandbox.execute("bob", "/oc_summary x", "support")) == "Processing..."
    hints.run()
    assert InboundEvent.objects.get().reason == "admitted_slash"


def test_in_a_direct_message_a_stranger_reads_the_code_each_time_and_is_admitted_once_approved(sandbox, bot, hints):
    texts = [said(sandbox.execute("bob", "/oc_status", "bob,durar")) for _ in range(2)]
    request = PairingRequest.objects.get()
    assert request.code in texts[0]
    assert texts[0] == texts[1]
    hints.run()
    assert not Delivery.objects.exists()
    assert set(InboundEvent.objects.values_list("outcome", flat=True)) == {"challenged"}
    AccessEntry.objects.create(account=bot, list="dm", source="pairing", value=sandbox.user_id("bob"))
    effective.bump_version()
    assert "- Account:" in said(sandbox.execute("bob", "/oc_status", "bob,durar"))


def test_direct_messages_that_are_off_say_so(sandbox, bot):
    Account.objects.update(dm_policy="disabled")
    effective.bump_version()
    expected = "This bot is not accepting direct messages."
    assert said(sandbox.execute("alice", "/oc_status", "alice,durar")) == expected


def test_a_channel_that_nobody_can_tell_is_a_temporary_error_and_no_row_changes(sandbox, bot, url):
    sandbox.fault("answer", method="GET", path="^/channels/", status=500)
    before = rows()
    answer = said(requests.post(url, data=form(SlashCommand.objects.get(name="status"), sandbox), timeout=30))
    assert answer == "Temporary error: unable to determine channel type. Please try again."
    assert rows() == before
