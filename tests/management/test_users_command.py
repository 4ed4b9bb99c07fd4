"""`Durar users`: who signs in, and what helps when nobody can any more."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from allauth.mfa.models import Authenticator
from django.contrib.auth.models import User
from django.core.management import CommandError, call_command

from mattermost_bridge.models import AccountGrant, AuditEntry
from mattermost_bridge.services import rights
from mattermost_bridge.services.roles import role_of
from tests import factories


def run(*words: str) -> str:
    out = StringIO()
    call_command("users", *words, stdout=out)
    return out.getvalue()


@pytest.fixture
def frank(people):
    return people("frank", "viewer")


def test_the_list_says_role_accounts_and_second_factor(alice, people, frank):
    people("bob", "operator", [factories.AccountFactory(account_id="sales")])
    Authenticator.objects.create(user=alice, type="totp", data={})
    User.objects.filter(pk=frank.pk).update(is_active=False)
    assert run("list").splitlines() == [
        "alice\tsuperuser\tall accounts\tsecond factor",
        "bob\toperator\tsales\tpassword only",
        "frank\tviewer\tall accounts\tpassword only\tswitched off",
    ]


def test_the_list_as_json(alice):
    assert json.loads(run("list", "--json")) == {
        "users": [
            {
                "username": "alice", "active": True, "superuser": True, "role": "", "limited": False, "accounts": [],
                "second_factor": False,
            }
        ]
    }  # fmt: skip


def test_a_role_and_accounts_are_given(frank):
    for name in ("sales", "support", "other"):
        factories.AccountFactory(account_id=name)
    words = ("--account", "sales", "--account", "support", "--why", "On call")
    assert run("rights", "frank", "operator", *words) == "Rights of frank: operator, limited to sales, support.\n"
    assert set(AccountGrant.objects.values_list("account__account_id", "why")) == {
        ("sales", "On call"),
        ("support", "On call"),
    }
    assert AuditEntry.objects.first().via == "command"
    run("rights", "frank", "operator")
    assert rights.reach_of(User.objects.get(pk=frank.pk)).unlimited
    assert "limited to no account" in run("rights", "frank", "viewer", "--no-account")
    assert "no role" in run("rights", "frank", "none")
    assert role_of(User.objects.get(pk=frank.pk)) is None


def test_a_second_factor_is_reset_and_sessions_end(frank):
    Authenticator.objects.create(user=frank, type="totp", data={})
    assert "password alone" in run("reset-second-factor", "frank")
    assert not Authenticator.objects.exists()
    assert run("end-sessions", "frank") == "Sessions of frank that were ended: 0.\n"
    verbs = AuditEntry.objects.filter(via="command").values_list("verb", flat=True)
    assert set(verbs) == {"user.reset_second_factor", "user.end_sessions"}


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("end-sessions", "nobody"), "There is no user 'nobody'"),
        (("reset-second-factor", "frank"), "frank has no second factor"),
        (("rights", "frank", "operator", "--account", "nowhere"), "There is no account 'nowhere'"),
        (("rights", "frank", "operator", "--account", "a", "--no-account"), "exclude each other"),
        (("rights", "frank", "administrator", "--no-account"), "cannot be limited"),
    ],
)
def test_what_cannot_be_done_is_said_in_a_sentence(frank, words, sentence):
    with pytest.raises(CommandError, match=sentence):
        run(*words)
