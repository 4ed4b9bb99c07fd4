"""Status, model picker and a skill in every kind of channel: who sees the answer, and where."""

from __future__ import annotations

from contextlib import ExitStack

import pytest

from mattermost_bridge.config import effective
from mattermost_bridge.models import Account, Agent, Conversation, Delivery, InboundEvent, Turn
from tests.callbacks.conftest import click
from tests.callbacks.slash.calls import said
from tests.sandbox.ears import Ear, post_in


def _group(sandbox, *people):
    return sandbox.api("alice", "POST", "/channels/group", [sandbox.user_id(one) for one in people])["id"]


def _private(sandbox):
    fields = {"team_id": sandbox.team_id, "name": "plans", "display_name": "Plans", "type": "P"}
    return sandbox.api("alice", "POST", "/channels", fields)["id"]


#: What is typed where, the type of the channel, and whether the bot is there.
PLACES = [
    ("a channel", lambda sandbox: sandbox.channel_id("support"), "O", True),
    ("a thread", lambda sandbox: sandbox.channel_id("support"), "O", True),
    ("a direct message", lambda sandbox: sandbox.channel_id("alice,durar"), "D", True),
    ("a group message", lambda sandbox: _group(sandbox, "bob", "durar"), "G", True),
    ("between two people", lambda sandbox: sandbox.channel_id("alice,bob"), "D", False),
    ("a group without the bot", lambda sandbox: _group(sandbox, "bob", "carol"), "G", False),
    ("a private channel without the bot", _private, "P", False),
]


@pytest.mark.parametrize(("name", "place", "kind", "is_member"), PLACES, ids=[one[0] for one in PLACES])
def test_answers_come_where_a_command_was_typed_and_only_the_asker_sees_what_is_for_them(
    sandbox, bot, hints, name, place, kind, is_member
):
    channel = place(sandbox)
    root = ""
    if name == "a thread":
        sandbox.settings(version="11")
        root = sandbox.post("bob", "support", "a thread")["id"]
    before = len(sandbox.posts(channel))
    with ExitStack() as ears:
        asker, other = (ears.enter_context(Ear(sandbox, who)) for who in ("alice", "bob"))
        status = said(sandbox.execute("alice", "/oc_status", channel, root_id=root))
        assert "- Account: Operations (default)\n- Agent: Helper\n- Model: small" in status
        note = post_in(asker.event("ephemeral_message"))
        assert (note["message"], note["channel_id"], note["root_id"]) == (status, channel, root)

        listed = said(sandbox.execute("alice", "/oc_models", channel, root_id=root))
        assert listed.startswith("Models of Helper:") is not is_member
        hints.run()
        assert said(sandbox.execute("alice", "/oc_summary this", channel, root_id=root)) == "Processing..."
        hints.run()
        if not is_member:
            # Models, the note that it is worked on, and the answer.
            answer = [post_in(asker.event("ephemeral_message")) for _ in range(3)][-1]
            assert "Sum up: this" in answer["message"]
            assert (answer["channel_id"], answer["root_id"]) == (channel, root)
        heard = [one for one in other.until_pong() if one["event"] == "ephemeral_message"]
        assert heard == []
    made = sandbox.posts(channel)[before:]
    assert len(made) == (2 if is_member else 0)
    for post in made:
        assert (post["user_id"], post["root_id"]) == (sandbox.user_id("durar"), root)
    if is_member:
        assert [one["name"] for one in made[0]["props"]["attachments"][0]["actions"]] == ["small [current]"]
        assert "Sum up: this" in made[1]["message"]
    assert set(InboundEvent.objects.values_list("channel_type", "outcome", "state")) == {(kind, "admitted", "answered")}
    assert Turn.objects.get().question == "Sum up: this"
    assert set(Delivery.objects.values_list("state", flat=True)) == {"sent"}
    assert Conversation.objects.count() == 1


@pytest.mark.parametrize("mode", ["off", "all"])
@pytest.mark.parametrize("threaded", [False, True])
def test_the_picker_is_for_its_opener_only_and_chooses_for_the_session_in_which_it_was_opened(
    sandbox, bot, hints, mode, threaded
):
    Account.objects.update(reply_to_mode=mode, group_policy="open")
    effective.bump_version()
    Agent.objects.create(slug="other", backend="echo", model="large", base_url="http://m")
    sandbox.settings(version="11")
    root = sandbox.post("bob", "support", "a thread")["id"] if threaded else ""
    assert said(sandbox.execute("alice", "/oc_models", "support", root_id=root)) == ""
    hints.run()
    post = sandbox.posts("support")[-1]
    assert post["root_id"] == root
    actions = post["props"]["attachments"][0]["actions"]
    assert [one["name"] for one in actions] == ["large", "small [current]"]
    click(sandbox, post, actions[0]["id"], who="bob")
    assert Conversation.objects.get().options == {}
    assert click(sandbox, post, actions[0]["id"]).status_code == 200
    assert Conversation.objects.get().options == {"model": "large"}
    hints.run()
    seen = sandbox.posts("support")[-1]
    assert seen["props"]["attachments"] == [{"text": "This session uses large from now on."}]
    assert not Turn.objects.exists()
    assert "Model of this session: large" in said(sandbox.execute("alice", "/oc_status", "support", root_id=root))
