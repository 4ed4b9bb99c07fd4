"""Slash commands: who may make them, what is refused, what the integration is sent, and what its answers do."""

import base64
import json
from urllib.parse import parse_qs

import pytest
import requests

from mattermost_bridge.sandbox.world import TEAM_ID
from tests.sandbox.ears import Ear, post_in
from tests.sandbox.integration import CommandIntegration

URL = "http://127.0.0.1:9/command"
MISSING = (404, "store.sql_command.save.get.app_error")
FORBIDDEN = (403, "api.context.permissions.app_error")
LIST = f"/commands?team_id={TEAM_ID}&custom_only=true"


@pytest.fixture
def program():
    with CommandIntegration() as program:
        yield program


def refusal(answer):
    return answer.status_code, answer.json()["id"]


def make(sandbox, who="durar", **fields):
    body = {"team_id": TEAM_ID, "trigger": "oc_status", "method": "P", "url": URL} | fields
    return sandbox.raw(who, "POST", "/commands", body)


def test_a_plain_bot_may_neither_make_nor_list_nor_see_commands(sandbox):
    command = sandbox.command("sysadmin", "tea", URL)
    assert refusal(make(sandbox)) == FORBIDDEN
    assert refusal(sandbox.raw("durar", "GET", LIST)) == FORBIDDEN
    for method in ("GET", "PUT", "DELETE"):
        assert refusal(sandbox.raw("durar", method, f"/commands/{command['id']}", {"id": command["id"]})) == MISSING


@pytest.mark.parametrize("how", ["team_admin", "role"])
def test_whom_it_is_allowed_makes_them(sandbox, how):
    sandbox.may_make_commands("durar", how)
    answer = make(sandbox, trigger="OC_Status", description="d", auto_complete=True)
    made = answer.json()
    assert answer.status_code == 201
    assert (made["trigger"], made["creator_id"], made["delete_at"]) == ("oc_status", sandbox.user_id("durar"), 0)
    assert len(made["token"]) == 26
    assert sandbox.api("durar", "GET", LIST) == [made]


def test_an_administrator_makes_a_bot_one_of_the_team(sandbox):
    path = f"/teams/{TEAM_ID}/members/{sandbox.user_id('durar')}/schemeRoles"
    roles = {"scheme_user": True, "scheme_admin": True}
    assert refusal(sandbox.raw("durar", "PUT", path, roles)) == FORBIDDEN
    with Ear(sandbox) as ear:
        assert sandbox.api("sysadmin", "PUT", path, roles) == {"status": "OK"}
        member = json.loads(ear.event("memberrole_updated")["data"]["member"])
    assert (member["user_id"], member["scheme_admin"]) == (sandbox.user_id("durar"), True)
    assert make(sandbox).status_code == 201


@pytest.mark.parametrize(
    ("fields", "error"),
    [
        ({"trigger": "/x"}, "model.command.is_valid.trigger.app_error"),
        ({"trigger": "a b"}, "model.command.is_valid.trigger.app_error"),
        ({"trigger": ""}, "model.command.is_valid.trigger.app_error"),
        ({"url": "ftp://x"}, "model.command.is_valid.url_http.app_error"),
        ({"method": "X"}, "model.command.is_valid.method.app_error"),
        ({"description": "ü" * 65}, "model.command.is_valid.description.app_error"),
        ({"trigger": "join"}, "api.command.duplicate_trigger.app_error"),
        ({"trigger": "TEA"}, "api.command.duplicate_trigger.app_error"),
    ],
)
def test_what_is_no_command_is_refused(sandbox, fields, error):
    sandbox.command("sysadmin", "tea", URL)
    sandbox.may_make_commands("durar")
    assert refusal(make(sandbox, **fields)) == (400, error)


def test_another_team_is_not_allowed_and_a_missing_one_not_understood(sandbox):
    sandbox.may_make_commands("durar")
    assert refusal(make(sandbox, team_id="x" * 26)) == FORBIDDEN
    assert sandbox.raw("durar", "GET", "/commands?custom_only=true").status_code == 400


