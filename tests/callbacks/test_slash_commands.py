"""Slash commands that people type: which are taken, what each does, and who sees the answer."""

from __future__ import annotations

import asyncio
import json
import threading
from typing import Any

import pytest
import requests

from mattermost_bridge.callbacks import commands
from mattermost_bridge.callbacks.guard import Call
from mattermost_bridge.config import effective
from mattermost_bridge.models import (
    AccessEntry,
    Account,
    Agent,
    BlockedUser,
    ButtonSet,
    Conversation,
    Delivery,
    InboundEvent,
    PairingRequest,
    Skill,
    SlashCommand,
    SlashRegistration,
    Turn,
)
from mattermost_bridge.sandbox.client import wait_for
from tests.bridge import collected_hints, make_account
from tests.callbacks.conftest import click

PATH = "/api/channels/mattermost/command"
WRONG = {"response_type": "ephemeral", "text": "Unauthorized: invalid command token."}


def register(sandbox: Any, account: Account, url: str, *names: str, prefix: str = "oc_", who: str = "durar") -> None:
    """Have these commands as a registration leaves them."""
    sandbox.may_make_commands(who)
    SlashRegistration.objects.update_or_create(account=account, defaults={"state": "done"})
    for name in names:
        trigger = f"{prefix}{name}"
        made = sandbox.api(who, "POST", "/commands",
                           {"team_id": sandbox.team_id, "trigger": trigger, "method": "P", "url": url})  # fmt: skip
        SlashCommand.objects.create(
            account=account, team_id=sandbox.team_id, trigger=trigger, name=name, command_id=made["id"],
            purpose="skill" if Skill.objects.filter(name=name).exists() else "builtin",
            token=made["token"], callback_url=url, state="registered",
        )  # fmt: skip


@pytest.fixture
def url(web):
    return f"{web.base_url}{PATH}"


@pytest.fixture
def account(sandbox, url, hints, monkeypatch):
    """The sandbox's bot with an agent; Alice is on its lists; a quick view."""
    monkeypatch.setattr(commands, "WAIT_SECONDS", 0.3)
    agent = Agent.objects.create(slug="helper", name="Helper", backend="echo", model="small", base_url="http://m")
    account = make_account(
        base_url=sandbox.base_url, bot_token=sandbox.token("durar"), bot_user_id=sandbox.user_id("durar"),
        group_policy="allowlist", dm_policy="pairing", agent=agent, name="Operations", commands_native="on",
        commands_native_skills="on", commands_callback_url=url, interactions_callback_base_url=url.removesuffix(PATH),
    )  # fmt: skip
    for names in ("group", "dm"):
        AccessEntry.objects.create(account=account, list=names, value=sandbox.user_id("alice"))
    Account.objects.filter(pk=account.pk).update(own_allow_from=True, own_group_allow_from=True)
    effective.bump_version()
    return account


@pytest.fixture
def bot(sandbox, account, url):
    """The account with all built-in commands and a skill."""
    Skill.objects.create(name="summary", prompt="Sum up: {args}")
    register(sandbox, account, url, "status", "model", "models", "new", "help", "think", "reasoning", "verbose",
             "queue", "stop", "summary")  # fmt: skip
    return account


def said(response: requests.Response) -> str:
    """What whoever typed a command sees of its answer."""
    assert response.status_code == 200, response.text
    return str(response.json().get("text") or "")


def rows() -> list[Any]:
    """Everything that a refused call must not change."""
    tables = (InboundEvent, Turn, Delivery, Conversation, PairingRequest, SlashCommand, SlashRegistration)
    return [sorted(map(str, table.objects.values_list())) for table in tables]


def form(command: SlashCommand, sandbox: Any, **changes: Any) -> dict[str, Any]:
    """A call as Mattermost makes it."""
    return {
        "token": command.token, "team_id": command.team_id, "command": f"/{command.trigger}", "text": "",
        "channel_id": sandbox.channel_id("support"), "channel_name": "support", "user_id": sandbox.user_id("alice"),
        "user_name": "alice", **changes,
    }  # fmt: skip


# What does not need the agent


