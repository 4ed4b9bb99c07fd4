"""Each call sends what API v4 expects, and reads what servers of any age answer."""

import pytest

from mattermost_bridge.mattermost.errors import MattermostError
from tests.mattermost.samples import (
    ALICE,
    CHANNEL,
    DIRECT,
    DIRECT_JSON,
    ME,
    ME_JSON,
    PERMISSIONS,
    POST,
    POST_JSON,
    ROOT,
    TEAM,
    TOKEN,
    error_json,
    post_json,
)
from tests.mattermost.servers import answer

OK = answer(200, {"status": "OK"})


def test_me_is_asked_with_the_bearer_token(serve):
    client, server = serve(answer(200, ME_JSON))
    me = client.me()
    assert (me.id, me.username, me.first_name, me.is_bot) == (ME, "durar", "Durar", True)
    (request,) = server.requests
    assert (request.method, request.target) == ("GET", "/api/v4/users/me")
    assert request.headers["Authorization"] == f"Bearer {TOKEN}"


@pytest.mark.parametrize("answered", [{"id": ME}, {"id": ME, "username": ""}, {"id": ME, "username": None}])
def test_a_bot_without_its_name_is_no_answer(serve, answered):
    client, _server = serve(answer(200, answered))
    with pytest.raises(MattermostError, match="without its name"):
        client.me()


def test_a_user_name_is_lowered_before_it_is_asked_for(serve):
    client, server = serve(answer(200, {"id": ALICE, "username": "alice"}))
    assert client.user_by_username("ALICE").id == ALICE
    assert server.requests[0].target == "/api/v4/users/username/alice"


def test_many_users_are_asked_for_in_bodies_of_a_hundred(serve):
    client, server = serve(answer(200, [{"id": "u1"}]), answer(200, []), answer(200, None))
    ids = [f"u{number}" for number in range(250)]
    assert [user.id for user in client.users_by_ids([*ids, *ids])] == ["u1"]
    assert [len(request.json) for request in server.requests] == [100, 100, 50]
    assert server.requests[0].target == "/api/v4/users/ids"


def test_teams_and_channels_are_listed(serve):
    channels = [DIRECT_JSON, {"id": CHANNEL, "type": "O", "team_id": TEAM, "last_post_at": 5}]
    client, server = serve(answer(200, [{"id": TEAM, "name": "ops"}]), answer(200, channels))
    assert [team.name for team in client.my_teams()] == ["ops"]
    assert [(channel.id, channel.type) for channel in client.team_channels(TEAM)] == [(DIRECT, "D"), (CHANNEL, "O")]
    assert server.requests[1].target == f"/api/v4/users/me/teams/{TEAM}/channels"


def test_one_unreadable_entry_does_not_hide_the_others(serve, caplog):
    client, _ = serve(answer(200, [{"id": None}, 7, DIRECT_JSON]))
    assert [channel.id for channel in client.team_channels(TEAM)] == [DIRECT]
    assert "skipped" in caplog.text


def test_the_list_of_all_channels_is_unknown_to_older_servers(serve):
    client, _ = serve(answer(404, error_json("api.context.404.app_error", 404), {"Content-Type": "text/plain"}))
    assert client.my_channels() is None


def test_a_newer_server_without_channels_writes_broken_json(serve):
    body = b'[{"id":"app.channel.get_channels.not_found.app_error","message":"No channels were found."}'
    client, _ = serve(answer(200, body))
    assert client.my_channels() == []


@pytest.mark.parametrize("body", [b"", b"<html>sign in</html>", b'[{"id":"c1"},', b'{"id":"c1"}'])
def test_any_other_unreadable_list_is_an_error_and_not_an_empty_list(serve, body):
    client, _ = serve(answer(200, body))
    for call in (client.my_channels, client.my_teams):
        with pytest.raises(MattermostError) as caught:
            call()
        assert caught.value.kind == "protocol"
        assert not caught.value.permanent


def test_no_channels_in_a_team_is_an_empty_list(serve):
    client, _ = serve(answer(404, error_json("app.channel.get_channels.not_found.app_error", 404)))
    assert client.team_channels(TEAM) == []


