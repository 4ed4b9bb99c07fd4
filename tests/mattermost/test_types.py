"""Values of the API are read from whatever a server of any age sends."""

import pytest
from hypothesis import given

from mattermost_bridge.mattermost.types import Channel, Post, Team, UnreadableError, User
from tests.mattermost.samples import DIRECT, DIRECT_JSON, ME, ME_JSON, POST, POST_JSON
from tests.mattermost.test_text import json_values, relaxed


def test_a_post_is_read_as_sent():
    post = Post.from_json({**POST_JSON, "file_ids": ["f1", "f2"]})
    assert (post.id, post.create_at, post.message, post.file_ids) == (
        POST,
        1795344909945,
        "hello *from* bot @alice",
        ("f1", "f2"),
    )
    assert post.from_bot
    assert not post.from_webhook
    assert not post.is_system


def test_a_post_of_a_newer_server_may_have_null_file_ids_and_no_parent_id():
    values = {key: value for key, value in POST_JSON.items() if key != "parent_id"}
    assert Post.from_json({**values, "file_ids": None, "props": None}).file_ids == ()


def test_a_post_survives_being_stored():
    post = Post.from_json({**POST_JSON, "file_ids": ["f1"]})
    assert Post.from_json(post.to_json()) == post


@pytest.mark.parametrize(("value", "expected"), [("true", True), (True, True), ("false", False), (None, False)])
def test_marks_of_bots_and_webhooks_are_strings_or_booleans(value, expected):
    post = Post.from_json({**POST_JSON, "props": {"from_bot": value, "from_webhook": value}})
    assert (post.from_bot, post.from_webhook) == (expected, expected)


@pytest.mark.parametrize(("kind", "system"), [("system_add_to_channel", True), ("me", False), ("custom_x", False)])
def test_system_posts_are_known_by_their_type(kind, system):
    assert Post.from_json({**POST_JSON, "type": kind}).is_system is system


@pytest.mark.parametrize("post_id", [None, "", 7, [], "two words", "line\nbreak", "x" * 65])
def test_a_post_without_a_readable_id_is_an_error(post_id):
    with pytest.raises(UnreadableError, match="readable id"):
        Post.from_json({**POST_JSON, "id": post_id})


def test_is_bot_is_absent_for_people():
    assert User.from_json(ME_JSON).is_bot
    assert not User.from_json({key: value for key, value in ME_JSON.items() if key != "is_bot"}).is_bot


def test_a_direct_channel_has_no_team():
    channel = Channel.from_json({**DIRECT_JSON, "banner_info": {}, "policy_enforced": None})
    assert (channel.id, channel.type, channel.team_id) == (DIRECT, "D", "")


def test_numbers_that_no_column_holds_become_zero():
    post = Post.from_json({"id": "p", "create_at": 10**30, "update_at": "12", "edit_at": True, "delete_at": 5.0})
    assert (post.create_at, post.update_at, post.edit_at, post.delete_at) == (0, 0, 0, 5)


@relaxed
@given(json_values)
def test_every_other_shape_is_read_or_refused_and_never_crashes(value):
    for kind in (Post, User, Team, Channel):
        for shape in (
            value,
            {"id": ME, **(value if isinstance(value, dict) else {"props": value, "create_at": value})},
        ):
            try:
                kind.from_json(shape)
            except UnreadableError:
                continue