@pytest.mark.parametrize("version", ["5.37", "11"])
def test_status_is_answered_at_once_and_only_to_the_asker(sandbox, bot, hints, version):
    sandbox.settings(version=version)
    text = said(sandbox.execute("alice", "/oc_status", "support"))
    assert "- Account: Operations (default)\n- Agent: Helper\n- Model: small\n- Last turn here: none yet" in text
    assert "- Session: agent:" in text
    assert not Delivery.objects.exists()
    assert not hints.given
    event = InboundEvent.objects.get()
    assert (event.kind, event.state, event.outcome, event.username) == ("command", "answered", "admitted", "alice")
    assert event.payload["answer"] == text
    assert SlashCommand.objects.get(name="status").last_used_at is not None


def test_help_names_the_commands_under_the_accounts_prefix_and_its_skills(sandbox, bot):
    text = said(sandbox.execute("alice", "/oc_help", "support"))
    for line in ("`/oc_status`", "`/oc_think [off|low|medium|high]`", "`/oc_summary [args]`"):
        assert line in text


def test_a_new_session_begins_after_the_command(sandbox, bot, hints):
    assert "A new session begins here" in said(sandbox.execute("alice", "/oc_new", "support"))
    assert Conversation.objects.get().fresh_since == InboundEvent.objects.get().create_at > 0


def test_what_waits_is_dropped_by_stop(sandbox, bot, hints):
    said(sandbox.execute("alice", "/oc_status", "support"))
    said(sandbox.execute("alice", "/oc_summary one", "support"))
    waiting = InboundEvent.objects.get(state="new")
    changes = {"state": "decided", "outcome": "admitted", "conversation": Conversation.objects.get()}
    InboundEvent.objects.filter(pk=waiting.pk).update(**changes)
    assert said(sandbox.execute("alice", "/oc_stop", "support")) == "1 message that waited is dropped."
    waiting.refresh_from_db()
    assert waiting.reason == "stopped"
    hints.run()
    assert not Delivery.objects.exists()
    assert said(sandbox.execute("alice", "/oc_stop", "support")) == "There is nothing to stop here."


def test_a_running_answer_is_stopped(sandbox, bot, hints):
    said(sandbox.execute("alice", "/oc_status", "support"))
    conversation = Conversation.objects.get()
    turn = Turn.objects.create(conversation=conversation, state="running", trigger_at=1)
    assert said(sandbox.execute("alice", "/oc_stop", "support")) == "Stopped."
    turn.refresh_from_db()
    assert turn.state == "cancelled"
    fence = conversation.fence
    conversation.refresh_from_db()
    assert (conversation.fence, conversation.lease_until) == (fence + 1, None)


@pytest.mark.parametrize(
    ("line", "key", "value"),
    [
        ("/oc_think high", "think", "high"),
        ("/oc_reasoning ON", "reasoning", "on"),
        ("/oc_verbose on", "verbose", "on"),
        ("/oc_queue collect", "queue", "collect"),
    ],
)
def test_an_option_is_set_shown_and_refused(sandbox, bot, line, key, value):
    assert f"is {value} in this session from now on" in said(sandbox.execute("alice", line, "support"))
    assert Conversation.objects.get().options == {key: value}
    word = line.partition(" ")[0]
    assert f"is {value} in this session" in said(sandbox.execute("alice", word, "support"))
    assert "is no choice here" in said(sandbox.execute("alice", f"{word} sideways", "support"))
    assert f": {value}" in said(sandbox.execute("alice", "/oc_status", "support"))


def test_a_model_is_shown_chosen_and_given_back(sandbox, bot):
    Agent.objects.create(slug="other", backend="echo", model="Large", base_url="http://m")
    Agent.objects.create(slug="elsewhere", backend="echo", model="secret", base_url="http://n")
    assert said(sandbox.execute("alice", "/oc_model", "support")).startswith("Current: small")
    assert said(sandbox.execute("alice", "/oc_model large", "support")) == "This session uses Large from now on."
    assert "Model of this session: Large" in said(sandbox.execute("alice", "/oc_status", "support"))
    refused = said(sandbox.execute("alice", "/oc_model secret", "support"))
    assert "not available" in refused
    assert "`Large` [current]" in refused
    assert "own model again" in said(sandbox.execute("alice", "/oc_model default", "support"))
    assert Conversation.objects.get().options == {}


