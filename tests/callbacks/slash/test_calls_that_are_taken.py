"""Which calls are taken: tokens, what is refused, and on which paths."""

from __future__ import annotations

import json
import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import pytest
import requests
from django.utils import timezone

from mattermost_bridge.callbacks import commands
from mattermost_bridge.config import effective
from mattermost_bridge.models import (
    Account,
    InboundEvent,
    Skill,
    SlashCommand,
    SlashRegistration,
    Tick,
    Turn,
)
from mattermost_bridge.models.fields import decrypt
from mattermost_bridge.rules.doctor_commands import CommandTrouble
from mattermost_bridge.rules.slash_payload import read_call
from mattermost_bridge.services import call_troubles, slash_commands, slash_registration, slash_teams, slash_tokens
from mattermost_bridge.services.control_commands import NEW_SESSION
from mattermost_bridge.tasks.commands import doubt_commands
from tests.bridge import make_account
from tests.callbacks.slash.calls import PATH, WRONG, form, register, rows, said


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
    # That one looks at the registration; nothing else is done.
    assert set(hints.names()) <= {slash_registration.DOUBT}


def test_wrong_tokens_start_one_look_at_the_registration_however_many_come(sandbox, bot, hints, url, monkeypatch):
    """Mattermost gave a command another token: a worker learns it soon. A stranger starts no more by many calls."""
    monkeypatch.setattr(slash_registration, "_doubted", {})
    call_troubles.forget()
    command = SlashCommand.objects.get(name="status")
    slash_teams.run(bot.pk)
    sandbox.api("sysadmin", "PUT", f"/commands/{command.command_id}/regen_token")
    strangers = form(command, sandbox, token="x" * 26) | {"command": "/zz_nothing"}
    for call in (strangers, *[form(command, sandbox, token="x" * 26)] * 3):
        assert requests.post(url, data=call, timeout=30).status_code == 401
    assert sandbox.execute("alice", "/oc_status", "support").status_code == 500
    assert list(hints.given) == [(slash_registration.DOUBT, (bot.pk,))]
    hints.lose()
    assert call_troubles.recent(bot.pk, CommandTrouble)
    assert doubt_commands(bot.pk) == "slash commands: done"
    assert not call_troubles.recent(bot.pk, CommandTrouble)
    assert "- Account:" in said(sandbox.execute("alice", "/oc_status", "support"))
    seen = len(sandbox.requests(who="durar"))
    assert doubt_commands(bot.pk) == "looked at a moment ago"
    Tick.objects.all().delete()
    SlashRegistration.objects.update(due_at=timezone.now() + timedelta(hours=1))
    assert doubt_commands(bot.pk) == "a run is due anyway"
    assert len(sandbox.requests(who="durar")) == seen


def test_a_command_is_found_by_its_token_at_the_same_cost_among_many(sandbox, bot, url, monkeypatch):
    command = SlashCommand.objects.get(name="status")
    SlashCommand.objects.bulk_create(
        SlashCommand(
            account=bot, team_id="t" * 26, trigger=f"oc_{number}", name="x", purpose="skill", command_id="c" * 26,
            token=f"{number:026}", state="registered",
        )
        for number in range(50)
    )  # fmt: skip
    decrypted: list[str] = []
    monkeypatch.setattr(slash_tokens, "decrypt", lambda stored: decrypted.append(stored) or decrypt(stored))
    call = read_call(json.dumps(form(command, sandbox)).encode(), "application/json")
    slash_tokens.authenticate(call)
    assert len(decrypted) == 1


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


def test_looking_for_paths_costs_the_same_for_any_number_of_accounts(account, django_assert_num_queries):
    for number in range(5):
        make_account(f"bot-{number}", bot_user_id=f"bot{number}", commands_callback_path=f"/hooks/{number}")
    with django_assert_num_queries(2):
        paths = slash_commands.callback_paths()
    assert {f"/hooks/{number}" for number in range(5)} < paths


@pytest.mark.parametrize(
    ("name", "texts"),
    [("new", {"This command was taken already.", NEW_SESSION}), ("summary", {"Processing..."})],
)
def test_the_same_command_twice_at_the_same_moment_is_one_event(sandbox, bot, hints, url, monkeypatch, name, texts):
    """Two processes, or two threads of one, have both seen that it is not there yet."""
    meet, take = threading.Barrier(2, timeout=20), slash_commands._take

    def together(*args: Any) -> Any:
        meet.wait()
        return take(*args)

    monkeypatch.setattr(slash_commands, "_take", together)
    call = form(SlashCommand.objects.get(name=name), sandbox, trigger_id="dHJpZ2dlcg", text="x")
    with ThreadPoolExecutor(2) as both:
        answers = list(both.map(lambda _: said(requests.post(url, data=call, timeout=30)), range(2)))
    assert set(answers) == texts
    hints.run()
    assert InboundEvent.objects.get().state == "answered"
    assert Turn.objects.count() == (name == "summary")
