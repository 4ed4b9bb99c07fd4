"""Trouble on demand."""

import socket
import threading
from concurrent.futures import ThreadPoolExecutor

import pytest
import requests

from tests.sandbox.ears import Ear, post_in


def me(sandbox, who="durar"):
    return sandbox.raw(who, "GET", "/users/me")


def test_the_next_requests_that_match_get_the_answer_asked_for(sandbox):
    sandbox.fault("answer", path="^/users/me$", status=503, times=2)
    assert [me(sandbox).status_code for _ in range(3)] == [503, 503, 200]


def test_an_answer_may_have_an_error_id_headers_or_a_body(sandbox):
    sandbox.fault("answer", status=500, error_id="app.post.save.app_error", headers={"X-Test": "1"})
    failed = me(sandbox)
    assert (failed.status_code, failed.json()["id"]) == (500, "app.post.save.app_error")
    assert failed.headers["X-Test"] == "1"
    sandbox.fault("answer", status=502, body="<html>", headers={"Content-Type": "text/html"})
    assert (me(sandbox).text, sandbox.requests(path="users/me$")[-1]["fault"]) == ("<html>", "answer")


def test_429_and_401_look_like_the_servers_own(sandbox):
    sandbox.fault("answer", status=429, headers={"Retry-After": "7"})
    limited = me(sandbox)
    assert (limited.status_code, limited.text, limited.headers["Retry-After"]) == (429, "limit exceeded\n", "7")
    sandbox.fault("answer", status=401, error_id="api.context.session_expired.app_error")
    assert "MMAUTHTOKEN=;" in me(sandbox).headers["Set-Cookie"]


def test_a_rule_may_be_for_one_user_one_method_one_body_and_skip_some(sandbox):
    support = sandbox.channel_id("support")
    sandbox.fault("answer", who="durar", method="POST", path="^/posts$", body_matches="second", skip=1, status=503)

    def post(who, message):
        return sandbox.raw(who, "POST", "/posts", {"channel_id": support, "message": message}).status_code

    assert [post("durar", "first"), post("alice", "second"), post("durar", "second")] == [201, 201, 201]
    assert me(sandbox).status_code == 200
    assert [post("durar", "second"), post("durar", "second")] == [503, 201]


def test_a_rule_holds_for_a_revoked_token_too(sandbox):
    sandbox.revoke("durar")
    sandbox.fault("answer", who="durar", status=503)
    assert me(sandbox).status_code == 503


def test_a_lost_answer_leaves_the_post_made(sandbox):
    sandbox.fault("lose", method="POST", path="^/posts$")
    with pytest.raises(requests.ConnectionError):
        sandbox.raw("durar", "POST", "/posts", {"channel_id": sandbox.channel_id("support"), "message": "made"})
    assert [post["message"] for post in sandbox.posts("support")] == ["made"]
    (seen,) = sandbox.requests(method="POST", path="/posts$", who="durar")
    assert (seen["status"], seen["lost"]) == (201, True)


@pytest.mark.parametrize("stage", ["before", "after"])
def test_a_delay_waits_on_the_side_of_the_work_asked_for(sandbox, stage):
    sandbox.fault("delay", path="^/posts$", stage=stage, seconds=60)
    body = {"channel_id": sandbox.channel_id("support"), "message": "slow"}
    headers = {"Authorization": f"Bearer {sandbox.token('durar')}"}
    with pytest.raises(requests.Timeout):
        requests.post(f"{sandbox.base_url}/api/v4/posts", json=body, headers=headers, timeout=0.3)
    expected = [] if stage == "before" else ["slow"]
    sandbox.wait_for(lambda: sandbox.requests(method="POST", path="/posts$"), what="the request's arrival")
    assert sandbox.wait_for(lambda: [post["message"] for post in sandbox.posts("support")] == expected)


def test_a_post_that_was_held_is_made_after_the_client_gave_up(sandbox):
    hang = sandbox.fault("hang", path="^/posts$")
    body = {"channel_id": sandbox.channel_id("support"), "message": "late"}
    headers = {"Authorization": f"Bearer {sandbox.token('durar')}"}
    with pytest.raises(requests.Timeout):
        requests.post(f"{sandbox.base_url}/api/v4/posts", json=body, headers=headers, timeout=0.3)
    sandbox.wait_for(lambda: sandbox.held(hang), what="the post being held")
    assert sandbox.posts("support") == []
    assert sandbox.release(hang) == 1
    sandbox.wait_for(lambda: sandbox.posts("support"), what="the late post")


def test_what_is_held_may_be_cut_with_the_work_undone(sandbox):
    hang = sandbox.fault("hang", path="^/posts$")
    body = {"channel_id": sandbox.channel_id("support"), "message": "never"}
    with ThreadPoolExecutor() as pool:
        first = pool.submit(sandbox.raw, "durar", "POST", "/posts", body)
        sandbox.wait_for(lambda: sandbox.held(hang))
        sandbox.release(hang, complete=False)
        assert isinstance(first.exception(), requests.ConnectionError)
    assert sandbox.posts("support") == []


def test_a_reset_cuts_what_waits_so_that_nothing_comes_late(sandbox):
    fault = sandbox.fault("delay", path="^/posts$", seconds=60)
    body = {"channel_id": sandbox.channel_id("support"), "message": "never"}
    with ThreadPoolExecutor() as pool:
        first = pool.submit(sandbox.raw, "durar", "POST", "/posts", body)
        sandbox.wait_for(lambda: sandbox.hits(fault), what="the request to be delayed")
        sandbox.reset()
        assert isinstance(first.exception(), requests.ConnectionError)
    assert sandbox.posts("support") == []


