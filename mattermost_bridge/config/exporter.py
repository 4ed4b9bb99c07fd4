"""Writing the configuration as a file that an import takes in again without changing an effective setting.

Secrets never leave: a reference is written as it is, and a stored secret as a word that tells the import to keep it.
Pairings, blocked people, expired codes and agents that no key can express are not part of a file.
"""

from __future__ import annotations

import json
from typing import Any

from mattermost_bridge.config.lists import KEY
from mattermost_bridge.config.names import provider_of
from mattermost_bridge.config.schema_groups import SENDERS
from mattermost_bridge.config.wanted import KEEP
from mattermost_bridge.models import AccessEntry, AccessGroup, Account, Agent, BridgeDefaults, GroupOverride
from mattermost_bridge.models.states import AccessList, AgentBackend, EntrySource
from mattermost_bridge.rules.direct_channels import KEYS
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
    defaults = BridgeDefaults.objects.defer("key_check").select_related("agent").filter(pk=1).first()
    defaults = defaults or BridgeDefaults(pk=1)
    channels: dict[str, Any] = {}
    if defaults.default_group_policy:
        channels["defaults"] = {"groupPolicy": defaults.default_group_policy}
    provider = _provider(defaults.agent)
    if defaults.section_exists:
        channels["mattermost"] = _section(defaults, by_provider=bool(provider))
    result: dict[str, Any] = {"channels": channels}
    if groups := _access_groups():
        result["accessGroups"] = groups
    if provider and defaults.agent:
        result["models"] = {"providers": {provider: _described(defaults.agent)}}
        result["agents"] = {"defaults": {"model": {"primary": f"{provider}/{defaults.agent.model}"}}}
    return result


def _section(defaults: BridgeDefaults, *, by_provider: bool) -> dict[str, Any]:
    section: dict[str, Any] = {} if defaults.enabled else {"enabled": False}
    section |= _values(None, defaults, agent=None if by_provider else defaults.agent)
    if defaults.default_account:
        section["defaultAccount"] = defaults.default_account
    accounts = Account.objects.filter(archived_at=None).select_related("agent").order_by("account_id")
    section["accounts"] = {account.account_id: _account(account) for account in accounts}
    return section


def _account(account: Account) -> dict[str, Any]:
    result: dict[str, Any] = {} if account.enabled else {"enabled": False}
    if account.name:
        result["name"] = account.name
    if account.token_ref or account.bot_token:
        result["botToken"] = account.token_ref or KEEP
    return result | _values(account, account, agent=account.agent)


def _values(account: Account | None, owner: Account | BridgeDefaults, *, agent: Agent | None) -> dict[str, Any]:
    named = {
        "baseUrl": owner.base_url,
        "dmPolicy": owner.dm_policy,
        "groupPolicy": owner.group_policy,
        "textChunkLimit": owner.text_chunk_limit,
    }
    result: dict[str, Any] = {key: value for key, value in named.items() if value}
    if retry := {KEYS[name]: value for name, value in owner.dm_channel_retry.items() if value is not None}:
        result["dmChannelRetry"] = retry
    own: dict[str, Any] = {}
    for which, key in KEY.items():
        if getattr(owner, OWN_FLAG[which]):
            result[key], ends = _list(account, which)
            if ends:
                own[f"{key}Until"] = ends
    if owner.own_groups:
        result["groups"] = _groups(account)
    if owner.pairing_text.strip():
        own["pairingText"] = owner.pairing_text
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
    rows = GroupOverride.objects.filter(account=account).order_by("pk").values_list("channel_id", "require_mention")
    return {channel_id: {} if required is None else {"requireMention": required} for channel_id, required in rows}


def _access_groups() -> dict[str, Any]:
    found: dict[str, Any] = {}
    for group in AccessGroup.objects.order_by("name").prefetch_related("members"):
        members = sorted(group.members.all(), key=lambda member: member.pk)
        found[group.name] = {"type": SENDERS, "members": {"mattermost": [member.user_id for member in members]}}
        if ends := {member.user_id: member.expires_at.isoformat() for member in members if member.expires_at}:
            found[group.name]["durar"] = {"until": ends}
    return found


def _provider(agent: Agent | None) -> str:
    """The provider's name under which an import makes exactly this agent; "" when there is none."""
    if agent is None or agent.backend != AgentBackend.OPENAI_COMPATIBLE:
        return ""
    return provider_of(agent.slug, agent.model)


def _described(agent: Agent) -> dict[str, Any]:
    result: dict[str, Any] = {"baseUrl": agent.base_url}
    if agent.api_key_ref or agent.api_key:
        result["apiKey"] = agent.api_key_ref or KEEP
    return result | {"models": [agent.model]}
