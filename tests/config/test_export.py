"""Exporting, and that importing an export changes no effective setting."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from django.utils import timezone
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra.django import TestCase

from mattermost_bridge.config import effective, exporter
from mattermost_bridge.config.effective import bump_version, settings_for
from mattermost_bridge.config.table import OF_ACCOUNTS, OF_ALL, OF_CHANNELS
from mattermost_bridge.config.wanted import KEEP
from mattermost_bridge.models import (
    AccessEntry,
    AccessGroup,
    AccessGroupMember,
    Account,
    Agent,
    Binding,
    BridgeDefaults,
    GroupOverride,
)
from mattermost_bridge.models.states import DmPolicy
from mattermost_bridge.rules.direct_channels import delays_problem
from mattermost_bridge.services import accounts
from tests.config.files import ACTOR, CAROL, DAVE, ONE, take
from tests.config.random_settings import kept_values, values_of

PEOPLE = (CAROL, DAVE, "*", "@name", "42", "accessGroup:ops", "accessGroup:Night Shift", "accessGroup:gone")


def effective_of_all() -> dict:
    """Everything that holds, without the version that counts changes."""
    return {
        account.account_id: replace(settings_for(account.pk), version=0)
        for account in Account.objects.filter(archived_at=None)
    } | {"default account": effective.default_account_id()}


@pytest.mark.django_db
def test_an_export_holds_no_secret_and_says_what_stands_in_its_place():
    take(ONE)
    text = exporter.export()
    assert "mm-token" not in text
    assert f'"botToken": "{KEEP}"' in text
    assert text.startswith("//")


@pytest.mark.django_db
def test_references_are_exported_as_they_are():
    Account.objects.create(account_id="ops", token_ref="env:MATTERMOST_OPS")
    assert exporter.content()["channels"]["mattermost"]["accounts"] == {"ops": {"botToken": "env:MATTERMOST_OPS"}}


@pytest.mark.django_db
def test_archived_accounts_and_approvals_are_not_exported():
    Account.objects.create(account_id="old", archived_at=timezone.now())
    ops = Account.objects.create(account_id="ops")
    AccessEntry.objects.create(account=ops, value=CAROL, source="pairing")
    assert exporter.content()["channels"]["mattermost"]["accounts"] == {"ops": {}}


@pytest.mark.django_db
def test_an_empty_installation_is_left_as_it_is():
    take(exporter.export())
    assert not Account.objects.exists()


@pytest.mark.django_db
def test_an_account_that_came_after_a_file_without_the_section_is_exported():
    take("{}")
    assert "mattermost" not in exporter.content()["channels"]
    accounts.create(actor=ACTOR, account_id="ops")
    assert take(exporter.export()).changes.lines == []
    assert Account.objects.get().archived_at is None


@pytest.mark.django_db
def test_an_agent_of_a_provider_is_exported_as_its_primary_model():
    agent = Agent.objects.create(
        slug="local-qwen", backend="openai_compatible", model="qwen", base_url="http://x/v1", api_key="secret-key"
    )
    BridgeDefaults.objects.create(pk=1, agent=agent)
    content = exporter.content()
    assert content["agents"]["defaults"]["model"]["primary"] == "local/qwen"
    assert content["models"]["providers"]["local"]["apiKey"] == KEEP
    assert take(exporter.export()).changes.lines == []


def with_possible_delays(values: dict) -> dict:
    """A first delay beyond the longest one is refused everywhere."""
    both = values["dm_retry_initial_delay_ms"], values["dm_retry_max_delay_ms"]
    return {**values, "dm_retry_max_delay_ms": None} if delays_problem(*both) else values


SHARED = {**values_of(OF_ACCOUNTS), "dm_policy": st.sampled_from(["", *(set(DmPolicy.values) - {"open"})])}
OVERRIDES = st.fixed_dictionaries(
    {
        "base_url": st.sampled_from(["", "https://chat.example.com", "http://10.0.0.1:8065/mm"]),
        "own_allow_from": st.booleans(),
        "own_group_allow_from": st.booleans(),
        "own_groups": st.booleans(),
        "kept": kept_values(),
        **SHARED,
    }
).map(with_possible_delays)
AGENTS = st.sampled_from([None, "echo", "local-qwen"])
GROUPS = st.dictionaries(
    st.sampled_from(["*", "channel1".ljust(26, "x"), "no id"]),
    st.fixed_dictionaries({**values_of(OF_CHANNELS), "off": st.booleans(), "agent": AGENTS}),
)
BINDINGS = st.lists(
    st.tuples(
        AGENTS,
        st.sampled_from(["", "*", "ops"]),
        st.sampled_from([("", ""), ("direct", CAROL), ("channel", "*"), ("group", "c" * 26)]),
        st.sampled_from(["", "t" * 26]),
        st.sampled_from(["", "why"]),
    ),
    max_size=4,
)
PATTERNS = st.sampled_from([None, [], ["hey bot", r"\bdurar\b"]])
ENDS = st.none() | st.datetimes(datetime(2020, 1, 1), datetime(2040, 1, 1), timezones=st.just(UTC))
ACCESS_GROUPS = st.dictionaries(
    st.sampled_from(["ops", "Night Shift"]), st.dictionaries(st.sampled_from([CAROL, DAVE, "*", "@name"]), ENDS)
)
ENTRIES = st.lists(
    st.tuples(
        st.sampled_from(PEOPLE),
        st.sampled_from(["dm", "group"]),
        st.sampled_from(["config", "panel", "pairing"]),
        ENDS,
    ).filter(lambda entry: entry[2] != "pairing" or not entry[0].startswith("accessGroup")),
    max_size=6,
    unique_by=lambda entry: (entry[0], "dm" if entry[2] == "pairing" else entry[1], entry[2]),
)
ACCOUNTS = st.dictionaries(
    st.sampled_from(["default", "ops", "alerts"]),
    st.tuples(
        OVERRIDES,
        ENTRIES,
        st.sampled_from(["", "tok-1", "ref"]),
        st.booleans(),
        st.sampled_from(["", "A name"]),
        AGENTS,
        GROUPS,
    ),
)


class ImportOfExport(TestCase):
    """The property that makes files safe to edit: what was exported can be imported without changing anything."""

    @given(
        defaults=OVERRIDES,
        entries=ENTRIES,
        accounts=ACCOUNTS,
        agent=AGENTS,
        enabled=st.booleans(),
        of_all=st.fixed_dictionaries(values_of(OF_ALL)),
        rules=BINDINGS,
        patterns=PATTERNS,
        default_account=st.sampled_from(["", "ops", "gone"]),
        groups=GROUPS,
        access_groups=ACCESS_GROUPS,
    )
    @settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much])
    def test_importing_an_export_changes_no_effective_setting(self, **drawn):
        self._fill(**drawn)
        before = self._merged(effective_of_all())
        take(exporter.export())
        after = self._merged(effective_of_all())
        assert after == before
        assert take(exporter.export()).changes.lines == []
        kept = dict(Account.objects.values_list("account_id", "kept"))
        assert kept == {account_id: row[0]["kept"] for account_id, row in drawn["accounts"].items()}

    def _fill(self, *, defaults, entries, accounts, agent, enabled, of_all, rules, patterns, default_account, **other):
        groups, access_groups = other["groups"], other["access_groups"]
        effective.forget()
        agents = {
            None: None,
            "echo": Agent.objects.create(slug="echo", backend="echo", mention_patterns=patterns, total_time=7),
        }
        agents["local-qwen"] = Agent.objects.create(
            slug="local-qwen", backend="openai_compatible", model="qwen", base_url="http://x/v1", api_key="k"
        )
        # Other tests may have left the row behind.
        BridgeDefaults.objects.update_or_create(
            pk=1,
            defaults={
                **defaults,
                "agent": agents[agent],
                "enabled": enabled,
                **of_all,
                "default_account": default_account,
            },
        )
        self._add(None, [entry for entry in entries if entry[2] != "pairing"])
        self.agents = agents
        self._add_groups(None, groups if defaults["own_groups"] else {})
        for position, (slug, account_id, (kind, peer), team, note) in enumerate(rules):
            match = {"account_id": account_id, "peer_kind": kind, "peer_id": peer, "team_id": team}
            Binding.objects.create(agent=agents[slug], position=position, note=note, **match)
        for name, members in access_groups.items():
            group = AccessGroup.objects.create(name=name)
            for who, until in members.items():
                AccessGroupMember.objects.create(group=group, user_id=who, expires_at=until)
        for number, (account_id, row) in enumerate(accounts.items()):
            values, own_entries, token, on, name, own_agent, own_groups = row
            account = Account.objects.create(
                account_id=account_id,
                enabled=on,
                name=name,
                agent=agents[own_agent],
                bot_token=f"{token}-{number}" if token == "tok-1" else "",
                token_ref="env:MATTERMOST_NOWHERE" if token == "ref" and number == 0 else "",
                **values,
            )
            self._add(account, own_entries)
            self._add_groups(account, own_groups if values["own_groups"] else {})
        bump_version()

    def _add(self, account, entries):
        for value, which, source, until in entries:
            AccessEntry.objects.create(
                account=account,
                value=value,
                list="dm" if source == "pairing" else which,
                source=source,
                expires_at=until,
            )

    def _add_groups(self, account, groups):
        for channel_id, values in groups.items():
            said = {**values, "agent": self.agents[values["agent"]]}
            GroupOverride.objects.create(account=account, channel_id=channel_id, **said)

    def _merged(self, found):
        """The same person listed twice counts as one entry, the longer one: only that is compared."""
        return {
            key: replace(value, policy=replace(value.policy, **self._lists(value.policy)))
            if hasattr(value, "policy")
            else value
            for key, value in found.items()
        }

    def _lists(self, policy):
        def merged(entries):
            ends = {}
            for entry in entries or ():
                ends.setdefault(entry.value, []).append(entry.expires_ms)
            return {value: None if None in found else max(found) for value, found in ends.items()}

        return {
            "allow_from": merged(policy.allow_from),
            "group_allow_from": None if policy.group_allow_from is None else merged(policy.group_allow_from),
        }


@pytest.mark.django_db
def test_an_entry_that_has_expired_stays_expired():
    past = timezone.now() - timedelta(days=1)
    ops = Account.objects.create(account_id="ops", own_allow_from=True)
    AccessEntry.objects.create(account=ops, value=CAROL, expires_at=past)
    take(exporter.export())
    assert AccessEntry.objects.get().expires_at == past
