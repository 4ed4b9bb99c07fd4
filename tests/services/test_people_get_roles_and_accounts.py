"""Roles and limits are given and taken with a row of the audit log, and somebody always remains to give them."""

from __future__ import annotations

import pytest
from django.contrib.auth.models import Group, User

from mattermost_bridge.models import AccountGrant, AuditEntry, StaffProfile
from mattermost_bridge.services import people as service
from mattermost_bridge.services import rights
from mattermost_bridge.services.audit import SYSTEM, Actor
from mattermost_bridge.services.errors import NotFound, Refused
from mattermost_bridge.services.roles import role_of
from tests import factories


@pytest.fixture
def frank(db):
    return User.objects.create_user("frank", is_staff=True)


def test_a_role_is_a_group_and_a_higher_one_replaces_it(alice, frank):
    night_shift = Group.objects.create(name="night shift")
    frank.groups.add(night_shift)
    for role in ("viewer", "operator"):
        service.set_rights(frank.pk, actor=Actor.of(alice), role=role, limited=False)
    assert set(frank.groups.all()) == {night_shift, Group.objects.get(name="Operators")}
    assert role_of(User.objects.get(pk=frank.pk)).key == "operator"


def test_the_audit_log_says_what_it_was_and_what_it_is(alice, frank):
    account = factories.AccountFactory(account_id="mine")
    actor = Actor.of(alice)
    service.set_rights(frank.pk, actor=actor, role="operator", limited=True, accounts=[account.pk], why="Night shift")
    row = AuditEntry.objects.get()
    assert (row.verb, row.actor, row.summary) == ("user.rights", alice, "Rights of frank: operator, limited to mine.")
    assert row.details == {
        "role": ["", "operator"],
        "limited": [False, True],
        "accounts": [[], ["mine"]],
        "why": "Night shift",
    }


def test_the_same_rights_again_leave_no_row(alice, frank):
    for _ in range(2):
        service.set_rights(frank.pk, actor=Actor.of(alice), role="viewer", limited=False)
    assert AuditEntry.objects.count() == 1


def test_a_grant_keeps_who_gave_it_when_others_are_added(alice, people, frank):
    first, second = factories.AccountFactory(), factories.AccountFactory()
    erin = people("erin", "administrator")
    service.set_rights(
        frank.pk, actor=Actor.of(alice), role="operator", limited=True, accounts=[first.pk], why="On call"
    )
    service.set_rights(
        frank.pk, actor=Actor.of(erin), role="operator", limited=True, accounts=[first.pk, second.pk], why="Stands in"
    )
    kept = {grant.account: (grant.granted_by, grant.why) for grant in AccountGrant.objects.all()}
    assert kept == {first: (alice, "On call"), second: (erin, "Stands in")}


def test_taking_the_last_account_leaves_the_limit(alice, frank):
    account = factories.AccountFactory()
    for accounts in ([account.pk], []):
        service.set_rights(frank.pk, actor=Actor.of(alice), role="operator", limited=True, accounts=accounts)
    assert StaffProfile.objects.get(user=frank).limited
    assert not rights.accounts_visible_to(User.objects.get(pk=frank.pk)).exists()
    assert AuditEntry.objects.first().summary == "Rights of frank: operator, limited to no account."


def test_without_the_limit_its_accounts_are_forgotten(alice, frank):
    account = factories.AccountFactory()
    service.set_rights(frank.pk, actor=Actor.of(alice), role="operator", limited=True, accounts=[account.pk])
    service.set_rights(frank.pk, actor=Actor.of(alice), role="operator", limited=False, accounts=[account.pk])
    assert not AccountGrant.objects.exists()
    assert rights.reach_of(User.objects.get(pk=frank.pk)).unlimited


def test_an_administrator_cannot_be_limited(alice, frank):
    with pytest.raises(Refused, match="cannot be limited"):
        service.set_rights(frank.pk, actor=Actor.of(alice), role="administrator", limited=True)
    with pytest.raises(Refused, match="cannot be limited"):
        service.set_rights(alice.pk, actor=Actor.of(alice), role="viewer", limited=True)


def test_an_administrator_does_not_change_a_superuser(alice, people):
    erin = people("erin", "administrator")
    with pytest.raises(Refused, match="Only a superuser"):
        service.set_rights(alice.pk, actor=Actor.of(erin), role="viewer", limited=False)


def test_the_last_administrator_stays(people):
    erin = people("erin", "administrator")
    with pytest.raises(Refused, match="Nobody would be left"):
        service.set_rights(erin.pk, actor=SYSTEM, role="viewer", limited=False)
    assert role_of(User.objects.get(pk=erin.pk)).key == "administrator"
    assert AuditEntry.objects.filter(verb="user.rights").count() == 1


def test_a_role_or_user_that_does_not_exist_is_refused_with_a_sentence(alice, frank):
    with pytest.raises(Refused, match="viewer, operator, administrator"):
        service.set_rights(frank.pk, actor=Actor.of(alice), role="king", limited=False)
    with pytest.raises(NotFound, match="Reload"):
        service.set_rights(0, actor=Actor.of(alice), role="viewer", limited=False)
