"""Effective values are judged for all accounts at once: own lists, inherited ones, access groups, channel settings."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from mattermost_bridge.models import AccessEntry, AccessGroup, AccessGroupMember, Account, BridgeDefaults, GroupOverride
from mattermost_bridge.rules.lint import Finding
from mattermost_bridge.services.settings_lint import findings_of
from tests import factories

pytestmark = pytest.mark.django_db


def said(**values) -> list[Finding]:
    """What is said about an account with these values."""
    account = factories.AccountFactory(**{"group_policy": "disabled", **values})
    return list(findings_of([account]).get(account.pk, ()))


def put(account: Account | None, value: str, **values) -> None:
    AccessEntry.objects.create(account=account, list="dm", value=value, **values)


def again(account: Account) -> list[Finding]:
    return list(findings_of([account]).get(account.pk, ()))


def test_nothing_is_said_about_what_works():
    assert said() == []
    assert findings_of([]) == {}


def test_an_own_empty_list_is_found():
    assert said(dm_policy="allowlist", own_allow_from=True) == [Finding.DM_LIST_EMPTY]


def test_a_list_of_the_defaults_serves_whoever_has_none():
    BridgeDefaults.objects.create(pk=1, own_allow_from=True, dm_policy="allowlist")
    account = factories.AccountFactory(group_policy="disabled")
    assert again(account) == [Finding.DM_LIST_EMPTY]
    put(None, "u" * 26)
    assert again(account) == []
    account.own_allow_from = True
    assert again(account) == [Finding.DM_LIST_EMPTY]


def test_entries_that_ended_and_approved_pairings_admit_nobody_there():
    account = factories.AccountFactory(dm_policy="allowlist", group_policy="disabled", own_allow_from=True)
    put(account, "u" * 26, expires_at=timezone.now() - timedelta(minutes=1))
    put(account, "v" * 26, source="pairing")
    assert again(account) == [Finding.DM_LIST_ENDED]


def test_an_access_group_admits_whom_it_holds():
    account = factories.AccountFactory(dm_policy="allowlist", group_policy="disabled", own_allow_from=True)
    group = AccessGroup.objects.create(name="Night shift")
    put(account, "accessGroup:night shift")
    assert again(account) == [Finding.DM_LIST_EMPTY]
    AccessGroupMember.objects.create(group=group, user_id="u" * 26)
    assert again(account) == []


def test_open_needs_a_star():
    account = factories.AccountFactory(dm_policy="open", group_policy="disabled", own_allow_from=True)
    assert again(account) == [Finding.DM_OPEN_TO_NOBODY]
    put(account, "u" * 26)
    assert again(account) == [Finding.DM_OPEN_BY_NAME]
    put(account, "*")
    assert again(account) == []


def test_no_agent_anywhere_is_found_and_one_of_the_defaults_serves():
    account = factories.AccountFactory(agent=None, group_policy="disabled")
    assert again(account) == [Finding.NO_AGENT]
    BridgeDefaults.objects.create(pk=1, agent=factories.AgentFactory())
    assert again(account) == []


def test_answering_everything_in_every_channel_is_found():
    account = factories.AccountFactory(group_policy="open", own_groups=True)
    GroupOverride.objects.create(account=account, channel_id="*", require_mention=False)
    assert again(account) == [Finding.GROUP_OPEN_UNASKED]


def test_settings_of_channels_that_change_nothing_are_found():
    account = factories.AccountFactory(group_policy="disabled", own_groups=True)
    GroupOverride.objects.create(account=account, channel_id="c" * 26, require_mention=False)
    assert again(account) == [Finding.GROUPS_UNUSED]


def test_a_bridge_that_is_switched_off_is_found():
    BridgeDefaults.objects.create(pk=1, enabled=False)
    assert said() == [Finding.BRIDGE_OFF]


def test_hundreds_of_accounts_cost_as_many_queries_as_one():
    def queries() -> int:
        accounts = list(Account.objects.defer("bot_token"))
        with CaptureQueriesContext(connection) as captured:
            findings_of(accounts)
        return len(captured)

    factories.AccountFactory(dm_policy="allowlist")
    one = queries()
    for _ in range(20):
        put(factories.AccountFactory(dm_policy="allowlist", own_allow_from=True), "*")
    assert queries() == one


@pytest.mark.parametrize("matching", [True, False])
def test_an_entry_that_is_no_id_is_found_whether_names_count_or_not(matching):
    account = factories.AccountFactory(group_policy="disabled", own_allow_from=True, name_matching=matching)
    put(account, "@carol")
    put(account, "carol")
    put(account, "u" * 26)
    put(account, "*")
    assert again(account) == [Finding.NAMES_COUNT if matching else Finding.NAMES_UNUSED]


@pytest.mark.parametrize(
    ("values", "found"),
    [
        ({"chatmode": "onmessage"}, [Finding.GROUP_OPEN_UNASKED]),
        ({"chatmode": "onchar"}, [Finding.GROUP_OPEN]),
        ({"require_mention": False}, [Finding.GROUP_OPEN_UNASKED]),
        ({"chatmode": "oncall", "require_mention": False}, [Finding.GROUP_OPEN, Finding.MENTION_UNUSED]),
    ],
)
def test_a_bot_that_answers_every_post_of_everybody_is_found(values, found):
    assert said(group_policy="open", **values) == found


@pytest.mark.parametrize(
    ("star", "found"),
    [
        ({"require_mention": True, "chatmode": "onmessage"}, Finding.GROUP_OPEN),
        ({"chatmode": "onmessage"}, Finding.GROUP_OPEN_UNASKED),
        ({"off": True, "chatmode": "onmessage"}, Finding.GROUP_OPEN),
    ],
)
def test_what_holds_for_every_other_channel_counts_more(star, found):
    account = factories.AccountFactory(group_policy="open", own_groups=True, chatmode="onmessage")
    GroupOverride.objects.create(account=account, channel_id="*", **star)
    assert again(account) == [found]


def test_people_who_share_one_conversation_are_named():
    BridgeDefaults.objects.create(pk=1, dm_scope="main")
    assert said() == [Finding.SESSIONS_SHARED]


def test_an_agent_whose_name_is_an_everyday_word_is_noted_until_it_has_patterns():
    agent = factories.AgentFactory(name="Support")
    account = factories.AccountFactory(agent=None, group_policy="open")
    BridgeDefaults.objects.create(pk=1, agent=agent)
    assert again(account) == [Finding.GROUP_OPEN, Finding.NAME_WAKES]
    for patterns in ([], ["hey bot"]):
        agent.mention_patterns = patterns
        agent.save()
        assert again(account) == [Finding.GROUP_OPEN]
    agent.mention_patterns = None
    agent.save()
    BridgeDefaults.objects.update(mention_patterns=[])
    assert again(account) == [Finding.GROUP_OPEN]
