"""`groups` and `accessGroups` of a configuration file, put in the place of those that are stored."""

from __future__ import annotations

from datetime import datetime

from mattermost_bridge.config.changes import Changes
from mattermost_bridge.config.wanted import Entry, Group
from mattermost_bridge.models import AccessGroup, AccessGroupMember, Account, BridgeDefaults, GroupOverride

_WORDS = {True: "true", False: "false", None: "not set"}


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
    stored = {each.channel_id: each for each in GroupOverride.objects.filter(account=account).order_by("pk")}
    new = {each.channel_id: each for each in wanted or ()}
    for channel_id, override in stored.items():
        wish = new.get(channel_id)
        named = f"groups[{_named(override)}]"
        if wish is None:
            changes.removed(subject, f"{named}: requireMention {_WORDS[override.require_mention]}")
            override.delete()
        elif wish.require_mention is not override.require_mention:
            before, after = _WORDS[override.require_mention], _WORDS[wish.require_mention]
            changes.changed(subject, f"{named}.requireMention: {before} → {after}")
            override.require_mention = wish.require_mention
            override.save(update_fields=["require_mention"])
    for channel_id, wish in new.items():
        if channel_id not in stored:
            changes.added(subject, f"groups[{channel_id}]: requireMention {_WORDS[wish.require_mention]}")
            GroupOverride.objects.create(account=account, channel_id=channel_id, require_mention=wish.require_mention)


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
