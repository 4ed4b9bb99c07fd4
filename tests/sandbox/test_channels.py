"""Channels, direct channels and who is in them."""

import pytest

from mattermost_bridge.sandbox.ids import new_id
from mattermost_bridge.sandbox.world import TEAM_ID
from tests.sandbox.ears import Ear, post_in


def status_and_id(answer):
    return answer.status_code, answer.json().get("id")


def test_a_channel_is_found_by_id_and_by_name(sandbox):
    support = sandbox.channel_id("support")
    channel = sandbox.api("durar", "GET", f"/channels/{support}")
    assert (channel["name"], channel["type"], channel["team_id"]) == ("support", "O", TEAM_ID)
    assert sandbox.api("durar", "GET", f"/teams/{TEAM_ID}/channels/name/support")["id"] == support
    missing = sandbox.raw("durar", "GET", f"/teams/{TEAM_ID}/channels/name/nosuch")
    assert status_and_id(missing) == (404, "app.channel.get_by_name.missing.app_error")


def test_unknown_malformed_private_and_public_channels_differ(sandbox):
    private = sandbox.create_channel("alice", "secret", private=True)["id"]
    assert status_and_id(sandbox.raw("durar", "GET", f"/channels/{new_id()}")) == (
        404,
        "app.channel.get.existing.app_error",
    )
    assert status_and_id(sandbox.raw("durar", "GET", "/channels/x")) == (400, "api.context.invalid_url_param.app_error")
    assert sandbox.raw("durar", "GET", f"/channels/{private}").status_code == 403
    town = sandbox.channel_id("town-square")
    assert sandbox.raw("durar", "GET", f"/channels/{town}").status_code == 200
    assert sandbox.raw("durar", "GET", f"/channels/{town}/posts").status_code == 403
    assert sandbox.raw("durar", "GET", f"/channels/{town}/members/me").status_code == 403


def test_a_direct_channel_is_made_once_and_always_201(sandbox):
    me, alice = sandbox.user_id("durar"), sandbox.user_id("alice")
    first = sandbox.raw("durar", "POST", "/channels/direct", [me, alice])
    again = sandbox.raw("durar", "POST", "/channels/direct", [alice, me])
    assert (first.status_code, again.status_code) == (201, 201)
    assert first.json()["id"] == again.json()["id"]
    assert first.json()["name"] == "__".join(sorted((me, alice)))
    assert (first.json()["type"], first.json()["team_id"], first.json()["display_name"]) == ("D", "", "")
    assert first.json()["last_post_at"] == 0


def test_direct_channels_with_oneself_and_between_bots_are_fine(sandbox):
    me, helper = sandbox.user_id("durar"), sandbox.user_id("helper")
    assert sandbox.raw("durar", "POST", "/channels/direct", [me, me]).status_code == 201
    assert sandbox.raw("durar", "POST", "/channels/direct", [me, helper]).status_code == 201


@pytest.mark.parametrize(
    ("ids", "status", "error_id"),
    [
        (["durar", "?"], 400, "api.channel.create_direct_channel.invalid_user.app_error"),
        (["durar", "x"], 400, "api.context.invalid_body_param.app_error"),
        (["durar"], 400, "api.context.invalid_body_param.app_error"),
        (["alice", "bob"], 403, "api.context.permissions.app_error"),
    ],
)
def test_bad_pairs_are_refused(sandbox, ids, status, error_id):
    real = [{"?": new_id(), "x": "x"}.get(name) or sandbox.user_id(name) for name in ids]
    assert status_and_id(sandbox.raw("durar", "POST", "/channels/direct", real)) == (status, error_id)


def test_both_sides_hear_of_a_new_direct_channel_once(sandbox):
    alice, me = sandbox.user_id("alice"), sandbox.user_id("durar")
    with Ear(sandbox) as ear:
        channel = sandbox.api("alice", "POST", "/channels/direct", [alice, me])
        sandbox.api("alice", "POST", "/channels/direct", [alice, me])
        (event,) = ear.until_pong()
    assert event["event"] == "direct_added"
    assert event["data"] == {"creator_id": alice, "teammate_id": me}
    assert event["broadcast"]["channel_id"] == channel["id"]


