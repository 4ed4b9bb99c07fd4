"""Durar has the server call it, and says by what comes in whether it is reached. The server is the sandbox."""

from __future__ import annotations

from typing import Any

import pytest
import requests
from django.utils import timezone

from mattermost_bridge.config import effective
from mattermost_bridge.mattermost.errors import MattermostError
from mattermost_bridge.mattermost.rest import MattermostClient
from mattermost_bridge.models import (
    Account,
    AuditEntry,
    ButtonSet,
    InboundEvent,
    SharedValue,
    SlashCommand,
    SlashRegistration,
)
from mattermost_bridge.rules.doctor import Level
from mattermost_bridge.rules.doctor_reachability import Kind, Result, Why
from mattermost_bridge.rules.slash_payload import SlashCall
from mattermost_bridge.services import audit, buttons, diagnosis, probes, reachability, slash_registration
from mattermost_bridge.services.errors import Refused
from mattermost_bridge.tasks.commands import remove_trials
from tests.bridge import make_account
from tests.callbacks.conftest import click, signed
from tests.callbacks.slash.calls import PATH, form, register
from tests.sandbox.integration import Integration


@pytest.fixture(autouse=True)
def _quick(monkeypatch):
    monkeypatch.setattr(reachability, "WAIT_SECONDS", 0.3)


@pytest.fixture
def account(sandbox, account, web):
    """The sandbox's bot with one command, and its callbacks served by this process."""
    url = f"{web.base_url}{PATH}"
    Account.objects.filter(pk=account.pk).update(commands_native="on", commands_callback_url=url)
    effective.bump_version()
    register(sandbox, account, url, "status")
    return account


def change(account: Account, **values: Any) -> None:
    Account.objects.filter(pk=account.pk).update(**values)
    effective.bump_version()


def prove(account: Account) -> dict[str, str]:
    """Why, by kind; and nothing of it is in the inbox or in Mattermost afterwards."""
    found = {str(one.kind): str(one.why) for one in reachability.prove(account.pk)}
    assert InboundEvent.objects.count() == ButtonSet.objects.count() == 0
    return found


def posts(sandbox: Any) -> list[dict[str, Any]]:
    return list(sandbox.posts("durar,durar"))


def move(sandbox: Any, account: Account, base: str) -> None:
    """Have Mattermost call elsewhere, for both."""
    url = f"{base}{PATH}"
    change(account, commands_callback_url=url, interactions_callback_base_url=base)
    SlashCommand.objects.update(callback_url=url)
    row = SlashCommand.objects.get()
    body = {"id": row.command_id, "team_id": row.team_id, "trigger": row.trigger, "method": "P", "url": url}
    sandbox.api("durar", "PUT", f"/commands/{row.command_id}", body)


BOTH = {"commands": "arrived", "buttons": "arrived"}


@pytest.mark.parametrize("version", ["5.37", "11"])
def test_both_arrive_and_leave_nothing_behind(sandbox, account, version):
    sandbox.settings(version=version)
    assert prove(account) == BOTH
    assert posts(sandbox) == []
    assert SlashCommand.objects.get().last_used_at is None
    # What is remembered is how it ended, and no mark.
    assert sorted(SharedValue.objects.values_list("key", flat=True)) == [
        f":1:probe-last-{account.pk}-buttons", f":1:probe-last-{account.pk}-commands"
    ]  # fmt: skip
    assert probes.is_proven(account.pk, Kind.BUTTONS, buttons.callback_url(effective.settings_for(account.pk)))


def test_a_run_by_an_operator_is_on_the_audit_log(account):
    reachability.prove(account.pk, actor=audit.Actor("alice", "panel"))
    entry = AuditEntry.objects.get()
    assert (entry.verb, entry.actor_name, entry.account_id) == ("account.prove_reachability", "alice", account.pk)
    assert entry.details == BOTH
    assert "slash commands reach this Durar" in entry.summary


