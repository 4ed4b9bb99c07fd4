"""What `rules.lint` says about accounts: their effective values, fetched for all of them at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import dataclass, replace
from typing import Any

from django.db.models import Count, Q
from django.utils import timezone

from mattermost_bridge.config import effective
from mattermost_bridge.config.effective_lists import OWN_FLAG, group_name_in
from mattermost_bridge.config.effective_values import choose, chosen
from mattermost_bridge.config.table import OF_ALL
from mattermost_bridge.models import AccessEntry, AccessGroupMember, Account, Agent, BridgeDefaults, GroupOverride
from mattermost_bridge.models.access_groups import PREFIX
from mattermost_bridge.models.states import AccessList, EntrySource
from mattermost_bridge.rules.access import WILDCARD
from mattermost_bridge.rules.lint import Facts, Finding, ListFacts, findings
from mattermost_bridge.rules.mentions import EVERY_CHANNEL

#: Whose list: an account's key, None for the defaults; and which one.
_Lists = dict[tuple[int | None, str], ListFacts]
_LOOKED_AT = frozenset({"dm_policy", "group_policy", "chatmode", "require_mention", "name_matching", "dm_scope"})


def findings_of(accounts: Collection[Account]) -> dict[int, tuple[Finding, ...]]:
    """What is to be said about each of these accounts, by key; those about which there is nothing are left out.

    Costs the same few queries for one account and for hundreds.
    """
    if not accounts:
        return {}
    defaults = BridgeDefaults.objects.defer("key_check").filter(pk=1).first() or BridgeDefaults(pk=1)
    owners: list[int | None] = [None, *(account.pk for account in accounts)]
    lists, overrides, names = _lists(owners), _overrides(owners), _waking_names(accounts, defaults)
    found = {account.pk: findings(_facts(account, defaults, lists, overrides, names)) for account in accounts}
    return {pk: said for pk, said in found.items() if said}


def _facts(
    account: Account,
    defaults: BridgeDefaults,
    lists: _Lists,
    overrides: dict[int | None, _Overrides],
    names: dict[int, str],
) -> Facts:
    # Only these: callers leave out columns that are long.
    values = chosen(account, defaults, only=_LOOKED_AT)
    group_policy, source = values["group_policy"]
    groups_owner = account if account.own_groups else defaults if defaults.own_groups else None
    own = _Overrides() if groups_owner is None else overrides.get(_key(groups_owner), _Overrides())
    chatmode, require_mention = values["chatmode"][0], values["require_mention"][0]
    needed = {"onmessage": False, "": require_mention is not False}.get(chatmode, True)
    return Facts(
        bridge_on=defaults.enabled,
        has_agent=bool(account.agent_id or defaults.agent_id),
        dm_policy=values["dm_policy"][0],
        group_policy=group_policy,
        group_policy_chosen=source != effective.BUILT_IN,
        direct=_list(AccessList.DM, account, defaults, lists) or ListFacts(),
        groups=_list(AccessList.GROUP, account, defaults, lists),
        overrides=own.single,
        mention_everywhere=needed if own.mention is None else own.mention,
        name_matching=values["name_matching"][0],
        waking_name=names.get(account.agent_id or defaults.agent_id or 0, ""),
        mention_unused=bool(chatmode) and require_mention is not None,
        dm_scope=values["dm_scope"][0],
    )


def _waking_names(accounts: Collection[Account], defaults: BridgeDefaults) -> dict[int, str]:
    """The names of agents that count as mentions: neither they nor the defaults have mention patterns."""
    of_all, _source = choose(OF_ALL["mention_patterns"], ((defaults, effective.DEFAULTS),), defaults)
    if of_all is not None:
        return {}
    pks = {pk for pk in (*(account.agent_id for account in accounts), defaults.agent_id) if pk is not None}
    agents = Agent.objects.filter(pk__in=pks, mention_patterns__isnull=True)
    return dict(agents.values_list("pk", "name"))


def _key(owner: Account | BridgeDefaults) -> int | None:
    return owner.pk if isinstance(owner, Account) else None


def _list(which: AccessList, account: Account, defaults: BridgeDefaults, lists: _Lists) -> ListFacts | None:
    """The list that holds for the account, None when it is set nowhere."""
    for owner in (account, defaults):
        if getattr(owner, OWN_FLAG[which]):
            return lists.get((_key(owner), which.value), ListFacts())
    return None


def _of(owners: Sequence[int | None]) -> Q:
    return Q(account__in=[owner for owner in owners if owner is not None]) | Q(account=None)


def _lists(owners: Sequence[int | None]) -> _Lists:
    now = timezone.now()
    holds = Q(expires_at=None) | Q(expires_at__gt=now)
    entries = AccessEntry.objects.filter(_of(owners)).exclude(source=EntrySource.PAIRING).exclude(value="")
    # What an entry for a group admits is what the group holds, so those are looked at one by one below.
    people = entries.exclude(value__istartswith=PREFIX).order_by().values("account", "list")
    # What is neither * nor an id is a username, or was meant to be one.
    names = holds & ~Q(value=WILDCARD) & ~Q(value__regex=r"^[a-z0-9]{26}$")
    counted: Any = people.annotate(
        total=Count("pk"),
        valid=Count("pk", filter=holds),
        everybody=Count("pk", filter=holds & Q(value=WILDCARD)),
        names=Count("pk", filter=names),
    )
    lists: defaultdict[tuple[int | None, str], ListFacts] = defaultdict(ListFacts)
    for row in counted:
        lists[row["account"], row["list"]] = ListFacts(row["total"], row["valid"], bool(row["everybody"]), row["names"])
    by_group: list[Any] = list(
        entries.filter(value__istartswith=PREFIX).filter(holds).values_list("account", "list", "value")
    )
    sizes = _group_sizes(holds) if by_group else {}
    for owner, which, value in by_group:
        known = lists[owner, which]
        size = sizes.get(group_name_in(value).lower(), 0)
        lists[owner, which] = replace(known, total=known.total + size, valid=known.valid + size)
    return dict(lists)


def _group_sizes(holds: Q) -> dict[str, int]:
    rows: Any = AccessGroupMember.objects.filter(holds).order_by().values_list("group__name").annotate(Count("pk"))
    return {name.lower(): count for name, count in rows}


@dataclass(frozen=True)
class _Overrides:
    """How many channels have settings, and whether a post has to address the bot in all others (None: not said)."""

    single: int = 0
    mention: bool | None = None


def _overrides(owners: Sequence[int | None]) -> dict[int | None, _Overrides]:
    """By owner what their channel settings say."""
    rows: Any = GroupOverride.objects.filter(_of(owners)).order_by()
    single = rows.exclude(channel_id=EVERY_CHANNEL).values("account").annotate(number=Count("pk"))
    found = {row["account"]: _Overrides(row["number"]) for row in single}
    stars = rows.filter(channel_id=EVERY_CHANNEL).values_list("account", "off", "require_mention", "chatmode")
    for owner, off, required, chatmode in stars:
        by_mode = chatmode != "onmessage" if chatmode else None
        mention = True if off else by_mode if required is None else required
        found[owner] = replace(found.get(owner, _Overrides()), mention=mention)
    return found
