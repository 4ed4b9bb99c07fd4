"""Clicks on buttons: what the integration is sent, what its answer does, and how everything else is refused."""

import base64

import pytest

from mattermost_bridge.sandbox.ids import new_id
from mattermost_bridge.sandbox.world import TEAM_ID
from tests.sandbox.ears import Ear, post_in
from tests.sandbox.integration import Integration


@pytest.fixture
def integration():
    with Integration() as program:
        yield program


@pytest.fixture
def with_button(sandbox, integration):
    """Post a button as the bot; fields of the action may be replaced."""

    def make(to="support", *, post=None, root_id="", **fields):
        action = {
            "id": "approve",
            "name": "Yes",
            "type": "button",
            "style": "primary",
            "integration": {
                "url": integration.url,
                "context": {"decision": "yes", "n": 1.0, "nested": {"a": [1, 2.5]}},
            },
        } | fields
        props = {"attachments": [{"text": "Approve?", "actions": [action]}]}
        return sandbox.control("POST", "posts", who="durar", to=to, message="Well?", props=props, root_id=root_id,
                               **(post or {}))["posts"][0]  # fmt: skip

    return make


def click(sandbox, post, action="approve", who="alice"):
    return sandbox.raw(who, "POST", f"/posts/{post['id']}/actions/{action}", {})


def refusal(answer):
    return answer.status_code, answer.json()["id"]


FAILED = (400, "api.post.do_action.action_integration.app_error")


def test_the_integration_is_told_who_clicked_where_and_the_context(sandbox, integration, with_button):
    post = with_button()
    answer = click(sandbox, post)
    assert (answer.status_code, answer.json()["status"]) == (200, "OK")
    assert len(answer.json()["trigger_id"]) == 26
    (call,) = integration.calls
    trigger = base64.b64decode(call.pop("trigger_id"))
    assert trigger.startswith(f"{answer.json()['trigger_id']}:{sandbox.user_id('alice')}:1".encode())
    assert call == {
        "user_id": sandbox.user_id("alice"),
        "user_name": "alice",
        "channel_id": sandbox.channel_id("support"),
        "channel_name": "support",
        "team_id": TEAM_ID,
        "team_domain": "sandbox",
        "post_id": post["id"],
        "type": "button",
        "data_source": "",
        "context": {"decision": "yes", "n": 1, "nested": {"a": [1, 2.5]}},
    }
    assert integration.headers[0]["User-Agent"] == "Mattermost-Bot/1.1"
    assert "Authorization" not in integration.headers[0]


def test_in_a_direct_channel_there_is_no_team_and_without_a_context_none_is_sent(sandbox, integration, with_button):
    post = with_button(to="@alice", integration={"url": integration.url}, type="")
    assert click(sandbox, post).status_code == 200
    (call,) = integration.calls
    assert (call["team_id"], call["team_domain"], call["type"]) == ("", "", "")
    assert "context" not in call


def test_an_update_edits_the_post_for_all_and_keeps_pins_and_reactions_but_not_files(sandbox, integration, with_button):
    post = with_button(post={"file_ids": [new_id()]})
    assert len(post["file_ids"]) == 1
    sandbox.pin("alice", post["id"])
    sandbox.react("alice", post["id"], "+1")
    integration.answers({"update": {"message": "Done", "props": {"attachments": [{"text": "✓"}]}, "user_id": new_id()}})
    with Ear(sandbox, "bob") as bob:
        assert click(sandbox, post).status_code == 200
        heard = post_in(bob.event("post_edited"))
    assert (heard["message"], heard["props"], heard["is_pinned"]) == ("Done", {"attachments": [{"text": "✓"}]}, True)
    assert [one["emoji_name"] for one in heard["metadata"]["reactions"]] == ["+1"]
    assert heard["user_id"] == post["user_id"]
    assert "file_ids" not in heard
    assert refusal(click(sandbox, post)) == (404, "api.post.do_action.action_id.app_error")


