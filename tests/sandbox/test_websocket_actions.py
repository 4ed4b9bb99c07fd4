"""Actions over the WebSocket, and what they say of a session that died."""

import pytest

from tests.sandbox.ears import Ear, post_in


def test_ping_answers_with_the_servers_time(sandbox):
    with Ear(sandbox) as ear:
        answer = ear.act("ping")
    assert list(answer) == ["status", "seq_reply", "data"]
    assert answer["status"] == "OK"
    assert list(answer["data"]) == ["node_id", "server_time", "text", "version"]
    assert (answer["data"]["text"], answer["data"]["version"]) == ("pong", "5.37.0")


def test_frames_end_with_a_newline(sandbox):
    with Ear(sandbox) as ear:
        ear.send(seq=2, action="ping")
        assert ear.text().endswith("}\n")
        assert ear.text().endswith("}\n")


def test_typing_is_told_to_the_others_and_a_bad_channel_fails(sandbox):
    support = sandbox.channel_id("support")
    with Ear(sandbox) as ear, Ear(sandbox, "alice") as alice:
        assert ear.act("user_typing", channel_id=support, parent_id="") == {"status": "OK", "seq_reply": 2}
        assert alice.event("typing")["data"]["user_id"] == sandbox.user_id("durar")
        failed = ear.act("user_typing", channel_id="x")
    assert failed["status"] == "FAIL"
    assert failed["error"]["id"] == "api.websocket_handler.invalid_param.app_error"
    assert failed["error"]["status_code"] == 400


def test_statuses_are_a_map_of_everybody(sandbox):
    with Ear(sandbox) as ear:
        data = ear.act("get_statuses")["data"]
    assert data[sandbox.user_id("durar")] == "online"
    assert data[sandbox.user_id("bob")] == "offline"


@pytest.mark.parametrize(
    ("frame", "error_id", "status"),
    [
        ({"seq": 9, "action": "dance"}, "api.web_socket_router.bad_action.app_error", 500),
        ({"seq": 0, "action": "ping"}, "api.web_socket_router.bad_seq.app_error", 400),
        ({"seq": 9}, "api.web_socket_router.no_action.app_error", 400),
    ],
)
def test_bad_actions_fail(sandbox, frame, error_id, status):
    with Ear(sandbox) as ear:
        assert ear.event("status_change")
        ear.send(**frame)
        answer = ear.frame()
    assert (answer["status"], answer["error"]["id"], answer["error"]["status_code"]) == ("FAIL", error_id, status)
    assert ("seq_reply" in answer) is (frame["seq"] > 0)


def test_a_revoked_token_keeps_hearing_and_its_ping_fails_with_the_token_in_the_text(sandbox):
    with Ear(sandbox) as ear:
        sandbox.revoke("durar")
        sandbox.post("alice", "support", "still there?")
        assert post_in(ear.event("posted"))["message"] == "still there?"
        answer = ear.act("ping")
    assert answer["status"] == "FAIL"
    assert list(answer["error"]) == ["id", "message", "detailed_error", "status_code"]
    assert answer["error"]["id"] == "api.context.invalid_token.error"
    assert answer["error"]["message"] == f"Invalid session token={ear.token}, err="
    assert answer["error"]["status_code"] == 401


def test_a_disabled_bot_stays_connected_and_silent_also_when_enabled_again(sandbox):
    with Ear(sandbox) as ear:
        assert ear.event("status_change")
        sandbox.disable("durar")
        sandbox.post("alice", "support", "unheard")
        failed = ear.act("ping")
        sandbox.enable("durar")
        sandbox.post("alice", "support", "unheard too")
        ear.send(seq=50, action="ping")
        assert ear.frame()["error"]["id"] == "api.web_socket_router.not_authenticated.app_error"
    assert failed["error"]["id"] == "api.web_socket_router.not_authenticated.app_error"
    with Ear(sandbox) as ear:
        sandbox.post("alice", "support", "heard")
        assert post_in(ear.event("posted"))["message"] == "heard"


def test_a_new_token_works_beside_a_revoked_one(sandbox):
    sandbox.revoke("durar")
    token = sandbox.issue_token("durar")
    assert sandbox.raw("durar", "GET", "/users/me").status_code == 401
    assert sandbox.raw("durar", "GET", "/users/me", headers={"Authorization": f"Bearer {token}"}).ok
