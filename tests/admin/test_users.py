"""Users are added, given roles and limits, and listed with them; nobody makes themselves more than they are."""

from __future__ import annotations

import re

import pytest
from django.contrib.auth.models import Group, Permission, User
from django.utils.html import strip_tags

from mattermost_bridge.models import AccountGrant, AuditEntry
from mattermost_bridge.services import rights
from mattermost_bridge.services.roles import role_of
from tests import factories
from tests.admin.conftest import signed_in

PASSWORD = "a-quite-long-passphrase-1"
LIST = "/auth/user/"


@pytest.fixture
def as_erin(people):
    """The browser of an administrator who is no superuser."""
    return signed_in(people("erin", "administrator"))


@pytest.fixture
def frank(people):
    return people("frank", "viewer")


def form(user: User | None = None, **values) -> dict:
    """What the browser posts for a user."""
    names = ("username", "first_name", "last_name", "email")
    known = {name: getattr(user, name) for name in names} if user else {}
    role = role_of(user) if user else None
    return {**known, "is_active": "on", "role": role.key if role else "", "why": "", **values}


def page_of(user: User) -> str:
    return f"{LIST}{user.pk}/change/"


def test_a_user_is_added_with_role_and_limit_in_one_step(as_erin, db):
    account = factories.AccountFactory()
    passwords = {"password1": PASSWORD, "password2": PASSWORD, "usable_password": "true"}
    words = {
        "username": "gina",
        **passwords,
        "role": "operator",
        "limited": "on",
        "accounts": [account.pk],
        "why": "On call",
    }
    as_erin.post(f"{LIST}add/", words)
    gina = User.objects.get(username="gina")
    assert gina.is_staff
    assert role_of(gina).key == "operator"
    assert list(rights.accounts_visible_to(gina)) == [account]
    assert [row.verb for row in AuditEntry.objects.order_by("-pk")[:2]] == ["user.create", "user.rights"]
    assert AccountGrant.objects.get().why == "On call"


def test_the_list_says_role_and_limits(as_erin, people, db):
    people("bob", "operator", [factories.AccountFactory(name="Sales bot")])
    people("nora", "operator", [])
    people("vera", "viewer")
    page = as_erin.get(LIST).content.decode()
    for words in ("Operator", "Viewer", "Administrator", "Sales bot", "Limited, and no account was granted."):
        assert words in page, words
    limited = as_erin.get(LIST, {"limit": "limited"}).context["cl"].result_list
    assert {user.username for user in limited} == {"bob", "nora"}
    operators = as_erin.get(LIST, {"role": "operator"}).context["cl"].result_list
    assert {user.username for user in operators} == {"bob", "nora"}


def test_the_page_says_who_granted_what_when_and_why(as_erin, frank):
    account = factories.AccountFactory(name="Sales bot")
    as_erin.post(page_of(frank), form(frank, role="operator", limited="on", accounts=[account.pk], why="Night shift"))
    page = " ".join(strip_tags(as_erin.get(page_of(frank)).content.decode()).split())
    assert "Sales bot erin just now Night shift" in page


def test_a_change_is_in_the_audit_log_with_before_and_after(as_erin, frank):
    as_erin.post(page_of(frank), form(frank, email="f@example.com", first_name="Frank"))
    row = AuditEntry.objects.get(verb="user.update")
    assert row.details == {"email": ["frank@example.com", "f@example.com"], "first_name": ["", "Frank"]}
    assert row.summary == "The user frank was changed: email, first_name."


def test_saving_without_a_change_leaves_no_row(as_erin, frank):
    before = AuditEntry.objects.count()
    assert as_erin.post(page_of(frank), form(frank)).status_code == 302
    assert AuditEntry.objects.count() == before


def test_an_administrator_with_limits_is_refused_in_the_form(as_erin, frank):
    page = as_erin.post(page_of(frank), form(frank, role="administrator", limited="on")).content.decode()
    assert "cannot be limited to accounts" in page
    assert role_of(User.objects.get(pk=frank.pk)).key == "viewer"


def test_nobody_switches_themselves_off(as_erin, people):
    erin = User.objects.get(username="erin")
    values = form(erin)
    del values["is_active"]
    assert "You cannot switch yourself off" in as_erin.post(page_of(erin), values).content.decode()
    assert as_erin.post(f"{LIST}{erin.pk}/delete/", {"post": "yes"}).status_code == 403