def test_the_picker_is_for_its_opener_only_and_chooses(sandbox, bot, hints):
    AccessEntry.objects.create(account=bot, list="group", value=sandbox.user_id("bob"))
    effective.bump_version()
    Agent.objects.create(slug="other", backend="echo", model="large", base_url="http://m")
    assert said(sandbox.execute("alice", "/oc_models", "support")) == ""
    hints.run()
    post = sandbox.posts("support")[-1]
    actions = post["props"]["attachments"][0]["actions"]
    assert [one["name"] for one in actions] == ["large", "small [current]"]
    click(sandbox, post, actions[0]["id"], who="bob")
    assert Conversation.objects.get().options == {}
    assert click(sandbox, post, actions[0]["id"]).status_code == 200
    assert Conversation.objects.get().options == {"model": "large"}
    hints.run()
    seen = sandbox.posts("support")[-1]
    assert seen["props"]["attachments"] == [{"text": "This session uses large from now on."}]
    assert not Turn.objects.exists()
    assert ButtonSet.objects.get().used_at is not None


# Skills


def test_a_skill_is_asked_of_the_agent_and_answered_by_the_bot_where_it_was_typed(sandbox, bot, hints):
    assert said(sandbox.execute("alice", "/oc_summary  two  words ", "support")) == "Processing..."
    assert InboundEvent.objects.get().state == "new"
    hints.run()
    post = sandbox.posts("support")[-1]
    assert post["user_id"] == sandbox.user_id("durar")
    assert "Sum up: two  words" in post["message"]
    assert Turn.objects.get().question == "Sum up: two  words"
    assert post["root_id"] == ""


def test_a_skill_in_a_thread_is_answered_there_where_the_server_tells_of_it(sandbox, bot, hints):
    sandbox.settings(version="11")
    root = sandbox.post("bob", "support", "a thread")["id"]
    sandbox.execute("alice", "/oc_summary this", "support", root_id=root)
    hints.run()
    assert sandbox.posts("support")[-1]["root_id"] == root


def test_processing_is_not_said_when_the_first_part_came_in_time(sandbox, bot, hints, monkeypatch):
    monkeypatch.setattr(commands, "WAIT_SECONDS", 20.0)
    answers: list[requests.Response] = []
    asker = threading.Thread(target=lambda: answers.append(sandbox.execute("alice", "/oc_summary x", "support")))
    asker.start()
    wait_for(lambda: bool(hints.given), what="the command in the inbox")
    hints.run()
    asker.join(20)
    assert said(answers[0]) == ""
    assert "Sum up: x" in sandbox.posts("support")[-1]["message"]


def test_between_two_people_the_answer_goes_only_to_the_asker(sandbox, bot, hints):
    between = "alice,bob"
    before = len(sandbox.posts(between))
    assert said(sandbox.execute("alice", "/oc_summary this", between)) == "Processing..."
    hints.run()
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.post_id) == ("sent", "")
    assert "Sum up: this" in delivery.text
    assert len(sandbox.posts(between)) == before
    hooks = [call for call in sandbox.requests(path="hooks/commands")]
    assert len(hooks) <= 1


def test_an_answer_through_a_response_address_is_never_sent_twice(sandbox, bot, hints):
    said(sandbox.execute("alice", "/oc_summary this", "alice,bob"))
    name, args = hints.given.popleft()
    with collected_hints() as later:
        from tests.bridge import TASKS

        TASKS[name](*args)
    assert "durar.deliveries.drain" in later.names()
    Delivery.objects.update(unclear=True)
    later_names = [one for one in later.given]
    for one, arguments in later_names:
        TASKS[one](*arguments)
    delivery = Delivery.objects.get()
    assert delivery.state == "dead"
    assert "Nobody knows whether this answer was shown" in delivery.error


def test_a_response_address_of_another_host_is_not_used(sandbox, bot, hints, url):
    command = SlashCommand.objects.get(name="summary")
    people = "__".join(sorted([sandbox.user_id("alice"), sandbox.user_id("bob")]))
    for there in ("http://127.0.0.1:9/hooks/commands/abc", "https://evil.example/hooks/commands/abc", ""):
        call = form(command, sandbox, channel_name=people, response_url=there, trigger_id=f"x{there}")
        assert "The bot is not in this channel" in said(requests.post(url, data=call, timeout=30))
    hints.run()
    assert not Delivery.objects.exists()


