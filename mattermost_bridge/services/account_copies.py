"""A new account that begins as another one is: with its lists, channel settings and blocked people."""

from __future__ import annotations

from collections.abc import Collection
from typing import Any

from mattermost_bridge.config.table import OF_ACCOUNTS
from mattermost_bridge.models import AccessEntry, Account, BlockedUser, GroupOverride
from mattermost_bridge.models.states import EntrySource
from mattermost_bridge.services.audit import Actor
from mattermost_bridge.services.errors import NotFound

FLAGS = ("own_allow_from", "own_group_allow_from", "own_groups", "kept")


def copy_lists(target: Account, source_pk: int, actor: Actor, given: Collection[str] = ()) -> dict[str, Any]:
    """Give a new account what stands in lists of another one, and its settings beside those that were `given`, inside
    the caller's transaction; for the audit log.

    Pairing approvals are left out: they were given for the other bot. Raises NotFound.
    """
    source = Account.objects.defer("bot_token").filter(pk=source_pk).first()
    if source is None:
        raise NotFound("The account to copy does not exist any more. Reload the page.")
    names = [*FLAGS, *(name for name in OF_ACCOUNTS if name not in given)]
    for name in names:
        setattr(target, name, getattr(source, name))
    target.save(update_fields=names)
    entries = AccessEntry.objects.filter(account=source).exclude(source=EntrySource.PAIRING)
    copied = {
        "access_entries": _copy(entries, target, added_by=actor.user),
        "channel_settings": _copy(GroupOverride.objects.filter(account=source), target, added_by=actor.user),
        "blocked_people": _copy(BlockedUser.objects.filter(account=source), target, blocked_by=actor.user),
    }
    return {"copy_of": f"{source.name} ({source.account_id})" if source.name else source.account_id, **copied}


def _copy(rows: Any, target: Account, **changes: Any) -> int:
    made = []
    for row in rows.order_by("pk"):
        row.pk, row._state.adding, row.account = None, True, target
        for name, value in changes.items():
            setattr(row, name, value)
        made.append(row)
    return len(rows.model.objects.bulk_create(made))