def test_the_last_administrator_does_not_step_down(as_erin):
    erin = User.objects.get(username="erin")
    page = as_erin.post(page_of(erin), form(erin, role="viewer")).content.decode()
    assert "Nobody would be left" in page
    assert role_of(User.objects.get(pk=erin.pk)).key == "administrator"


def test_an_administrator_makes_no_superuser(as_erin, frank):
    erin = User.objects.get(username="erin")
    everything = [permission.pk for permission in Permission.objects.all()]
    groups = [group.pk for group in Group.objects.all()]
    for user in (frank, erin):
        extra = {"is_superuser": "on", "user_permissions": everything, "groups": groups, "is_staff": "on"}
        as_erin.post(page_of(user), form(user, **extra))
        user.refresh_from_db()
        assert not user.is_superuser
        assert not user.user_permissions.exists()
        assert user.groups.count() == 1


def test_an_administrator_looks_at_superusers_and_changes_nothing_of_them(as_erin, alice):
    page = as_erin.get(page_of(alice)).content.decode()
    assert "Superuser" in page
    assert as_erin.post(page_of(alice), form(alice, email="erin@example.com")).status_code == 403
    assert as_erin.post(f"{LIST}{alice.pk}/delete/", {"post": "yes"}).status_code == 403
    passwords = {"password1": PASSWORD, "password2": PASSWORD, "usable_password": "true"}
    assert as_erin.post(f"{LIST}{alice.pk}/password/", passwords).status_code == 403
    alice.refresh_from_db()
    assert alice.check_password("alice-password-1")


def test_a_superuser_gives_rights_beyond_roles_with_a_row(as_alice, frank):
    night_shift = Group.objects.create(name="night shift")
    permission = Permission.objects.get(codename="change_account")
    extra = {"groups": [night_shift.pk], "user_permissions": [permission.pk]}
    as_alice.post(page_of(frank), form(frank, **extra))
    frank = User.objects.get(pk=frank.pk)
    assert role_of(frank).key == "viewer", "the role is kept, though its group was not among those that were sent"
    assert frank.has_perm("mattermost_bridge.change_account")
    details = AuditEntry.objects.get(verb="user.update").details
    assert details == {"groups": [[], ["night shift"]], "permissions": [[], ["change_account"]]}


def test_the_groups_of_roles_are_changed_by_nobody(as_alice, as_erin):
    operators = Group.objects.get(name="Operators")
    assert as_alice.post(f"/auth/group/{operators.pk}/change/", {"name": "x"}).status_code == 403
    assert as_alice.post(f"/auth/group/{operators.pk}/delete/", {"post": "yes"}).status_code == 403
    assert as_erin.post("/auth/group/add/", {"name": "x"}).status_code == 403
    assert "Approves, rejects and blocks" in as_alice.get(f"/auth/group/{operators.pk}/change/").content.decode()


def test_a_group_that_is_changed_leaves_a_row_with_its_permissions(as_alice):
    group = Group.objects.create(name="night shift")
    permission = Permission.objects.get(codename="view_account")
    as_alice.post(f"/auth/group/{group.pk}/change/", {"name": "day shift", "permissions": [permission.pk]})
    details = AuditEntry.objects.get(verb="group.update").details
    assert details == {"name": ["night shift", "day shift"], "permissions": [[], ["view_account"]]}


def test_everybody_sees_their_own_role_and_limits(people, charlie):
    account = factories.AccountFactory(name="Sales bot")
    page = signed_in(people("bob", "operator", [account])).get("/me/").content.decode()
    assert "Operator" in page
    assert "Only for these accounts: Sales bot." in page
    assert "No account was granted" in signed_in(people("nora", "viewer", [])).get("/me/").content.decode()
    assert "You have no role" in signed_in(charlie).get("/me/").content.decode()


def test_of_two_who_change_a_user_at_once_the_second_is_told(as_erin, as_alice, frank):
    page = as_erin.get(page_of(frank)).content.decode()
    seen = re.search(r'name="du_seen" value="([^"]+)"', page)
    as_alice.post(page_of(frank), form(frank, email="new@example.com"))
    page = as_erin.post(page_of(frank), form(frank, first_name="Frank", du_seen=seen[1])).content.decode()
    assert "Changed meanwhile" in page
    frank.refresh_from_db()
    assert (frank.email, frank.first_name) == ("new@example.com", "")
