"""Hundreds of accounts: found by filters, changed in bulk, copied; each has a page with tabs."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from mattermost_bridge.models import AccessEntry, Account, AuditEntry, BlockedUser, GroupOverride, ListenerLease
from mattermost_bridge.models.states import ConnectionPhase, TurnState
from tests import factories

LIST = "/mattermost_bridge/account/"


@pytest.fixture
def agent(db):
    return factories.AgentFactory(name="Helper")


def found(client, query: str) -> set[str]:
    return {account.account_id for account in client.get(f"{LIST}?{query}").context["cl"].result_list}


def test_filters_find_accounts_by_server_agent_policy_and_need(as_alice, agent):
    factories.AccountFactory(account_id="well", agent=agent, base_url="https://one.example")
    factories.AccountFactory(account_id="listed", agent=agent, base_url="https://two.example", dm_policy="allowlist")
    factories.AccountFactory(account_id="agentless", agent=None, base_url="")
    failed = factories.AccountFactory(account_id="failed", agent=agent, base_url="https://two.example")
    factories.TurnFactory(conversation__account=failed, state=TurnState.FAILED)
    down = factories.AccountFactory(account_id="down", agent=agent, base_url="https://one.example")
    ListenerLease.objects.filter(account=down).update(phase=ConnectionPhase.BACKING_OFF)
    assert found(as_alice, "server=https%3A%2F%2Fone.example") == {"well", "down"}
    assert found(as_alice, "server=inherited") == {"agentless"}
    assert found(as_alice, f"agent={agent.pk}") == {"well", "listed", "failed", "down"}
    assert found(as_alice, "agent=none") == {"agentless"}
    assert found(as_alice, "policy=allowlist") == {"listed"}
    assert found(as_alice, "policy=pairing") == {"well", "agentless", "failed", "down"}
    assert found(as_alice, "connection=hand") == {"agentless", "failed", "down"}
    assert found(as_alice, "q=two.example") == {"listed", "failed"}


def test_an_agent_is_chosen_for_several_accounts_at_once(as_alice, agent):
    accounts = [factories.AccountFactory(agent=None) for _ in range(3)]
    chosen = {"action": "set_agent", "_selected_action": [account.pk for account in accounts[:2]]}
    asked = as_alice.post(LIST, chosen)
    assert "Who answers for these 2 accounts?" in asked.content.decode()
    assert not Account.objects.filter(agent=agent).exists()
    as_alice.post(LIST, {**chosen, "agent": agent.pk, "confirmed": "1"})
    assert set(Account.objects.filter(agent=agent)) == set(accounts[:2])
    assert AuditEntry.objects.filter(verb="account.update").count() == 2


def test_who_may_not_change_accounts_is_not_offered_to(as_somebody_who, agent):
    account = factories.AccountFactory(agent=None)
    viewer = as_somebody_who("view_account", "view_agent")
    sent = {"action": "set_agent", "_selected_action": [account.pk], "agent": agent.pk, "confirmed": "1"}
    viewer.post(LIST, sent)
    account.refresh_from_db()
    assert account.agent is None


def test_a_copy_has_everything_but_name_token_and_bot(as_alice, agent):
    source = factories.AccountFactory(
        name="Operations", agent=agent, dm_policy="open", own_allow_from=True, own_groups=True, text_chunk_limit=900
    )
    AccessEntry.objects.create(account=source, list="dm", value="*", note="all of us")
    AccessEntry.objects.create(account=source, list="dm", value="p" * 26, source="pairing")
    BlockedUser.objects.create(account=source, user_id="b" * 26)
    GroupOverride.objects.create(account=source, channel_id="c" * 26, require_mention=False)
    address = f"{LIST}add/?copy_of={source.pk}"
    form = as_alice.get(address).context["adminform"].form
    assert form.initial["dm_policy"] == "open"
    assert (form.initial["text_chunk_limit"], form.initial["agent"]) == (900, agent.pk)
    assert "name" not in form.initial
    sent = {name: value for name, value in form.initial.items() if value is not None}
    as_alice.post(address, {**sent, "account_id": "copied", "name": "Copied", "enabled": "on"})
    copy = Account.objects.get(account_id="copied")
    assert (copy.bot_token, copy.bot_user_id, copy.bot_username) == ("", "", "")
    assert (copy.dm_policy, copy.agent, copy.own_groups, copy.base_url) == ("open", agent, True, source.base_url)
    assert list(copy.access_entries.values_list("value", "note")) == [("*", "all of us")]
    assert (copy.blocked_users.get().user_id, copy.group_overrides.get().channel_id) == ("b" * 26, "c" * 26)
    row = AuditEntry.objects.get(verb="account.create")
    assert row.details["copy_of"] == f"Operations ({source.account_id})"
    assert row.summary == f"The account copied was added, a copy of Operations ({source.account_id})."
    assert source.access_entries.count() == 2


def test_an_account_that_somebody_may_not_see_cannot_be_copied(as_alice):
    assert as_alice.get(f"{LIST}add/?copy_of=99999").status_code == 200
    assert as_alice.get(f"{LIST}add/?copy_of=nonsense").status_code == 200


@pytest.mark.parametrize("tab", ["overview", "access", "channels", "agent", "activity", "change"])
def test_every_tab_has_an_address_and_names_the_others(as_alice, records, tab):
    account = records["account"]
    page = as_alice.get(f"{LIST}{account.pk}/{tab}/").content.decode()
    for other in ("overview", "access", "channels", "agent", "activity", "change"):
        assert f'href="{LIST}{account.pk}/{other}/"' in page
    assert page.count('aria-current="page"') == 1


def test_the_access_tab_shows_both_lists_with_their_origin(as_alice, agent):
    account = factories.AccountFactory(agent=agent, own_allow_from=True, dm_policy="allowlist")
    by = {"added_by": as_alice.get("/").context["user"], "note": "on call", "expires_at": timezone.now() + timedelta(5)}
    factories.AccessEntryFactory(account=account, username="carol", list="dm", **by)
    factories.AccessEntryFactory(account=account, username="paired-dave", list="dm", source="pairing")
    factories.BlockedUserFactory(account=account, username="mallory")
    factories.PairingRequestFactory(account=account, username="erin")
    page = as_alice.get(f"{LIST}{account.pk}/access/").content.decode()
    for word in (
        "@carol",
        "alice",
        "on call",
        "until:",
        "@paired-dave",
        "@mallory",
        "@erin",
        "do/approve/",
        "the account&#x27;s own",
    ):
        assert word in page


@pytest.mark.parametrize(
    ("values", "says"),
    [
        ({}, "as elsewhere"),
        ({"require_mention": False}, "no mention needed"),
        ({"chatmode": "onmessage"}, "no mention needed"),
        ({"chatmode": "onchar"}, "mention needed"),
        ({"require_mention": False, "off": True}, "The bot keeps silent in this channel."),
    ],
)
def test_the_channels_tab_says_what_holds_in_a_channel(as_alice, values, says):
    account = factories.AccountFactory(own_groups=True)
    factories.GroupOverrideFactory(account=account, **{"require_mention": None, **values})
    page = as_alice.get(f"/mattermost_bridge/account/{account.pk}/channels/").content.decode()
    badges = page.split("Settings of single channels")[1].split("</section>")[0]
    assert says in badges
    assert ("no mention needed" in badges) is (says == "no mention needed")


def test_the_agent_is_chosen_on_its_tab(as_alice, agent):
    account = factories.AccountFactory(agent=None)
    address = f"{LIST}{account.pk}/agent/"
    assert "Nobody: messages wait" in as_alice.get(address).content.decode()
    as_alice.post(address, {"agent": agent.pk})
    account.refresh_from_db()
    assert account.agent == agent
    assert "Helper" in as_alice.get(address).content.decode()


def test_who_may_only_look_changes_no_agent(as_somebody_who, agent):
    account = factories.AccountFactory(agent=None)
    viewer = as_somebody_who("view_account")
    assert viewer.post(f"{LIST}{account.pk}/agent/", {"agent": agent.pk}).status_code == 403
    assert viewer.post(f"{LIST}{account.pk}/access/").status_code == 405
    account.refresh_from_db()
    assert account.agent is None


def test_the_overview_says_what_is_to_be_known_about_the_settings(as_alice, agent):
    account = factories.AccountFactory(agent=agent, group_policy="open")
    page = as_alice.get(f"{LIST}{account.pk}/overview/").content.decode()
    assert "Every member of a channel that the bot is in may ask it." in page
    assert 'role="img"' in page


@pytest.mark.parametrize(
    ("kind", "values", "tab"),
    [
        ("accessentry", {"list": "dm", "value": "u" * 26}, "access"),
        ("blockeduser", {"user_id": "u" * 26}, "access"),
        ("groupoverride", {"channel_id": "*", "require_mention": "no"}, "channels"),
    ],
)
def test_who_adds_from_a_tab_comes_back_to_it(as_alice, kind, values, tab):
    account = factories.AccountFactory()
    address = f"/mattermost_bridge/{kind}/add/"
    from_tab = as_alice.post(f"{address}?account={account.pk}", {**values, "account": account.pk})
    assert from_tab["Location"] == f"{LIST}{account.pk}/{tab}/"
    other = factories.AccountFactory()
    from_list = as_alice.post(address, {**values, "account": other.pk})
    assert from_list["Location"] == f"/mattermost_bridge/{kind}/"
