"""Settings of single channels, as operators change them, and what they do to a post."""

from __future__ import annotations

import pytest

from mattermost_bridge.config.effective import settings_for
from mattermost_bridge.models import Account, AuditEntry, GroupOverride, InboundEvent
from mattermost_bridge.rules.reasons import Reason
from mattermost_bridge.rules.types import GroupRule
from mattermost_bridge.services import group_overrides, inbox
from mattermost_bridge.services.audit import Actor
from mattermost_bridge.services.decisions import process_event
from mattermost_bridge.services.errors import NotFound, Refused
from tests.bridge import make_account, post

pytestmark = pytest.mark.django_db
ALICE = Actor("alice", "panel")
SUPPORT = "support".ljust(26, "x")


def add(account, channel=SUPPORT, required=False, **values):
    return group_overrides.add(actor=ALICE, account=account, channel_id=channel, require_mention=required, **values)


def groups(account):
    return settings_for(account.pk).policy.groups


def test_a_channel_that_needs_no_mention_is_answered_without_one(hinted):
    account = make_account(group_policy="open")
    add(account, channel_name="support")
    for channel in ("support", "other"):
        inbox.record(account.pk, [post("hello", channel=channel)])
    for event in InboundEvent.objects.all():
        process_event(event.pk)
    reasons = dict(InboundEvent.objects.values_list("channel_id", "reason"))
    assert reasons == {SUPPORT: Reason.ADMITTED_UNMENTIONED, "other".ljust(26, "x"): Reason.NO_MENTION}


def test_the_first_setting_makes_the_map_the_accounts_own():
    account = make_account()
    add(None, "*")
    assert groups(account) == (GroupRule("*", require_mention=False),)
    add(account, required=True)
    assert groups(account) == (GroupRule(SUPPORT, require_mention=True),)
    assert "its own channel settings now" in AuditEntry.objects.first().summary
    group_overrides.remove(GroupOverride.objects.get(account=account).pk, actor=ALICE)
    assert groups(account) == ()


def test_an_account_can_inherit_again():
    account = make_account()
    add(None, "*")
    add(account)
    group_overrides.use_own(actor=ALICE, account=account, own=False)
    assert groups(account) == (GroupRule("*", require_mention=False),)
    assert AuditEntry.objects.first().details["removed"] == {SUPPORT: False}
    group_overrides.use_own(actor=ALICE, account=Account.objects.get(), own=True)
    assert groups(account) == ()


def test_a_setting_can_be_changed_and_left_open():
    account = make_account()
    override = add(account, channel_name="~support", note="asked for")
    group_overrides.change(override.pk, actor=ALICE, require_mention=None, note="undecided")
    assert groups(account) == (GroupRule(SUPPORT, None),)
    override.refresh_from_db()
    assert (override.note, override.channel_name, str(override)) == ("undecided", "support", "~support")
    assert AuditEntry.objects.first().details == {"require_mention": [False, None]}


def test_a_channel_has_one_setting():
    account = make_account()
    add(account)
    with pytest.raises(Refused, match="already"):
        add(account)
    add(None)


@pytest.mark.parametrize("channel", ["", "support", "~support", SUPPORT.upper(), "**"])
def test_what_is_no_channel_is_refused(channel):
    with pytest.raises(Refused, match="no channel id"):
        add(make_account(), channel)


def test_what_is_gone_already_is_a_sentence():
    for call in (
        lambda: group_overrides.change(1, actor=ALICE, require_mention=True),
        lambda: group_overrides.remove(1, actor=ALICE),
    ):
        with pytest.raises(NotFound, match="already"):
            call()


def test_every_change_has_its_row():
    account = make_account()
    override = add(account)
    group_overrides.change(override.pk, actor=ALICE, require_mention=True)
    group_overrides.remove(override.pk, actor=ALICE)
    group_overrides.use_own(actor=ALICE, account=account, own=False)
    verbs = [row.verb for row in AuditEntry.objects.order_by("pk")]
    assert verbs == [f"channel.{verb}" for verb in ("add", "change", "remove", "own")]
