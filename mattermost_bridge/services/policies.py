"""What must hold between policies and lists, whoever changes either."""

from __future__ import annotations

from mattermost_bridge.models import AccessEntry, Account, BridgeDefaults
from mattermost_bridge.models.states import AccessList, DmPolicy, EntrySource
from mattermost_bridge.rules.access import WILDCARD
from mattermost_bridge.services.errors import Refused

OPEN_NEEDS_WILDCARD = 'channels.mattermost.dmPolicy="open" requires channels.mattermost.allowFrom to include "*"'


def refuse_open_without_wildcard(account: Account | None) -> None:
    """Raise Refused when direct messages are open without `*` in the list that holds.

    Looks at `account`, or, for None, at the defaults and everyone that inherits from them. An account whose policy is
    inherited is not looked at: with an own list, `open` admits those whom it names.
    """
    defaults = BridgeDefaults.objects.filter(pk=1).first() or BridgeDefaults(pk=1)
    if account is not None:
        _check(account, defaults)
        return
    if defaults.dm_policy == DmPolicy.OPEN and not _has_wildcard(None, own=defaults.own_allow_from):
        raise Refused(f"{OPEN_NEEDS_WILDCARD}. Add * to the defaults' list for direct messages first.")
    for each in Account.objects.filter(archived_at=None, dm_policy=DmPolicy.OPEN, own_allow_from=False):
        _check(each, defaults)


def admits_everybody(account: Account) -> bool:
    """Whether `*` stands on the list for direct messages that holds for the account."""
    return _admits_everybody(account, BridgeDefaults.objects.filter(pk=1).first() or BridgeDefaults(pk=1))


def _admits_everybody(account: Account, defaults: BridgeDefaults) -> bool:
    owner = account if account.own_allow_from else None
    return _has_wildcard(owner, own=account.own_allow_from or defaults.own_allow_from)


def _check(account: Account, defaults: BridgeDefaults) -> None:
    if account.dm_policy == DmPolicy.OPEN and not _admits_everybody(account, defaults):
        raise Refused(
            f"{OPEN_NEEDS_WILDCARD}. Add * to the list for direct messages that the account {account.account_id} uses, "
            "or choose another policy first."
        )


def _has_wildcard(owner: Account | None, *, own: bool) -> bool:
    entries = AccessEntry.objects.filter(account=owner, list=AccessList.DM, value=WILDCARD)
    return own and entries.exclude(source=EntrySource.PAIRING).exists()