def test_a_bot_joins_a_public_channel_by_itself_and_no_private_one(sandbox):
    town = sandbox.channel_id("town-square")
    joined = sandbox.raw("durar", "POST", f"/channels/{town}/members", {"user_id": sandbox.user_id("durar")})
    assert joined.status_code == 201
    assert joined.json()["channel_id"] == town
    assert sandbox.api("durar", "GET", f"/channels/{town}/members/me")["user_id"] == sandbox.user_id("durar")
    private = sandbox.create_channel("alice", "secret", private=True)["id"]
    refused = sandbox.raw("durar", "POST", f"/channels/{private}/members", {"user_id": sandbox.user_id("durar")})
    assert refused.status_code == 403


def test_an_invitation_sends_user_added_and_a_system_post_that_mentions_the_bot(sandbox):
    incidents, me = sandbox.channel_id("incidents"), sandbox.user_id("durar")
    with Ear(sandbox) as ear:
        sandbox.add_member("alice", "incidents", "durar")
        added, posted = ear.until_pong()
    assert added["data"] == {"team_id": TEAM_ID, "user_id": me}
    assert added["broadcast"]["channel_id"] == incidents
    assert posted["data"]["sender_name"] == "System"
    assert posted["data"]["mentions"] == f'["{me}"]'
    post = post_in(posted)
    assert (post["type"], post["user_id"]) == ("system_add_to_channel", sandbox.user_id("alice"))
    assert post["message"] == "durar added to the channel by alice."


def test_a_removal_is_told_in_two_forms_and_ends_the_events(sandbox):
    support, me, alice = sandbox.channel_id("support"), sandbox.user_id("durar"), sandbox.user_id("alice")
    with Ear(sandbox) as ear, Ear(sandbox, "helper") as other:
        sandbox.remove_member("alice", "support", "durar")
        sandbox.post("alice", "support", "are we alone?")
        (removed,) = ear.until_pong()
        told, system, posted = other.until_pong()
    assert removed["event"] == told["event"] == "user_removed"
    assert removed["data"] == {"channel_id": support, "remover_id": alice}
    assert removed["broadcast"]["user_id"] == me
    assert told["data"] == {"remover_id": alice, "user_id": me}
    assert told["broadcast"]["channel_id"] == support
    assert post_in(system)["type"] == "system_remove_from_channel"
    assert post_in(posted)["message"] == "are we alone?"


def test_a_plain_bot_makes_channels_and_alone_hears_of_it(sandbox):
    body = {"team_id": TEAM_ID, "name": "made-by-bot", "display_name": "Made", "type": "P"}
    with Ear(sandbox) as ear, Ear(sandbox, "alice") as alice:
        made = sandbox.raw("durar", "POST", "/channels", body)
        (event,) = ear.until_pong()
        assert alice.until_pong() == []
    assert made.status_code == 201
    assert event["event"] == "channel_created"
    assert event["data"] == {"channel_id": made.json()["id"], "team_id": TEAM_ID}
    assert sandbox.raw("durar", "POST", "/channels", body).status_code == 400


def test_an_archived_channel_refuses_posts_and_leaves_the_lists(sandbox):
    support = sandbox.channel_id("support")
    sandbox.api("alice", "DELETE", f"/channels/{support}")
    refused = sandbox.raw("durar", "POST", "/posts", {"channel_id": support, "message": "x"})
    assert status_and_id(refused) == (400, "api.post.create_post.can_not_post_to_deleted.error")
    names = {channel["name"] for channel in sandbox.api("durar", "GET", f"/users/me/teams/{TEAM_ID}/channels")}
    assert "support" not in names
