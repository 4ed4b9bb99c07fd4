"""Reactions and typing."""

import json

import pytest

from mattermost_bridge.sandbox.ids import new_id
from tests.sandbox.ears import Ear


@pytest.fixture
def post_id(sandbox):
    return sandbox.post("alice", "support", "react")["id"]


def react(sandbox, post_id, emoji="thumbsup", user="durar"):
    body = {"user_id": sandbox.user_id(user), "post_id": post_id, "emoji_name": emoji}
    return sandbox.raw("durar", "POST", "/reactions", body)


def test_a_reaction_is_200_also_when_repeated_or_unknown(sandbox, post_id):
    answer = react(sandbox, post_id)
    assert answer.status_code == 200
    assert list(answer.json()) == [
        "user_id", "post_id", "emoji_name", "create_at", "update_at", "delete_at", "remote_id",
    ]  # fmt: skip
    assert react(sandbox, post_id).status_code == 200
    assert react(sandbox, post_id, "no_such_emoji").status_code == 200
    assert len(sandbox.api("alice", "GET", f"/posts/{post_id}/reactions")) == 2


@pytest.mark.parametrize("emoji", [":+1:", "👍"])
def test_only_names_are_emoji_names(sandbox, post_id, emoji):
    answer = react(sandbox, post_id, emoji)
    assert (answer.status_code, answer.json()["id"]) == (400, "model.reaction.is_valid.emoji_name.app_error")


def test_malformed_foreign_and_unknown_are_refused(sandbox, post_id):
    missing = sandbox.raw("durar", "POST", "/reactions", {"post_id": post_id, "emoji_name": "x"})
    assert (missing.status_code, missing.json()["id"]) == (400, "api.reaction.save_reaction.invalid.app_error")
    assert react(sandbox, "malformed").json()["id"] == "api.reaction.save_reaction.invalid.app_error"
    foreign = react(sandbox, post_id, user="alice")
    assert (foreign.status_code, foreign.json()["id"]) == (403, "api.reaction.save_reaction.user_id.app_error")
    assert react(sandbox, new_id()).status_code == 403


def test_both_directions_are_heard_by_the_author_too(sandbox, post_id):
    with Ear(sandbox) as ear:
        react(sandbox, post_id, "+1")
        sandbox.unreact("durar", post_id, "+1")
        added, removed = ear.until_pong()
    assert (added["event"], removed["event"]) == ("reaction_added", "reaction_removed")
    assert json.loads(added["data"]["reaction"])["emoji_name"] == "+1"
    assert json.loads(removed["data"]["reaction"])["create_at"] == 0


def test_removing_none_is_200_and_removing_anothers_403(sandbox, post_id):
    assert sandbox.raw("durar", "DELETE", f"/users/me/posts/{post_id}/reactions/heart").json() == {"status": "OK"}
    foreign = f"/users/{sandbox.user_id('alice')}/posts/{post_id}/reactions/heart"
    assert sandbox.raw("durar", "DELETE", foreign).status_code == 403


def test_typing_is_heard_by_the_others_only(sandbox):
    support = sandbox.channel_id("support")
    with Ear(sandbox) as ear, Ear(sandbox, "alice") as alice:
        sandbox.typing("alice", support)
        (event,) = ear.until_pong()
        assert alice.until_pong() == []
    assert event["event"] == "typing"
    assert event["data"] == {"parent_id": "", "user_id": sandbox.user_id("alice")}
    assert event["broadcast"]["omit_users"] == {sandbox.user_id("alice"): True}
    foreign = {"channel_id": sandbox.channel_id("town-square")}
    assert sandbox.raw("durar", "POST", "/users/me/typing", foreign).status_code == 403