def test_a_direct_channel_is_made_from_both_ids(serve):
    client, server = serve(answer(201, DIRECT_JSON))
    assert client.create_direct_channel(ME, ALICE).id == DIRECT
    assert (server.requests[0].target, server.requests[0].json) == ("/api/v4/channels/direct", [ME, ALICE])


def test_membership_is_asked_and_joined(serve):
    client, server = serve(answer(200, {"roles": "channel_user"}), answer(201, {"user_id": ME}))
    assert client.channel_member_me(CHANNEL) == {"roles": "channel_user"}
    client.join_channel(CHANNEL, ME)
    assert server.requests[0].target == f"/api/v4/channels/{CHANNEL}/members/me"
    assert (server.requests[1].target, server.requests[1].json) == (
        f"/api/v4/channels/{CHANNEL}/members",
        {"user_id": ME},
    )


def test_a_post_is_made_with_its_mark_and_key(serve):
    client, server = serve(answer(201, POST_JSON))
    props = {"durar": "x1"}
    post = client.create_post(CHANNEL, "hello", root_id=ROOT, props=props, pending_post_id="k1", file_ids=("f1",))
    assert post.id == POST
    assert server.requests[0].json == {
        "channel_id": CHANNEL,
        "message": "hello",
        "root_id": ROOT,
        "props": props,
        "pending_post_id": "k1",
        "file_ids": ["f1"],
    }


def test_what_would_break_the_server_is_replaced_and_text_is_sent_as_utf8(serve):
    client, server = serve(answer(201, POST_JSON))
    client.create_post(CHANNEL, "a\x00b \ud83d سلام 😀", props={"k": "\x00"})
    assert server.requests[0].json["message"] == "a\ufffdb \ufffd سلام 😀"
    assert server.requests[0].json["props"] == {"k": "\ufffd"}
    assert "سلام 😀".encode() in server.requests[0].body


@pytest.mark.parametrize("body", [b"", b"null", b"{}", b'{"id":""}', b"[]", b"created"])
def test_a_post_whose_answer_is_unreadable_may_have_been_made(serve, body):
    client, _ = serve(answer(201, body))
    with pytest.raises(MattermostError) as caught:
        client.create_post(CHANNEL, "hello")
    assert caught.value.kind == "protocol"
    assert caught.value.is_unclear


def test_deleting_what_is_gone_is_no_error(serve):
    gone = error_json("app.post.get.app_error", 404)
    client, server = serve(OK, answer(403, PERMISSIONS), answer(404, gone), answer(500, gone))
    assert client.delete_post(POST)
    assert not client.delete_post(POST)
    assert not client.delete_post(POST)
    with pytest.raises(MattermostError):
        client.delete_post(POST)
    assert {(request.method, request.target) for request in server.requests} == {("DELETE", f"/api/v4/posts/{POST}")}


def test_a_button_is_clicked_by_its_id(serve):
    client, server = serve(OK)
    client.click(POST, "yes")
    (request,) = server.requests
    assert (request.method, request.target, request.json) == ("POST", f"/api/v4/posts/{POST}/actions/yes", {})


def test_a_page_follows_its_order_and_leaves_out_roots_that_came_along(serve):
    posts = {post_id: post_json(id=post_id, create_at=at) for post_id, at in [("old", 1), ("new", 3), ("root", 0)]}
    client, server = serve(answer(200, {"order": ["new", "old", "new", "unknown"], "posts": posts}))
    assert [post.id for post in client.posts_before(CHANNEL, before="p9", per_page=1000)] == ["new", "old"]
    assert server.requests[0].target == f"/api/v4/channels/{CHANNEL}/posts?per_page=200&before=p9"


def test_the_newest_page_names_no_post(serve):
    client, server = serve(answer(200, {"order": [], "posts": {}, "next_post_id": "", "prev_post_id": ""}))
    assert client.posts_before(CHANNEL, per_page=60) == []
    assert server.requests[0].target == f"/api/v4/channels/{CHANNEL}/posts?per_page=60"


