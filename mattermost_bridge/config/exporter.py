"""Writing the configuration as a file that an import takes in again without changing an effective setting.

Secrets never leave: a reference is written as it is, and a stored secret as a word that tells the import to keep it.
Pairings, blocked people and grants are not part of a file.
"""

from __future__ import annotations

import json
from typing import Any

from mattermost_bridge.config.export_agents import ExportedAgents
from mattermost_bridge.config.export_values import put
from mattermost_bridge.config.group_maps import says
from mattermost_bridge.config.lists import KEY
from mattermost_bridge.config.schema_bindings import MAIN
from mattermost_bridge.config.schema_groups import SENDERS
from mattermost_bridge.config.table import OF_ACCOUNTS, OF_ALL, OF_CHANNELS, OF_KEPT
from mattermost_bridge.config.wanted import KEEP
from mattermost_bridge.models import AccessEntry, AccessGroup, Account, Agent, Binding, BridgeDefaults, GroupOverride
from mattermost_bridge.models.states import AccessList, EntrySource
from mattermost_bridge.services.access import OWN_FLAG

HEAD = f"""\
// Durar's configuration. Secrets are not in this file: {KEEP} tells an import to keep what is stored, so
// on another installation put the secret, or a reference such as "env:MATTERMOST_BOT_TOKEN", in its place.
// Pairings and blocked people are not part of it either; an import leaves them as they are.
"""


def export() -> str:
    """The configuration as a JSON5 text."""
    return HEAD + json.dumps(content(), indent=2, ensure_ascii=False) + "\n"


def content() -> dict[str, Any]:
    """The configuration as plain values."""
    rows = BridgeDefaults.objects.defer("key_check", "agent__api_key").select_related("agent")
    defaults = rows.filter(pk=1).first() or BridgeDefaults(pk=1)
    result: dict[str, Any] = {"channels": {}}
    for name, setting in OF_ALL.items():
        put(result, setting, getattr(defaults, name))
    agents = ExportedAgents(defaults.agent)
    if defaults.section_exists:
        result["channels"]["mattermost"] = _section(defaults, by_provider=agents.primary)
    if groups := _access_groups():
        result["accessGroups"] = groups
    if bindings := _bindings():
        result["bindings"] = bindings
    agents.add_to(result)
    return result


def _section(defaults: BridgeDefaults, *, by_provider: bool) -> dict[str, Any]:
    section: dict[str, Any] = {} if defaults.enabled else {"enabled": False}
    section |= _values(None, defaults, agent=None if by_provider else defaults.agent)
    if defaults.default_account:
        section["defaultAccount"] = defaults.default_account
    accounts = Account.objects.filter(archived_at=None).select_related("agent").defer("agent__api_key")
    section["accounts"] = {account.account_id: _account(account) for account in accounts.order_by("account_id")}
    return section


def _account(account: Account) -> dict[str, Any]:
    result: dict[str, Any] = {} if account.enabled else {"enabled": False}
    if account.name:
        result["name"] = account.name
    if account.token_ref or account.bot_token:
        result["botToken"] = account.token_ref or KEEP
    return result | _values(account, account, agent=account.agent)


def _values(account: Account | None, owner: Account | BridgeDefaults, *, agent: Agent | None) -> dict[str, Any]:
    result: dict[str, Any] = {"baseUrl": owner.base_url} if owner.base_url else {}
    for name, setting in OF_ACCOUNTS.items():
        put(result, setting, getattr(owner, name))
    for key, value in owner.kept.items():
        if key in OF_KEPT:
            put(result, OF_KEPT[key], value)
    own: dict[str, Any] = result.pop("durar", {})
    for which, key in KEY.items():
        if getattr(owner, OWN_FLAG[which]):
            result[key], ends = _list(account, which)
            if ends:
                own[f"{key}Until"] = ends
    if owner.own_groups:
        result["groups"] = _groups(account)
    if agent is not None:
        own["agent"] = agent.slug
    return result | ({"durar": own} if own else {})


def _list(account: Account | None, which: AccessList) -> tuple[list[str], dict[str, str]]:
    entries = AccessEntry.objects.filter(account=account, list=which).exclude(source=EntrySource.PAIRING)
    ends: dict[str, Any] = {}
    for entry in entries.order_by("pk"):
        # Listed twice, by a file and in the panel: the longer one says it all.
        if entry.value in ends:
            both = (ends[entry.value], entry.expires_at)
            ends[entry.value] = None if None in both else max(both)
        else:
            ends[entry.value] = entry.expires_at
    return list(ends), {value: end.isoformat() for value, end in ends.items() if end}


def _groups(account: Account | None) -> dict[str, Any]:
    found: dict[str, Any] = {}
    rows = GroupOverride.objects.filter(account=account).select_related("agent").defer("agent__api_key")
    for override in rows.order_by("pk"):
        entry: dict[str, Any] = {}
        for name, setting in OF_CHANNELS.items():
            if says(override, name):
                put(entry, setting, getattr(override, name))
        if override.agent:
            entry.setdefault("durar", {})["agent"] = override.agent.slug
        found[override.channel_id] = entry
    return found


def _bindings() -> list[dict[str, Any]]:
    found = []
    for binding in Binding.objects.select_related("agent").defer("agent__api_key"):
        match: dict[str, Any] = {"channel": "mattermost"}
        if binding.account_id:
            match["accountId"] = binding.account_id
        if binding.peer_kind:
            match["peer"] = {"kind": binding.peer_kind, "id": binding.peer_id}
        if binding.team_id:
            match["teamId"] = binding.team_id
        entry = {"agentId": binding.agent.slug if binding.agent else MAIN, "match": match}
        found.append(entry | ({"comment": binding.note} if binding.note else {}))
    return found


def _access_groups() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for group in AccessGroup.objects.order_by("name").prefetch_related("members"):
        members = sorted(group.members.all(), key=lambda member: member.pk)
        found[group.name] = {"type": SENDERS, "members": {"mattermost": [member.user_id for member in members]}}
        if ends := {member.user_id: member.expires_at.isoformat() for member in members if member.expires_at}:
            found[group.name]["durar"] = {"until": ends}
    return found
