"""Registering slash commands with a real server's answers, interrupted wherever it can be."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from mattermost_bridge.config import effective
from mattermost_bridge.config.effective import settings_for
from mattermost_bridge.mattermost.calls import before_request
from mattermost_bridge.models import Account, AuditEntry, Skill, SlashCommand, SlashRegistration
from mattermost_bridge.models.states import SlashCommandState, SlashRegistrationState
from mattermost_bridge.rules import slash_registration as rules
from mattermost_bridge.services import slash_registration, slash_teams
from mattermost_bridge.services.audit import Actor
from tests.bridge import make_account

URL = "https://durar.example.com/api/channels/mattermost/command"
pytestmark = pytest.mark.django_db(transaction=True)


class Killed(BaseException):
    """A worker that is killed runs no handlers for exceptions."""


@pytest.fixture(autouse=True)
def two_built_ins(monkeypatch):
    """Two of the built-in commands, so that each request can be spoiled in turn."""
    monkeypatch.setattr(rules, "BUILT_INS", rules.BUILT_INS[:2])


@pytest.fixture
def account(sandbox):
    sandbox.may_make_commands("durar")
    return an_account(sandbox)


def an_account(sandbox, who="durar", account_id="default", **values):
    return make_account(
        account_id, base_url=sandbox.base_url, bot_token=sandbox.token(who), bot_user_id=sandbox.user_id(who),
        bot_username=who, **{"commands_native": "on", "commands_callback_url": URL} | values,
    )  # fmt: skip


def change(account, **values):
    Account.objects.filter(pk=account.pk).update(**values)
    effective.bump_version()


def triggers(sandbox):
    return sorted(one["trigger"] for one in sandbox.commands())


def registration(account):
    return SlashRegistration.objects.get(account=account)


def rows(account):
    return {row.trigger: row for row in SlashCommand.objects.filter(account=account)}


def is_right(sandbox, account, *wanted, url=URL):
    """The sandbox has these commands of ours, each once, and the records say so, with their tokens."""
    there = {one["trigger"]: one for one in sandbox.commands()}
    assert triggers(sandbox) == sorted(wanted)
    assert {one["url"] for one in there.values()} <= {url}
    found = rows(account)
    assert set(found) == set(wanted)
    for trigger, row in found.items():
        assert (row.command_id, row.token) == (there[trigger]["id"], there[trigger]["token"])
        assert (row.state, row.error, row.callback_url) == (SlashCommandState.REGISTERED, "", url)
        assert row.registered_at is not None
    state = SlashRegistrationState.DONE if wanted else SlashRegistrationState.OFF
    assert (registration(account).state, registration(account).error) == (state, "")


def test_commands_are_registered_once_and_a_second_run_changes_nothing(sandbox, account):
    slash_teams.run(account.pk)
    is_right(sandbox, account, "oc_status", "oc_model")
    before = sandbox.commands()
    assert before[0]["auto_complete_desc"] == "Show session status (model, usage, uptime)"
    slash_teams.run(account.pk)
    assert sandbox.commands() == before
    is_right(sandbox, account, "oc_status", "oc_model")


def skills_on(sandbox, account):
    Skill.objects.create(name="tea", prompt="Make tea: {args}", description="چای" * 40)
    change(account, commands_native_skills="on")
    return ("oc_status", "oc_model", "oc_tea"), URL


def another_prefix(sandbox, account):
    change(account, commands_prefix="ops-")
    return ("ops-status", "ops-model"), URL


def another_address(sandbox, account):
    change(account, commands_callback_url=URL + "/2")
    return ("oc_status", "oc_model"), URL + "/2"


def switched_off(sandbox, account):
    change(account, commands_native="")
    return (), URL


def nothing_changed(sandbox, account):
    return ("oc_status", "oc_model"), URL


@pytest.mark.parametrize(
    ("what", "first"),
    [
        (nothing_changed, True),
        (skills_on, False),
        (another_prefix, False),
        (another_address, False),
        (switched_off, False),
    ],
    ids=["at first", "a skill more", "another prefix", "another address", "switched off"],
)
@pytest.mark.parametrize("how", ["killed before", "answer lost", "away"])
def test_interrupted_at_each_request_and_run_again_it_ends_right(sandbox, account, what, first, how):
    number = 0
    while True:
        SlashCommand.objects.all().delete()
        SlashRegistration.objects.all().delete()
        Skill.objects.all().delete()
        change(account, commands_native="on", commands_native_skills="", commands_prefix="", commands_callback_url=URL)
        for one in sandbox.commands():
            sandbox.api("sysadmin", "DELETE", f"/commands/{one['id']}")
        if not first:
            slash_teams.run(account.pk)
        wanted, url = what(sandbox, account)
        reached = interrupted(sandbox, account, number, how)
        SlashRegistration.objects.update(claimed_until=None, due_at=None)
        slash_teams.run(account.pk)
        is_right(sandbox, account, *wanted, url=url)
        if not reached:
            assert number >= 3
            return
        number += 1


def interrupted(sandbox, account, number, how):
    """Run once and spoil the request of this number; whether it came to that request."""
    seen = 0

    def kill():
        nonlocal seen
        seen += 1
        if seen > number:
            raise Killed

    if how == "killed before":
        before_request.append(kill)
        try:
            slash_teams.run(account.pk)
        except Killed:
            return True
        finally:
            before_request.remove(kill)
        return False
    # Reads are tried again at once when the connection breaks: spoil those tries too.
    kind, times = ("lose", 1) if how == "answer lost" else ("answer", None)
    fault = sandbox.fault(kind, who="durar", skip=number, times=times, status=503)
    slash_teams.run(account.pk)
    hits = next(one["hits"] for one in sandbox.control("GET", "faults")["faults"] if one["id"] == fault)
    sandbox.control("DELETE", "faults")
    return hits > 0


def test_a_foreign_command_stays_untouched_and_is_said(sandbox, account):
    foreign = sandbox.command("sysadmin", "oc_status", "http://elsewhere.example.com/x")
    for _ in range(2):
        slash_teams.run(account.pk)
        assert [one for one in sandbox.commands() if one["trigger"] == "oc_status"] == [foreign]
        row = rows(account)["oc_status"]
        assert (row.state, row.token) == (SlashCommandState.FOREIGN, "")
        assert "Another command that Durar did not make has this name" in row.error
        assert registration(account).state == SlashRegistrationState.PARTIAL
    change(account, commands_native="")
    slash_teams.run(account.pk)
    assert sandbox.commands() == [foreign]


def test_on_newer_servers_a_foreign_command_is_seen_only_when_ours_is_made(sandbox, account):
    sandbox.settings(version="11")
    sandbox.may_make_commands("durar", "role")
    foreign = sandbox.command("sysadmin", "oc_status", "http://elsewhere.example.com/x")
    slash_teams.run(account.pk)
    assert rows(account)["oc_status"].state == SlashCommandState.FOREIGN
    assert rows(account)["oc_model"].state == SlashCommandState.REGISTERED
    assert foreign in sandbox.commands()


def test_two_accounts_with_two_prefixes_live_in_one_team(sandbox, account):
    sandbox.may_make_commands("helper")
    other = an_account(sandbox, "helper", "ops", commands_prefix="ops-")
    for each in (account, other, account):
        slash_teams.run(each.pk)
    assert triggers(sandbox) == ["oc_model", "oc_status", "ops-model", "ops-status"]
    assert not {row.token for row in rows(account).values()} & {row.token for row in rows(other).values()}
    change(account, commands_native="")
    slash_teams.run(account.pk)
    assert triggers(sandbox) == ["ops-model", "ops-status"]


def test_two_accounts_with_one_prefix_do_not_take_each_others_commands(sandbox, account):
    sandbox.may_make_commands("helper")
    other = an_account(sandbox, "helper", "ops")
    slash_teams.run(account.pk)
    before = sandbox.commands()
    slash_teams.run(other.pk)
    assert sandbox.commands() == before
    assert {row.state for row in rows(other).values()} == {SlashCommandState.FOREIGN}
    assert registration(other).state == SlashRegistrationState.FAILED


def test_a_bot_without_the_permission_is_told_which_and_how_and_goes_on_once_it_has_it(sandbox, account, caplog):
    sandbox.may_make_commands("durar", "")
    slash_teams.run(account.pk)
    assert {row.state for row in rows(account).values()} == {SlashCommandState.REFUSED}
    found = registration(account)
    for row in (*rows(account).values(), found):
        assert "@durar may not manage slash commands in the team Sandbox" in row.error
        assert "manage_slash_commands" in row.error
        assert "manage_own_slash_commands" in row.error
        assert "Manage Members" in row.error
    assert found.state == SlashRegistrationState.FAILED
    assert found.due_at > timezone.now()
    sandbox.may_make_commands("durar")
    slash_teams.run(account.pk)
    is_right(sandbox, account, "oc_status", "oc_model")


def test_commands_that_its_owner_made_with_the_bot_are_left_alone(sandbox, account):
    owners = sandbox.command("durar", "deploy", "http://elsewhere.example.com/x")
    slash_teams.run(account.pk)
    change(account, commands_native="")
    slash_teams.run(account.pk)
    assert sandbox.commands() == [owners]


def test_what_was_removed_changed_or_given_another_token_in_mattermost_is_mended(sandbox, account):
    slash_teams.run(account.pk)
    found = rows(account)
    sandbox.api("sysadmin", "DELETE", f"/commands/{found['oc_status'].command_id}")
    sandbox.api("sysadmin", "PUT", f"/commands/{found['oc_model'].command_id}/regen_token")
    slash_teams.run(account.pk)
    is_right(sandbox, account, "oc_status", "oc_model")
    assert rows(account)["oc_model"].token != found["oc_model"].token


def test_a_second_command_of_ours_with_one_trigger_is_removed(sandbox, account):
    slash_teams.run(account.pk)
    twin = sandbox.command("durar", "twin", URL)
    sandbox.api("durar", "PUT", f"/commands/{twin['id']}", twin | {"trigger": "oc_status"})
    assert triggers(sandbox) == ["oc_model", "oc_status", "oc_status"]
    slash_teams.run(account.pk)
    is_right(sandbox, account, "oc_status", "oc_model")


def test_a_command_that_cannot_be_changed_is_made_anew(sandbox, account):
    slash_teams.run(account.pk)
    old = rows(account)["oc_status"].command_id
    change(account, commands_callback_url=URL + "/2")
    sandbox.fault("answer", who="durar", method="PUT", path=old, status=400)
    slash_teams.run(account.pk)
    is_right(sandbox, account, "oc_status", "oc_model", url=URL + "/2")
    assert rows(account)["oc_status"].command_id != old


def test_a_refused_token_leaves_everything_and_is_said(sandbox, account):
    slash_teams.run(account.pk)
    sandbox.revoke("durar")
    slash_teams.run(account.pk)
    assert registration(account).state == SlashRegistrationState.FAILED
    assert "401" in registration(account).error
    assert {row.state for row in rows(account).values()} == {SlashCommandState.REGISTERED}


def test_while_one_worker_registers_another_leaves_it_alone_until_the_claim_runs_out(sandbox, account):
    job = slash_registration.claim(account.pk)
    assert slash_teams.run(account.pk) == "done by another worker"
    assert sandbox.commands() == []
    SlashRegistration.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))
    slash_teams.run(account.pk)
    is_right(sandbox, account, "oc_status", "oc_model")
    assert not job.renew()


def test_a_bot_that_left_its_team_has_no_commands_on_record_and_is_told_why(sandbox, account):
    slash_teams.run(account.pk)
    sandbox.in_team("durar", inside=False)
    slash_teams.run(account.pk)
    assert rows(account) == {}
    assert registration(account).state == SlashRegistrationState.FAILED
    assert "The bot is in no team" in registration(account).error
    sandbox.in_team("durar", inside=True)
    sandbox.may_make_commands("durar")
    slash_teams.run(account.pk)
    is_right(sandbox, account, "oc_status", "oc_model")


# What starts a run


def started(hinted):
    hinted.lose()
    slash_registration.look()
    return [args for name, args in hinted.given if name == slash_registration.RUN]


@pytest.mark.parametrize("what", [skills_on, another_prefix, another_address, switched_off])
def test_a_change_starts_a_run_and_nothing_else_does(sandbox, account, hinted, what):
    assert started(hinted) == [(account.pk,)]
    hinted.lose()
    slash_teams.run(account.pk)
    hinted.lose()
    assert started(hinted) == []
    what(sandbox, account)
    assert started(hinted) == [(account.pk,)]


def test_disabling_the_account_removes_its_commands_and_enabling_brings_them_back(sandbox, account, hinted):
    slash_teams.run(account.pk)
    change(account, enabled=False)
    assert started(hinted) == [(account.pk,)]
    slash_teams.run(account.pk)
    is_right(sandbox, account)
    change(account, enabled=True)
    slash_teams.run(account.pk)
    is_right(sandbox, account, "oc_status", "oc_model")


def test_accounts_without_commands_have_no_rows_and_no_runs(sandbox, hinted):
    account = an_account(sandbox, commands_native="")
    assert started(hinted) == []
    assert not SlashRegistration.objects.filter(account=account).exists()


@pytest.mark.parametrize(
    ("values", "runs"),
    [
        ({"finished_at": timedelta(hours=25)}, 1),
        ({"due_at": timedelta(seconds=1)}, 1),
        ({"due_at": timedelta(seconds=-60)}, 0),
        ({"claimed_until": timedelta(seconds=1)}, 1),
        ({"claimed_until": timedelta(seconds=-60)}, 0),
    ],
    ids=["a night passed", "due", "due later", "its worker died", "being done"],
)
def test_the_clock_starts_a_run(sandbox, account, hinted, values, runs):
    slash_teams.run(account.pk)
    hinted.lose()
    SlashRegistration.objects.update(**{name: timezone.now() - ago for name, ago in values.items()})
    assert len(started(hinted)) == runs


def test_news_of_teams_start_a_run_soon_and_once(sandbox, account):
    slash_teams.run(account.pk)
    assert registration(account).due_at is None
    slash_registration.look_soon(account.pk)
    due = registration(account).due_at
    assert due > timezone.now()
    slash_registration.look_soon(account.pk)
    assert registration(account).due_at == due


def test_an_operator_registers_again(sandbox, account, hinted):
    slash_teams.run(account.pk)
    hinted.lose()
    slash_registration.register_again(account.pk, actor=Actor("alice", "panel"))
    assert registration(account).state == SlashRegistrationState.DUE
    assert (slash_registration.RUN, (account.pk,)) in hinted.given
    assert AuditEntry.objects.get().verb == "account.register_commands"


def test_a_request_that_comes_during_a_run_is_not_forgotten(sandbox, account, hinted):
    job = slash_registration.claim(account.pk)
    slash_registration.ask_for(account.pk)
    job.finish(SlashRegistrationState.DONE, "", "x", failed=False)
    assert registration(account).due_at is not None


def test_the_address_is_made_of_where_durar_is(sandbox, account, settings):
    settings.PUBLIC_URL = "https://durar.example.com"
    change(account, commands_callback_url="", commands_callback_path="/x/y")
    assert slash_registration.callback_url_of(settings_for(account.pk)) == "https://durar.example.com/x/y"
    settings.PUBLIC_URL = ""
    assert slash_registration.callback_url_of(settings_for(account.pk)).startswith("http://localhost:")


def test_the_log_says_how_it_went_in_words_that_operators_look_for(sandbox, account, capsys, caplog):
    slash_teams.run(account.pk)
    sandbox.may_make_commands("durar", "")
    slash_teams.run(account.pk)
    sandbox.revoke("durar")
    slash_teams.run(account.pk)
    text = capsys.readouterr().out + caplog.text
    assert f"mattermost: slash commands registered (2 commands across 1 teams, callback={URL})" in text
    assert "slash command registration completed with 1 team error(s)" in text
    assert "mattermost: native slash commands enabled but no commands could be registered" in text
    assert "mattermost: failed to register slash commands: Mattermost API 401" in text
