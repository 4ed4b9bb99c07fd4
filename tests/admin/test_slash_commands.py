"""Slash commands in the panel: what Mattermost has and what is wrong, and the skills that operators make."""

from __future__ import annotations

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from mattermost_bridge.models import AuditEntry, Skill, SlashCommand, SlashRegistration
from mattermost_bridge.models.states import SlashCommandState, SlashRegistrationState
from mattermost_bridge.services import slash_registration
from mattermost_bridge.services.slash_steps import permission_missing
from tests import factories

pytestmark = pytest.mark.django_db
SKILLS = "/mattermost_bridge/skill/"


@pytest.fixture
def account():
    return factories.AccountFactory(account_id="ops", commands_native="on")


def tab(account):
    return f"/mattermost_bridge/account/{account.pk}/commands/"


def command(account, trigger, state=SlashCommandState.REGISTERED, **values):
    return SlashCommand.objects.create(
        account=account, team_id="t" * 26, trigger=trigger, state=state,
        **{"purpose": "builtin", "name": trigger, "team_name": "sandbox", "token": "tokenofacommand"} | values,
    )  # fmt: skip


def test_an_account_without_commands_is_told_how_to_get_them(as_alice):
    account = factories.AccountFactory()
    page = as_alice.get(tab(account)).content.decode()
    assert "They are off for this account" in page
    assert "#id_commands_native" in page
    assert "Register commands again" not in page


def test_every_command_is_shown_with_since_when_last_used_and_what_is_wrong(as_alice, account):
    now = timezone.now()
    SlashRegistration.objects.create(account=account, state=SlashRegistrationState.PARTIAL, finished_at=now, due_at=now)
    command(account, "oc_status", registered_at=now, last_used_at=now)
    command(account, "oc_new", registered_at=now)
    command(account, "oc_model", SlashCommandState.FOREIGN, error="Another command has this name already.", token="")
    page = as_alice.get(tab(account)).content.decode()
    for words in (
        "/oc_status",
        "Registered",
        "/oc_model",
        "Name taken by somebody else",
        "Another command has",
        "never",
    ):
        assert words in page
    # What Mattermost never had has no times.
    assert page.count(">since<") == page.count(">last used<") == 2
    assert "Team sandbox" in page
    assert "Done in part" in page
    assert "tokenofacommand" not in page


def test_a_missing_permission_is_said_once_for_a_team(as_alice, account):
    sentence = permission_missing("durar", "Sandbox")
    SlashRegistration.objects.create(account=account, state=SlashRegistrationState.FAILED, error=sentence)
    for trigger in ("oc_status", "oc_model"):
        command(account, trigger, SlashCommandState.REFUSED, error=sentence)
    page = as_alice.get(tab(account)).content.decode()
    assert page.count("manage_own_slash_commands") == 1
    assert "Manage Members" in page
    assert "Permission missing" in page


def test_the_tab_says_what_doctor_says_of_the_records(as_alice, account):
    ops = factories.AccountFactory(account_id="other", commands_native="on")
    page = as_alice.get(tab(ops)).content.decode()
    assert "Commands were never registered with Mattermost" in page
    assert "the scheduler and a worker for the queue upkeep" in page
    SlashRegistration.objects.create(account=account, state=SlashRegistrationState.PARTIAL)
    command(account, "oc_status", SlashCommandState.FOREIGN, token="")
    command(ops, "oc_status", command_id="c" * 26)
    command(account, "zz_new", command_id="d" * 26, name="new")
    page = as_alice.get(tab(account)).content.decode()
    assert "The account other has commands of the same names in the same team: /oc_status." in page
    assert "a prefix of its own" in page
    assert "it was registered with another callback address" in page


def test_the_tab_costs_the_same_for_many_commands(as_alice, account, django_assert_max_num_queries):
    SlashRegistration.objects.create(account=account, state=SlashRegistrationState.DONE)
    with CaptureQueriesContext(connection) as none:
        as_alice.get(tab(account))
    for number in range(30):
        command(account, f"oc_{number}", command_id="c" * 26, purpose="skill" if number % 2 else "builtin")
    with django_assert_max_num_queries(len(none)):
        as_alice.get(tab(account))


def test_they_are_registered_again_by_a_button(as_alice, account):
    page = as_alice.get(tab(account)).content.decode()
    assert "Register commands again" in page
    answer = as_alice.post(f"/mattermost_bridge/account/{account.pk}/do/commands/", follow=True)
    assert "are being registered" in answer.content.decode()
    row = SlashRegistration.objects.get(account=account)
    assert (row.state, row.due_at is not None) == (SlashRegistrationState.DUE, True)
    assert AuditEntry.objects.latest("pk").verb == "account.register_commands"


def form(**values):
    return {"name": "summary", "description": "Sums up", "hint": "[days]", "prompt": "Sum up {args}."} | values


def test_a_skill_is_made_shown_changed_and_removed(as_alice, account):
    as_alice.post(f"{SKILLS}add/", form(enabled="on", chosen=[account.pk]))
    skill = Skill.objects.get()
    assert (skill.name, skill.prompt, list(skill.accounts.all())) == ("summary", "Sum up {args}.", [account])
    assert slash_registration.skills_of(account.pk) == [skill]
    page = as_alice.get(SKILLS).content.decode()
    for words in ("summary", "Sums up", "ops", "Registered nowhere"):
        assert words in page
    as_alice.post(f"{SKILLS}{skill.pk}/change/", form(enabled="on", prompt="Say {args}."))
    skill.refresh_from_db()
    assert (skill.prompt, skill.accounts.count()) == ("Say {args}.", 0)
    as_alice.post(f"{SKILLS}{skill.pk}/do/switch_off/")
    assert slash_registration.skills_of(account.pk) == []
    as_alice.post(f"{SKILLS}{skill.pk}/do/remove/", {"confirmed": "1"})
    assert not Skill.objects.exists()
    verbs = list(AuditEntry.objects.filter(verb__startswith="skill.").order_by("pk").values_list("verb", flat=True))
    assert verbs == ["skill.create", "skill.update", "skill.update", "skill.delete"]


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"name": "status"}, "is the name of a built-in command"),
        ({"name": "tea"}, "already"),
        ({"name": "two words"}, "Small letters, digits"),
        ({"prompt": ""}, "required"),
    ],
)
def test_what_cannot_be_a_skill_is_said_in_the_form(as_alice, values, words):
    Skill.objects.create(name="tea", prompt="x")
    assert words in as_alice.post(f"{SKILLS}add/", form(**values)).content.decode()
    assert Skill.objects.count() == 1


def test_a_skill_says_how_often_it_is_registered(as_alice, account):
    Skill.objects.create(name="tea", prompt="x")
    for number, state in enumerate((SlashCommandState.REGISTERED, SlashCommandState.FOREIGN)):
        command(account, f"oc_tea{number}", state, purpose="skill", name="tea")
    assert "Registered 1 of 2 times" in as_alice.get(SKILLS).content.decode()