def test_in_a_private_channel_without_the_bot_only_the_asker_sees_the_answer(sandbox, bot, hints):
    fields = {"team_id": sandbox.team_id, "name": "plans", "display_name": "Plans", "type": "P"}
    made = sandbox.api("alice", "POST", "/channels", fields)
    assert "- Account:" in said(sandbox.execute("alice", "/oc_status", made["id"]))
    assert said(sandbox.execute("alice", "/oc_models", made["id"])).startswith("Models of Helper:")
    assert said(sandbox.execute("alice", "/oc_summary this", made["id"])) == "Processing..."
    hints.run()
    assert Delivery.objects.get().state == "sent"
    assert sandbox.posts(made["id"]) == []
    assert set(InboundEvent.objects.values_list("channel_type", flat=True)) == {"P"}


def test_another_process_after_a_restart_takes_the_same_commands(sandbox, bot, url):
    """Nothing is kept in memory: a callback that was made just now knows every token, and refuses the same."""
    command = SlashCommand.objects.get(name="status")
    right, wrong = form(command, sandbox, trigger_id="one"), form(command, sandbox, trigger_id="two", token="x" * 26)
    for callback in (commands.SlashCommands(), commands.SlashCommands()):
        for payload, status in ((right, 200), (wrong, 401)):
            call = Call("POST", PATH, {"content-type": "application/json"})
            answer = asyncio.run(callback.answer(call, json.dumps(payload).encode()))
            assert answer.status == status
    assert InboundEvent.objects.count() == 1


# Who may


@pytest.mark.parametrize(
    ("changes", "blocked", "answer", "reason"),
    [
        ({"group_policy": "disabled"}, False, "Slash commands are disabled in channels.", "group_disabled"),
        ({}, False, "Unauthorized.", "group_not_listed"),
        ({"group_policy": "open"}, False, "Unauthorized.", "command_refused"),
        ({"group_policy": "open"}, True, "", "blocked"),
    ],
)
def test_in_channels_the_rules_of_a_message_hold(sandbox, bot, hints, changes, blocked, answer, reason):
    Account.objects.update(**changes)
    if blocked:
        BlockedUser.objects.create(account=bot, user_id=sandbox.user_id("bob"))
    effective.bump_version()
    assert said(sandbox.execute("bob", "/oc_status", "support")) == answer
    event = InboundEvent.objects.get()
    assert (event.reason, event.state) == (reason, "decided")
    assert not hints.given
    assert not Conversation.objects.exists()


def test_an_empty_list_says_so(sandbox, bot):
    AccessEntry.objects.all().delete()
    effective.bump_version()
    expected = "Slash commands are not configured for this channel (no allowlist)."
    assert said(sandbox.execute("alice", "/oc_status", "support")) == expected


def test_in_an_open_channel_everybody_may_use_a_skill(sandbox, bot, hints):
    Account.objects.update(group_policy="open")
    effective.bump_version()
    assert said(sandbox.execute("bob", "/oc_summary x", "support")) == "Processing..."
    hints.run()
    assert InboundEvent.objects.get().reason == "admitted_slash"


def test_in_a_direct_message_a_stranger_reads_the_code_each_time_and_is_admitted_once_approved(sandbox, bot, hints):
    texts = [said(sandbox.execute("bob", "/oc_status", "bob,durar")) for _ in range(2)]
    request = PairingRequest.objects.get()
    assert request.code in texts[0]
    assert texts[0] == texts[1]
    hints.run()
    assert not Delivery.objects.exists()
    assert set(InboundEvent.objects.values_list("outcome", flat=True)) == {"challenged"}
    AccessEntry.objects.create(account=bot, list="dm", source="pairing", value=sandbox.user_id("bob"))
    effective.bump_version()
    assert "- Account:" in said(sandbox.execute("bob", "/oc_status", "bob,durar"))


def test_direct_messages_that_are_off_say_so(sandbox, bot):
    Account.objects.update(dm_policy="disabled")
    effective.bump_version()
    expected = "This bot is not accepting direct messages."
    assert said(sandbox.execute("alice", "/oc_status", "alice,durar")) == expected


