"""From chosen values to what decisions look at, and to the rest of an account's settings."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db.models import Q

from mattermost_bridge.config.account_settings import Commands, Gateway, Interactions
from mattermost_bridge.config.effective_lists import approved, groups_of, list_of, members_of_groups
from mattermost_bridge.config.effective_values import Chosen, values_of
from mattermost_bridge.models import AccessEntry, Account, Agent, Binding, BlockedUser, BridgeDefaults
from mattermost_bridge.models.states import AccessList
from mattermost_bridge.rules.types import Binding as BindingRule
from mattermost_bridge.rules.types import Policy

#: Fields of `Policy` that are called as the columns of their settings, and hold the same.
_SAME = (
    *("dm_policy", "group_policy", "require_mention", "name_matching", "chatmode", "implicit_thread", "reply_to_mode"),
    *("dm_scope", "control_commands", "use_access_groups", "answers_bots", "bot_turns", "answer_within_hours"),
)
#: Fields of `AccountSettings` that are.
_SAME_SETTINGS = (
    *("history_limit", "context_visibility", "media_max_mb", "debounce_ms", "keep_bodies_days", "response_prefix"),
    *("chunk_mode", "markdown_tables", "actions_reactions", "actions_messages", "allow_mass_mentions"),
    "allow_private_network",
)
CHAT_TYPES = ("direct", "group", "channel")


def policy_of(
    account: Account,
    defaults: BridgeDefaults,
    agent: Agent | None,
    found: Mapping[str, Chosen],
    sources: dict[str, str],
) -> Policy:
    """What decisions about the account look at. `sources` has those of other fields, and gets the rest."""
    entries = list(AccessEntry.objects.filter(_of(account)).order_by("pk"))
    values = values_of(found)
    sources |= {name: source for name, (_value, source) in found.items()}
    members = members_of_groups(entries)
    allow_from, sources["allow_from"] = list_of(AccessList.DM, account, defaults, entries, members)
    group_allow_from, sources["group_allow_from"] = list_of(AccessList.GROUP, account, defaults, entries, members)
    if group_allow_from is None:
        sources["group_allow_from"] = sources["allow_from"]
    groups, sources["groups"] = groups_of(account, defaults)
    patterns = values["mention_patterns"]
    if agent is not None and agent.mention_patterns is not None:
        patterns, sources["mention_patterns"] = agent.mention_patterns, f"the agent {agent.slug}"
    return Policy(
        account_id=account.account_id,
        bot_user_id=account.bot_user_id,
        bot_username=account.bot_username,
        has_agent=agent is not None,
        groups=groups,
        allow_from=allow_from or (),
        group_allow_from=group_allow_from,
        approved=approved(account, entries),
        blocked=frozenset(BlockedUser.objects.filter(_of(account)).values_list("user_id", flat=True)),
        onchar_prefixes=tuple(values["onchar_prefixes"]),
        mention_patterns=None if patterns is None else tuple(patterns),
        agent_slug=agent.slug if agent else "",
        agent_name=agent.name if agent else "",
        reply_to_mode_by_type=tuple((kind, mode) for kind in CHAT_TYPES if (mode := values[f"reply_to_mode_{kind}"])),
        identity_links=tuple((name, tuple(ids)) for name, ids in values["identity_links"].items()),
        bindings=bindings(),
        sources=tuple(sources.items()),
        **{name: values[name] for name in _SAME},
    )


def bindings() -> tuple[BindingRule, ...]:
    """The bindings in their order."""
    rows = Binding.objects.values_list("agent__slug", "account_id", "peer_kind", "peer_id", "team_id")
    return tuple(BindingRule(agent or "", *rest) for agent, *rest in rows)


def settings_of(values: Mapping[str, Any]) -> dict[str, Any]:
    """The fields of `AccountSettings` that follow from values alone."""
    return {
        **{name: values[name] for name in _SAME_SETTINGS},
        "capabilities": tuple(values["capabilities"]),
        "agent_targets": tuple(values["agent_targets"]),
        "commands": Commands(
            native=values["commands_native"] == "on",
            native_skills=values["commands_native_skills"] == "on",
            callback_path=values["commands_callback_path"],
            callback_url=values["commands_callback_url"],
            prefix=values["commands_prefix"],
        ),
        "interactions": Interactions(
            callback_base_url=values["interactions_callback_base_url"],
            allowed_source_ips=tuple(values["interactions_allowed_source_ips"]),
        ),
        "gateway": gateway_of(values),
    }


def gateway_of(values: Mapping[str, Any]) -> Gateway:
    """What the gateway's keys say."""
    return Gateway(
        port=values["gateway_port"],
        custom_bind_host=values["custom_bind_host"],
        trusted_proxies=tuple(values["trusted_proxies"]),
        allow_real_ip_fallback=values["allow_real_ip_fallback"],
    )


def _of(account: Account) -> Q:
    return Q(account=account) | Q(account=None)
