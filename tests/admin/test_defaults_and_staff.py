"""The defaults have one page; users and groups leave audit rows."""

from __future__ import annotations

import pytest
from django.contrib.admin.models import LogEntry
from django.contrib.auth.models import Group, User

from mattermost_bridge.config import effective
from mattermost_bridge.models import AccessEntry, AuditEntry, BridgeDefaults
from tests import factories

DEFAULTS = "/mattermost_bridge/bridgedefaults/"


def form(**values) -> dict:
    """What the browser posts for the defaults."""
    empty = ("base_url", "agent", "dm_policy", "group_policy", "default_group_policy", "default_account")
    return {
        **dict.fromkeys(empty, ""),
        "enabled": "on",
        "text_chunk_limit": "",
        "pairing_text": "",
        "second_factor": "off",
        **values,
    }


@pytest.fixture
def defaults(db):
    return BridgeDefaults.objects.create(pk=1)


def test_the_list_leads_straight_to_the_one_row(as_alice, db):
    response = as_alice.get(DEFAULTS)
    assert response["Location"] == f"{DEFAULTS}1/change/"
    assert as_alice.get(response["Location"]).status_code == 200


def test_what_is_changed_there_holds_for_accounts_without_their_own_value(as_alice, alice, defaults):
    account = factories.AccountFactory(agent=None)
    agent = factories.AgentFactory()
    as_alice.post(f"{DEFAULTS}1/change/", form(agent=agent.pk, text_chunk_limit="2000"))
    settings = effective.settings_for(account.pk)
    assert (settings.agent_pk, settings.text_chunk_limit) == (agent.pk, 2000)
    assert AuditEntry.objects.get(verb="defaults.update").actor == alice


def test_what_cannot_hold_is_said_in_the_form(as_alice, defaults):
    page = as_alice.post(f"{DEFAULTS}1/change/", form(dm_policy="open")).content.decode()
    assert "requires" in page
    assert BridgeDefaults.objects.get().dm_policy == ""


def test_the_page_says_what_holds_while_a_field_is_empty(as_alice, defaults):
    page = as_alice.get(f"{DEFAULTS}1/change/").content.decode()
    assert "Inherited: Pairing: strangers get a code (built-in)" in page


def test_the_own_list_is_kept_until_its_end_is_confirmed(as_alice, defaults):
    factories.AccessEntryFactory(account=None)
    BridgeDefaults.objects.update(own_allow_from=True)
    page = as_alice.post(f"{DEFAULTS}1/change/", form()).content.decode()
    assert "(1) are removed" in page
    assert AccessEntry.objects.exists()
    as_alice.post(f"{DEFAULTS}1/change/", form(confirm="on"))
    assert not AccessEntry.objects.exists()


def test_adding_and_changing_a_user_is_in_the_audit_log_without_the_password(as_alice, db):
    password = "a-quite-long-passphrase-1"
    values = {"username": "bob", "password1": password, "password2": password, "usable_password": "true"}
    as_alice.post("/auth/user/add/", values)
    bob = User.objects.get(username="bob")
    as_alice.post(
        f"/auth/user/{bob.pk}/password/", {**values, "password1": password + "x", "password2": password + "x"}
    )
    rows = AuditEntry.objects.order_by("pk")
    assert [row.verb for row in rows] == ["user.create", "user.update"]
    assert "password" in rows[1].summary
    for row in rows:
        assert password not in f"{row.summary}{row.details}"


def test_removing_a_group_is_in_the_audit_log(as_alice, db):
    group = Group.objects.create(name="night shift")
    as_alice.post(f"/auth/group/{group.pk}/delete/", {"post": "yes"})
    assert AuditEntry.objects.get().summary == "The group night shift was removed."


def test_djangos_own_log_stays_empty(as_alice, records):
    as_alice.post("/auth/group/add/", {"name": "operators"})
    as_alice.post(f"/mattermost_bridge/account/{records['account'].pk}/do/disable/")
    as_alice.post(
        "/mattermost_bridge/agent/add/", {"slug": "e", "backend": "echo", "history_messages": 1, "total_time": 9}
    )
    assert not LogEntry.objects.exists()
