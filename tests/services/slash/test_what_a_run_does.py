"""What one registration of slash commands does, against a real server's answers."""

from __future__ import annotations

import pytest
from django.utils import timezone

from mattermost_bridge.config.effective import settings_for
from mattermost_bridge.models import SlashCommand
from mattermost_bridge.models.states import SlashCommandState, SlashRegistrationState
from mattermost_bridge.services import slash_registration, slash_teams
from tests.services.slash.registered import (
    URL,
    an_account,
    change,
    is_right,
    registration,
    rows,
    triggers,
)

pytestmark = pytest.mark.django_db(transaction=True)


def test_commands_are_registered_once_and_a_second_run_changes_nothing(sandbox, account):
    slash_teams.run(account.pk)
    is_right(sandbox, account, "oc_status", "oc_model")
    before = sandbox.commands()
    assert before[0]["auto_complete_desc"] == "Show session status (model, usage, uptime)"
    slash_teams.run(account.pk)
    assert sandbox.commands() == before
    is_right(sandbox, account, "oc_status", "oc_model")


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


def test_every_team_of_the_bot_gets_them_and_one_that_it_left_is_forgotten(sandbox, account):
    """The sandbox has one team; what a server says of a second one is said for it."""
    other = "t" * 26
    teams = [{"id": sandbox.team_id, "name": "sandbox"}, {"id": other, "name": "second", "display_name": "Second"}]
    sandbox.fault("answer", path="^/users/me/teams$", status=200, body=teams)
    sandbox.fault("answer", method="GET", path="^/commands$", skip=1, status=200, body=[])
    for number, trigger in enumerate(("oc_status", "oc_model")):
        made = {"id": str(number) * 26, "token": f"{number}token", "team_id": other, "trigger": trigger, "url": URL}
        asked = f"{other}.*{trigger}|{trigger}.*{other}"
        sandbox.fault("answer", method="POST", path="^/commands$", body_matches=asked, status=201, body=made)
    slash_teams.run(account.pk)
    found = SlashCommand.objects.order_by("team_name", "trigger").values_list("team_name", "trigger", "state")
    wanted = [(team, trigger) for team in ("sandbox", "second") for trigger in ("oc_model", "oc_status")]
    assert list(found) == [(*one, "registered") for one in wanted]
    assert registration(account).state == SlashRegistrationState.DONE
    slash_teams.run(account.pk)
    is_right(sandbox, account, "oc_status", "oc_model")


def test_what_goes_wrong_in_one_team_is_said_and_the_other_has_its_commands(sandbox, account):
    teams = [{"id": "t" * 26, "name": "second", "display_name": "Second"}, {"id": sandbox.team_id, "name": "sandbox"}]
    sandbox.fault("answer", path="^/users/me/teams$", status=200, body=teams)
    slash_teams.run(account.pk)
    states = SlashCommand.objects.order_by("-team_name").values_list("team_name", "state").distinct()
    assert list(states) == [("second", "refused"), ("sandbox", "registered")]
    found = registration(account)
    assert found.state == SlashRegistrationState.PARTIAL
    assert "@durar may not manage slash commands in the team Second" in found.error
    assert found.due_at > timezone.now()
