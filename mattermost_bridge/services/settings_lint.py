"""What `rules.lint` says about accounts: their effective values, fetched for all of them at once."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Sequence
from dataclasses import replace
from typing import Any

from django.db.models import Count, Q
from django.utils import timezone

from mattermost_bridge.config import effective
from mattermost_bridge.config.effective_lists import OWN_FLAG, group_name_in
from mattermost_bridge.models import AccessEntry, AccessGroupMember, Account, BridgeDefaults, GroupOverride
from mattermost_bridge.models.access_groups import PREFIX
from mattermost_bridge.models.states import AccessList, DmPolicy, EntrySource
from mattermost_bridge.rules.access import WILDCARD
from mattermost_bridge.rules.lint import Facts, Finding, ListFacts, findings
from mattermost_bridge.rules.mentions import EVERY_CHANNEL

#: Whose list: an account's key, None for the defaults; and which one.
_Lists = dict[tuple[int | None, str], ListFacts]


def findings_of(accounts: Collection[Account]) -> dict[int, tuple[Finding, ...]]:
    """What is to be said about each of these accounts, by key; those about which there is nothing are left out.

    Costs the same few queries for one account and for hundreds.
    """
    if not accounts:
        return {}
    defaults = BridgeDefaults.objects.defer("key_check").filter(pk=1).first() or BridgeDefaults(pk=1)
    owners: list[int | None] = [None, *(account.pk for account in accounts)]
    lists, overrides = _lists(owners), _overrides(owners)
    found = {account.pk: findings(_facts(account, defaults, lists, overrides)) for account in accounts}
    return {pk: said for pk, said in found.items() if said}


def _facts(
    account: Account, defaults: BridgeDefaults, lists: _Lists, overrides: dict[int | None, tuple[int, bool]]
) -> Facts:
    group_policy, source = effective.group_policy_of(account, defaults)
    groups_owner = account if account.own_groups else defaults if defaults.own_groups else None
    count, mention = (0, True) if groups_owner is None else overrides.get(_key(groups_owner), (0, True))
    return Facts(
        bridge_on=defaults.enabled,
        has_agent=bool(account.agent_id or defaults.agent_id),
        dm_policy=account.dm_policy or defaults.dm_policy or DmPolicy.PAIRING.value,
        group_policy=group_policy,
        group_policy_chosen=source != effective.BUILT_IN,
        direct=_list(AccessList.DM, account, defaults, lists) or ListFacts(),
        groups=_list(AccessList.GROUP, account, defaults, lists),
        overrides=count,
        mention_everywhere=mention,
    )


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
    counted: Any = people.annotate(
        total=Count("pk"), valid=Count("pk", filter=holds), everybody=Count("pk", filter=holds & Q(value=WILDCARD))
    )
    lists: defaultdict[tuple[int | None, str], ListFacts] = defaultdict(ListFacts)
    for row in counted:
        lists[row["account"], row["list"]] = ListFacts(row["total"], row["valid"], bool(row["everybody"]))
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


def _overrides(owners: Sequence[int | None]) -> dict[int | None, tuple[int, bool]]:
    """How many channels have settings, and whether a mention is needed in every channel, by owner."""
    rows: Any = GroupOverride.objects.filter(_of(owners)).order_by().values("account")
    free = Count("pk", filter=Q(channel_id=EVERY_CHANNEL, require_mention=False))
    single = Count("pk", filter=~Q(channel_id=EVERY_CHANNEL))
    return {row["account"]: (row["single"], not row["free"]) for row in rows.annotate(single=single, free=free)}
