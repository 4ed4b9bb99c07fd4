"""What a fresh installation needs before anything else, and what a start checks."""

from __future__ import annotations

import secrets

from django.contrib.auth import get_user_model
from django.db import IntegrityError, transaction

from mattermost_bridge.config import effective
from mattermost_bridge.models import Account, BridgeDefaults
from mattermost_bridge.models.fields import WrongKeyError
from mattermost_bridge.services import accounts, audit

ADMINISTRATOR = "admin"
CANARY = "durar"


def ensure_defaults() -> None:
    """Make the row of the defaults if it is missing, and the account that the environment alone describes."""
    if not BridgeDefaults.objects.filter(pk=1).exists():
        BridgeDefaults.objects.get_or_create(pk=1)
    ensure_environment_account()


def ensure_environment_account() -> Account | None:
    """Make the account `default` when `MATTERMOST_BOT_TOKEN` is set and there is none (also none in the archive).

    The account has no values of its own: token and address stay in the environment.
    """
    if not effective.environment_has_a_bot() or Account.objects.filter(account_id=effective.DEFAULT_ACCOUNT).exists():
        return None
    return accounts.create(actor=audit.SYSTEM, account_id=effective.DEFAULT_ACCOUNT)


def ensure_administrator() -> tuple[str, str] | None:
    """Make the first administrator; its name and password, to be printed once. None when there is one already."""
    users = get_user_model()
    with transaction.atomic():
        if users.objects.filter(is_superuser=True, is_active=True).exists():
            return None
        password = secrets.token_urlsafe(12)
        name = ADMINISTRATOR
        while users.objects.filter(username=name).exists():
            # A person of that name, without rights: they must not be made an administrator by a restart.
            name = f"{ADMINISTRATOR}-{secrets.token_hex(2)}"
        try:
            with transaction.atomic():
                user = users.objects.create_superuser(name, password=password)
        except IntegrityError:
            return None  # another process was first, and printed it
        audit.record(
            actor=audit.SYSTEM,
            verb="user.first_administrator",
            summary=f"The first administrator, {name}, was made with a random password.",
            target=user,
        )
    return name, password


def check_keys() -> None:
    """Make sure that the keys of this process read what the database holds; a new database remembers them.

    Raises WrongKeyError, whose text is a sentence, when none does: starting would only spread secrets that the other
    processes cannot read.
    """
    ensure_row = BridgeDefaults.objects.filter(pk=1)
    try:
        found = ensure_row.values_list("key_check", flat=True).first()
    except WrongKeyError:
        raise WrongKeyError("What this database holds") from None
    if found == CANARY:
        return
    if found:
        raise WrongKeyError("What this database holds")
    if not ensure_row.filter(key_check="").update(key_check=CANARY):
        if ensure_row.exists():
            check_keys()  # another process was first: its key counts
        else:
            BridgeDefaults.objects.get_or_create(pk=1)
            check_keys()
