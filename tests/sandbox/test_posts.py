"""Making posts: what is accepted, what is refused, and how it looks."""

import pytest

from mattermost_bridge.sandbox.ids import new_id
from tests.sandbox.ears import Ear, post_in, raw_socket

FIELDS = [
    "id", "create_at", "update_at", "edit_at", "delete_at", "is_pinned", "user_id", "channel_id", "root_id",
    "parent_id", "original_id", "message", "type", "props", "hashtags", "pending_post_id", "reply_count",
    "last_reply_at", "participants", "metadata",
]  # fmt: skip


@pytest.fixture
def support(sandbox):
    return sandbox.channel_id("support")


def create(sandbox, support, who="durar", **fields):
    return sandbox.raw(who, "POST", "/posts", {"channel_id": support} | fields)


def refusal(answer):
    return answer.status_code, answer.json()["id"]


def test_a_post_has_all_fields_in_order_and_says_that_it_is_a_bots(sandbox, support):
    answer = create(sandbox, support, message="hello *from* bot @alice")
    assert answer.status_code == 201
    post = answer.json()
    assert list(post) == FIELDS
    assert post["props"] == {"from_bot": "true"}
    assert post["create_at"] == post["update_at"]
    assert (post["edit_at"], post["delete_at"], post["participants"], post["metadata"]) == (0, 0, None, {})
    assert create(sandbox, support, "alice", message="x").json()["props"] == {}


@pytest.mark.parametrize("message", ["", "   ", "ü" * 16383, "😀" * 16383])
def test_blank_and_long_messages_are_accepted(sandbox, support, message):
    answer = create(sandbox, support, message=message)
    assert answer.status_code == 201
    assert answer.json()["message"] == message


def test_one_character_more_is_too_long(sandbox, support):
    assert refusal(create(sandbox, support, message="x" * 16384)) == (400, "model.post.is_valid.msg.app_error")


def test_nul_in_the_message_is_500_and_in_props_is_accepted(sandbox, support):
    assert refusal(create(sandbox, support, message="a\0b")) == (500, "app.post.save.app_error")
    assert create(sandbox, support, message="x", props={"a": "\0"}).status_code == 201


def test_a_lone_surrogate_is_stored_as_the_replacement_character(sandbox, support):
    body = f'{{"channel_id":"{support}","message":"a\\ud800b"}}'
    headers = {"Authorization": f"Bearer {sandbox.token('durar')}", "Content-Type": "application/json"}
    answer = sandbox.raw("durar", "POST", "/posts", headers=headers, data=body)
    assert (answer.status_code, answer.json()["message"]) == (201, "a\ufffdb")


def test_props_are_limited_to_8000_characters_attachments_included(sandbox, support):
    assert create(sandbox, support, message="x", props={"a": "b" * 7900}).status_code == 201
    attachments = {"attachments": [{"text": "b" * 8000}]}
    assert refusal(create(sandbox, support, message="x", props=attachments)) == (
        400,
        "model.post.is_valid.props.app_error",
    )


@pytest.mark.parametrize("channel", ["town-square", "unknown", "malformed", "missing"])
def test_not_a_member_unknown_malformed_and_missing_channels_are_all_403(sandbox, channel):
    body = {"message": "x"}
    if channel != "missing":
        body["channel_id"] = {"unknown": new_id(), "malformed": "x"}.get(channel) or sandbox.channel_id(channel)
    assert refusal(sandbox.raw("durar", "POST", "/posts", body)) == (403, "api.context.permissions.app_error")


@pytest.mark.parametrize("body", ["{", "[]", '{"channel_id":5}', '{"message":NaN}', ""])
def test_a_body_that_is_no_post_is_400(sandbox, body):
    headers = {"Authorization": f"Bearer {sandbox.token('durar')}"}
    answer = sandbox.raw("durar", "POST", "/posts", headers=headers, data=body)
    assert refusal(answer) == (400, "api.context.invalid_body_param.app_error")


@pytest.mark.parametrize(
    ("kind", "status", "error_id"),
    [
        ("custom_x", 201, None),
        ("me", 201, None),
        ("slack_attachment", 201, None),
        ("system_join_channel", 400, "api.context.invalid_param.app_error"),
        ("other", 400, "model.post.is_valid.type.app_error"),
    ],
)
def test_only_some_types_may_be_posted(sandbox, support, kind, status, error_id):
    answer = create(sandbox, support, message="x", type=kind)
    assert answer.status_code == status
    assert answer.json().get("id") == error_id or status == 201


