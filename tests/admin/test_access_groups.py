"""Access groups in the panel: made, filled, put on lists, and never lost by accident."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from mattermost_bridge.models import AccessEntry, AccessGroup, AccessGroupMember, AuditEntry
from tests import factories
from tests.admin.conftest import messages_of

GROUPS = "/mattermost_bridge/accessgroup/"
MEMBERS = "/mattermost_bridge/accessgroupmember/"
ENTRIES = "/mattermost_bridge/accessentry/"
CAROL = "carol".ljust(26, "a")


@pytest.fixture
def account(db):
    return factories.AccountFactory(account_id="ops")


def text(response) -> str:
    return response.content.decode()


def test_a_group_is_made_filled_and_put_on_a_list(as_alice, alice, account):
    as_alice.post(f"{GROUPS}add/", {"name": " Night shift "})
    group = AccessGroup.objects.get()
    assert group.name == "Night shift"
    assert "On no list" in text(as_alice.get(GROUPS))
    as_alice.post(f"{MEMBERS}add/", {"group": group.pk, "user_id": CAROL, "note": "On call", "server": ""})
    as_alice.post(f"{ENTRIES}add/", {"account": account.pk, "list": "dm", "value": "accessgroup:night shift"})
    assert AccessEntry.objects.get().value == "accessGroup:Night shift"
    page = text(as_alice.get(GROUPS))
    assert "1 person" in page
    assert "ops: Direct messages" in page
    page = text(as_alice.get(f"{GROUPS}{group.pk}/change/"))
    assert f"{MEMBERS}add/?group={group.pk}" in page
    page = text(as_alice.get(ENTRIES))
    assert "Night shift" in page
    assert f"{GROUPS}{group.pk}/change/" in page


def test_a_member_is_shown_with_who_added_them_why_and_until_when(as_alice, alice):
    group = factories.AccessGroupFactory(name="Night shift")
    factories.AccessGroupMemberFactory(
        group=group, username="carol", added_by=alice, note="On call", expires_at=timezone.now() - timedelta(days=1)
    )
    page = text(as_alice.get(MEMBERS))
    for words in ("@carol", "Night shift", "alice", "On call", "Ended"):
        assert words in page
    assert "@carol" not in text(as_alice.get(f"{MEMBERS}?until=holds"))
    assert "@carol" in text(as_alice.get(f"{MEMBERS}?group={group.pk}"))
    assert "@carol" not in text(as_alice.get(f"{MEMBERS}?group=4711"))


def test_of_a_membership_only_reason_and_end_can_change(as_alice):
    member = factories.AccessGroupMemberFactory(expires_at=timezone.now() - timedelta(days=1))
    local = timezone.localtime(member.expires_at)
    end = {"expires_at_0": f"{local:%Y-%m-%d}", "expires_at_1": f"{local:%H:%M:%S}"}
    as_alice.post(f"{MEMBERS}{member.pk}/change/", {"user_id": CAROL, "note": "Left", **end})
    changed = AccessGroupMember.objects.get()
    assert (changed.note, changed.user_id) == ("Left", member.user_id)


def test_the_form_of_a_group_s_link_has_the_group_chosen(as_alice):
    group = factories.AccessGroupFactory()
    page = text(as_alice.get(f"{MEMBERS}add/?group={group.pk}"))
    assert f'<option value="{group.pk}" selected>' in page


@pytest.mark.parametrize(("name", "sentence"), [("ops:x", "cannot be the name"), ("DAY SHIFT", "capital letters")])
def test_a_name_that_cannot_be_is_refused_in_the_form(as_alice, name, sentence):
    factories.AccessGroupFactory(name="Day shift")
    assert sentence in text(as_alice.post(f"{GROUPS}add/", {"name": name}))
    assert AccessGroup.objects.count() == 1


def test_a_renamed_group_stays_on_its_lists(as_alice, account):
    group = factories.AccessGroupFactory(name="day")
    factories.AccessEntryFactory(account=account, value=group.entry_value, username="")
    as_alice.post(f"{GROUPS}{group.pk}/change/", {"name": "Day shift"})
    assert AccessEntry.objects.get().value == "accessGroup:Day shift"


def test_a_group_that_a_list_uses_stays(as_alice, account):
    group = factories.AccessGroupFactory(name="day")
    factories.AccessEntryFactory(account=account, value=group.entry_value, username="")
    response = as_alice.post(f"{GROUPS}{group.pk}/do/remove/", {"confirmed": "1"}, follow=True)
    assert "is on lists of ops" in messages_of(response)[0]
    AccessEntry.objects.all().delete()
    as_alice.post(f"{GROUPS}{group.pk}/do/remove/", {"confirmed": "1"})
    assert not AccessGroup.objects.exists()


def test_taking_people_out_asks_first(as_alice):
    first, second = factories.AccessGroupMemberFactory(), factories.AccessGroupMemberFactory()
    chosen = {"action": "remove", "_selected_action": [first.pk, second.pk]}
    assert "from their next message on" in text(as_alice.post(MEMBERS, chosen))
    assert AccessGroupMember.objects.count() == 2
    as_alice.post(MEMBERS, {**chosen, "confirmed": "1"})
    assert not AccessGroupMember.objects.exists()
    assert AuditEntry.objects.filter(verb="access.group_take_out").count() == 2


def test_an_entry_of_a_group_that_does_not_exist_says_so(as_alice, account):
    entry = factories.AccessEntryFactory(account=account, value="accessGroup:gone", username="")
    for address in (ENTRIES, f"{ENTRIES}{entry.pk}/change/"):
        assert "Group gone: missing" in text(as_alice.get(address))


def test_entries_are_found_by_whom_they_mean(as_alice, account):
    factories.AccessEntryFactory(account=account, value="accessGroup:ops", username="")
    factories.AccessEntryFactory(account=account, value="*", username="", note="for all")
    factories.AccessEntryFactory(account=account, username="somebody")
    for value, shown in (("groups", "Group ops"), ("everybody", "for all"), ("people", "@somebody")):
        page = text(as_alice.get(f"{ENTRIES}?who={value}"))
        assert [words in page for words in ("Group ops", "for all", "@somebody")].count(True) == 1
        assert shown in page


def test_everybody_in_a_group_is_a_warning(as_alice):
    factories.AccessGroupMemberFactory(user_id="*", username="")
    assert "Everybody (*)" in text(as_alice.get(MEMBERS))
