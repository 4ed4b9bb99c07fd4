"""Who sees what: roles, and people limited to accounts."""

from __future__ import annotations

import pytest
from django.apps import apps
from django.contrib.auth.models import AnonymousUser, Group, Permission, User
from django.core.management import call_command

from mattermost_bridge.models import AccountGrant, Agent, AuditEntry, BlockedUser, BridgeDefaults, PairingRequest, Turn
from mattermost_bridge.services import rights, roles
from tests import factories


@pytest.fixture
def mine(db):
    return factories.AccountFactory(account_id="mine")


@pytest.fixture
def other(db):
    return factories.AccountFactory(account_id="other")


def fresh(user: User) -> User:
    """The same person in a later request."""
    return User.objects.get(pk=user.pk)


def test_every_kind_of_record_is_named_once():
    named = [*rights.PATHS, *rights.SHARED, *rights.HIDDEN]
    assert sorted(named) == sorted(model._meta.model_name for model in apps.get_app_config(roles.APP).get_models())


def test_every_way_leads_to_the_account():
    for kind, path in rights.PATHS.items():
        model = apps.get_model(roles.APP, kind)
        assert "WHERE" in str(model._default_manager.filter(**{f"{path}__in": [1]}).query)


def test_bob_sees_the_records_of_his_account_only(bob, mine, other):
    requests = [factories.PairingRequestFactory(account=account) for account in (mine, other)]
    turns = [factories.TurnFactory(conversation__account=account) for account in (mine, other)]
    assert list(rights.accounts_visible_to(bob)) == [mine]
    assert list(rights.visible_to(bob, PairingRequest.objects.all())) == requests[:1]
    assert list(rights.visible_to(bob, Turn.objects.all())) == turns[:1]
    assert rights.sees(bob, turns[0])
    assert not rights.sees(bob, turns[1])


def test_an_operator_without_limit_sees_every_account(people, mine, other):
    dave = people("dave", "operator")
    assert set(rights.accounts_visible_to(dave)) == {mine, other}
    assert rights.may(dave, "change_pairingrequest", factories.PairingRequestFactory(account=other))


def test_whose_last_grant_is_taken_away_sees_nothing(bob, mine):
    factories.BlockedUserFactory(account=None)
    AccountGrant.objects.all().delete()
    bob = fresh(bob)
    assert not rights.accounts_visible_to(bob).exists()
    assert not rights.visible_to(bob, BlockedUser.objects.all()).exists()
    assert not rights.visible_to(bob, BridgeDefaults.objects.all()).exists()
    assert not rights.may(bob, "view_pairingrequest")


def test_what_holds_for_all_accounts_is_seen_and_not_changed_by_bob(bob, people, mine):
    everywhere = factories.BlockedUserFactory(account=None)
    here = factories.BlockedUserFactory(account=mine)
    assert rights.may(bob, "view_blockeduser", everywhere)
    assert not rights.may(bob, "delete_blockeduser", everywhere)
    assert rights.may(bob, "delete_blockeduser", here)
    assert rights.may(people("dave", "operator"), "delete_blockeduser", everywhere)


def test_something_new_is_made_only_in_an_account_that_was_granted(bob, mine, other):
    assert rights.may_for_account(bob, "add_blockeduser", mine)
    assert not rights.may_for_account(bob, "add_blockeduser", other)
    assert not rights.may_for_account(bob, "add_blockeduser", None)


def test_bob_sees_the_agents_that_answer_for_him(bob, mine, other):
    default = factories.AgentFactory()
    factories.AgentFactory()
    BridgeDefaults.objects.update_or_create(pk=1, defaults={"agent": default})
    assert set(rights.visible_to(bob, Agent.objects.all())) == {mine.agent, default}
    assert rights.sees(bob, default)
    assert not rights.sees(bob, other.agent)