def test_a_handshake_may_be_refused(sandbox):
    sandbox.fault("answer", path="^/websocket$", status=503)
    with pytest.raises(Exception, match="503"):
        Ear(sandbox)
    with Ear(sandbox) as ear:
        assert ear.hello["seq"] == 0


@pytest.mark.parametrize(
    "fields",
    [{"kind": "explode"}, {"kind": "delay", "stage": "never"}, {"kind": "lose", "path": "("}, {"kind": "lose", "x": 1}],
)
def test_a_rule_that_is_none_is_refused_with_a_sentence(sandbox, fields):
    answer = requests.post(f"{sandbox.base_url}/sandbox/control/faults", json=fields, timeout=20)
    assert answer.status_code == 400
    assert answer.json()["error"].endswith(".")


def test_sockets_are_dropped_without_a_close_frame_of_one_user_or_all(sandbox):
    with Ear(sandbox) as ear, Ear(sandbox, "helper") as other, Ear(sandbox, auth="") as waiting:
        assert sandbox.drop_sockets("durar") == 1
        assert ear.end()[1] is False
        assert other.act("ping")["status"] == "OK"
        assert sandbox.drop_sockets() >= 2
        assert other.end()[1] is False
        assert waiting.end() == ([], False)


def test_a_deaf_socket_answers_pings_and_hears_nothing_until_undeafened(sandbox):
    with Ear(sandbox) as ear:
        assert sandbox.deafen("durar") == 1
        sandbox.post("alice", "support", "unheard")
        assert ear.act("ping")["status"] == "OK"
        sandbox.undeafen("durar")
        sandbox.post("alice", "support", "heard")
        event = ear.event("posted")
    assert (post_in(event)["message"], event["seq"]) == ("heard", 2)


def test_a_deaf_socket_may_leave_a_gap_in_the_numbers(sandbox):
    with Ear(sandbox) as ear:
        sandbox.deafen("durar", count=True)
        sandbox.post_many("alice", "support", 3)
        sandbox.undeafen("durar")
        sandbox.post("alice", "support", "heard")
        assert ear.event("posted")["seq"] == 5


def test_a_deafer_socket_answers_protocol_pings_only(sandbox):
    with Ear(sandbox) as ear:
        sandbox.deafen("durar", level="replies")
        ear.send(seq=2, action="ping")
        assert ear.socket.ping().wait(20)
        sandbox.undeafen("durar")
        ear.send(seq=3, action="ping")
        frames = [ear.frame() for _ in range(2)]
    assert [frame.get("seq_reply") for frame in frames] == [None, 3]


def test_gone_refuses_connections_until_back_and_keeps_the_data(sandbox):
    sandbox.post("alice", "support", "kept")
    with Ear(sandbox) as ear:
        sandbox.gone()
        assert ear.end()[1] is False
    port = int(sandbox.base_url.rpartition(":")[2])
    with socket.socket() as probe:
        assert probe.connect_ex(("127.0.0.1", port)) != 0
    sandbox.back()
    assert [post["message"] for post in sandbox.posts("support")] == ["kept"]


def test_gone_for_some_seconds_ends_by_itself(sandbox):
    sandbox.gone(0.2)
    assert sandbox.wait_for(sandbox.is_up)


def test_gone_cuts_a_request_that_runs(sandbox):
    hang = sandbox.fault("hang", path="^/users/me$")
    with ThreadPoolExecutor() as pool:
        first = pool.submit(me, sandbox)
        sandbox.wait_for(lambda: sandbox.held(hang))
        sandbox.gone()
        assert isinstance(first.exception(), requests.ConnectionError)
    sandbox.back()


def test_requests_are_listed_with_who_asked_and_what_came(sandbox):
    me(sandbox)
    me(sandbox, "alice")
    sandbox.raw("durar", "GET", "/nothing")
    seen = sandbox.requests(who="durar")
    assert [(entry["method"], entry["path"], entry["status"]) for entry in seen] == [
        ("GET", "/api/v4/users/me", 200),
        ("GET", "/api/v4/nothing", 404),
    ]
    assert len(sandbox.requests(path="users/me")) == 2


def test_pages_of_other_hosts_may_not_control(sandbox):
    url = f"{sandbox.base_url}/sandbox/control/reset"
    answer = requests.post(url, headers={"Origin": "http://elsewhere.example"}, timeout=20)
    assert answer.status_code == 403


def test_more_people_and_bots_can_be_made(sandbox):
    people = sandbox.add_people("erin", "frank")
    bot = sandbox.add_bot("third")
    assert sandbox.api("erin", "GET", "/users/me")["id"] == people[0]["id"]
    assert sandbox.api("third", "GET", "/users/me")["is_bot"] is True
    with Ear(sandbox, "third") as ear:
        sandbox.post("frank", "@third", "hello")
        assert post_in(ear.event("posted"))["user_id"] == people[1]["id"]
    assert sandbox.user_id("third") == bot["id"]


def test_many_clients_at_once_each_get_their_answer(sandbox):
    support = sandbox.channel_id("support")
    barrier = threading.Barrier(20)

    def post(number):
        barrier.wait()
        body = {"channel_id": support, "message": str(number)}
        headers = {"Authorization": f"Bearer {sandbox.token('alice')}"}
        answer = requests.post(f"{sandbox.base_url}/api/v4/posts", json=body, headers=headers, timeout=20)
        return answer.status_code

    with ThreadPoolExecutor(20) as pool:
        assert set(pool.map(post, range(20))) == {201}
    assert len(sandbox.posts("support")) == 20
