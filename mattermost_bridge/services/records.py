"""Rows that several services lock or look up, all in the same way."""

from __future__ import annotations

from django.db.models import F, Q

from mattermost_bridge.config.effective import base_url_of
from mattermost_bridge.models import Account, BlockedUser, BridgeDefaults, ListenerLease
from mattermost_bridge.services.errors import NotFound


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