def test_a_wrong_path_and_an_address_where_nobody_is(sandbox, account, web):
    with Integration(status=404) as other:
        other.take = lambda sent, headers: None  # type: ignore[method-assign]
        move(sandbox, account, other.url.removesuffix("/clicked"))
        results = reachability.prove(account.pk)
    # Of a click Mattermost does not tell what was answered.
    assert [(one.why, one.detail) for one in results] == [(Why.OTHER_STATUS, "404 Not Found"), (Why.NOT_CALLED, "")]
    move(sandbox, account, "http://127.0.0.1:9")
    assert prove(account) == {"commands": "not_called", "buttons": "not_called"}
    assert posts(sandbox) == []
    assert not probes.is_proven(account.pk, Kind.COMMANDS, f"http://127.0.0.1:9{PATH}")


def test_somebody_else_who_answers(sandbox, account):
    with Integration() as other:
        other.take = lambda sent, headers: None  # type: ignore[method-assign]
        move(sandbox, account, other.url.removesuffix("/clicked"))
        assert prove(account) == {"commands": "elsewhere", "buttons": "elsewhere"}


def test_a_server_whose_integrations_are_off(sandbox, account):
    sandbox.settings(internal_connections=False)
    assert prove(account) == {"commands": "not_called", "buttons": "not_called"}
    sandbox.settings(internal_connections=True, enable_commands=False)
    assert prove(account) == {"commands": "switched_off", "buttons": "arrived"}


@pytest.mark.parametrize(
    ("fault", "expected"),
    [
        ({"path": "^/commands/execute$", "status": 403}, {**BOTH, "commands": "forbidden"}),
        ({"path": "^/posts/.*/actions/", "status": 403}, {**BOTH, "buttons": "forbidden"}),
        ({"path": "^/posts$", "status": 403}, {**BOTH, "buttons": "forbidden"}),
        ({"path": "^/posts$", "status": 500}, {**BOTH, "buttons": "trouble"}),
        ({"path": "^/channels/direct$", "status": 500}, {"commands": "trouble", "buttons": "trouble"}),
    ],
)
def test_what_the_server_refuses_to_the_bot(sandbox, account, fault, expected):
    sandbox.fault("answer", error_id="api.context.permissions.app_error", who="durar", **fault)
    assert prove(account) == expected
    assert prove(account) == BOTH


def test_what_mattermost_has_not_any_more(sandbox, account):
    sandbox.api("durar", "DELETE", f"/commands/{SlashCommand.objects.get().command_id}")
    assert prove(account)["commands"] == "gone"
    SlashCommand.objects.update(state="refused", command_id="", error="Not permitted.")
    SlashRegistration.objects.update(error="@durar may not manage slash commands.")
    assert reachability.prove(account.pk)[0] == Result(
        Kind.COMMANDS,
        Why.NOT_REGISTERED,
        slash_registration.callback_url_of(effective.settings_for(account.pk)),
        "@durar may not manage slash commands.",
    )


def test_a_stale_token_is_named_by_its_status(account):
    SlashCommand.objects.update(token="n" * 26, token_digest="")
    result = reachability.prove(account.pk)[0]
    assert (result.why, result.detail) == (Why.OTHER_STATUS, "401 Unauthorized")


def test_clicks_that_come_from_where_none_are_taken(account):
    change(account, interactions_allowed_source_ips=["192.0.2.7"])
    result = reachability.prove(account.pk)[1]
    assert (result.why, result.detail) == (Why.SOURCE_REFUSED, "127.0.0.1")


def test_a_call_that_came_and_whose_answer_got_lost(sandbox, account):
    sandbox.fault("lose", path="^/commands/execute$")
    assert prove(account)["commands"] == "answer_lost"


def test_a_server_that_waits_too_long(sandbox, account, monkeypatch):
    monkeypatch.setattr(reachability, "CALL_SECONDS", 0.5)
    held = sandbox.fault("hang", path="^/commands/execute$", who="durar")
    assert prove(account)["commands"] == "too_slow"
    sandbox.release(held, complete=False)


def test_commands_that_are_off_are_not_tried_and_an_account_that_is_off_is_refused(account):
    change(account, commands_native="off")
    assert prove(account) == {"buttons": "arrived"}
    change(account, enabled=False)
    with pytest.raises(Refused, match="switched off"):
        reachability.prove(account.pk)


