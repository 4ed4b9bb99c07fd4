"""What holds in one channel: its entry in `groups`, else the one for every channel, else the account's value."""

from __future__ import annotations

from mattermost_bridge.rules.types import GroupRule, Policy

EVERY_CHANNEL = "*"
"""Stands in `groups` for all channels without an entry of their own."""

_OWNERS = {"account": " of the account", "defaults": " of the defaults"}


def entries_for(policy: Policy, channel_id: str) -> list[tuple[GroupRule, str]]:
    """The entries of `groups` that may hold in a channel, nearest first, each with its place in words."""
    if not policy.groups:
        return []
    owner = _OWNERS.get(policy.source_of("groups"), "")
    by_channel = {rule.channel_id: rule for rule in policy.groups}
    return [
        (by_channel[key], f"groups[{shown}]{owner}")
        for key, shown in ((channel_id, channel_id), (EVERY_CHANNEL, '"*"'))
        if key in by_channel
    ]


def switched_off(policy: Policy, channel_id: str) -> tuple[bool, str]:
    """Whether the bot is switched off in a channel, and where that is said.

    The channel's own entry says it when there is one, else the one for `*`: so an entry for one channel switches it on
    where `*` is off.
    """
    for rule, source in entries_for(policy, channel_id):
        return rule.off, source
    return False, policy.source_of("groups")


def said_here(policy: Policy, channel_id: str, field: str) -> tuple[str, str]:
    """The text that the nearest entry has in `field`, and where; ("", "") when none has one."""
    for rule, source in entries_for(policy, channel_id):
        if value := getattr(rule, field):
            return str(value), source
    return "", ""


def chatmode(policy: Policy, channel_id: str) -> tuple[str, str]:
    """The chat mode of a channel: oncall, onmessage, onchar, or "" where none is set; and where it is said."""
    value, source = said_here(policy, channel_id, "chatmode")
    return (value, source) if value else (policy.chatmode, policy.source_of("chatmode"))


def mention_required(policy: Policy, channel_id: str) -> tuple[bool, str]:
    """Whether a post in a channel or group must mention the bot, and where that is said, in words.

    The channel's own entry in `groups` counts most, then the one for `*`, then the chat mode, then the older
    `requireMention`, and without any of them a mention is needed. In an entry `requireMention` counts more than a chat
    mode. An entry that leaves both open counts as absent.
    """
    for rule, source in entries_for(policy, channel_id):
        if rule.require_mention is not None:
            return rule.require_mention, source
        if rule.chatmode:
            return rule.chatmode != "onmessage", source
    if policy.chatmode:
        return policy.chatmode != "onmessage", policy.source_of("chatmode")
    if policy.require_mention is not None:
        return policy.require_mention, policy.source_of("require_mention")
    return True, policy.source_of("require_mention")
