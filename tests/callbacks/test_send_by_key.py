"""POST /api/channels/mattermost/send: each answer with its status, as docs/operations.md lists them."""

from __future__ import annotations

import json

import pytest
import requests

from mattermost_bridge.callbacks.guard import LONGEST_BODY
from mattermost_bridge.models import Delivery, SendKey
from mattermost_bridge.services import hints as hints_module
from mattermost_bridge.services import send_keys, targets
from mattermost_bridge.services.audit import Actor
from tests.bridge import TASKS, make_account

ALICE = Actor("alice", "panel")
PATH = "/api/channels/mattermost/send"


@pytest.fixture
def made(account):
    targets.forget()
    return send_keys.create(actor=ALICE, name="Backup job", accounts=[account.pk], per_minute=100)


@pytest.fixture
def worker(hints, monkeypatch):
    """Hints are done at once, as by a worker."""
    monkeypatch.setattr(hints_module, "send", lambda name, args: bool(TASKS[name](*args)) or True)


@pytest.fixture
def call(web, made):
    """Call as a program does."""

    def call(body=None, *, key=made.secret, headers=None, **fields):
        headers = {"Authorization": f"Bearer {key}"} | (headers or {})
        sent = {"data": body} if isinstance(body, bytes) else {"json": fields if body is None else body}
        return requests.post(web.base_url + PATH, headers=headers, timeout=30, **sent)

    return call


def test_a_message_is_sent_and_the_answer_is_its_receipt(sandbox, call, worker):
    answer = call(target="#support", message="Backup done")
    (post,) = sandbox.posts("support")
    assert answer.status_code == 200
    assert answer.json() == {
        "ok": True,
        "channel": "mattermost",
        "state": "sent",
        "messageId": post["id"],
        "messageIds": [post["id"]],
        "channelId": post["channel_id"],
        "links": [f"{sandbox.base_url}/_redirect/pl/{post['id']}"],
        "deliveryIds": [Delivery.objects.get().pk],
        "repeated": False,
    }
    key = SendKey.objects.get()
    assert (key.last_used_from, key.last_used_at is not None) == ("127.0.0.1", True)


def test_a_message_into_a_thread_of_a_person(sandbox, call, worker):
    root = sandbox.post("carol", "support", "question")["id"]
    assert call(to="support", text="answer", replyToId=root, account="default").status_code == 200
    assert sandbox.posts("support")[-1]["root_id"] == root
    assert call(target="@carol", message="Hello").status_code == 200
    assert sandbox.posts("carol,durar")[-1]["message"] == "Hello"


def test_one_that_waits_says_for_what(call, hints):
    answer = call(target="#support", message="Backup done", wait=0)
    assert (answer.status_code, answer.json()["state"], answer.json()["messageId"]) == (202, "waiting", None)
    assert "no worker runs" in answer.json()["waitsFor"]


def test_one_that_fails_says_why(sandbox, call, worker):
    secret = sandbox.create_channel("carol", "secret", private=True)["id"]
    answer = call(target=f"channel:{secret}", message="Hello")
    assert (answer.status_code, answer.json()["ok"], answer.json()["state"]) == (502, False, "failed")
    assert "Mattermost API 403" in answer.json()["error"]


def test_the_same_name_sends_once_in_header_or_body(sandbox, call, worker):
    first = call(target="#support", message="Backup done", headers={"Idempotency-Key": "night-1"}).json()
    again = call(target="#support", message="Backup done", idempotencyKey="night-1").json()
    assert again == first | {"repeated": True}
    assert len(sandbox.posts("support")) == 1
    other = call(target="#support", message="Another", idempotencyKey="night-1")
    assert (other.status_code, Delivery.objects.count()) == (409, 1)


def test_without_a_key_that_holds_nothing_is_read(call, made, web):
    for key in ("", "durar_wrong", made.secret + "x"):
        answer = call(b"x" * (LONGEST_BODY + 1), key=key)
        assert answer.status_code == 401
        assert "made in the panel" in answer.json()["error"]
        assert answer.headers["WWW-Authenticate"].startswith("Bearer")
    answer = requests.post(web.base_url + PATH, json={}, auth=("user", made.secret), timeout=30)
    assert answer.status_code == 401
    send_keys.revoke(made.key.pk, actor=ALICE)
    assert call(target="#support", message="Hello").status_code == 401


@pytest.mark.parametrize(
    ("body", "status", "sentence"),
    [
        (b"not json", 400, "is no JSON"),
        (b"[1]", 400, "no JSON object"),
        (b"\xff\xfe", 400, "is no JSON"),
        ({"message": "x"}, 400, "field target is missing"),
        ({"target": 5}, 400, "target must be a text"),
        ({"target": "#a", "to": "#b"}, 400, "says something else"),
        ({"target": "#a", "colour": "red"}, 400, "Unknown fields: colour"),
        ({"target": "#a", "channel": "irc"}, 400, "must be mattermost"),
        ({"target": "#a", "wait": True}, 400, "seconds from 0 to 30"),
        ({"target": "#a", "wait": 31}, 400, "seconds from 0 to 30"),
        ({"target": "#a", "media": [1]}, 400, "media must be"),
        ({"target": "#a", "media": ["x"] * 11}, 400, "11 files are too many"),
        ({"target": "#a", "idempotencyKey": "x" * 201}, 400, "more than 200"),
        ({"target": "#support"}, 422, "message is empty"),
        ({"target": "two words", "message": "x"}, 422, "names no channel"),
        ({"target": "@nobody", "message": "x"}, 404, "is @nobody"),
        ({"target": "#support", "message": "x", "account": "other"}, 403, "may not send by the account"),
        ({"target": "#support", "message": "x", "media": "/etc/passwd"}, 422, "not below the folder media"),
        ({"target": "#support", "message": "x", "media": "http://127.0.0.1:1/x"}, 422, "private network"),
    ],
)
def test_what_cannot_be_sent_gets_its_status_and_a_sentence(call, hints, body, status, sentence):
    make_account("other", bot_user_id="o" * 26)
    answer = call(body)
    assert answer.status_code == status, answer.text
    assert answer.json()["ok"] is False
    assert sentence in answer.json()["error"]
    assert not Delivery.objects.exists()


def test_more_than_the_minute_allows_waits(call, hints):
    SendKey.objects.update(per_minute=2)
    statuses = [call(target="#support", message="x", wait=0).status_code for _ in range(3)]
    assert statuses == [202, 202, 429]
    answer = call(target="#support", message="x", wait=0)
    assert 1 <= int(answer.headers["Retry-After"]) <= 60
    assert Delivery.objects.count() == 2


def test_only_post_and_only_64_kib(call, web, made):
    answer = requests.get(web.base_url + PATH, timeout=30)
    assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    assert call(b"{" + b" " * LONGEST_BODY).status_code == 413


@pytest.mark.parametrize("sign", ["\\u0000", "\\ud800"])
@pytest.mark.parametrize("field", ["idempotencyKey", "account", "replyTo", "target", "media"])
def test_signs_that_no_database_keeps_are_said(call, field, sign):
    said = {"target": "#support", "message": "Backup done", field: "aSIGN"}
    answer = call(json.dumps(said).replace("SIGN", sign).encode())
    assert answer.status_code in (400, 403, 404, 422)
    assert answer.json()["ok"] is False
