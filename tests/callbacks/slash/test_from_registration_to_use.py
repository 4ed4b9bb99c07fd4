"""Commands as a registration leaves them, typed by people: two accounts, foreign ones, and switching off."""

from __future__ import annotations

import pytest
import requests

from mattermost_bridge.config import effective
from mattermost_bridge.models import AccessEntry, Account, InboundEvent, Skill, SlashCommand, SlashRegistration
from mattermost_bridge.services import accounts, slash_teams
from mattermost_bridge.services.audit import Actor
from tests.bridge import make_account
from tests.callbacks.slash.calls import WRONG, form, said
from tests.sandbox.integration import CommandIntegration


@pytest.fixture
def both(sandbox, account, url):
    """Two accounts in one team, each with its prefix; the second one has no skills. Both registered."""
    Skill.objects.create(name="summary", prompt="Sum up: {args}")
    helper = make_account(
        "ops", base_url=sandbox.base_url, bot_token=sandbox.token("helper"), bot_user_id=sandbox.user_id("helper"),
        group_policy="allowlist", commands_native="on", commands_prefix="ops-", commands_callback_url=url,
        own_group_allow_from=True,
    )  # fmt: skip
    AccessEntry.objects.create(account=helper, list="group", value=sandbox.user_id("alice"))
    for each in (account, helper):
        sandbox.may_make_commands(each.bot_username if each is account else "helper")
        slash_teams.run(each.pk)
    return account, helper


def test_two_accounts_with_two_prefixes_in_one_team_each_answer_their_own(sandbox, both, hints):
    assert "- Account: Operations (default)" in said(sandbox.execute("alice", "/oc_status", "support"))
    assert "- Account: ops" in said(sandbox.execute("alice", "/ops-status", "support"))
    assert "`/ops-models [provider]`" in said(sandbox.execute("alice", "/ops-help", "support"))
    assert said(sandbox.execute("alice", "/oc_summary x", "support")) == "Processing..."
    assert sandbox.execute("alice", "/ops-summary x", "support").status_code == 404
    hints.run()
    assert sandbox.posts("support")[-1]["user_id"] == sandbox.user_id("durar")
    found = sorted(InboundEvent.objects.values_list("account__account_id", "payload__slash"))
    assert found == [("default", "oc_status"), ("default", "oc_summary"), ("ops", "ops-help"), ("ops", "ops-status")]


def test_a_token_of_the_other_account_opens_nothing(sandbox, both, url):
    mine, theirs = (SlashCommand.objects.get(account=each, name="status") for each in both)
    for command, token in ((mine, theirs.token), (theirs, mine.token)):
        answer = requests.post(url, data=form(command, sandbox, token=token), timeout=30)
        assert (answer.status_code, answer.json()) == (401, WRONG)


@pytest.mark.parametrize("version", ["5.37", "11"])
def test_a_foreign_command_with_our_name_stays_and_goes_where_it_went(sandbox, account, url, version):
    sandbox.settings(version=version)
    sandbox.may_make_commands("durar", "role" if version == "11" else "team_admin")
    with CommandIntegration() as theirs:
        theirs.answers({"response_type": "ephemeral", "text": "not Durar"})
        foreign = sandbox.command("sysadmin", "oc_status", theirs.url)
        slash_teams.run(account.pk)
        assert said(sandbox.execute("alice", "/oc_status", "support")) == "not Durar"
        assert "A new session" in said(sandbox.execute("alice", "/oc_new", "support"))
        accounts.disable(account.pk, actor=Actor("alice", "panel"))
        slash_teams.run(account.pk)
        assert sandbox.commands() == [foreign]
        assert said(sandbox.execute("alice", "/oc_status", "support")) == "not Durar"


@pytest.mark.parametrize("how", ["commands off", "account disabled", "account archived"])
def test_what_is_switched_off_is_refused_at_once_and_gone_after_the_next_run(sandbox, account, url, how):
    sandbox.may_make_commands("durar")
    slash_teams.run(account.pk)
    command = SlashCommand.objects.get(name="status")
    said(sandbox.execute("alice", "/oc_status", "support"))
    if how == "commands off":
        Account.objects.update(commands_native="off")
        effective.bump_version()
    else:
        accounts.disable(account.pk, actor=Actor("alice", "panel"))
        if how == "account archived":
            accounts.archive(account.pk, actor=Actor("alice", "panel"))
    # Mattermost still has them: who types one then is not answered as if nothing were.
    assert sandbox.execute("alice", "/oc_status", "support").status_code == 500
    slash_teams.run(account.pk)
    assert sandbox.commands() == []
    assert sandbox.execute("alice", "/oc_status", "support").status_code == 404
    answer = requests.post(url, data=form(command, sandbox), timeout=30)
    assert (answer.status_code, answer.json()["response_type"]) == (503, "ephemeral")
    assert SlashRegistration.objects.get().state == "off"
    assert InboundEvent.objects.count() == 1