def test_a_channel_that_nobody_can_tell_is_a_temporary_error_and_no_row_changes(sandbox, bot, url):
    sandbox.fault("answer", method="GET", path="^/channels/", status=500)
    before = rows()
    answer = said(requests.post(url, data=form(SlashCommand.objects.get(name="status"), sandbox), timeout=30))
    assert answer == "Temporary error: unable to determine channel type. Please try again."
    assert rows() == before


# Which calls are taken


def _no_token(call: dict[str, Any], command: SlashCommand, sandbox: Any) -> None:
    del call["token"]


def _wrong(call: dict[str, Any], command: SlashCommand, sandbox: Any) -> None:
    call["token"] = "x" * 26


def _of_another_trigger(call: dict[str, Any], command: SlashCommand, sandbox: Any) -> None:
    call["token"] = SlashCommand.objects.get(name="new", account=command.account).token


def _of_another_team(call: dict[str, Any], command: SlashCommand, sandbox: Any) -> None:
    call["team_id"] = "t" * 26


def _of_another_account(call: dict[str, Any], command: SlashCommand, sandbox: Any) -> None:
    other = make_account("other", base_url=sandbox.base_url, bot_token="o" * 26, commands_native="on")
    SlashRegistration.objects.create(account=other, state="done")
    SlashCommand.objects.create(account=other, team_id=command.team_id, trigger="zz_status", name="status",
                                purpose="builtin", command_id="c" * 26, token="f" * 26, state="registered")  # fmt: skip
    call["token"] = "f" * 26


def _rotated(call: dict[str, Any], command: SlashCommand, sandbox: Any) -> None:
    command.token = "n" * 26
    command.save()


def _deleted(call: dict[str, Any], command: SlashCommand, sandbox: Any) -> None:
    command.delete()


def _to_be_removed(call: dict[str, Any], command: SlashCommand, sandbox: Any) -> None:
    SlashCommand.objects.filter(pk=command.pk).update(state="removing")


def _never_made(call: dict[str, Any], command: SlashCommand, sandbox: Any) -> None:
    SlashCommand.objects.filter(pk=command.pk).update(command_id="")


def _empty(call: dict[str, Any], command: SlashCommand, sandbox: Any) -> None:
    SlashCommand.objects.filter(pk=command.pk).update(token="")
    call["token"] = " "


def _stale_address(call: dict[str, Any], command: SlashCommand, sandbox: Any) -> None:
    SlashCommand.objects.filter(pk=command.pk).update(callback_url="http://elsewhere/x")


def _no_registration(call: dict[str, Any], command: SlashCommand, sandbox: Any) -> None:
    SlashRegistration.objects.all().delete()


def _other_prefix(call: dict[str, Any], command: SlashCommand, sandbox: Any) -> None:
    Account.objects.filter(pk=command.account_id).update(commands_prefix="zz_")
    effective.bump_version()


def _switched_off(call: dict[str, Any], command: SlashCommand, sandbox: Any) -> None:
    Account.objects.filter(pk=command.account_id).update(commands_native="off")
    effective.bump_version()


def _unreadable_token(call: dict[str, Any], command: SlashCommand, sandbox: Any) -> None:
    from django.db import connection

    with connection.cursor() as cursor:
        cursor.execute("UPDATE mattermost_bridge_slashcommand SET token = 'v1:x' WHERE id = %s", [command.pk])


@pytest.mark.parametrize(
    "spoil",
    [
        _no_token, _wrong, _of_another_trigger, _of_another_team, _of_another_account, _rotated, _deleted,
        _to_be_removed, _never_made, _empty, _stale_address, _no_registration, _other_prefix, _switched_off,
        _unreadable_token,
    ],
)  # fmt: skip
def test_a_token_that_does_not_belong_here_is_refused_and_no_row_changes(sandbox, account, hints, url, spoil):
    register(sandbox, account, url, "status", "new")
    command = SlashCommand.objects.get(name="status")
    call = form(command, sandbox)
    spoil(call, command, sandbox)
    before = [row for row in rows()] if spoil is not _unreadable_token else None
    for body in ({"data": call}, {"json": call}):
        answer = requests.post(url, timeout=30, **body)
        assert (answer.status_code, answer.json()) == (401, WRONG)
    assert before is None or rows() == before
    assert not InboundEvent.objects.exists()
    assert not hints.given


