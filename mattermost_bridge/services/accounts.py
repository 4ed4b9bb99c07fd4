"""Bot accounts: added, changed, switched off and on, put away and brought back. Their tokens: see `tokens`."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from django.db import IntegrityError, transaction
from django.db.models import Q
from django.utils import timezone

from mattermost_bridge.config import effective
from mattermost_bridge.config.names import is_account_id, normalise_account_id
from mattermost_bridge.live import messages as live
from mattermost_bridge.models import Account, Delivery, ListenerLease, OutboxState
from mattermost_bridge.models.states import DeliveryState
from mattermost_bridge.services import access, audit, direct_channels, tokens
from mattermost_bridge.services.account_copies import copy_lists
from mattermost_bridge.services.audit import Actor
from mattermost_bridge.services.errors import Refused
from mattermost_bridge.services.fields import OF_ACCOUNT, apply, decide_what_waited, differences, shown, validate
from mattermost_bridge.services.policies import refuse_open_without_wildcard
from mattermost_bridge.services.probing import ConnectionTest, test_connection
from mattermost_bridge.services.records import effective_url, locked, note_section, reconnect

__all__ = [
    "ConnectionTest",
    "archive",
    "create",
    "disable",
    "enable",
    "refuse_bad_id",
    "restore",
    "set_token",
    "test_connection",
    "update",
]

ARCHIVED = "The account was archived."


def create(
    *,
    actor: Actor,
    account_id: str,
    token: str = "",
    token_ref: str = "",
    tested: ConnectionTest | None = None,
    enabled: bool = True,
    like: int | None = None,
    everybody: bool = False,
    **fields: Any,
) -> Account:
    """Add an account; `fields` are those of `OF_ACCOUNT`, empty means inherited. With `like` it begins with the lists,
    channel settings and blocked people of that account, and with its settings where `fields` say nothing. With
    `everybody` its list for direct messages has `*`, which the policy open requires.

    `tested` is what `test_connection` said about this address and token: it names the bot. Without it the listener
    learns who the bot is when it connects. Raises Refused.
    """
    with transaction.atomic():
        account = Account(account_id=account_id, enabled=enabled)
        refuse_bad_id(account_id)
        apply(account, fields, OF_ACCOUNT)
        tokens.put(account, token=token, token_ref=token_ref)
        if tested and tested.ok:
            account.bot_user_id, account.bot_username = tested.bot_user_id, tested.bot_username
        _save(account)
        ListenerLease.objects.create(account=account)
        OutboxState.objects.create(account=account)
        copied = copy_lists(account, like, actor, fields) if like is not None else {}
        note_section()
        if everybody:
            access.admit_everybody(account, actor=actor)
        refuse_open_without_wildcard(account)
        audit.record(
            actor=actor,
            verb="account.create",
            summary=f"The account {account.account_id} was added"
            + (f", a copy of {copied['copy_of']}." if copied else "."),
            account=account,
            target=account,
            details=shown(account, OF_ACCOUNT) | {"token": tokens.shown(account)} | copied,
        )
        effective.bump_version()
    return account


def update(
    account_pk: int,
    *,
    actor: Actor,
    token: str | None = None,
    token_ref: str | None = None,
    tested: ConnectionTest | None = None,
    confirm_other_bot: bool = False,
    **fields: Any,
) -> Account:
    """Change some of an account's `OF_ACCOUNT` fields and, unless both are None, its token.

    A base URL with another host needs the token again, or whoever may edit an account could have its token sent to a
    host of their own. Raises Refused, NotFound, and ConfirmationNeeded when `tested` shows another bot.
    """
    with transaction.atomic():
        account = locked(account_pk)
        before = shown(account, OF_ACCOUNT)
        old_url = effective_url(account)
        apply(account, fields, OF_ACCOUNT)
        new_url = effective_url(account)
        new_token = token is not None or token_ref is not None
        if tokens.origin(new_url) != tokens.origin(old_url) and not new_token:
            tokens.refuse_at_new_host(account, old_url, new_url)
        details: dict[str, Any] = {}
        if new_token:
            details["token"] = tokens.replace(account, token=token or "", token_ref=token_ref or "")
        if new_token:
            account.takes_other_bot = False
        details |= tokens.note_bot(account, tested, confirmed=confirm_other_bot)
        details |= differences(before, shown(account, OF_ACCOUNT))
        if not details:
            return account
        _save(account)
        refuse_open_without_wildcard(account)
        if new_token or new_url != old_url or "bot" in details:
            reconnect(account)
        if new_token and tested and tested.ok:
            tokens.works_again(account)
        _record_change(actor, account, details)
        effective.bump_version()
        if "agent" in details:
            decide_what_waited([account])
    return account


def set_token(
    account_pk: int,
    *,
    actor: Actor,
    token: str = "",
    token_ref: str = "",
    tested: ConnectionTest | None = None,
    confirm_other_bot: bool = False,
) -> Account:
    """Give the account another token, or a reference to one; with neither it has none. As `update`."""
    return update(
        account_pk,
        actor=actor,
        token=token,
        token_ref=token_ref,
        tested=tested,
        confirm_other_bot=confirm_other_bot,
    )


def enable(account_pk: int, *, actor: Actor) -> Account:
    """Let the account listen and answer. Refused while another enabled account uses the same bot."""
    return _switch(account_pk, actor, on=True)


def disable(account_pk: int, *, actor: Actor) -> Account:
    """Let the account neither listen nor answer; it keeps everything, and what is sent meanwhile is caught up later."""
    return _switch(account_pk, actor, on=False)


def archive(account_pk: int, *, actor: Actor) -> Account:
    """Put the account away: it keeps its history, stops listening, and what waited to be sent is cancelled."""
    with transaction.atomic():
        account = locked(account_pk)
        if account.is_archived:
            return account
        account.archived_at = timezone.now()
        account.save(update_fields=["archived_at", "updated_at"])
        cancelled = cancel_deliveries(account, ARCHIVED)
        reconnect(account)
        audit.record(
            actor=actor,
            verb="account.archive",
            summary=f"The account {account.account_id} was archived.",
            account=account,
            target=account,
            details={"archived": [False, True], "deliveries_cancelled": cancelled},
        )
        effective.bump_version()
    return account


def restore(account_pk: int, *, actor: Actor) -> Account:
    """Bring an archived account back, as enabled or disabled as it was."""
    with transaction.atomic():
        account = locked(account_pk)
        if not account.is_archived:
            return account
        account.archived_at = None
        _save(account)
        note_section()
        refuse_open_without_wildcard(account)
        reconnect(account)
        audit.record(
            actor=actor,
            verb="account.restore",
            summary=f"The account {account.account_id} was brought back from the archive.",
            account=account,
            target=account,
            details={"archived": [True, False]},
        )
        effective.bump_version()
    return account


def cancel_deliveries(account: Account, reason: str) -> int:
    """Cancel what waits to be sent for the account, with that reason. Returns how many.

    A post that is being made right now settles by itself; one whose sender died is cancelled too, and so are the jobs
    that open direct channels.
    """
    direct_channels.stop_all(account.pk, reason)
    live.changed(account.pk, "direct_channel")
    now = timezone.now()
    live.changed(account.pk, "delivery")
    waiting = Q(state=DeliveryState.QUEUED) | Q(state=DeliveryState.SENDING, claim_until__lt=now)
    return Delivery.objects.filter(waiting, account=account).update(
        state=DeliveryState.CANCELLED, error=reason, settled_at=now, claimed_by="", claim_until=None
    )


def _switch(account_pk: int, actor: Actor, *, on: bool) -> Account:
    with transaction.atomic():
        account = locked(account_pk)
        if account.enabled is on:
            return account
        if on and account.is_archived:
            raise Refused(f"The account {account.account_id} is archived. Restore it first.")
        account.enabled = on
        _save(account)
        reconnect(account)
        word = "enabled" if on else "disabled"
        audit.record(
            actor=actor,
            verb="account.enable" if on else "account.disable",
            summary=f"The account {account.account_id} was {word}.",
            account=account,
            target=account,
            details={"enabled": [not on, on]},
        )
        effective.bump_version()
    return account


def refuse_bad_id(account_id: str) -> None:
    """Raise Refused for an id that a new account cannot have."""
    if not is_account_id(account_id):
        raise Refused(
            f"The account id {account_id!r} cannot be used: begin with a lower-case letter, a digit or _, then use "
            f"only those and -, 64 characters at most. Use {normalise_account_id(account_id)}, for example."
        )
    old = Account.objects.filter(account_id=account_id).first()
    if old is not None:
        todo = "Restore it, or choose another id." if old.is_archived else "Choose another id."
        state = "an archived" if old.is_archived else "an"
        raise Refused(f"There is {state} account with the id {account_id} already. {todo}")


def _save(account: Account) -> None:
    """Save; a second enabled account of the same bot is refused with a sentence."""
    validate(account)
    if account.enabled and not account.is_archived:
        tokens.refuse_second_account(account, effective_url(account))
    try:
        with transaction.atomic():
            account.save()
    except IntegrityError:
        # Somebody saved the same between our look and our write.
        raise Refused(
            f"The account {account.account_id} cannot be saved: another one with this id, or an enabled one with this "
            "bot on this server, was saved at the same moment. Reload the page."
        ) from None


def _record_change(actor: Actor, account: Account, details: Mapping[str, Any]) -> None:
    named = ", ".join(sorted(details))
    audit.record(
        actor=actor,
        verb="account.update",
        summary=f"The account {account.account_id} was changed: {named}.",
        account=account,
        target=account,
        details=details,
    )
