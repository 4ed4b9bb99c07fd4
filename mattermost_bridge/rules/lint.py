"""Settings that cannot do what their operator wants: a bot that looks well and answers nobody, or answers everybody.

Looks at effective values only, so that a list which is emptied in the defaults is found at every account that uses it.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import IntEnum, StrEnum

from mattermost_bridge.rules.marking import gettext_noop as _


class Weight(IntEnum):
    """How much a finding matters."""

    NOTE = 1  # works as it says; somebody who looks at the account should know it
    NEEDS_A_HAND = 2  # cannot work


class Place(StrEnum):
    """Where a finding is remedied."""

    ACCESS = "access"  # the lists
    POLICY = "policy"  # the policies
    CHANNELS = "channels"
    AGENT = "agent"
    AGENT_PAGE = "agent_page"  # which agent answers is right, but not what the agent itself says
    CONNECTION = "connection"
    DEFAULTS = "defaults"


class Finding(StrEnum):
    """Something that cannot work, or should be known. `sentence` says what it leads to, `remedy` what to do about it,
    `place` where."""

    weight: Weight
    sentence: str
    remedy: str
    place: Place

    def __new__(cls, code: str, weight: Weight, sentence: str, remedy: str, place: Place) -> Finding:
        member = str.__new__(cls, code)
        member._value_ = code
        member.weight, member.sentence, member.remedy, member.place = weight, sentence, remedy, place
        return member

    BRIDGE_OFF = (
        "bridge_off",
        Weight.NEEDS_A_HAND,
        _("The bridge as a whole is switched off: no bot listens or answers."),
        _("Switch it on in the defaults."),
        Place.DEFAULTS,
    )
    NO_AGENT = (
        "no_agent",
        Weight.NEEDS_A_HAND,
        _("There is no agent, so messages wait and nobody is answered."),
        _("Choose an agent."),
        Place.AGENT,
    )
    NOBODY_AT_ALL = (
        "nobody_at_all",
        Weight.NEEDS_A_HAND,
        _("Direct messages and channels are both disabled, so the bot answers nobody."),
        _("Choose another policy, or disable the account."),
        Place.POLICY,
    )
    DM_LIST_EMPTY = (
        "dm_list_empty",
        Weight.NEEDS_A_HAND,
        _("Direct messages are for listed people only, and nobody is on the list: everybody is refused."),
        _("Add people to the list for direct messages, or choose the policy pairing."),
        Place.ACCESS,
    )
    DM_LIST_ENDED = (
        "dm_list_ended",
        Weight.NEEDS_A_HAND,
        _("Direct messages are for listed people only, and every entry of the list has ended: everybody is refused."),
        _("Give entries a later end, or add people."),
        Place.ACCESS,
    )
    DM_OPEN_TO_NOBODY = (
        "dm_open_to_nobody",
        Weight.NEEDS_A_HAND,
        _("Direct messages are open, but the list admits nobody: open admits only those whom the list matches."),
        _("Add * to the list for direct messages."),
        Place.ACCESS,
    )
    GROUP_LIST_EMPTY = (
        "group_list_empty",
        Weight.NEEDS_A_HAND,
        _("Channels are for listed people only, and nobody is on the list: in channels everybody is refused."),
        _("Add people to the list for channels, or choose another channel policy."),
        Place.ACCESS,
    )
    GROUP_LIST_ENDED = (
        "group_list_ended",
        Weight.NEEDS_A_HAND,
        _(
            "Channels are for listed people only, and every entry of the list has ended: in channels everybody is "
            "refused."
        ),
        _("Give entries a later end, or add people."),
        Place.ACCESS,
    )
    GROUPS_UNUSED = (
        "groups_unused",
        Weight.NEEDS_A_HAND,
        _("Single channels have settings, but the channel policy is disabled: they change nothing."),
        _("Choose another channel policy, or remove the channel settings."),
        Place.POLICY,
    )
    NAMES_UNUSED = (
        "names_unused",
        Weight.NEEDS_A_HAND,
        _("Lists name people by their usernames, which do not count: these entries match nobody."),
        _("Put the people's user ids there, or let usernames match (people can change them)."),
        Place.ACCESS,
    )
    GROUP_LIST_UNSET = (
        "group_list_unset",
        Weight.NOTE,
        _("In channels the bot answers nobody yet: nobody chose a channel policy or put anybody on a list."),
        _("Add people to the list for channels, or choose a channel policy."),
        Place.ACCESS,
    )
    DM_OPEN_BY_NAME = (
        "dm_open_by_name",
        Weight.NOTE,
        _("Direct messages are open, but only those who are on the list are answered: it has no *."),
        _("Add * if everybody is meant, or choose the policy allowlist."),
        Place.ACCESS,
    )
    GROUP_OPEN = (
        "group_open",
        Weight.NOTE,
        _("Every member of a channel that the bot is in may ask it."),
        _("If that is too many, choose the policy allowlist."),
        Place.POLICY,
    )
    NAMES_COUNT = (
        "names_count",
        Weight.NOTE,
        _("Lists name people by their usernames, and usernames count: whoever takes such a name is listed."),
        _("Put the people's user ids there, then switch off that usernames match."),
        Place.POLICY,
    )
    MENTION_UNUSED = (
        "mention_unused",
        Weight.NOTE,
        _("Whether a mention is needed is set, but the chat mode counts more."),
        _("Choose the chat mode alone."),
        Place.POLICY,
    )
    NAME_WAKES = (
        "name_wakes",
        Weight.NOTE,
        _(
            "In channels a post that merely says the agent's name wakes the bot, without @ too, and the name is a "
            "single word that people may use for something else."
        ),
        _(
            "Give the agent mention patterns of its own, or an empty list of them: then only @ and the bot's name "
            "count."
        ),
        Place.AGENT_PAGE,
    )
    SESSIONS_SHARED = (
        "sessions_shared",
        Weight.NOTE,
        _("Everybody who writes to the bot directly shares one conversation: each may be told what others asked."),
        _("Give each person their own, unless that is meant."),
        Place.DEFAULTS,
    )
    GROUP_OPEN_UNASKED = (
        "group_open_unasked",
        Weight.NEEDS_A_HAND,
        _("In every channel the bot answers every post of everybody, without being mentioned."),
        _("Let it need a mention, or limit who may ask it."),
        Place.CHANNELS,
    )


@dataclass(frozen=True, slots=True)
class ListFacts:
    """A list: how many entries it has, how many hold now, how many of these are no ids, and whether one is `*`."""

    total: int = 0
    valid: int = 0
    everybody: bool = False
    names: int = 0


@dataclass(frozen=True, slots=True)
class Facts:
    """The effective values of one account. `groups` is the list for channels, None when it is set nowhere: then the
    one for direct messages serves. `group_policy_chosen`: somebody set it, here or in the defaults. `overrides` counts
    the settings of single channels; `mention_everywhere`: whether a post in a channel has to address the bot.
    `name_matching`: usernames on lists count. `mention_unused`: requireMention is set beside a chat mode. `waking_name`
    is the agent's name where it counts as a mention, "" where it does not."""

    bridge_on: bool = True
    has_agent: bool = True
    dm_policy: str = "pairing"
    group_policy: str = "allowlist"
    group_policy_chosen: bool = False
    direct: ListFacts = ListFacts()
    groups: ListFacts | None = None
    overrides: int = 0
    mention_everywhere: bool = True
    name_matching: bool = False
    mention_unused: bool = False
    waking_name: str = ""
    dm_scope: str = "per-account-channel-peer"


