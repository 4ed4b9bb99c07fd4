"""How a WebSocket is opened, authenticated, kept and ended."""

import http.client
import json

import pytest
from websockets.exceptions import InvalidStatus

from tests.sandbox.ears import Ear, post_in, raw_socket


@pytest.fixture
def quick(sandbox):
    """A server that gives half a second to authenticate instead of five."""
    sandbox.settings(auth_timeout=0.5)
    return sandbox


def test_a_challenge_is_followed_by_hello_then_the_answer(sandbox):
    with Ear(sandbox) as ear:
        assert ear.hello == {
            "event": "hello",
            "data": {"connection_id": "", "server_version": ear.hello["data"]["server_version"]},
            "broadcast": {"omit_users": None, "user_id": sandbox.user_id("durar"), "channel_id": "", "team_id": ""},
            "seq": 0,
        }
        assert ear.hello["data"]["server_version"].startswith("5.37.0.local.")
        assert ear.answer == {"status": "OK", "seq_reply": 1}


def test_a_bearer_token_needs_no_challenge_and_a_late_one_is_ignored(sandbox):
    with Ear(sandbox, auth="bearer") as ear:
        assert (ear.hello["event"], ear.hello["seq"]) == ("hello", 0)
        ear.challenge()
        assert ear.act("ping")["seq_reply"] == 2


def test_a_cookie_signs_in_too(sandbox):
    cookie = {"Cookie": f"MMAUTHTOKEN={sandbox.token('durar')}"}
    with Ear(sandbox, auth="", headers=cookie) as ear:
        assert ear.frame()["event"] == "hello"


def test_going_online_is_told_to_oneself(sandbox):
    with Ear(sandbox) as ear:
        event = ear.frame()
        assert (event["event"], event["seq"]) == ("status_change", 1)
        assert event["data"] == {"status": "online", "user_id": sandbox.user_id("durar")}


@pytest.mark.parametrize("token", ["bad", 5, {"a": 1}])
def test_a_bad_token_in_the_challenge_ends_the_connection_without_any_frame(sandbox, token):
    with Ear(sandbox, auth="") as ear:
        ear.challenge(token)
        assert ear.end() == ([], False)


def test_a_revoked_token_in_the_challenge_is_counted_for_its_owner(sandbox):
    sandbox.revoke("durar")
    with Ear(sandbox, auth="") as ear:
        ear.challenge()
        assert ear.end() == ([], False)
    assert sandbox.authentications("durar") == {"accepted": 0, "refused": 1}


def test_a_bad_bearer_token_is_given_a_silent_connection_that_ends(quick):
    with Ear(quick, auth="", headers={"Authorization": "Bearer bad"}) as ear:
        assert ear.end() == ([], False)


def test_a_good_challenge_rescues_a_bad_bearer_token(sandbox):
    with Ear(sandbox, auth="", headers={"Authorization": "Bearer bad"}) as ear:
        ear.challenge()
        assert ear.frame()["event"] == "hello"


def test_who_does_not_authenticate_is_dropped_and_never_answered(quick):
    with Ear(quick, auth="") as ear:
        ear.send(seq=1, action="ping")
        ear.send(seq=0, action="authentication_challenge", data={"token": ear.token})
        assert ear.end() == ([], False)


def test_a_foreign_origin_is_403_and_the_own_one_is_fine(sandbox):
    with pytest.raises(InvalidStatus) as refused:
        Ear(sandbox, origin="http://elsewhere.example")
    response = refused.value.response
    phrase, _, body = response.body.decode().partition("\n")
    assert (response.status_code, phrase) == (403, "Forbidden")
    assert response.headers["Content-Type"].startswith("text/plain")
    assert json.loads(body)["status_code"] == 500
    with Ear(sandbox, origin=sandbox.base_url) as ear:
        assert ear.hello["event"] == "hello"


def test_a_request_without_upgrade_is_400_with_500_inside(sandbox):
    answer = sandbox.raw("durar", "GET", "/websocket")
    phrase, _, body = answer.text.partition("\n")
    assert (answer.status_code, phrase, json.loads(body)["status_code"]) == (400, "Bad Request", 500)


@pytest.mark.parametrize("frame", ["no json", '"text"', '{"seq":"1"}', "x" * 8193])
def test_frames_that_are_too_long_or_no_json_end_the_connection(sandbox, frame):
    with Ear(sandbox) as ear:
        ear.socket.send(frame)
        assert ear.end()[1] is False


def test_a_frame_of_8_kib_is_read(sandbox):
    with Ear(sandbox) as ear:
        head = '{"seq":2,"action":"ping","data":{"x":"'
        ear.socket.send(head + "x" * (8192 - len(head) - 3) + '"}}')
        assert ear.event("status_change")
        assert ear.frame()["seq_reply"] == 2


def test_pings_are_answered_with_their_payload_and_a_close_with_a_close(sandbox):
    with Ear(sandbox) as ear:
        assert ear.socket.ping(b"payload").wait(20)
        ear.socket.close(1000)
        assert ear.socket.close_code == 1000


def test_the_server_pings_and_drops_who_does_not_answer(sandbox):
    sandbox.settings(ping_interval=0.05, pong_wait=0.5)
    with raw_socket(sandbox) as raw, raw.makefile("rb") as stream:
        assert b"101" in stream.readline()
        http.client.parse_headers(stream)
        received = stream.read()
    assert b"\x89\x00" in received  # a ping without payload
    assert not received.endswith(b"\x88\x02\x03\xe8")  # and no close frame at the end


def test_every_connection_of_a_token_hears_everything_with_its_own_numbers(sandbox):
    with Ear(sandbox) as one, Ear(sandbox) as other:
        sandbox.post("alice", "support", "first")
        first = one.event("posted"), other.event("posted")
        sandbox.post("alice", "support", "second")
        second = one.event("posted"), other.event("posted")
    assert [post_in(event)["message"] for event in (*first, *second)] == ["first", "first", "second", "second"]
    assert [after["seq"] - before["seq"] for before, after in zip(first, second, strict=True)] == [1, 1]
    assert sandbox.authentications("durar") == {"accepted": 2, "refused": 0}


def test_a_reader_that_is_too_slow_is_dropped_and_loses_the_rest(sandbox):
    sandbox.settings(queue_limit=4)
    with raw_socket(sandbox, buffer=4096):
        sandbox.wait_for(lambda: sandbox.sockets("durar"), what="the slow socket")
        # 12 MB are more than the buffers of both kernels hold.
        sandbox.post_many("alice", "support", 800, "x" * 15_000)
        sandbox.wait_for(lambda: not sandbox.sockets("durar"), what="the slow socket being dropped")
