"""What starts a registration of slash commands: changes, the clock, news of teams, an operator; once at a time."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from mattermost_bridge.models import AuditEntry, Skill, SlashRegistration
from mattermost_bridge.models.states import SlashRegistrationState
from mattermost_bridge.services import slash_registration, slash_teams
from mattermost_bridge.services.audit import Actor
from tests.services.slash.registered import (
    an_account,
    another_address,
    another_prefix,
    change,
    is_right,
    registration,
    skills_on,
    switched_off,
)

pytestmark = pytest.mark.django_db(transaction=True)


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


def test_a_skill_of_chosen_accounts_starts_runs_of_these_and_reading_costs_the_same_for_many(sandbox, account, hinted):
    others = [an_account(sandbox, "helper", f"other-{number}", enabled=number == 0) for number in range(4)]
    for each in (account, *others):
        change(each, commands_native_skills="on")
        slash_teams.run(each.pk)
    SlashRegistration.objects.update(due_at=None)
    assert started(hinted) == []
    skill = Skill.objects.create(name="tea", prompt="x")
    skill.accounts.set([account])
    assert started(hinted) == [(account.pk,)]
    with CaptureQueriesContext(connection) as queries:
        started(hinted)
    assert sum('FROM "mattermost_bridge_skill"' in one["sql"] for one in queries) == 1


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


def test_while_one_worker_registers_another_leaves_it_alone_until_the_claim_runs_out(sandbox, account):
    job = slash_registration.claim(account.pk)
    assert slash_teams.run(account.pk) == "done by another worker"
    assert sandbox.commands() == []
    SlashRegistration.objects.update(claimed_until=timezone.now() - timedelta(seconds=1))
    slash_teams.run(account.pk)
    is_right(sandbox, account, "oc_status", "oc_model")
    assert not job.renew()