def findings(facts: Facts) -> tuple[Finding, ...]:
    """What is to be said about an account that is in use, what matters most first."""
    found: list[Finding] = []
    if not facts.bridge_on:
        found.append(Finding.BRIDGE_OFF)
    if not facts.has_agent:
        found.append(Finding.NO_AGENT)
    if facts.dm_policy == "disabled" and facts.group_policy == "disabled":
        found.append(Finding.NOBODY_AT_ALL)
    names = facts.direct.names + (facts.groups.names if facts.groups else 0)
    if names:
        found.append(Finding.NAMES_COUNT if facts.name_matching else Finding.NAMES_UNUSED)
    if not facts.name_matching:
        facts = replace(
            facts, direct=_without_names(facts.direct), groups=facts.groups and _without_names(facts.groups)
        )
    found += _direct(facts)
    found += _channels(facts)
    if facts.mention_unused:
        found.append(Finding.MENTION_UNUSED)
    if facts.group_policy != "disabled" and facts.mention_everywhere and is_one_word(facts.waking_name):
        found.append(Finding.NAME_WAKES)
    if facts.dm_scope == "main" and facts.dm_policy != "disabled":
        found.append(Finding.SESSIONS_SHARED)
    return tuple(sorted(found, key=lambda finding: -finding.weight))


def is_one_word(name: str) -> bool:
    """Whether a name is one word of nothing but letters, so that it may come up in anybody's talk: Echo, Support."""
    return name.strip().isalpha()


def _without_names(facts: ListFacts) -> ListFacts:
    # An entry that matches nobody is none.
    return replace(facts, total=facts.total - facts.names, valid=facts.valid - facts.names, names=0)


def _direct(facts: Facts) -> list[Finding]:
    if facts.dm_policy == "allowlist" and not facts.direct.valid:
        return [Finding.DM_LIST_ENDED if facts.direct.total else Finding.DM_LIST_EMPTY]
    if facts.dm_policy == "open" and not facts.direct.valid:
        return [Finding.DM_OPEN_TO_NOBODY]
    if facts.dm_policy == "open" and not facts.direct.everybody:
        return [Finding.DM_OPEN_BY_NAME]
    return []


def _channels(facts: Facts) -> list[Finding]:
    if facts.group_policy == "disabled":
        return [Finding.GROUPS_UNUSED] if facts.overrides and facts.dm_policy != "disabled" else []
    if facts.group_policy == "open":
        return [Finding.GROUP_OPEN if facts.mention_everywhere else Finding.GROUP_OPEN_UNASKED]
    used = facts.direct if facts.groups is None else facts.groups
    if used.valid:
        return []
    if used.total:
        return [Finding.GROUP_LIST_ENDED]
    # Nobody has decided anything about channels yet: that is how every account begins, and no mistake.
    chosen = facts.group_policy_chosen or facts.groups is not None
    return [Finding.GROUP_LIST_EMPTY if chosen else Finding.GROUP_LIST_UNSET]
