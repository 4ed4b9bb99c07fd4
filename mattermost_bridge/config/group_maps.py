"""`groups` and `accessGroups` of a configuration file, put in the place of those that are stored."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from mattermost_bridge.config.changes import Changes, differing
from mattermost_bridge.config.table import OF_CHANNELS
from mattermost_bridge.config.wanted import Entry, Group
from mattermost_bridge.models import AccessGroup, AccessGroupMember, Account, Agent, BridgeDefaults, GroupOverride

_WORDS = {**{column: setting.key for column, setting in OF_CHANNELS.items()}, "agent": "durar.agent"}


def replace_groups(
    account: Account | None,
    owner: Account | BridgeDefaults,
    wanted: tuple[Group, ...] | None,
    subject: str,
    changes: Changes,
) -> None:
    """Make the `groups` map what the file says; None means that it is inherited. The caller saves `owner`.

    Entries that stay keep the channel's name, and who added them, when and why.
    """
    if owner.own_groups is not (wanted is not None):
        owner.own_groups = wanted is not None
        if wanted is None:
            changes.removed(subject, "groups, the whole map")
        elif not wanted:
            changes.added(subject, "groups = an empty map")
    rows = GroupOverride.objects.filter(account=account).select_related("agent").defer("agent__api_key")
    stored = {each.channel_id: each for each in rows.order_by("pk")}
    agents = {agent.slug: agent for agent in Agent.objects.defer("api_key")}
    new = {each.channel_id: each for each in wanted or ()}
    for channel_id, override in stored.items():
        wish = new.get(channel_id)
        if wish is None:
            changes.removed(subject, f"groups[{_named(override)}]: {_said(override)}")
            override.delete()
            continue
        before = shown(override)
        _apply(override, wish, agents)
        different = differing(before, shown(override))
        if different:
            named = f"groups[{_named(override)}]"
            changes.fields(subject, different, {name: f"{named}.{word}" for name, word in _WORDS.items()})
            override.save()
    for channel_id, wish in new.items():
        if channel_id not in stored:
            override = GroupOverride(account=account, channel_id=channel_id)
            _apply(override, wish, agents)
            override.save()
            changes.added(subject, f"groups[{channel_id}]: {_said(override)}")


def shown(override: GroupOverride) -> dict[str, Any]:
    """What an entry says, by column; only what is set."""
    said = {name: getattr(override, name) for name in OF_CHANNELS if says(override, name)}
    return said | ({"agent": override.agent.slug} if override.agent else {})


def says(override: GroupOverride, column: str) -> bool:
    """Whether an entry says something in a column; not to be off is nothing."""
    value = getattr(override, column)
    return OF_CHANNELS[column].is_set(value) and (column != "off" or value)


def _apply(override: GroupOverride, wish: Group, agents: dict[str, Agent]) -> None:
    for column, setting in OF_CHANNELS.items():
        setattr(override, column, wish.values.get(column, False if column == "off" else setting.unset))
    override.agent = agents[wish.agent] if wish.agent else None


def _said(override: GroupOverride) -> str:
    words = {True: "true", False: "false"}
    said = [f"{_WORDS[name]} {words.get(value, value)}" for name, value in shown(override).items()]
    return ", ".join(said) or "nothing of its own"


def replace_access_groups(wanted: dict[str, tuple[Entry, ...]], changes: Changes) -> None:
    """Make the access groups what the file says. Members that stay keep who added them, when and why."""
    stored = {group.name.lower(): group for group in AccessGroup.objects.order_by("name")}
    kept = {name.lower() for name in wanted}
    for key, old in stored.items():
        if key not in kept:
            changes.removed(f"access group {old.name}", "the whole group")
            old.delete()
    for name, members in wanted.items():
        group = stored.get(name.lower())
        subject = f"access group {name}"
        if group is None:
            group = AccessGroup.objects.create(name=name)
            changes.added(subject, "a new group")
        elif group.name != name:
            changes.changed(subject, f"name: {group.name} → {name}")
            group.name = name
            group.save(update_fields=["name"])
        _replace_members(group, {member.value: member.until for member in members}, subject, changes)


def _replace_members(group: AccessGroup, wanted: dict[str, datetime | None], subject: str, changes: Changes) -> None:
    stored = {member.user_id: member for member in group.members.order_by("pk")}
    for user_id, member in stored.items():
        if user_id not in wanted:
            changes.removed(subject, f"{member.user_id}{f' ({member})' if member.username else ''}")
            member.delete()
        elif member.expires_at != wanted[user_id]:
            changes.changed(subject, f"{member} {_until(wanted[user_id])}")
            member.expires_at = wanted[user_id]
            member.save(update_fields=["expires_at"])
    for user_id, until in wanted.items():
        if user_id not in stored:
            changes.added(subject, f"{user_id}{f' {_until(until)}' if until else ''}")
            AccessGroupMember.objects.create(group=group, user_id=user_id, expires_at=until)


def _until(until: datetime | None) -> str:
    return f"until {until.isoformat()}" if until else "without end"


def _named(override: GroupOverride) -> str:
    return f"{override.channel_id} (~{override.channel_name})" if override.channel_name else override.channel_id
