"""A call is taken only while Mattermost has its command as we know it; who replaces a token there shuts the door."""

from __future__ import annotations

import threading
from collections.abc import Callable
from concurrent.futures import Future, ThreadPoolExecutor
from typing import Any

import pytest
import requests

from mattermost_bridge.config.effective import settings_for
from mattermost_bridge.mattermost.commands import CommandCalls
from mattermost_bridge.mattermost.types import Command
from mattermost_bridge.models import SlashCommand
from mattermost_bridge.rules.slash_payload import UNCONFIRMED
from mattermost_bridge.services import slash_registration, slash_upstream
from tests.callbacks.slash.calls import WRONG, form, rows, said


def _replace_token(sandbox: Any, command: SlashCommand) -> None:
    sandbox.api("sysadmin", "PUT", f"/commands/{command.command_id}/regen_token")


def _remove(sandbox: Any, command: SlashCommand) -> None:
    sandbox.api("sysadmin", "DELETE", f"/commands/{command.command_id}")


def _change(**changed: str) -> Callable[[Any, SlashCommand], None]:
    def change(sandbox: Any, command: SlashCommand) -> None:
        there = sandbox.api("sysadmin", "GET", f"/commands/{command.command_id}")
        sandbox.api("sysadmin", "PUT", f"/commands/{command.command_id}", there | changed)

    return change


def _may_not_look(sandbox: Any, command: SlashCommand) -> None:
    sandbox.may_make_commands("durar", "")


@pytest.mark.parametrize(
    "happens",
    [
        _replace_token,
        _remove,
        _change(url="http://elsewhere.example.com/command"),
        _change(trigger="oc_other"),
        _change(method="G"),
        _may_not_look,
    ],
    ids=["token replaced", "removed", "other address", "other trigger", "by GET", "permission withdrawn"],
)
def test_what_changed_in_mattermost_holds_at_once_though_nobody_told_durar(
    sandbox, bot, hints, url, monkeypatch, happens
):
    monkeypatch.setattr(slash_registration, "_doubted", {})
    command = SlashCommand.objects.get(name="new")
    call = form(command, sandbox)
    assert "new" in said(requests.post(url, data=call, timeout=30)).lower()
    happens(sandbox, command)
    before = rows()
    answer = requests.post(url, data=call, timeout=30)
    assert (answer.status_code, answer.json()) == (401, WRONG)
    assert rows() == before
    assert list(hints.given) == [(slash_registration.DOUBT, (bot.pk,))]


def test_what_the_server_does_not_confirm_is_not_taken(sandbox, bot, hints, url):
    call = form(SlashCommand.objects.get(name="new"), sandbox)
    before = rows()
    sandbox.fault("answer", method="GET", path="^/commands/", status=500, times=None)
    answer = requests.post(url, data=call, timeout=30)
    assert (answer.status_code, answer.json()["text"]) == (401, UNCONFIRMED)
    assert rows() == before
    sandbox.clear_faults()
    assert requests.post(url, data=call, timeout=30).status_code == 200


def test_a_server_that_sends_half_a_character_is_refused_like_any_other(sandbox, bot, hints, url, monkeypatch):
    command = SlashCommand.objects.get(name="new")
    there = Command(id=command.command_id, token="\ud800")
    monkeypatch.setattr(CommandCalls, "command", lambda client, command_id: there)
    answer = requests.post(url, data=form(command, sandbox), timeout=30)
    assert (answer.status_code, answer.json()) == (401, WRONG)


def test_a_stranger_with_a_wrong_token_sets_off_no_question(sandbox, bot, hints, url):
    call = form(SlashCommand.objects.get(name="new"), sandbox, token="x" * 26)
    seen = len(sandbox.requests(who="durar"))
    assert requests.post(url, data=call, timeout=30).status_code == 401
    assert len(sandbox.requests(who="durar")) == seen


def test_calls_of_one_command_at_one_moment_ask_once(bot, monkeypatch):
    command = SlashCommand.objects.get(name="new")
    asked, go = [], threading.Event()
    joined = threading.Semaphore(0)

    class Seen(Future):
        def result(self, timeout=None):
            joined.release()
            return super().result(timeout)

    def slow(client, command_id):
        asked.append(command_id)
        assert go.wait(20)
        return f"what the server has of {command_id}"

    monkeypatch.setattr(slash_upstream, "Future", Seen)
    monkeypatch.setattr(CommandCalls, "command", slow)
    account = settings_for(bot.pk)
    with ThreadPoolExecutor(5) as pool:
        calls = [pool.submit(slash_upstream._command, account, command.command_id) for _ in range(5)]
        for _ in range(4):
            assert joined.acquire(timeout=20)
        go.set()
        assert {call.result(20) for call in calls} == {f"what the server has of {command.command_id}"}
    assert asked == [command.command_id]
    assert slash_upstream._asking == {}
