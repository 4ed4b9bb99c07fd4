"""Edits, pins and deletions."""

import pytest
import requests

from mattermost_bridge.sandbox.ids import new_id
from tests.sandbox.ears import Ear, post_in

BUTTON = {"id": "yes", "name": "Yes", "type": "button", "integration": {"url": "http://x"}}


def test_a_patch_of_the_text_sets_edit_at_and_sends_only_the_post(sandbox):
    post = sandbox.api("durar", "POST", "/posts", {"channel_id": sandbox.channel_id("support"), "message": "one"})
    with Ear(sandbox) as ear:
        edited = sandbox.edit("durar", post["id"], "hey @durar edited")
        (event,) = ear.until_pong()
    assert edited["edit_at"] > 0
    assert edited["props"] == {"from_bot": "true"}
    assert event["event"] == "post_edited"
    assert list(event["data"]) == ["post"]
    assert post_in(event)["message"] == "hey @durar edited"
    assert event["broadcast"]["channel_id"] == post["channel_id"]


def test_a_patch_of_props_replaces_them_and_leaves_edit_at_alone(sandbox):
    post = sandbox.api("durar", "POST", "/posts", {"channel_id": sandbox.channel_id("support"), "message": "one"})
    patched = sandbox.api("durar", "PUT", f"/posts/{post['id']}/patch", {"props": {"a": "b"}})
    assert (patched["props"], patched["edit_at"], patched["message"]) == ({"a": "b"}, 0, "one")


def test_a_put_needs_the_id_and_blanks_the_props_that_are_not_sent(sandbox):
    post = sandbox.api("durar", "POST", "/posts", {"channel_id": sandbox.channel_id("support"), "message": "one"})
    path = f"/posts/{post['id']}"
    assert sandbox.raw("durar", "PUT", path, {"message": "two"}).status_code == 400
    put = sandbox.api("durar", "PUT", path, {"id": post["id"], "message": "two"})
    assert (put["message"], put["props"]) == ("two", {})


@pytest.mark.parametrize("which", ["another's", "unknown", "deleted"])
def test_others_unknown_and_deleted_posts_are_403_for_edit_and_delete(sandbox, which):
    post_id = new_id() if which == "unknown" else sandbox.post("alice", "support", "hers")["id"]
    if which == "deleted":
        sandbox.delete("alice", post_id)
    who = "alice" if which == "deleted" else "durar"
    assert sandbox.raw(who, "PUT", f"/posts/{post_id}/patch", {"message": "x"}).status_code == 403
    assert sandbox.raw(who, "DELETE", f"/posts/{post_id}").status_code == 403


def test_a_deletion_sends_the_old_text_with_delete_at_0_and_then_the_post_is_404(sandbox):
    root = sandbox.post("alice", "support", "root")
    sandbox.post("alice", "support", "reply", root_id=root["id"])
    with Ear(sandbox) as ear:
        assert sandbox.api("alice", "DELETE", f"/posts/{root['id']}") == {"status": "OK"}
        (event,) = ear.until_pong()
    assert event["event"] == "post_deleted"
    assert (post_in(event)["message"], post_in(event)["delete_at"]) == ("root", 0)
    gone = sandbox.raw("alice", "GET", f"/posts/{root['id']}")
    assert (gone.status_code, gone.json()["id"]) == (404, "app.post.get.app_error")
    assert sandbox.posts("support") == []


def test_a_pin_sends_post_edited_with_edit_at_0_and_raises_last_post_at(sandbox):
    post = sandbox.post("alice", "support", "pin me")
    with Ear(sandbox) as ear:
        sandbox.pin("bob", post["id"])
        (event,) = ear.until_pong()
    pinned = post_in(event)
    assert (event["event"], pinned["edit_at"], pinned["is_pinned"]) == ("post_edited", 0, True)
    channel = sandbox.api("durar", "GET", f"/channels/{post['channel_id']}")
    assert channel["last_post_at"] == pinned["update_at"]


def test_a_reaction_moves_the_post_but_not_the_channel(sandbox):
    post = sandbox.post("alice", "support", "react to me")
    sandbox.react("bob", post["id"], "heart")
    read = sandbox.api("durar", "GET", f"/posts/{post['id']}")
    assert read["update_at"] >= post["update_at"]
    assert read["metadata"]["reactions"][0]["emoji_name"] == "heart"
    assert sandbox.api("durar", "GET", f"/channels/{post['channel_id']}")["last_post_at"] == post["create_at"]


def test_too_long_an_edit_is_refused(sandbox):
    post = sandbox.post("alice", "support", "short")
    answer = sandbox.raw("alice", "PUT", f"/posts/{post['id']}/patch", {"message": "x" * 16384})
    assert (answer.status_code, answer.json()["id"]) == (400, "model.post.is_valid.msg.app_error")


def test_writing_back_buttons_without_their_integration_crashes_the_request(sandbox):
    support = sandbox.channel_id("support")
    body = {"channel_id": support, "message": "x", "props": {"attachments": [{"actions": [BUTTON]}]}}
    post = sandbox.api("durar", "POST", "/posts", body)
    with pytest.raises(requests.ConnectionError):
        sandbox.raw("durar", "PUT", f"/posts/{post['id']}/patch", {"props": post["props"]})
    assert sandbox.api("durar", "GET", f"/posts/{post['id']}")["update_at"] == post["update_at"]
    cleared = sandbox.api("durar", "PUT", f"/posts/{post['id']}/patch", {"props": {}})
    assert cleared["props"] == {}