def test_an_update_that_repeats_the_files_keeps_them(sandbox, integration, with_button):
    files = [new_id()]
    post = with_button(post={"file_ids": files})
    integration.answers({"update": {"message": "Done", "props": {}, "file_ids": files}})
    click(sandbox, post)
    assert sandbox.api("alice", "GET", f"/posts/{post['id']}")["file_ids"] == files


def test_an_update_without_a_message_empties_it_and_without_props_keeps_the_buttons(sandbox, integration, with_button):
    post = with_button()
    integration.answers({"update": {}})
    assert click(sandbox, post).status_code == 200
    read = sandbox.api("alice", "GET", f"/posts/{post['id']}")
    assert read["message"] == ""
    assert read["props"] == post["props"]
    assert click(sandbox, post).status_code == 200


def test_a_note_is_shown_to_who_clicked_in_the_thread(sandbox, integration, with_button):
    post = with_button()
    integration.answers({"ephemeral_text": "Too late."})
    with Ear(sandbox, "alice") as alice, Ear(sandbox, "bob") as bob:
        click(sandbox, post)
        note = post_in(alice.event("ephemeral_message"))
        assert [frame["event"] for frame in bob.until_pong()] == []
    assert (note["message"], note["root_id"], note["type"]) == ("Too late.", post["id"], "system_ephemeral")


@pytest.mark.parametrize(
    ("status", "body"),
    [(201, b"{}"), (204, b""), (403, b"{}"), (500, b""), (200, b""), (200, b"ok"), (200, b"<p>"), (200, b"[]")],
)
def test_any_other_answer_is_one_and_the_same_error(sandbox, integration, with_button, status, body):
    integration.status, integration.body = status, body
    assert refusal(click(sandbox, with_button())) == FAILED


def test_an_integration_that_cannot_be_reached_is_that_error_too(sandbox, with_button):
    post = with_button(integration={"url": "http://127.0.0.1:9/"})
    assert refusal(click(sandbox, post)) == FAILED


def test_newer_servers_accept_an_empty_answer(sandbox, integration, with_button):
    sandbox.settings(version="11")
    integration.body = b""
    assert click(sandbox, with_button()).status_code == 200


@pytest.mark.parametrize("action_id", ["with-hyphen", "with_underscore", "a.b", "a b", "é"])
def test_ids_of_other_characters_are_stored_and_their_clicks_go_nowhere(sandbox, integration, with_button, action_id):
    post = with_button(id=action_id)
    assert post["props"]["attachments"][0]["actions"][0]["id"] == action_id
    assert refusal(click(sandbox, post, action_id)) == (404, "api.context.404.app_error")
    assert integration.calls == []


def test_unknown_buttons_deleted_posts_and_strangers_are_refused(sandbox, integration, with_button):
    post = with_button()
    assert refusal(click(sandbox, post, "other")) == (404, "api.post.do_action.action_id.app_error")
    assert refusal(click(sandbox, {"id": new_id()})) == (403, "api.context.permissions.app_error")
    direct = with_button(to="@alice")
    assert refusal(click(sandbox, direct, who="bob")) == (403, "api.context.permissions.app_error")
    sandbox.delete("durar", post["id"])
    assert refusal(click(sandbox, post)) == (404, "app.post.get.app_error")
    assert integration.calls == []


def test_who_is_in_the_team_but_not_in_the_channel_clicks_on_newer_servers_only(sandbox, integration, with_button):
    sandbox.remove_member("bob", "support", "bob")
    post = with_button()
    assert refusal(click(sandbox, post, who="bob")) == (403, "api.context.permissions.app_error")
    sandbox.settings(version="11")
    assert click(sandbox, post, who="bob").status_code == 200


def test_each_of_several_clicks_calls_and_bots_click_too(sandbox, integration, with_button):
    post = with_button()
    for who in ("alice", "alice", "helper"):
        assert click(sandbox, post, who=who).status_code == 200
    assert [call["user_name"] for call in integration.calls] == ["alice", "alice", "helper"]


def test_too_long_an_update_is_refused_with_the_servers_words(sandbox, integration, with_button):
    integration.answers({"update": {"message": "x" * 16384}})
    assert refusal(click(sandbox, with_button())) == (400, "model.post.is_valid.msg.app_error")
