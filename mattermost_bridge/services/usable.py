"""Whether an account can act at all."""

from __future__ import annotations

from mattermost_bridge.config.effective import AccountSettings, settings_for
from mattermost_bridge.models import Account
from mattermost_bridge.services.errors import NotFound, Refused


def usable(account_pk: int) -> AccountSettings:
    """The account's settings. Raises NotFound, and Refused for one that sends nothing: archived, disabled, or without
    token or address."""
    try:
        account = settings_for(account_pk)
    except Account.DoesNotExist:
        raise NotFound("This account does not exist any more. Reload the page.") from None
    if account.archived:
        raise Refused(f"The account {account.account_id} is archived. Restore it first.")
    if not account.enabled:
        raise Refused(f"The account {account.account_id} is disabled. Enable it first.")
    if account.missing:
        raise Refused(account.missing)
    return account
