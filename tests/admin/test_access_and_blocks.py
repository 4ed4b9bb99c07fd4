"""People are put on lists, taken off, blocked and unblocked."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from mattermost_bridge.models import AccessEntry, Account, AuditEntry, BlockedUser
from mattermost_bridge.models.states import EntrySource
from tests import factories
from tests.mattermost.servers import closed_port

ENTRIES = "/mattermost_bridge/accessentry/"
BLOCKS = "/mattermost_bridge/blockeduser/"
CAROL = "carol".ljust(26, "a")


@pytest.fixture
def account(db):
    # Names are looked up on the account's server, which is away here.
    return factories.AccountFactory(account_id="ops", name="Operations", base_url=f"http://127.0.0.1:{closed_port()}")


def entry_form(**values) -> dict:
    return {"account": "", "list": "dm", "value": CAROL, "note": "", "expires_at_0": "", "expires_at_1": "", **values}


def test_an_entry_knows_who_added_it_why_and_until_when(as_alice, alice, account):
    factories.KnownPersonFactory(account=account, user_id=CAROL, username="carol")
    end = timezone.localtime(timezone.now() + timedelta(days=3)).replace(microsecond=0)
    values = {"expires_at_0": end.strftime("%Y-%m-%d"), "expires_at_1": end.strftime("%H:%M:%S")}
    as_alice.post(f"{ENTRIES}add/", entry_form(account=account.pk, note="On call", **values))
    entry = AccessEntry.objects.get()
    assert (entry.value, entry.username, entry.added_by, entry.note) == (CAROL, "carol", alice, "On call")
    assert entry.expires_at == end
    assert Account.objects.get().own_allow_from
    page = as_alice.get(ENTRIES).content.decode()
    for word in ("@carol", "alice", "On call", "Operations"):
        assert word in page


def test_a_name_is_taken_from_what_the_person_wrote_when_it_is_not_known_otherwise(as_alice, account):
    factories.InboundEventFactory(account=account, user_id=CAROL, username="carol.c")
    as_alice.post(f"{ENTRIES}add/", entry_form(account=account.pk))
    assert AccessEntry.objects.get().username == "carol.c"


@pytest.mark.parametrize(
    ("values", "sentence"),
    [
        ({"value": "@carol"}, "Enter the id instead."),
        ({"value": "accessGroup:gone"}, "no access group"),
        ({"expires_at_0": "2020-01-01", "expires_at_1": "10:00"}, "future"),
    ],
)
def test_an_entry_that_would_admit_nobody_is_refused_in_the_form(as_alice, account, values, sentence):
    page = as_alice.post(f"{ENTRIES}add/", entry_form(account=account.pk, **values)).content.decode()
    assert sentence in page
    assert not AccessEntry.objects.exists()


def test_the_same_person_twice_is_refused_in_the_form(as_alice, account):
    as_alice.post(f"{ENTRIES}add/", entry_form(account=account.pk))
    page = as_alice.post(f"{ENTRIES}add/", entry_form(account=account.pk)).content.decode()
    assert "is on this list already" in page
    assert AccessEntry.objects.count() == 1


def test_an_entry_of_the_defaults(as_alice, account):
    as_alice.post(f"{ENTRIES}add/", entry_form(value="*", list="group"))
    entry = AccessEntry.objects.get()
    assert (entry.account, entry.value, entry.list) == (None, "*", "group")
    assert "Everybody (*)" in as_alice.get(ENTRIES).content.decode()


def test_removing_asks_first(as_alice, account):
    entry = factories.AccessEntryFactory(account=account)
    assert "lose the right" in as_alice.post(f"{ENTRIES}{entry.pk}/do/remove/").content.decode()
    assert AccessEntry.objects.exists()
    as_alice.post(f"{ENTRIES}{entry.pk}/do/remove/", {"confirmed": "1"})
    assert not AccessEntry.objects.exists()
    assert AuditEntry.objects.get().verb == "access.remove"


def test_removing_an_approved_pairing_revokes_it(as_alice, account):
    entry = factories.AccessEntryFactory(account=account, source=EntrySource.PAIRING)
    assert "state=approved" in as_alice.get(ENTRIES).content.decode()
    as_alice.post(f"{ENTRIES}{entry.pk}/do/remove/", {"confirmed": "1"})
    assert AuditEntry.objects.get().verb == "pairing.revoke"


def test_of_an_entry_only_reason_and_end_can_change(as_alice, account):
    entry = factories.AccessEntryFactory(account=account)
    other = "other".ljust(26, "x")
    as_alice.post(f"{ENTRIES}{entry.pk}/change/", entry_form(value=other, note="Left the team"))
    entry = AccessEntry.objects.get()
    assert entry.note == "Left the team"
    assert entry.value != other


def test_ended_entries_are_found(as_alice, account):
    factories.AccessEntryFactory(account=account, username="holds")
    factories.AccessEntryFactory(account=account, username="ended", expires_at=timezone.now() - timedelta(days=1))
    page = as_alice.get(f"{ENTRIES}?until=ended").content.decode()
    assert "@ended" in page
    assert "@holds" not in page


def test_blocking_and_unblocking_a_person(as_alice, alice, account):
    as_alice.post(f"{BLOCKS}add/", {"user_id": CAROL, "account": account.pk, "reason": "Spam"})
    blocked = BlockedUser.objects.get()
    assert (blocked.user_id, blocked.account, blocked.blocked_by, blocked.reason) == (CAROL, account, alice, "Spam")
    assert "may ask for a new code" in as_alice.post(f"{BLOCKS}{blocked.pk}/do/unblock/").content.decode()
    as_alice.post(f"{BLOCKS}{blocked.pk}/do/unblock/", {"confirmed": "1"})
    assert not BlockedUser.objects.exists()
    assert set(AuditEntry.objects.values_list("verb", flat=True)) == {"access.block", "access.unblock"}


def test_somebody_is_blocked_for_all_accounts(as_alice, account):
    as_alice.post(f"{BLOCKS}add/", {"user_id": CAROL.upper(), "account": "", "reason": ""})
    assert BlockedUser.objects.get().account is None
    page = as_alice.post(f"{BLOCKS}add/", {"user_id": CAROL, "account": "", "reason": ""}).content.decode()
    assert "is blocked already" in page


def test_a_name_that_nobody_can_look_up_cannot_be_blocked(as_alice, account):
    page = as_alice.post(f"{BLOCKS}add/", {"user_id": "carol", "account": "", "reason": ""}).content.decode()
    assert "Enter the id instead." in page
    page = as_alice.post(f"{BLOCKS}add/", {"user_id": "*", "account": "", "reason": ""}).content.decode()
    assert "26 small letters and digits" in page
    assert not BlockedUser.objects.exists()
