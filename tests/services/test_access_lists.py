"""Lists and blocks, as operators change them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from mattermost_bridge.config.effective import settings_for
from mattermost_bridge.models import AccessEntry, Account, AuditEntry, BlockedUser
from mattermost_bridge.services import access, accounts, defaults
from mattermost_bridge.services.audit import Actor
from mattermost_bridge.services.errors import NotFound, Refused
from tests.bridge import make_account

pytestmark = pytest.mark.django_db
ALICE = Actor("alice", "panel")
CAROL, DAVE = "carol".ljust(26, "u"), "dave".ljust(26, "u")


def add(account, value=CAROL, list="dm", **values):
    return access.add_entry(actor=ALICE, account=account, list=list, value=value, **values)


def dm_list(account):
    return [entry.value for entry in settings_for(account.pk).policy.allow_from]


def test_the_first_entry_makes_the_list_the_accounts_own():
    account = make_account()
    add(None, DAVE)
    assert dm_list(account) == [DAVE]
    add(account, f" user:{CAROL.upper()} ", username="@carol", note="support")
    assert dm_list(account) == [CAROL]
    assert "its own list now" in AuditEntry.objects.first().summary
    assert (AccessEntry.objects.get(value=CAROL).username, AccessEntry.objects.get(value=CAROL).note) == (
        "carol",
        "support",
    )


def test_removing_the_last_entry_leaves_an_empty_list():
    account = make_account()
    add(None, "*")
    access.remove_entry(add(account).pk, actor=ALICE)
    assert dm_list(account) == []


def test_an_account_can_inherit_again():
    account = make_account()
    add(None, "*")
    add(account)
    access.use_own_list(actor=ALICE, account=account, list="dm", own=False)
    assert dm_list(account) == ["*"]
    assert not AccessEntry.objects.filter(account=account).exists()
    access.use_own_list(actor=ALICE, account=account, list="dm", own=True)
    assert dm_list(account) == []


@pytest.mark.parametrize("value", ["", "  ", "@carol", "carol", "CAROL!", "user:", "accessGroup:ops"])
def test_what_would_match_nobody_is_refused(value):
    with pytest.raises(Refused, match="user id"):
        add(make_account(), value)


def test_nobody_stands_on_a_list_twice():
    account = make_account()
    add(account)
    with pytest.raises(Refused, match="already"):
        add(account)
    add(account, list="group")


def test_an_end_lies_in_the_future_and_can_be_changed():
    account = make_account()
    with pytest.raises(Refused, match="future"):
        add(account, expires_at=timezone.now())
    entry = add(account)
    end = timezone.now() + timedelta(days=1)
    access.set_end(entry.pk, actor=ALICE, expires_at=end, note="trial")
    assert settings_for(account.pk).policy.allow_from[0].expires_ms == int(end.timestamp() * 1000)
    access.set_end(entry.pk, actor=ALICE, expires_at=None)
    assert settings_for(account.pk).policy.allow_from[0].expires_ms is None


def test_the_wildcard_stays_as_long_as_direct_messages_are_open():
    account = make_account()
    wildcard = add(account, "*")
    accounts.update(account.pk, actor=ALICE, dm_policy="open")
    with pytest.raises(Refused, match='to include "\\*"'):
        access.remove_entry(wildcard.pk, actor=ALICE)
    accounts.update(account.pk, actor=ALICE, dm_policy="pairing")
    access.remove_entry(wildcard.pk, actor=ALICE)


def test_the_inherited_wildcard_stays_for_an_open_account():
    account = make_account()
    wildcard = add(None, "*")
    accounts.update(account.pk, actor=ALICE, dm_policy="open")
    with pytest.raises(Refused, match="the account default uses"):
        access.remove_entry(wildcard.pk, actor=ALICE)
    with pytest.raises(Refused, match="the account default uses"):
        access.use_own_list(actor=ALICE, account=account, list="dm", own=True)
    with pytest.raises(Refused, match="the account default uses"):
        add(account, CAROL)
    defaults.update(actor=ALICE, dm_policy="open")


def test_removing_an_approval_is_a_revocation():
    account = make_account()
    entry = AccessEntry.objects.create(account=account, value=CAROL, source="pairing")
    access.remove_entry(entry.pk, actor=ALICE)
    assert AuditEntry.objects.get().verb == "pairing.revoke"


def test_a_block_is_made_by_user_id_once_and_lifted():
    account = make_account()
    with pytest.raises(Refused, match="user id"):
        access.block(actor=ALICE, account=account, user_id="@carol")
    access.block(actor=ALICE, account=account, user_id=CAROL.upper(), reason="spam")
    with pytest.raises(Refused, match="already"):
        access.block(actor=ALICE, account=account, user_id=CAROL)
    access.block(actor=ALICE, account=None, user_id=CAROL)
    for blocked in BlockedUser.objects.all():
        access.unblock(blocked.pk, actor=ALICE)
    assert settings_for(account.pk).policy.blocked == frozenset()


def test_what_is_gone_already_is_a_sentence():
    for call in (
        lambda: access.remove_entry(1, actor=ALICE),
        lambda: access.set_end(1, actor=ALICE, expires_at=None),
        lambda: access.unblock(1, actor=ALICE),
    ):
        with pytest.raises(NotFound, match="already"):
            call()


def test_every_change_has_its_row():
    account = make_account()
    entry = add(account)
    access.set_end(entry.pk, actor=ALICE, expires_at=None)
    access.remove_entry(entry.pk, actor=ALICE)
    access.block(actor=ALICE, account=account, user_id=CAROL)
    access.unblock(BlockedUser.objects.get().pk, actor=ALICE)
    rows = AuditEntry.objects.order_by("pk")
    assert [row.verb for row in rows] == [
        "access.add",
        "access.end",
        "access.remove",
        "access.block",
        "access.unblock",
    ]
    assert {row.actor_name for row in rows} == {"alice"}
    assert {row.account for row in rows} == {Account.objects.get()}
