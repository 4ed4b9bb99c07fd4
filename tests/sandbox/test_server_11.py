"""What a newer server (9 to 11) does differently."""

import json

import pytest

from mattermost_bridge.sandbox.ids import new_id
from mattermost_bridge.sandbox.world import TEAM_ID
from tests.sandbox.ears import Ear


@pytest.fixture
def newer(sandbox):
    sandbox.settings(version="11")
    return sandbox


@pytest.fixture
def support(newer):
    return newer.channel_id("support")


def refusal(answer):
    return answer.status_code, answer.json()["id"]


def test_all_channels_of_a_user_are_listed(newer):
    kinds = {channel["type"] for channel in newer.api("durar", "GET", "/users/me/channels")}
    assert kinds == {"O", "D"}


def test_an_unknown_route_is_application_json(newer):
    answer = newer.raw("durar", "GET", "/nothing")
    assert (answer.status_code, answer.headers["Content-Type"]) == (404, "application/json")
    assert "request_id" not in answer.json()


def test_posts_have_no_parent_and_always_files(newer, support):
    post = newer.api("durar", "POST", "/posts", {"channel_id": support, "message": "x"})
    assert "parent_id" not in post
    assert post["file_ids"] == []


def test_limits_of_posts(newer, support):
    def create(**fields):
        return newer.raw("durar", "POST", "/posts", {"channel_id": support} | fields)

    assert refusal(create(message="x" * 16384)) == (400, "model.post.is_valid.message_length.app_error")
    assert create(message="x", props={"a": "b" * 20_000}).status_code == 201
    assert refusal(create(message="x", props={"a": "\0"})) == (500, "app.post.save.app_error")
    assert refusal(create(message="x", props={"a": "b" * 300_000})) == (
        413,
        "api.context.request_body_too_large.app_error",
    )


def test_a_very_long_address_is_refused(newer):
    answer = newer.raw("durar", "GET", "/users/me?" + "x" * 2100)
    assert refusal(answer) == (414, "basic_security_check.url.too_long_error")


def test_buttons_may_be_written_back_dead(newer, support):
    action = {"id": "yes", "name": "Yes", "type": "button", "integration": {"url": "http://x"}}
    props = {"attachments": [{"actions": [action]}]}
    post = newer.api("durar", "POST", "/posts", {"channel_id": support, "message": "x", "props": props})
    assert newer.raw("durar", "PUT", f"/posts/{post['id']}/patch", {"props": post["props"]}).status_code == 200


def test_deleting_what_is_gone_is_404(newer):
    assert refusal(newer.raw("durar", "DELETE", f"/posts/{new_id()}")) == (404, "app.post.get.app_error")


def test_a_public_channel_is_read_without_membership(newer):
    town = newer.channel_id("town-square")
    listed = newer.raw("durar", "GET", f"/channels/{town}/posts")
    assert listed.status_code == 200
    assert listed.json()["first_inaccessible_post_time"] == 0
    assert newer.raw("durar", "GET", f"/channels/{town}/members/me").status_code == 403
    assert newer.raw("durar", "POST", "/posts", {"channel_id": town, "message": "x"}).status_code == 403


def test_a_thread_has_each_post_once(newer):
    root = newer.post("alice", "support", "root")["id"]
    reply = newer.post("alice", "support", "reply", root_id=root)["id"]
    assert newer.api("durar", "GET", f"/posts/{root}/thread")["order"] == [root, reply]


def test_a_pending_id_of_an_unreadable_channel_makes_a_new_post(newer, support):
    incidents = newer.channel_id("incidents")
    body = {"message": "x", "pending_post_id": "same"}
    first = newer.api("alice", "POST", "/posts", body | {"channel_id": incidents})
    second = newer.api("durar", "POST", "/posts", body | {"channel_id": support})
    assert first["id"] != second["id"]


def test_a_self_channel_from_one_id(newer):
    answer = newer.raw("durar", "POST", "/channels/direct", [newer.user_id("durar")])
    assert answer.status_code == 201


def test_a_reaction_names_its_channel(newer, support):
    post = newer.post("alice", "support", "x")["id"]
    assert newer.react("durar", post, "heart")["channel_id"] == support


def test_hello_has_a_connection_id_and_broadcasts_come_spaced_without_newline(newer):
    with Ear(newer) as ear:
        assert len(ear.hello["data"]["connection_id"]) == 26
        assert len(ear.hello["data"]["server_version"].split(".")[-2]) == 64
        newer.post("alice", "support", "hello @durar")
        assert ear.event("status_change")
        text = ear.text()
    assert text.startswith('{"event": "posted", "data": {"channel_display_name":')
    assert not text.endswith("\n")
    assert json.loads(text)["broadcast"]["connection_id"] == ""


def test_mentions_name_only_oneself(newer):
    with Ear(newer) as ear, Ear(newer, "helper") as helper, Ear(newer, "bob") as bob:
        newer.post("alice", "support", "@durar @helper hello")
        assert ear.event("posted")["data"]["mentions"] == json.dumps([newer.user_id("durar")])
        assert helper.event("posted")["data"]["mentions"] == json.dumps([newer.user_id("helper")])
        assert "mentions" not in bob.event("posted")["data"]


def test_a_revoked_token_is_silent_at_once_and_the_text_has_no_token(newer):
    with Ear(newer) as ear:
        assert ear.event("status_change")
        newer.revoke("durar")
        newer.post("alice", "support", "unheard")
        ear.send(seq=2, action="ping")
        text = ear.text()
    assert json.loads(text)["error"]["id"] == "api.web_socket_router.not_authenticated.app_error"
    assert ear.token not in text


def test_being_added_is_told_to_the_user_and_the_channel(newer):
    with Ear(newer) as ear:
        newer.add_member("alice", "incidents", "durar")
        event = ear.event("user_added")
    assert event["data"] == {"team_id": TEAM_ID, "user_id": newer.user_id("durar")}
    assert event["broadcast"]["user_id"] == newer.user_id("durar")
    assert event["broadcast"]["channel_id"] == newer.channel_id("incidents")


def test_every_post_in_a_group_mentions_all_its_members(newer):
    with Ear(newer, "durar") as ear:
        group = newer.api("alice", "POST", "/channels/group", [newer.user_id("bob"), newer.user_id("durar")])["id"]
        assert ear.event("group_added")["broadcast"]["user_id"] == newer.user_id("durar")
        newer.post("alice", group, "hello")
        assert json.loads(ear.event("posted")["data"]["mentions"]) == [newer.user_id("durar")]
