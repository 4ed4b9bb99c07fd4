"""Each thing that can be wrong with a click gets its own answer, and changes nothing."""

from __future__ import annotations

import logging

import pytest
import requests
from django.db import OperationalError

from mattermost_bridge.models import ButtonSet
from mattermost_bridge.rules.doctor_buttons import ClickTrouble
from mattermost_bridge.sandbox.ids import new_id
from mattermost_bridge.services import accounts, audit, call_troubles, clicks, decisions
from tests.bridge import make_account
from tests.callbacks.conftest import counts, signed

OTHER = {"action_id": "yes", "more": 1}


@pytest.fixture
def post(offered):
    """A post with buttons."""
    return offered()


@pytest.fixture
def payload(sandbox, post):
    """What Mattermost sends, with a context that a script signed."""

    def make(context=None, **values):
        channel = sandbox.channel_id("support")
        if context is None:
            context = signed({"action_id": "yes", "__openclaw_channel_id": channel}, sandbox.token("durar"))
        return {
            "user_id": sandbox.user_id("alice"),
            "user_name": "alice",
            "channel_id": channel,
            "channel_name": "support",
            "team_id": new_id(),
            "team_domain": "sandbox",
            "post_id": post["id"],
            "trigger_id": "dHJpZ2dlcg==",
            "type": "button",
            "data_source": "",
            "context": context,
        } | values

    return make


def refused(answer, status, error):
    assert (answer.status_code, answer.json()) == (status, {"error": error})


@pytest.fixture(autouse=True)
def _nothing_changes(post):
    before = counts()
    yield
    assert counts() == before
    assert not ButtonSet.objects.exclude(used_at=None).exists()


NO_OBJECTS = (b"", b"{", b"[]", b"5", b'"x"', b"\xff\xfe", b'{"context":NaN}', b"[" * 60_000)


def test_a_body_that_is_no_object(web):
    for body in NO_OBJECTS:
        refused(web.post(body), 400, "Invalid request body")


def test_a_body_that_is_nested_very_deeply_or_holds_no_number(web):
    deep = b'{"context":{"a":' + b"[" * 40 + b"]" * 40 + b"}}"
    refused(web.post(deep), 400, "Invalid request body")
    refused(web.post(b'{"context":{"a":1e999}}'), 400, "Invalid request body")


def test_no_context(web, payload):
    for context in (None, {}, [], "x", 5):
        refused(web.post(payload() | {"context": context}), 400, "Missing context")


def test_no_token_is_said_in_the_log(web, payload, account, caplog):
    call_troubles.forget()
    for context in ({}, {"_token": None}, {"_token": ""}, {"_token": 5}, {"_token": ["x"]}):
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            refused(web.post(payload({"action_id": "yes"} | context)), 403, "Missing token")
        assert "missing _token in context" in caplog.text
    assert set(call_troubles.recent(account.pk, ClickTrouble)) == {ClickTrouble.MISSING_TOKEN}


def test_a_changed_foreign_or_incomplete_signature_is_said_in_the_log(web, payload, account, caplog):
    call_troubles.forget()
    good = payload()["context"]
    foreign = signed({key: value for key, value in good.items() if key != "_token"}, "another-token")
    contexts = [good | {"action_id": "no"}, good | OTHER, good | {"_token": good["_token"][:-1]}, foreign]
    for context in contexts:
        caplog.clear()
        with caplog.at_level(logging.WARNING):
            refused(web.post(payload(context)), 403, "Invalid token")
        assert "invalid _token" in caplog.text
        assert good["_token"] not in caplog.text
    assert set(call_troubles.recent(account.pk, ClickTrouble)) == {ClickTrouble.INVALID_TOKEN}


def test_no_action_id(web, payload, sandbox):
    for action_id in (None, "", " ", 5):
        context = signed({"action_id": action_id, "a": 1}, sandbox.token("durar"))
        refused(web.post(payload(context)), 400, "Missing action_id in context")


def test_another_channel_than_the_one_it_was_signed_for(web, payload, sandbox):
    refused(web.post(payload(channel_id=sandbox.channel_id("incidents"))), 403, "Channel mismatch")


def test_no_person_and_no_channel(web, payload, sandbox):
    refused(web.post(payload(user_id="")), 400, "Invalid request body")
    context = signed({"action_id": "yes"}, sandbox.token("durar"))
    refused(web.post(payload(context, channel_id=7)), 400, "Invalid request body")


def test_a_post_that_cannot_be_read(web, payload, sandbox):
    gone = sandbox.post("durar", "support", "gone")["id"]
    sandbox.delete("durar", gone)
    for post_id in (new_id(), "../users/me", None, gone):
        refused(web.post(payload(post_id=post_id)), 500, "Failed to validate interaction")


def test_a_server_that_does_not_answer(web, payload, sandbox, monkeypatch):
    monkeypatch.setattr(clicks, "LOOK_SECONDS", 0.2)
    sandbox.fault("hang", method="GET", path="^/posts/")
    refused(web.post(payload()), 500, "Failed to validate interaction")
    sandbox.clear_faults()


def test_a_post_of_another_channel(web, payload, sandbox):
    elsewhere = sandbox.channel_id("incidents")
    context = signed({"action_id": "yes"}, sandbox.token("durar"))
    refused(web.post(payload(context, channel_id=elsewhere)), 403, "Post/channel mismatch")


def test_a_post_without_buttons(web, payload, sandbox):
    plain = sandbox.post("durar", "support", "no buttons")["id"]
    refused(web.post(payload(post_id=plain)), 403, "Unknown action")


def test_a_failure_to_decide(web, payload, monkeypatch):
    def fail(*_):
        raise OperationalError("database is locked")

    monkeypatch.setattr(decisions, "decision_on", fail)
    refused(web.post(payload()), 500, "Interaction authorization failed")


def test_an_account_that_is_unknown_switched_off_or_archived(web, payload, account):
    refused(web.post(payload(), account_id="nobody"), 404, "Unknown account")
    accounts.disable(account.pk, actor=audit.SYSTEM)
    refused(web.post(payload()), 404, "Unknown account")
    accounts.archive(account.pk, actor=audit.SYSTEM)
    refused(web.post(payload()), 404, "Unknown account")


def test_buttons_of_one_account_do_not_work_at_another(web, payload, sandbox):
    make_account("other", base_url=sandbox.base_url, bot_token=sandbox.token("helper"), bot_user_id="b" * 26)
    refused(web.post(payload(), account_id="other"), 403, "Invalid token")


def test_any_other_method(web):
    for method in ("GET", "PUT", "HEAD", "DELETE", "OPTIONS", "PATCH"):
        answer = requests.request(method, f"{web.base_url}/mattermost/interactions/default", timeout=30)
        assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
        assert method == "HEAD" or answer.json() == {"error": "Method Not Allowed"}
