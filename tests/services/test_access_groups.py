"""Access groups, as operators make, fill, use and remove them."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from mattermost_bridge.config.effective import settings_for
from mattermost_bridge.models import AccessEntry, AccessGroup, AuditEntry, InboundEvent
from mattermost_bridge.rules.reasons import Reason
from mattermost_bridge.services import access, access_groups, inbox
from mattermost_bridge.services.audit import Actor
from mattermost_bridge.services.decisions import process_event
from mattermost_bridge.services.errors import NotFound, Refused
from tests.bridge import direct_post, make_account

pytestmark = pytest.mark.django_db
ALICE = Actor("alice", "panel")
CAROL, DAVE = "carol".ljust(26, "u"), "dave".ljust(26, "u")


def make(name="ops", *people):
    group = access_groups.create(actor=ALICE, name=name)
    for who in people:
        access_groups.add_member(actor=ALICE, group=group, user_id=who)
    return group


def put_on_list(account, value="accessGroup:ops", list="dm", **fields):
    return access.add_entry(actor=ALICE, account=account, list=list, value=value, **fields)


def admitted(account):
    return [entry.value for entry in settings_for(account.pk).policy.allow_from]


def test_one_group_serves_several_accounts():
    group = make("ops", CAROL)
    first, second = make_account("first"), make_account("second", bot_user_id="other".ljust(26, "0"))
    put_on_list(first)
    put_on_list(second, "ACCESSGROUP: OPS")
    assert (admitted(first), admitted(second)) == ([CAROL], [CAROL])
    access_groups.add_member(actor=ALICE, group=group, user_id=f" {DAVE.upper()} ", username="@dave", note="on call")
    assert (admitted(first), admitted(second)) == ([CAROL, DAVE], [CAROL, DAVE])
    access_groups.remove_member(group.members.get(user_id=CAROL).pk, actor=ALICE)
    assert admitted(first) == [DAVE]


def test_the_trail_of_a_decision_names_the_group(hinted):
    account = make_account()
    make("ops", CAROL)
    put_on_list(account)
    inbox.record(account.pk, [direct_post(user="carol")])
    event = InboundEvent.objects.get()
    process_event(event.pk)
    event.refresh_from_db()
    assert event.reason == Reason.ADMITTED_DM_LISTED
    (check,) = [check for check in event.trail if check["name"] == "direct message list"]
    assert check["value"] == f"{CAROL} matches (from the access group ops)"


def test_a_member_s_end_can_be_set_and_lies_in_the_future():
    group = make("ops", CAROL)
    member = group.members.get()
    with pytest.raises(Refused, match="future"):
        access_groups.change_member(member.pk, actor=ALICE, expires_at=timezone.now())
    end = timezone.now() + timedelta(days=1)
    account = make_account()
    put_on_list(account)
    access_groups.change_member(member.pk, actor=ALICE, expires_at=end, note="trial")
    assert settings_for(account.pk).policy.allow_from[0].expires_ms == int(end.timestamp() * 1000)
    assert group.members.get().note == "trial"


def test_the_reason_of_a_membership_that_has_ended_can_still_be_changed():
    group = make("ops", CAROL)
    group.members.update(expires_at=timezone.now() - timedelta(days=1))
    member = group.members.get()
    access_groups.change_member(member.pk, actor=ALICE, expires_at=member.expires_at, note="left")
    assert group.members.get().note == "left"


def test_nobody_is_in_a_group_twice_and_names_are_no_members():
    group = make("ops", CAROL)
    with pytest.raises(Refused, match="@carol is in the access group ops already"):
        access_groups.add_member(actor=ALICE, group=group, user_id=CAROL, username="carol")
    for value in ("@carol", "*", ""):
        with pytest.raises(Refused, match="user id"):
            access_groups.add_member(actor=ALICE, group=group, user_id=value)


@pytest.mark.parametrize("name", ["", "  ", "-ops", "ops:night", "a" * 65, "o\nps", "accessGroup:ops"])
def test_a_name_that_a_list_could_not_hold_is_refused(name):
    with pytest.raises(Refused, match="cannot be the name"):
        access_groups.create(actor=ALICE, name=name)


def test_names_differ_by_more_than_capital_letters():
    make("Ops")
    with pytest.raises(Refused, match="capital letters"):
        make("oPS")


def test_a_renamed_group_stays_on_its_lists():
    group = make("ops", CAROL)
    account = make_account()
    put_on_list(account)
    access_groups.rename(group.pk, actor=ALICE, name="Night shift")
    assert AccessEntry.objects.get().value == "accessGroup:Night shift"
    assert admitted(account) == [CAROL]
    access_groups.rename(group.pk, actor=ALICE, name="night shift")
    assert AccessGroup.objects.get().name == "night shift"


def test_a_group_that_is_used_is_not_removed():
    group = make("ops", CAROL)
    entry = put_on_list(make_account())
    put_on_list(None, list="group")
    with pytest.raises(Refused, match="on lists of default, the defaults"):
        access_groups.remove(group.pk, actor=ALICE)
    for each in (entry, AccessEntry.objects.get(account=None)):
        access.remove_entry(each.pk, actor=ALICE)
    access_groups.remove(group.pk, actor=ALICE)
    assert not AccessGroup.objects.exists()
    assert AuditEntry.objects.first().details == {"members": [CAROL]}


def test_a_group_stands_on_a_list_once_in_any_spelling():
    make("ops")
    account = make_account()
    put_on_list(account)
    with pytest.raises(Refused, match="The access group ops is on this list already"):
        put_on_list(account, "accessGroup:OPS")


def test_a_group_that_does_not_exist_is_refused():
    with pytest.raises(Refused, match="no access group 'nobody'"):
        put_on_list(make_account(), "accessGroup:nobody")


def test_what_is_gone_already_is_a_sentence():
    for call in (
        lambda: access_groups.rename(1, actor=ALICE, name="x"),
        lambda: access_groups.remove(1, actor=ALICE),
        lambda: access_groups.change_member(1, actor=ALICE, expires_at=None),
        lambda: access_groups.remove_member(1, actor=ALICE),
    ):
        with pytest.raises(NotFound, match="Reload"):
            call()


def test_every_change_has_its_row():
    group = make("ops", CAROL)
    member = group.members.get()
    access_groups.rename(group.pk, actor=ALICE, name="day")
    access_groups.change_member(member.pk, actor=ALICE, expires_at=None)
    access_groups.remove_member(member.pk, actor=ALICE)
    access_groups.remove(group.pk, actor=ALICE)
    verbs = ["create", "add", "rename", "end", "take_out", "remove"]
    assert [row.verb for row in AuditEntry.objects.order_by("pk")] == [f"access.group_{verb}" for verb in verbs]
