"""An agent reads only where that is allowed, and only those whom it may hear of."""

from __future__ import annotations

import json

import pytest

from mattermost_bridge.models import AccessEntry, BlockedUser
from tests.agents.openai_server import asks, in_rounds, says
from tests.services.hands.telling import results

pytestmark = pytest.mark.django_db(transaction=True)


def test_reading_is_off_unless_it_is_allowed(sandbox, model, hear, account):
    model.reply(in_rounds(asks({"action": "read", "limit": 5}), says("Read.")))
    hear()
    assert "Switch on actions.messages" in results()[0]
    declared = model.requests[0].body["tools"][0]["function"]["parameters"]["properties"]["action"]["enum"]
    assert declared == ["send", "react", "buttons"]


def test_what_it_reads_comes_with_ids_and_names(sandbox, model, account, hear):
    account.actions_messages = True
    account.save()
    earlier = sandbox.post("alice", "support", "the build broke")
    model.reply(in_rounds(asks({"action": "read", "limit": 5}), says("Read.")))
    hear()
    read = json.loads(results()[0])["messages"]
    assert ("alice", "the build broke", earlier["id"]) in [(p["from"], p["text"], p["messageId"]) for p in read]


def later(sandbox, post: dict) -> None:
    """Wait for a later millisecond: of posts of the same one the id says which is later."""
    while sandbox.post("alice", "town-square", "tick")["create_at"] <= post["create_at"]:
        pass


def test_in_a_thread_it_reads_the_thread_and_the_channel_when_it_names_it(sandbox, model, account, hear):
    account.actions_messages = True
    account.save()
    root = sandbox.post("bob", "support", "the build broke")
    made = [root]
    for text in ("since noon", "again"):
        later(sandbox, made[-1])
        made.append(sandbox.post("carol", "support", text, root_id=root["id"]))
    later(sandbox, made[-1])
    later(sandbox, sandbox.post("bob", "support", "elsewhere in the channel"))
    calls = [{}, {"limit": 2}, {"before": made[-1]["id"]}, {"to": "#support", "limit": 1}, {"to": "#support"}]
    model.reply(in_rounds(asks(*({"action": "read", **call} for call in calls)), says("Read.")))
    hear("@durar read", root_id=root["id"])
    texts = [[post["text"] for post in json.loads(text)["messages"]] for text in results()]
    assert texts[:4] == [
        ["the build broke", "since noon", "again", "@durar read"],
        ["again", "@durar read"],
        ["the build broke", "since noon"],
        ["@durar read"],
    ]
    assert "elsewhere in the channel" in texts[4]


@pytest.mark.parametrize(
    ("mode", "seen"),
    [
        ("all", ["bob's", "carol's", "@durar read"]),
        ("allowlist", ["carol's", "@durar read"]),
        ("allowlist_quote", ["bob's", "carol's", "@durar read"]),
    ],
)
def test_it_reads_only_those_whom_it_may_hear_of(sandbox, model, account, hear, mode, seen):
    account.actions_messages, account.context_visibility = True, mode
    account.group_policy, account.own_group_allow_from = "allowlist", True
    account.save()
    for name in ("alice", "carol", "dave"):
        AccessEntry.objects.create(account=account, list="group", value=sandbox.user_id(name))
    BlockedUser.objects.create(account=account, user_id=sandbox.user_id("dave"))
    made = sandbox.post("bob", "support", "bob's")
    root = made["id"]
    for name in ("carol", "dave"):
        later(sandbox, made)
        made = sandbox.post(name, "support", f"{name}'s", root_id=root)
    later(sandbox, made)
    model.reply(in_rounds(asks({"action": "read"}), says("Read.")))
    hear("@durar read", root_id=root)
    assert [post["text"] for post in json.loads(results()[0])["messages"]] == seen