def test_two_accounts_with_one_token_are_refused(sandbox, bot, url):
    command = SlashCommand.objects.get(name="status")
    other = make_account("other", base_url=sandbox.base_url, bot_token="o" * 26, commands_native="on")
    SlashRegistration.objects.create(account=other, state="done")
    SlashCommand.objects.create(account=other, team_id="t" * 26, trigger="zz_new", name="new", purpose="builtin",
                                command_id="c" * 26, token=command.token, state="registered")  # fmt: skip
    before = rows()
    answer = requests.post(url, data=form(command, sandbox), timeout=30)
    expected = "Conflict: command token is not unique across accounts."
    assert (answer.status_code, answer.json()["text"]) == (409, expected)
    assert rows() == before


def test_a_skill_that_is_gone_is_not_taken(sandbox, bot, url):
    call = form(SlashCommand.objects.get(name="summary"), sandbox)
    Skill.objects.update(enabled=False)
    assert requests.post(url, data=call, timeout=30).status_code == 401


def test_a_call_that_comes_twice_is_taken_once(sandbox, bot, hints, url):
    call = form(SlashCommand.objects.get(name="summary"), sandbox, trigger_id="dHJpZ2dlcg", text="x")
    texts = [said(requests.post(url, data=call, timeout=30)) for _ in range(2)]
    assert texts == ["Processing...", "This command was taken already."]
    hints.run()
    assert Turn.objects.count() == 1


def test_a_command_waits_for_an_agent_and_says_so(sandbox, bot, hints):
    Account.objects.update(agent=None)
    effective.bump_version()
    text = said(sandbox.execute("alice", "/oc_summary x", "support"))
    assert text == "No agent answers here yet. Your command waits, and is answered once there is one."
    hints.run()
    assert InboundEvent.objects.get().state == "waiting"


# HTTP


def test_nothing_is_taken_before_commands_are_registered(account, url):
    answer = requests.post(url, data={}, timeout=30)
    expected = "Slash commands are not yet initialized. Please try again in a moment."
    assert (answer.status_code, answer.json()) == (503, {"response_type": "ephemeral", "text": expected})


def test_get_is_answered_405_always(url, account):
    for method in ("GET", "PUT", "HEAD"):
        answer = requests.request(method, url, timeout=30)
        assert (answer.status_code, answer.headers["Allow"]) == (405, "POST")
    assert requests.get(url, timeout=30).text == "Method Not Allowed"


def test_what_is_too_large_or_unreadable_is_refused(sandbox, bot, url):
    large = requests.post(url, data=b"x" * (64 * 1024 + 1), timeout=30)
    assert (large.status_code, large.text) == (413, "Payload Too Large")
    for body in (b"", b"token=x", json.dumps({"token": "x"}).encode()):
        answer = requests.post(url, data=body, timeout=30)
        assert (answer.status_code, answer.text) == (400, "Invalid slash command payload.")
    assert not InboundEvent.objects.exists()


def test_a_body_that_does_not_come_is_not_waited_for(bot, web, monkeypatch):
    import socket

    monkeypatch.setattr(commands.SlashCommands, "body_seconds", 0.2)
    with socket.create_connection(("127.0.0.1", web.port), timeout=30) as line:
        line.sendall(f"POST {PATH} HTTP/1.1\r\nHost: x\r\nContent-Length: 10\r\n\r\nto".encode())
        answer = line.recv(4096).decode()
    assert " 408 " in answer.splitlines()[0]
    assert answer.endswith("Request body timeout") or "content-length: 20" in answer.lower()


def test_every_configured_path_is_the_endpoint(sandbox, account, web, monkeypatch):
    monkeypatch.setattr(commands, "PATHS_AGE", 0.0)
    Account.objects.update(commands_callback_path="hooks/mm", commands_callback_url="https://gw.example.com/x/y")
    effective.bump_version()
    assert requests.get(f"{web.base_url}/hooks/mm", timeout=30).status_code == 405
    assert requests.get(f"{web.base_url}/x/y", timeout=30).status_code == 405
    assert requests.get(f"{web.base_url}/x", timeout=30).status_code == 418
    Account.objects.update(commands_callback_path="/", commands_callback_url="https://gw.example.com/")
    effective.bump_version()
    assert requests.get(f"{web.base_url}/", timeout=30).status_code == 418