def test_a_change_keeps_token_and_creator_and_in_5_37_may_make_a_second_command_of_one_trigger(sandbox):
    sandbox.may_make_commands("durar")
    tea, made = sandbox.command("sysadmin", "tea", URL), make(sandbox).json()
    wanted = made | {"token": "mine", "creator_id": "me", "trigger": "tea", "url": URL + "/2"}
    assert sandbox.raw("durar", "PUT", f"/commands/{made['id']}", {"team_id": TEAM_ID}).status_code == 400
    changed = sandbox.api("durar", "PUT", f"/commands/{made['id']}", wanted)
    assert (changed["token"], changed["creator_id"], changed["url"]) == (made["token"], made["creator_id"], URL + "/2")
    assert [one["trigger"] for one in sandbox.commands()] == ["tea", "tea"]
    assert {one["id"] for one in sandbox.commands()} == {tea["id"], made["id"]}


def test_newer_servers_look_for_duplicates_at_a_change_and_show_only_own_commands(sandbox):
    sandbox.settings(version="11")
    sandbox.may_make_commands("durar", "role")
    tea, made = sandbox.command("sysadmin", "tea", URL), make(sandbox).json()
    assert [one["id"] for one in sandbox.api("durar", "GET", LIST)] == [made["id"]]
    assert refusal(sandbox.raw("durar", "GET", f"/commands/{tea['id']}")) == MISSING
    assert refusal(sandbox.raw("durar", "PUT", f"/commands/{made['id']}", made | {"trigger": "tea"})) == (
        400,
        "api.command.duplicate_trigger.app_error",
    )
    assert refusal(make(sandbox, trigger="وضع")) == (400, "model.command.is_valid.trigger.app_error")


def test_a_role_does_not_let_a_bot_change_what_others_made(sandbox):
    tea = sandbox.command("sysadmin", "tea", URL)
    sandbox.may_make_commands("durar", "role")
    assert refusal(sandbox.raw("durar", "DELETE", f"/commands/{tea['id']}")) == FORBIDDEN
    sandbox.may_make_commands("durar", "team_admin")
    assert sandbox.api("durar", "DELETE", f"/commands/{tea['id']}") == {"status": "OK"}
    assert refusal(sandbox.raw("durar", "GET", f"/commands/{tea['id']}")) == MISSING


def test_a_token_can_be_replaced(sandbox):
    sandbox.may_make_commands("durar")
    made = make(sandbox).json()
    token = sandbox.api("durar", "PUT", f"/commands/{made['id']}/regen_token")["token"]
    assert token != made["token"]
    assert sandbox.api("durar", "GET", f"/commands/{made['id']}")["token"] == token


def test_the_integration_is_sent_a_form_with_the_token(sandbox, program):
    command = sandbox.command("sysadmin", "durar", program.url)
    answer = sandbox.execute("alice", "/DURAR hello  world @bob ~incidents", "incidents")
    assert (answer.status_code, len(answer.json()["trigger_id"])) == (200, 26)
    (call,) = program.calls
    form = {name: one for name, (one,) in parse_qs(call["body"], keep_blank_values=True).items()}
    trigger = base64.b64decode(form.pop("trigger_id"))
    assert trigger.startswith(f"{answer.json()['trigger_id']}:{sandbox.user_id('alice')}:1".encode())
    assert form.pop("response_url").startswith(f"{sandbox.base_url}/hooks/commands/")
    assert form == {
        "channel_id": sandbox.channel_id("incidents"),
        "channel_name": "incidents",
        "channel_mentions": "incidents",
        "channel_mentions_ids": sandbox.channel_id("incidents"),
        "command": "/durar",
        "team_domain": "sandbox",
        "team_id": TEAM_ID,
        "text": "hello  world @bob ~incidents",
        "token": command["token"],
        "user_id": sandbox.user_id("alice"),
        "user_name": "alice",
        "user_mentions": "bob",
        "user_mentions_ids": sandbox.user_id("bob"),
    }
    assert call["headers"]["Authorization"] == f"Token {command['token']}"
    assert call["headers"]["User-Agent"] == "Mattermost-Bot/1.1"
    assert call["headers"]["Content-Type"] == "application/x-www-form-urlencoded"


def test_between_two_people_the_team_is_that_of_the_client_and_only_newer_servers_name_the_thread(sandbox, program):
    sandbox.command("sysadmin", "durar", program.url)
    sandbox.execute("alice", "/durar", "alice,bob")
    root = sandbox.post("alice", "support", "root")
    sandbox.execute("alice", "/durar", "support", root_id=root["id"])
    sandbox.settings(version="11")
    sandbox.execute("alice", "/durar", "support", root_id=root["id"])
    forms = [parse_qs(call["body"], keep_blank_values=True) for call in program.calls]
    assert (forms[0]["team_id"], forms[0]["text"]) == ([TEAM_ID], [""])
    assert "__" in forms[0]["channel_name"][0]
    assert [form.get("root_id") for form in forms] == [None, None, [root["id"]]]


