"""Accounts as they are named on the command line."""

from __future__ import annotations

from django.core.management.base import CommandError

from mattermost_bridge.config.effective import default_account_id
from mattermost_bridge.config.names import normalise_account_id
from mattermost_bridge.models import Account


def account_named(name: str | None) -> int:
    """The key of the account of that name, without a name of the default account. Raises CommandError."""
    if name is not None and not name.strip():
        raise CommandError("--account must not be blank.")
    account_id = normalise_account_id(name) if name else default_account_id()
    pk = Account.objects.filter(account_id=account_id).values_list("pk", flat=True).first()
    if pk is None:
        known = ", ".join(Account.objects.order_by("account_id").values_list("account_id", flat=True)) or "none yet"
        raise CommandError(f"There is no account {account_id}. Accounts: {known}.")
    return pk
