"""Access groups stand in lists as their members; `groups` is taken whole from the account or the defaults."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest

from mattermost_bridge.config.effective import bump_version, settings_for
from mattermost_bridge.models import (
    AccessEntry,
    AccessGroup,
    AccessGroupMember,
    Account,
    BridgeDefaults,
    GroupOverride,
)
from mattermost_bridge.rules.types import GroupRule, ListEntry

pytestmark = pytest.mark.django_db
CAROL, DAVE = "carol".ljust(26, "x"), "dave".ljust(26, "x")
SOON, LATER = datetime(2030, 1, 1, tzinfo=UTC), datetime(2031, 1, 1, tzinfo=UTC)


def ms(moment):
    return int(moment.timestamp() * 1000)


def access_group(name="ops", **members):
    group = AccessGroup.objects.create(name=name)
    for who, until in members.items():
        AccessGroupMember.objects.create(group=group, user_id={"carol": CAROL, "dave": DAVE}[who], expires_at=until)
    return group


def account_with(*values, **fields):
    row = Account.objects.create(account_id="ops", own_allow_from=True, **fields)
    for value in values:
        AccessEntry.objects.create(account=row, value=value)
    bump_version()
    return row


def policy(row):
    return settings_for(row.pk).policy


class TestAccessGroups:
    def test_members_stand_on_the_list_under_the_name_of_their_group(self):
        access_group("Ops team", carol=None, dave=SOON)
        found = policy(account_with(DAVE, "accessGroup:ops TEAM")).allow_from
        source = "the access group ops TEAM"
        assert found == (ListEntry(DAVE, "panel"), ListEntry(CAROL, source), ListEntry(DAVE, source, ms(SOON)))

    @pytest.mark.parametrize(
        ("of_entry", "of_member", "end"),
        [(None, None, None), (SOON, None, SOON), (None, SOON, SOON), (LATER, SOON, SOON), (SOON, LATER, SOON)],
    )
    def test_the_earlier_end_counts(self, of_entry, of_member, end):
        access_group(carol=of_member)
        row = account_with()
        AccessEntry.objects.create(account=row, value="accessGroup:ops", expires_at=of_entry)
        bump_version()
        assert policy(row).allow_from[0].expires_ms == (end and ms(end))

    @pytest.mark.parametrize("value", ["accessGroup:nobody", "accessGroup:", "accessGroup:ops"])
    def test_an_empty_or_unknown_group_admits_nobody_and_falls_back_to_no_wider_list(self, value):
        BridgeDefaults.objects.update_or_create(pk=1, defaults={"own_allow_from": True})
        AccessEntry.objects.create(account=None, value="*")
        access_group("ops")
        found = policy(account_with(value)).allow_from
        assert [each.value for each in found] in ([], ["accessGroup:"])

    def test_one_group_serves_the_defaults_and_channels_too(self):
        access_group(carol=None)
        BridgeDefaults.objects.update_or_create(pk=1, defaults={"own_group_allow_from": True})
        AccessEntry.objects.create(account=None, list="group", value="accessGroup:ops")
        assert [each.value for each in policy(account_with()).group_allow_from] == [CAROL]

    def test_without_access_groups_their_members_are_not_read(self, django_assert_num_queries):
        row = account_with(CAROL)
        settings_for(row.pk)
        with django_assert_num_queries(1):
            settings_for(row.pk)


class TestGroups:
    def override(self, owner, channel_id, required):
        GroupOverride.objects.create(account=owner, channel_id=channel_id, require_mention=required)
        bump_version()

    def test_without_own_ones_those_of_the_defaults_hold(self):
        BridgeDefaults.objects.update_or_create(pk=1, defaults={"own_groups": True})
        self.override(None, "*", False)
        found = policy(account_with())
        assert (found.groups, found.source_of("groups")) == ((GroupRule("*", require_mention=False),), "defaults")

    def test_own_ones_replace_those_of_the_defaults_as_a_whole_also_when_there_are_none(self):
        BridgeDefaults.objects.update_or_create(pk=1, defaults={"own_groups": True})
        self.override(None, "*", False)
        row = account_with(own_groups=True)
        assert policy(row).groups == ()
        self.override(row, "channel1", None)
        assert policy(row).groups == (GroupRule("channel1", None),)
        assert policy(row).source_of("groups") == "account"

    def test_nothing_said_anywhere_is_built_in(self):
        row = account_with()
        self.override(row, "*", False)
        assert (policy(row).groups, policy(row).source_of("groups")) == ((), "built-in")
