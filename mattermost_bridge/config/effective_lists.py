"""Lists and the `groups` map as they hold for an account: taken whole from it once it has its own, else inherited."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime

from mattermost_bridge.config.origins import ACCOUNT, BUILT_IN, DEFAULTS
from mattermost_bridge.models import AccessEntry, AccessGroupMember, Account, BridgeDefaults, GroupOverride
from mattermost_bridge.models.access_groups import PREFIX
from mattermost_bridge.models.states import AccessList, EntrySource
from mattermost_bridge.rules.types import GroupRule, ListEntry

OWN_FLAG = {AccessList.DM: "own_allow_from", AccessList.GROUP: "own_group_allow_from"}
#: The members of each access group by the group's name in lower case: who, and until when.
Members = Mapping[str, list[tuple[str, datetime | None]]]


def group_name_in(value: str) -> str:
    """The name of the access group that an entry's value means; "" when it means none."""
    return value[len(PREFIX) :].strip() if value[: len(PREFIX)].lower() == PREFIX.lower() else ""


def members_of_groups(entries: Iterable[AccessEntry]) -> Members:
    """The members of the access groups that some entries mean, in one query; in none when they mean none."""
    wanted = {name.lower() for entry in entries if (name := group_name_in(entry.value))}
    found: dict[str, list[tuple[str, datetime | None]]] = {}
    if wanted:
        # All groups are read, since databases do not agree on how to lower a name.
        rows = AccessGroupMember.objects.order_by("pk").values_list("group__name", "user_id", "expires_at")
        for name, user_id, until in rows:
            if name.lower() in wanted:
                found.setdefault(name.lower(), []).append((user_id, until))
    return found


def list_of(
    which: AccessList, account: Account, defaults: BridgeDefaults, entries: Iterable[AccessEntry], members: Members
) -> tuple[tuple[ListEntry, ...] | None, str]:
    """A list as it is inherited, and from where; None when it is set nowhere. Access groups stand there as people."""
    if getattr(account, OWN_FLAG[which]):
        owner, source = account.pk, ACCOUNT
    elif getattr(defaults, OWN_FLAG[which]):
        owner, source = None, DEFAULTS
    else:
        return None, BUILT_IN
    # Approvals stand apart: they make no list an own one and never reach channels.
    own = (e for e in entries if e.account_id == owner and e.list == which and e.source != EntrySource.PAIRING)
    return tuple(each for entry in own for each in _people(entry, members)), source


def approved(account: Account, entries: Iterable[AccessEntry]) -> tuple[ListEntry, ...]:
    """The account's approved pairings."""
    return tuple(
        _plain(entry)
        for entry in entries
        if entry.account_id == account.pk and entry.list == AccessList.DM and entry.source == EntrySource.PAIRING
    )


def groups_of(account: Account, defaults: BridgeDefaults) -> tuple[tuple[GroupRule, ...], str]:
    """The `groups` map that holds, and whose it is."""
    if account.own_groups:
        overrides, source = GroupOverride.objects.filter(account=account), ACCOUNT
    elif defaults.own_groups:
        overrides, source = GroupOverride.objects.filter(account=None), DEFAULTS
    else:
        return (), BUILT_IN
    columns = ("channel_id", "require_mention", "off", "chatmode", "reply_to_mode", "agent__slug", "instructions")
    rows = overrides.order_by("pk").values_list(*columns)
    return tuple(
        GroupRule(channel, required, off, chatmode, mode, agent or "", words)
        for channel, required, off, chatmode, mode, agent, words in rows
    ), source


def _people(entry: AccessEntry, members: Members) -> list[ListEntry]:
    """The entry itself, or those whom it means; both ends hold, the entry's and the member's."""
    name = group_name_in(entry.value)
    if not name:
        return [_plain(entry)]
    source = f"the access group {name}"
    return [
        ListEntry(who, source, _milliseconds(_earlier(until, entry.expires_at)))
        for who, until in members.get(name.lower(), ())
    ]


def _plain(entry: AccessEntry) -> ListEntry:
    # Expired entries are kept: whether one holds is decided with the clock of the decision, and the trail names it.
    return ListEntry(entry.value, entry.source, _milliseconds(entry.expires_at))


def _earlier(one: datetime | None, other: datetime | None) -> datetime | None:
    return min(one, other) if one and other else one or other


def _milliseconds(moment: datetime | None) -> int | None:
    return int(moment.timestamp() * 1000) if moment else None