def test_rights_that_reach_beyond_accounts_do_not_reach_limited_people(bob, mine):
    for codename in ("add_account", "change_bridgedefaults", "add_agent", "change_accessgroup", "add_alerttarget"):
        bob.user_permissions.add(Permission.objects.get(codename=codename))
    bob.user_permissions.add(Permission.objects.get(codename="view_user"))
    bob = fresh(bob)
    for label in ("add_account", "change_bridgedefaults", "add_agent", "change_accessgroup", "auth.view_user"):
        assert not rights.may(bob, label), label
    assert not rights.visible_to(bob, User.objects.all()).exists()


def test_the_audit_log_speaks_of_users_to_those_only_who_manage_them(alice, bob, people, mine):
    about_mine = factories.AuditEntryFactory(account=mine)
    factories.AuditEntryFactory(account=factories.AccountFactory())
    about_users = factories.AuditEntryFactory(account=None, target_id="1", verb="user.rights", summary="Rights of bob.")
    assert about_users in rights.visible_to(alice, AuditEntry.objects.all())
    dave = people("dave", "operator")
    assert about_users not in rights.visible_to(dave, AuditEntry.objects.all())
    assert not rights.sees(dave, about_users)
    assert list(rights.visible_to(bob, AuditEntry.objects.all())) == [about_mine]


@pytest.mark.parametrize("away", ["is_active", "is_staff"])
def test_who_may_not_use_the_panel_sees_nothing(alice, mine, away):
    setattr(alice, away, False)
    assert not rights.accounts_visible_to(alice).exists()
    assert not rights.may(alice, "view_account")


def test_nobody_sees_nothing(mine):
    assert not rights.accounts_visible_to(AnonymousUser()).exists()
    assert not rights.may(AnonymousUser(), "view_account", mine)


def test_an_administrator_does_not_touch_superusers(alice, people):
    erin, frank = people("erin", "administrator"), people("frank", "viewer")
    assert rights.may(erin, "auth.view_user", alice)
    assert not rights.may(erin, "auth.change_user", alice)
    assert rights.may(erin, "auth.change_user", frank)
    assert rights.may(alice, "auth.change_user", erin)


def test_a_viewer_has_no_permission_but_to_look(people):
    permissions = people("vera", "viewer").get_all_permissions()
    assert "mattermost_bridge.view_pairingrequest" in permissions
    assert all(label.startswith("mattermost_bridge.view_") for label in permissions)


def test_an_operator_does_the_daily_work_and_changes_no_settings(people):
    operator = people("dave", "operator")
    for label in ("change_pairingrequest", "add_accessentry", "delete_blockeduser", "change_delivery"):
        assert rights.may(operator, label), label
    assert rights.may(operator, "reconnect_account")
    for label in ("change_account", "add_agent", "change_bridgedefaults", "auth.view_user", "auth.change_group"):
        assert not rights.may(operator, label), label


def test_an_administrator_does_everything_but_make_groups(people):
    administrator = people("erin", "administrator")
    for label in ("change_account", "add_agent", "change_bridgedefaults", "auth.add_user", "axes.delete_accessattempt"):
        assert rights.may(administrator, label), label
    for label in ("auth.change_group", "auth.add_group"):
        assert not rights.may(administrator, label), label


def test_a_migration_ends_with_the_roles_as_they_should_be(db):
    Group.objects.filter(name="Viewers").delete()
    operators = Group.objects.get(name="Operators")
    operators.permissions.add(Permission.objects.get(codename="delete_account"))
    call_command("migrate", verbosity=0)
    assert Group.objects.filter(name="Viewers", permissions__codename="view_account").exists()
    assert not operators.permissions.filter(codename="delete_account").exists()


def test_what_somebody_sees_costs_two_queries_in_a_request(bob, django_assert_num_queries):
    bob = fresh(bob)
    with django_assert_num_queries(2):
        rights.reach_of(bob)
        rights.reach_of(bob)
        rights.visible_to(bob, PairingRequest.objects.all())