def test_changed_posts_come_by_time_with_deleted_ones(serve):
    posts = {
        "b": post_json(id="b", create_at=7),
        "a": post_json(id="a", create_at=7, delete_at=9, message=""),
        "c": post_json(id="c", create_at=2),
    }
    client, server = serve(answer(200, {"order": ["b", "a", "c"], "posts": posts}))
    assert [post.id for post in client.posts_since(CHANNEL, 5)] == ["c", "a", "b"]
    assert server.requests[0].target == f"/api/v4/channels/{CHANNEL}/posts?since=5"


def test_since_zero_would_be_taken_as_absent(serve):
    client, server = serve(answer(200, {"order": [], "posts": {}}))
    client.posts_since(CHANNEL, 0)
    assert server.requests[0].target.endswith("?since=1")


def test_a_thread_is_read_from_its_posts_since_order_names_the_root_twice(serve):
    posts = {ROOT: post_json(create_at=1), "reply": post_json(id="reply", root_id=ROOT, create_at=2)}
    client, server = serve(answer(200, {"order": [ROOT, "reply", ROOT], "posts": posts}))
    assert [post.id for post in client.thread(ROOT)] == [ROOT, "reply"]
    assert server.requests[0].target == f"/api/v4/posts/{ROOT}/thread"


def test_a_thread_that_a_licence_hides_has_null_posts(serve):
    client, _ = serve(answer(200, {"order": None, "posts": None, "first_inaccessible_post_time": 5}))
    assert client.thread(ROOT) == []


def test_an_object_that_is_no_list_of_posts_is_an_error_and_not_an_empty_page(serve):
    client, _ = serve(answer(200, {"status": "OK"}))
    with pytest.raises(MattermostError, match="no list of posts"):
        client.posts_before(CHANNEL)


def test_a_post_without_an_id_takes_that_of_its_key(serve):
    client, _ = serve(answer(200, {"order": ["p1"], "posts": {"p1": {"message": "x"}, "p2": None}}))
    assert [post.id for post in client.posts_before(CHANNEL)] == ["p1"]


def test_props_nested_beyond_measure_do_not_hide_a_channel(serve):
    post = b'{"id":"p1","message":"hi","props":{"x":' + b"[" * 4000 + b"]" * 4000 + b"}}"
    client, _ = serve(answer(200, b'{"order":["p1"],"posts":{"p1":' + post + b"}}"))
    assert [post.message for post in client.posts_before(CHANNEL)] == ["hi"]


def test_reactions_and_typing_name_what_they_are_about(serve):
    client, server = serve(OK)
    client.add_reaction(ME, POST, "thumbsup")
    client.remove_reaction(POST, "+1")
    client.typing(CHANNEL, ROOT)
    assert [(request.method, request.target) for request in server.requests] == [
        ("POST", "/api/v4/reactions"),
        ("DELETE", f"/api/v4/users/me/posts/{POST}/reactions/%2B1"),
        ("POST", "/api/v4/users/me/typing"),
    ]
    assert server.requests[0].json == {"user_id": ME, "post_id": POST, "emoji_name": "thumbsup"}
    assert server.requests[2].json == {"channel_id": CHANNEL, "parent_id": ROOT}


def test_the_servers_settings_need_a_format_on_older_servers(serve):
    client, server = serve(answer(200, {"Version": "5.37.0", "SiteURL": "", "odd": 5}))
    assert client.client_config() == {"Version": "5.37.0", "SiteURL": ""}
    assert server.requests[0].target == "/api/v4/config/client?format=old"


def test_single_things_are_asked_for_by_id(serve):
    client, server = serve(answer(200, DIRECT_JSON), answer(200, POST_JSON), answer(200, ME_JSON))
    assert (client.channel(DIRECT).id, client.post(POST).id, client.user(ME).id) == (DIRECT, POST, ME)
    assert [request.target for request in server.requests] == [
        f"/api/v4/channels/{DIRECT}",
        f"/api/v4/posts/{POST}",
        f"/api/v4/users/{ME}",
    ]