def test_an_ephemeral_answer_is_shown_to_who_asked_and_stored_nowhere(sandbox, program):
    sandbox.command("sysadmin", "durar", program.url, username="durar-cmd")
    program.answers({"text": "<http://x.y|Here>", "username": "other"})
    with Ear(sandbox, "alice") as alice:
        sandbox.execute("alice", "/durar", "support")
        note = post_in(alice.event("ephemeral_message"))
    assert (note["message"], note["type"], note["user_id"]) == (
        "[Here](http://x.y)",
        "system_ephemeral",
        sandbox.user_id("alice"),
    )
    assert note["props"] == {"from_webhook": "true", "override_username": "durar-cmd"}
    assert sandbox.posts("support") == []


def test_an_answer_for_all_is_a_post_of_who_asked_in_the_thread(sandbox, program):
    sandbox.command("sysadmin", "durar", program.url)
    program.answers({"response_type": "in_channel", "text": "for all"})
    root = sandbox.post("bob", "support", "root")
    sandbox.execute("alice", "/durar", "support", root_id=root["id"])
    post = sandbox.posts("support")[-1]
    assert (post["message"], post["user_id"], post["root_id"]) == ("for all", sandbox.user_id("alice"), root["id"])
    assert post["props"]["from_webhook"] == "true"


@pytest.mark.parametrize(
    ("status", "kind", "body", "error"),
    [
        (404, "application/json", b"{}", "failed_resp"),
        (201, "application/json", b"{}", "failed_resp"),
        (200, "application/json", b"", "failed"),
        (200, "application/json", b"{", "failed"),
    ],
)
def test_who_asked_sees_that_an_integration_fails(sandbox, program, status, kind, body, error):
    sandbox.command("sysadmin", "durar", program.url)
    program.status, program.kind, program.body = status, kind, body
    answer = sandbox.execute("alice", "/durar", "support")
    assert refusal(answer) == (500, f"api.command.execute_command.{error}.app_error")


def test_a_server_that_calls_no_internal_addresses_and_one_without_commands(sandbox, program):
    command = sandbox.command("sysadmin", "durar", program.url)
    sandbox.settings(internal_connections=False)
    answer = sandbox.execute("alice", "/durar", "support")
    assert refusal(answer) == (500, "api.command.execute_command.failed.app_error")
    assert program.calls == []
    sandbox.settings(internal_connections=True, enable_commands=False)
    off = (501, "api.command.disabled.app_error")
    assert refusal(sandbox.execute("alice", "/durar", "support")) == off
    assert refusal(make(sandbox, "sysadmin")) == off
    assert refusal(sandbox.raw("sysadmin", "GET", LIST)) == off
    assert refusal(sandbox.raw("sysadmin", "GET", f"/commands/{command['id']}")) == MISSING
    assert sandbox.api("alice", "GET", "/config/client?format=old")["EnableCommands"] == "false"


def test_an_integration_that_is_not_there_and_a_command_that_nobody_has(sandbox):
    sandbox.command("sysadmin", "durar", URL)
    answer = sandbox.execute("alice", "/durar", "support")
    assert refusal(answer) == (500, "api.command.execute_command.failed.app_error")
    answer = sandbox.execute("alice", "/nobody", "support")
    assert refusal(answer) == (404, "api.command.execute_command.not_found.app_error")
    assert refusal(sandbox.execute("durar", "/durar", "incidents")) == FORBIDDEN


def test_a_response_url_works_five_times_and_posts_as_who_asked(sandbox, program):
    sandbox.command("sysadmin", "durar", program.url)
    sandbox.execute("alice", "/durar", "support")
    (url,) = parse_qs(program.calls[0]["body"])["response_url"]
    with Ear(sandbox, "alice") as alice:
        assert requests.post(url, json={"text": "later"}, timeout=20).text == "ok"
        assert post_in(alice.event("ephemeral_message"))["message"] == "later"
    for number in range(4):
        answer = requests.post(url, json={"response_type": "in_channel", "text": f"n {number}"}, timeout=20)
        assert answer.ok
    assert refusal(requests.post(url, json={"text": "no"}, timeout=20)) == (
        400,
        "app.command_webhook.try_use.invalid",
    )
    assert [post["message"] for post in sandbox.posts("support")] == ["n 0", "n 1", "n 2", "n 3"]
    assert requests.post(url + "x", json={"text": "no"}, timeout=20).status_code == 404
