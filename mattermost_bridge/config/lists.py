"""Access lists of a configuration file, put in the place of those that are stored."""

from __future__ import annotations

from mattermost_bridge.config.changes import Changes
from mattermost_bridge.config.wanted import Entry
from mattermost_bridge.models import AccessEntry, Account, BridgeDefaults
from mattermost_bridge.models.states import AccessList, EntrySource
from mattermost_bridge.services.access import OWN_FLAG

KEY = {AccessList.DM: "allowFrom", AccessList.GROUP: "groupAllowFrom"}


def replace_list(
    account: Account | None,
    owner: Account | BridgeDefaults,
    which: AccessList,
    wanted: tuple[Entry, ...] | None,
    subject: str,
    changes: Changes,
) -> None:
    """Make a list what the file says; None means that it is inherited. The caller saves `owner`.

    Entries that stay keep who added them, when and why, wherever they came from; approved pairings are no entries.
    """
    key = KEY[which]
    stored = AccessEntry.objects.filter(account=account, list=which).exclude(source=EntrySource.PAIRING)
    old: dict[str, AccessEntry] = {}
    for entry in stored.order_by("pk"):
        if entry.value in old:
            # The same person from the panel and from a file: one entry says it all, the one that holds longer.
            entry = _merge(old[entry.value], entry)
        old[entry.value] = entry

    if getattr(owner, OWN_FLAG[which]) is not (wanted is not None):
        setattr(owner, OWN_FLAG[which], wanted is not None)
        if wanted is None:
            changes.removed(subject, f"{key}, the whole list")
        elif not wanted:
            changes.added(subject, f"{key} = an empty list")
    new = {entry.value: entry for entry in wanted or ()}
    for value, entry in old.items():
        if value not in new:
            changes.removed(subject, f"{key}: {_named(entry)}")
            entry.delete()
        elif entry.expires_at != new[value].until:
            changes.changed(subject, f"{key}: {_named(entry)} {_until(new[value])}")
            entry.expires_at = new[value].until
            entry.save(update_fields=["expires_at"])
    for value, wish in new.items():
        if value not in old:
            changes.added(subject, f"{key}: {value}{f' {_until(wish)}' if wish.until else ''}")
            AccessEntry.objects.create(
                account=account, list=which, value=value, source=EntrySource.CONFIG, expires_at=wish.until
            )


def _merge(first: AccessEntry, second: AccessEntry) -> AccessEntry:
    ends = (first.expires_at, second.expires_at)
    first.expires_at = None if None in ends else max(end for end in ends if end)
    first.save(update_fields=["expires_at"])
    second.delete()
    return first


def _named(entry: AccessEntry) -> str:
    return f"{entry.value} (@{entry.username})" if entry.username else entry.value


def _until(entry: Entry) -> str:
    return f"until {entry.until.isoformat()}" if entry.until else "without end"