def test_two_trials_of_one_account_take_turns(account):
    assert probes.claim(account.pk)
    assert prove(account) == {"commands": "busy", "buttons": "busy"}
    probes.release(account.pk)
    assert prove(account) == BOTH


def test_doctor_has_it_proved_and_drops_what_it_disproves(account):
    change(account, capabilities=["inlineButtons"], own_group_allow_from=True)
    suspected = {one.id for one in diagnosis.of_account(account.pk)}
    assert {"buttons.settings_hidden", "commands.settings_hidden"} <= suspected
    assert not any(one.startswith("reachability") for one in suspected)
    for prove in (True, False):  # the second time it is remembered
        found = {one.id: one.level for one in diagnosis.of_account(account.pk, prove=prove)}
        assert not {"buttons.settings_hidden", "commands.settings_hidden"} & found.keys()
        assert (found.get("reachability.commands") is Level.FINE) is prove


# A trial that is cut off


def test_a_post_that_was_left_is_removed_by_the_next_trial_or_at_night(sandbox, account, monkeypatch):
    kept = sandbox.api("durar", "POST", "/posts", {"channel_id": sandbox.channel_id("durar,durar"), "message": "mine"})

    def dies(*args: object) -> None:
        raise KeyboardInterrupt

    for look in (lambda: reachability.prove(account.pk), remove_trials):
        with monkeypatch.context() as patch:
            patch.setattr(MattermostClient, "click", dies)
            patch.setattr(MattermostClient, "delete_post", dies)
            with pytest.raises(KeyboardInterrupt):
                reachability.prove(account.pk)
        assert len(posts(sandbox)) == 2
        look()
        assert [one["id"] for one in posts(sandbox)] == [kept["id"]]
        assert not probes.has_leftover(account.pk)


def test_a_post_that_cannot_be_removed_now_is_removed_later(sandbox, account):
    sandbox.fault("answer", method="DELETE", path="^/posts/", status=500)
    assert prove(account) == BOTH
    assert (len(posts(sandbox)), probes.has_leftover(account.pk)) == (1, True)
    assert reachability.clean_up() == 1
    assert posts(sandbox) == []
    assert reachability.clean_up() == 0


def test_at_night_a_trial_that_runs_is_left_alone(sandbox, account):
    probes.note_leftover(account.pk)
    assert probes.claim(account.pk)
    assert reachability.clean_up() == 0
    assert probes.has_leftover(account.pk)


# Marks


def bot(sandbox: Any) -> str:
    return str(sandbox.user_id("durar"))


def type_it(sandbox: Any, web: Any, mark: str, **changes: Any) -> requests.Response:
    """A call of the command as Mattermost makes it."""
    values = {"user_id": bot(sandbox), "user_name": "durar", "text": mark, **changes}
    return requests.post(f"{web.base_url}{PATH}", data=form(SlashCommand.objects.get(), sandbox, **values), timeout=30)


def test_a_mark_made_in_one_process_comes_in_to_another_and_counts_once(sandbox, account, web):
    """What is called here knows nothing of who made the mark but what the database says."""
    probe = probes.start(account.pk, Kind.COMMANDS, bot(sandbox))
    assert probe.mark not in str(list(SharedValue.objects.values_list("key", "value")))
    assert not probes.has_arrived(probe)
    assert type_it(sandbox, web, probe.mark).json() == {}
    assert probes.has_arrived(probe)
    assert not probes._counts(account.pk, Kind.COMMANDS, probe.mark, bot(sandbox))
    probes.end(probe)
    assert type_it(sandbox, web, probe.mark).json() == {}
    assert not probes.has_arrived(probe)
    assert InboundEvent.objects.count() == 0


def _expired(probe: probes.Probe) -> probes.Probe:
    SharedValue.objects.filter(key__endswith=probe.name).update(expires_at=timezone.now())
    return probe


