"""Rows that several services lock or look up, all in the same way."""

from __future__ import annotations

from datetime import datetime

from django.db.models import F, Q
from django.utils import timezone

from mattermost_bridge.config.effective import base_url_of
from mattermost_bridge.models import (
    AccessEntry,
    AccessGroup,
    AccessGroupMember,
    Account,
    BlockedUser,
    BridgeDefaults,
    ListenerLease,
)
from mattermost_bridge.services.errors import NotFound, Refused


def locked(account_pk: int) -> Account:
    """The account's row, locked until the transaction ends. Raises NotFound."""
    # no_key: rows that refer to the account (events, deliveries) may be inserted meanwhile.
    account = Account.objects.select_for_update(no_key=True).filter(pk=account_pk).first()
    if account is None:
        raise NotFound("This account does not exist any more. Reload the page.")
    return account


def the_defaults() -> BridgeDefaults:
    """The row of the defaults, locked until the transaction ends; made when it is missing."""
    defaults = BridgeDefaults.objects.select_for_update(no_key=True).filter(pk=1).first()
    return defaults or BridgeDefaults.objects.create(pk=1)


def owner_of_lists(account: Account | None) -> Account | BridgeDefaults:
    """Whose lists are meant: the account's row or (None) that of the defaults, locked. Raises NotFound."""
    return locked(account.pk) if account else the_defaults()


def owner_named(account: Account | None, every: str = "the defaults") -> str:
    """The same in words, for sentences; `every` stands for no account."""
    return f"the account {account.account_id}" if account else every


def check_end(expires_at: datetime | None, before: datetime | None = None) -> None:
    """Raise Refused for an end that has passed already, unless it is the one that stood there `before`."""
    # Forms know seconds only.
    same = expires_at and before and expires_at.replace(microsecond=0) == before.replace(microsecond=0)
    if expires_at is not None and not same and expires_at <= timezone.now():
        raise Refused("The end of an entry must lie in the future. Remove the entry if it should end now.")


def put_end(row: AccessEntry | AccessGroupMember, expires_at: datetime | None, note: str | None) -> str:
    """Let the row hold until `expires_at` or without end, with another note unless it is None; returns the end in
    words. Raises Refused."""
    check_end(expires_at, row.expires_at)
    row.expires_at = expires_at
    if note is not None:
        row.note = note.strip()[:200]
    row.save(update_fields=["expires_at", "note"])
    return f"until {expires_at:%Y-%m-%d %H:%M}" if expires_at else "without end"


def access_group(name: str) -> AccessGroup | None:
    """The access group of that name, in any case of letters."""
    # Compared here, since databases do not agree on how to lower a name.
    return next((group for group in AccessGroup.objects.all() if group.name.lower() == name.strip().lower()), None)


def note_section() -> None:
    """An account is there (again), so `channels.mattermost` exists, whatever the last imported file lacked."""
    BridgeDefaults.objects.filter(pk=1, section_exists=False).update(section_exists=True)


def effective_url(account: Account) -> str:
    """The address that the account's token is sent to; "" when there is none."""
    defaults = BridgeDefaults.objects.defer("key_check").filter(pk=1).first() or BridgeDefaults(pk=1)
    return base_url_of(account, defaults)[0]


def reconnect(account: Account) -> None:
    """Make whoever listens for the account look at it anew at once; inside the caller's transaction."""
    if not ListenerLease.objects.filter(account=account).update(generation=F("generation") + 1):
        ListenerLease.objects.create(account=account)


def blocked_for(account_pk: int, user_id: str) -> bool:
    """Whether a person is blocked for this account or for every one."""
    return BlockedUser.objects.filter(Q(account=account_pk) | Q(account=None), user_id=user_id).exists()