def test_author_and_time_in_the_body_are_ignored_but_for_administrators(sandbox, support):
    foreign = {"user_id": sandbox.user_id("alice"), "create_at": 5}
    post = create(sandbox, support, message="x", **foreign).json()
    assert post["user_id"] == sandbox.user_id("durar")
    assert post["create_at"] > 5
    assert create(sandbox, support, "sysadmin", message="x", create_at=5).json()["create_at"] == 5


def test_a_reply_gets_a_parent_and_moves_its_root(sandbox, support):
    root = create(sandbox, support, message="root").json()
    reply = create(sandbox, support, message="reply", root_id=root["id"]).json()
    assert reply["root_id"] == reply["parent_id"] == root["id"]
    read = sandbox.api("durar", "GET", f"/posts/{root['id']}")
    assert read["update_at"] == reply["create_at"]
    assert (read["edit_at"], read["reply_count"]) == (0, 1)


@pytest.mark.parametrize("root", ["a reply", "unknown", "malformed", "deleted"])
def test_a_root_that_is_none_is_refused(sandbox, support, root):
    top = create(sandbox, support, message="root").json()["id"]
    if root == "deleted":
        sandbox.delete("durar", top)
    reply = create(sandbox, support, message="reply", root_id=top).json().get("id", "")
    root_id = {"a reply": reply, "unknown": new_id(), "malformed": "x", "deleted": top}[root]
    answer = create(sandbox, support, message="x", root_id=root_id)
    assert refusal(answer) == (400, "api.post.create_post.root_id.app_error")
    assert answer.json()["message"] == "Invalid RootId parameter."


def test_a_root_of_another_channel_is_refused(sandbox, support):
    sandbox.add_member("alice", "incidents", "durar")
    foreign = sandbox.post("alice", "incidents", "there")["id"]
    answer = create(sandbox, support, message="x", root_id=foreign)
    assert refusal(answer) == (400, "api.post.create_post.channel_root_id.app_error")


def test_nobody_sees_what_is_behind_a_button(sandbox, support):
    action = {"id": "yes", "name": "Yes", "type": "button", "integration": {"url": "http://x", "context": {"k": "v"}}}
    props = {"attachments": [{"text": "Approve?", "actions": [action]}]}
    with Ear(sandbox) as ear:
        post = create(sandbox, support, message="", props=props).json()
        heard = post_in(ear.event("posted"))
    read = sandbox.api("alice", "GET", f"/posts/{post['id']}")
    for seen in (post, heard, read):
        assert seen["props"]["attachments"][0]["actions"] == [{"id": "yes", "name": "Yes", "type": "button"}]
        assert seen["metadata"]["embeds"] == [{"type": "message_attachment"}]


def test_the_echo_is_on_the_wire_before_the_answer_to_the_post(sandbox, support):
    with raw_socket(sandbox) as raw:
        sandbox.wait_for(lambda: sandbox.sockets("durar"), what="the socket")
        while b"status_change" not in raw.recv(65536):
            pass
        assert create(sandbox, support, message="one").status_code == 201
        raw.setblocking(False)
        assert b"posted" in raw.recv(65536)


def test_the_echo_may_be_set_to_come_after_the_answer(sandbox, support):
    sandbox.settings(echo="after")
    with Ear(sandbox) as ear:
        assert create(sandbox, support, message="two").status_code == 201
        assert post_in(ear.event("posted"))["message"] == "two"


def test_ephemeral_notes_are_for_administrators_and_one_reader(sandbox, support):
    body = {"user_id": sandbox.user_id("alice"), "post": {"channel_id": support, "message": "psst"}}
    assert sandbox.raw("durar", "POST", "/posts/ephemeral", body).status_code == 403
    with Ear(sandbox, "alice") as alice, Ear(sandbox, "bob") as bob:
        made = sandbox.raw("sysadmin", "POST", "/posts/ephemeral", body)
        (event,) = alice.until_pong()
        assert bob.until_pong() == []
    assert (made.status_code, made.json()["type"]) == (201, "system_ephemeral")
    assert event["event"] == "ephemeral_message"
    assert event["broadcast"]["user_id"] == sandbox.user_id("alice")
    assert event["broadcast"]["channel_id"] == support
    assert sandbox.posts("support") == []


def test_a_thousand_posts_are_made_in_one_call(sandbox):
    with Ear(sandbox) as ear:
        ids = sandbox.post_many("alice", "support", 1000, "number {n}")
        heard = [post_in(ear.event("posted")) for _ in range(1000)]
    assert [post["id"] for post in heard] == ids
    assert heard[-1]["message"] == "number 1000"
