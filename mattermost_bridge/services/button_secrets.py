"""The secrets of buttons: which signatures count, also those of tokens that were replaced meanwhile.

A secret is made from a bot token. When that is replaced, buttons that were posted before still work for 30 days, and
for 60 more they are recognised only to say that they are too old. A token can change without Durar being told, in a
file or in the environment: so whoever signs or checks also notes which secret is in force.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import timedelta

import structlog
from django.db import transaction
from django.utils import timezone

from mattermost_bridge.config.effective import AccountSettings, settings_for
from mattermost_bridge.models import Account, ButtonSecret
from mattermost_bridge.models.fields import WrongKeyError
from mattermost_bridge.rules.signatures import button_secret

log = structlog.get_logger(__name__)

#: So long after its token was replaced a secret still signs.
VALID = timedelta(days=30)
#: So long it is recognised at all.
RECOGNISED = timedelta(days=90)


@dataclass(frozen=True, slots=True)
class KnownSecret:
    """A secret under which an account's buttons may be signed. `too_old`: it only proves that they once were."""

    secret: str = field(repr=False)
    too_old: bool = False


def secrets_of(account: AccountSettings) -> list[KnownSecret]:
    """The secrets under which buttons of this account may be signed, the one of its token first."""
    now = timezone.now()
    own = button_secret(account.token) if account.token else ""
    found = [KnownSecret(own)] if own else []
    noted = False
    for row in _readable(account.pk):
        if row.secret == own:
            noted = noted or row.replaced_at is None
            continue
        # One that was in force until just now was replaced just now: nobody said so, so nobody knows when.
        replaced_at = row.replaced_at or now
        if replaced_at > now - RECOGNISED:
            found.append(KnownSecret(row.secret, too_old=replaced_at <= now - VALID))
    if own and not noted:
        note(account.pk, own)
    return found


def for_signing(account: AccountSettings) -> str:
    """The secret that signs new buttons of an account, "" when it has no token; noted, so that it outlives its token.

    May be called inside a transaction, and outside of one.
    """
    if not account.token:
        return ""
    own = button_secret(account.token)
    if not any(row.secret == own and row.replaced_at is None for row in _readable(account.pk)):
        note(account.pk, own)
    return own


def token_is_replaced(account_pk: int) -> None:
    """The account is about to get another token: what the one that holds now signed stays valid for a while.

    Called before the change, inside its transaction.
    """
    token = settings_for(account_pk).token
    if token:
        _put(account_pk, button_secret(token), in_force=False)


def note(account_pk: int, secret: str) -> None:
    """This secret is the one in force; any other that was so far has been replaced now."""
    with transaction.atomic():
        # Two processes may notice the same change at once.
        # The caller's transaction may have made rows of the account already, as that of another call beside it: then a
        # full lock would have each wait for the other.
        Account.objects.select_for_update(no_key=True).only("pk").get(pk=account_pk)
        _put(account_pk, secret, in_force=True)


def _put(account_pk: int, secret: str, *, in_force: bool) -> None:
    now = timezone.now()
    rows = _readable(account_pk)
    replaced = [row.pk for row in rows if row.replaced_at is None and (row.secret != secret or not in_force)]
    ButtonSecret.objects.filter(pk__in=replaced).update(replaced_at=now)
    same = [row.pk for row in rows if row.secret == secret]
    if not same:
        ButtonSecret.objects.create(account_id=account_pk, secret=secret, replaced_at=None if in_force else now)
    elif in_force:
        ButtonSecret.objects.filter(pk__in=same).update(replaced_at=None)


def forget_old() -> int:
    """Delete the secrets that nobody recognises any more; returns how many."""
    return ButtonSecret.objects.filter(replaced_at__lte=timezone.now() - RECOGNISED).delete()[0]


def _readable(account_pk: int) -> list[ButtonSecret]:
    """The account's rows; one that no key of ours can read does not hide the others."""
    rows = ButtonSecret.objects.filter(account=account_pk).order_by("-pk")
    try:
        return list(rows)
    except WrongKeyError:
        readable = []
        for row in rows.defer("secret"):
            try:
                row.refresh_from_db(fields=["secret"])
                readable.append(row)
            except WrongKeyError:
                log.warning(
                    "a secret of buttons cannot be read with the keys in DURAR_ENCRYPTION_KEYS", secret_id=row.pk
                )
        return readable