def test_marks_that_do_not_count(sandbox, account, web):
    other = make_account("other", bot_user_id="o" * 26)
    marks = {
        "expired": _expired(probes.start(account.pk, Kind.COMMANDS, bot(sandbox))),
        "of another account": probes.start(other.pk, Kind.COMMANDS, bot(sandbox)),
        "of another bot": probes.start(account.pk, Kind.COMMANDS, "o" * 26),
        "of a click": probes.start(account.pk, Kind.BUTTONS, bot(sandbox)),
    }
    wrong = probes.start(account.pk, Kind.COMMANDS, bot(sandbox))
    for what, probe in marks.items():
        assert type_it(sandbox, web, probe.mark).json() == {}
        assert not probes.has_arrived(probe), what
    for mark in (wrong.mark[:-1] + "!", f"{wrong.mark[:-32]}{'x' * 32}", probes.PREFIX):
        assert type_it(sandbox, web, mark).json() == {}
    assert not probes.has_arrived(wrong)
    assert InboundEvent.objects.count() == 0


def test_a_stranger_who_types_a_mark_uses_a_command_like_any_other(sandbox, account, web):
    probe = probes.start(account.pk, Kind.COMMANDS, bot(sandbox))
    said = type_it(sandbox, web, probe.mark, user_id=sandbox.user_id("alice"), user_name="alice").json()
    event = InboundEvent.objects.get()
    assert (event.username, event.payload["args"]) == ("alice", probe.mark)
    assert said["text"]
    assert not probes.has_arrived(probe)
    assert requests.post(
        f"{web.base_url}{PATH}", data=form(SlashCommand.objects.get(), sandbox, token="x" * 26, text=probe.mark),
        timeout=30,
    ).status_code == 401  # fmt: skip
    assert not probes.has_arrived(probe)


def test_a_stranger_who_posts_a_click_with_a_mark(sandbox, account, web, offered):
    """Without our signature nothing is taken; with it (whoever has the bot's token) nothing but the mark counts."""
    probe = probes.start(account.pk, Kind.BUTTONS, bot(sandbox))
    context = {"action_id": "durarprobe", "__durar_generation": probe.mark}
    body = {"user_id": sandbox.user_id("alice"), "channel_id": sandbox.channel_id("support"), "post_id": "p" * 26}
    assert web.post({**body, "context": {**context, "_token": "x" * 64}}).status_code == 403
    answer = web.post({**body, "context": signed(context, sandbox.token("durar"))})
    assert (answer.status_code, answer.json()) == (200, {})
    assert not probes.has_arrived(probe)
    # A button of somebody else's post that bears a mark does nothing either, and its set is not used up.
    forged = {
        "url": f"{web.base_url}/mattermost/interactions/default",
        "context": {**context, "_token": "forged"},
    }
    action = {"id": "durarprobe", "name": "OK", "type": "button", "integration": forged}
    post = sandbox.post("alice", "support", "Click!", props={"attachments": [{"actions": [action]}]})
    assert click(sandbox, post, "durarprobe").status_code == 400
    assert InboundEvent.objects.count() == ButtonSet.objects.count() == 0
    assert not probes.has_arrived(probe)
    body["user_id"] = bot(sandbox)
    assert web.post({**body, "context": signed(context, sandbox.token("durar"))}).json() == {}
    assert probes.has_arrived(probe)


def test_agents_cannot_make_a_button_that_is_a_trial(account, sandbox):
    rows = [{"text": "A", "callback_data": "a", "context": {"__durar_generation": f"{probes.PREFIX}x"}}]
    (attachment,) = buttons.signed(effective.settings_for(account.pk), rows, generation="g" * 24)
    assert attachment["actions"][0]["integration"]["context"]["__durar_generation"] == "g" * 24


def test_a_command_without_a_mark_costs_no_look(account, monkeypatch):
    call = SlashCall("t" * 26, "c" * 26, "u" * 26, "oc_status", args="all of it")
    monkeypatch.setattr(probes, "_cache", lambda: pytest.fail("asked for every command"))
    assert probes.takes_command(account.pk, call, "b" * 26) is False


def test_an_error_of_the_server_is_no_exception(account, monkeypatch):
    def refused(*args: object) -> None:
        raise MattermostError("Mattermost API 401 Unauthorized: no", status=401)

    monkeypatch.setattr(MattermostClient, "me", refused)
    assert {one.detail for one in reachability.prove(account.pk)} == {"Mattermost API 401 Unauthorized: no."}
