"""Access lists and blocked people: who may talk to a bot, and who may not whatever the lists say."""

from __future__ import annotations

import re
from datetime import datetime

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from mattermost_bridge.config import effective
from mattermost_bridge.config.effective_lists import OWN_FLAG, group_name_in
from mattermost_bridge.models import AccessEntry, Account, BlockedUser, BridgeDefaults, PairingRequest
from mattermost_bridge.models.states import AccessList, EntrySource, PairingState
from mattermost_bridge.rules.access import WILDCARD, normalise_entry
from mattermost_bridge.services import audit
from mattermost_bridge.services.audit import Actor
from mattermost_bridge.services.errors import NotFound, Refused
from mattermost_bridge.services.policies import admits_everybody, refuse_open_without_wildcard
from mattermost_bridge.services.records import (
    access_group,
    check_end,
    locked,
    owner_named,
    owner_of_lists,
    put_end,
)

USER_ID = re.compile(r"[a-z0-9]{26}")


def add_entry(
    *,
    actor: Actor,
    account: Account | None,
    list: str,
    value: str,
    username: str = "",
    note: str = "",
    expires_at: datetime | None = None,
) -> AccessEntry:
    """Put somebody, or an access group, on a list of an account or (None) of the defaults. Raises Refused.

    The list becomes the account's own one with its first entry: what it inherited no longer holds then.
    """
    value = check_value(value)
    check_end(expires_at)
    with transaction.atomic():
        owner = owner_of_lists(account)
        which = AccessList(list)
        entries = AccessEntry.objects.filter(account=account, list=which).exclude(source=EntrySource.PAIRING)
        if entries.filter(value=value).exists():
            raise Refused(f"{_named(value, username)} is on this list already. Change the entry that is there.")
        entry = AccessEntry.objects.create(
            account=account,
            list=which,
            value=value,
            username=username.strip().lstrip("@"),
            source=EntrySource.PANEL,
            added_by=actor.user,
            note=note.strip()[:200],
            expires_at=expires_at,
        )
        began = _make_own(owner, which)
        refuse_open_without_wildcard(owner if isinstance(owner, Account) else None)
        audit.record(
            actor=actor,
            verb="access.add",
            summary=f"{_named(value, username)} was put on the list “{which.label}” of {owner_named(account)}."
            + (" It has its own list now and inherits none." if began and account else ""),
            account=account,
            target=entry,
            details={"value": value, "list": which.value, "until": audit.iso(expires_at)},
        )
        effective.bump_version()
    return entry


def admit_everybody(account: Account, *, actor: Actor) -> None:
    """Put `*` on the account's own list for direct messages, unless the list that holds has it; inside the caller's
    transaction."""
    if admits_everybody(account):
        return
    _make_own(account, AccessList.DM)
    add_entry(actor=actor, account=account, list=AccessList.DM, value=WILDCARD)


def remove_entry(entry_pk: int, *, actor: Actor) -> None:
    """Take an entry off its list; an approved pairing is revoked instead. The list stays the account's own one."""
    from mattermost_bridge.services import approvals

    entry = _entry(entry_pk)
    if entry.source == EntrySource.PAIRING and entry.account_id is not None:
        approvals.revoke(account_pk=entry.account_id, user_id=entry.value, actor=actor)
        return
    with transaction.atomic():
        owner_of_lists(entry.account)
        entry = _entry(entry_pk)
        audit.record(
            actor=actor,
            verb="access.remove",
            summary=f"{entry} was taken off the list “{entry.get_list_display()}” of {owner_named(entry.account)}.",
            account=entry.account,
            target=entry,
            details={"value": entry.value, "list": entry.list},
        )
        entry.delete()
        if entry.value == WILDCARD:
            refuse_open_without_wildcard(entry.account)
        effective.bump_version()


def set_end(entry_pk: int, *, actor: Actor, expires_at: datetime | None, note: str | None = None) -> AccessEntry:
    """Let an entry (also an approved pairing) hold until `expires_at`, or without end."""
    with transaction.atomic():
        owner_of_lists(_entry(entry_pk).account)
        entry = _entry(entry_pk)
        before = entry.expires_at
        until = put_end(entry, expires_at, note)
        audit.record(
            actor=actor,
            verb="access.end",
            summary=f"{entry} is on the list “{entry.get_list_display()}” of {owner_named(entry.account)} {until}.",
            account=entry.account,
            target=entry,
            details={"until": [audit.iso(before), audit.iso(expires_at)]},
        )
        effective.bump_version()
    return entry


def use_own_list(*, actor: Actor, account: Account | None, list: str, own: bool) -> None:
    """Let an account have its own list (empty at first), or let it inherit again, which removes its entries."""
    which = AccessList(list)
    with transaction.atomic():
        owner = owner_of_lists(account)
        if getattr(owner, OWN_FLAG[which]) is own:
            return
        setattr(owner, OWN_FLAG[which], own)
        owner.save(update_fields=[OWN_FLAG[which]])
        removed = []
        if not own:
            entries = AccessEntry.objects.filter(account=account, list=which).exclude(source=EntrySource.PAIRING)
            removed = [entry.value for entry in entries]
            entries.delete()
        refuse_open_without_wildcard(owner if isinstance(owner, Account) else None)
        state = "has its own" if own else "no longer has its own"
        audit.record(
            actor=actor,
            verb="access.own_list",
            summary=f"{owner_named(account).capitalize()} {state} list “{which.label}”.",
            account=account,
            details={"list": which.value, "own": own, "removed": removed},
        )
        effective.bump_version()


def block(*, actor: Actor, account: Account | None, user_id: str, username: str = "", reason: str = "") -> BlockedUser:
    """Do not answer a person any more, for one account or (None) for all.

    Requests of theirs that wait are rejected and approvals taken away, so that unblocking gives no right back.
    """
    user_id = user_id.strip().lower()
    if not USER_ID.fullmatch(user_id):
        raise Refused("A person is blocked by their Mattermost user id: 26 small letters and digits.")
    with transaction.atomic():
        accounts = [locked(account.pk)] if account else [*Account.objects.select_for_update(no_key=True).order_by("pk")]
        if BlockedUser.objects.filter(Q(account=account), user_id=user_id).exists():
            raise Refused(f"{_named(user_id, username)} is blocked already.")
        blocked = BlockedUser.objects.create(
            account=account,
            user_id=user_id,
            username=username.strip().lstrip("@"),
            reason=reason.strip()[:200],
            blocked_by=actor.user,
        )
        rejected = PairingRequest.objects.filter(
            account__in=accounts, user_id=user_id, state=PairingState.PENDING
        ).update(
            state=PairingState.REJECTED,
            decided_at=timezone.now(),
            decided_by=actor.user,
            decided_by_name=actor.name,
        )
        approvals = AccessEntry.objects.filter(account__in=accounts, source=EntrySource.PAIRING, value=user_id)
        taken, _ = approvals.delete()
        audit.record(
            actor=actor,
            verb="access.block",
            summary=f"{blocked} was blocked for {owner_named(account, every='all accounts')}.",
            account=account,
            target=blocked,
            details={"user_id": user_id, "requests_rejected": rejected, "approvals_taken": taken},
        )
        effective.bump_version()
    return blocked


def unblock(blocked_pk: int, *, actor: Actor) -> None:
    """Lift a block. The person gets no right back by it: they may ask to pair again."""
    with transaction.atomic():
        blocked = BlockedUser.objects.select_related("account").filter(pk=blocked_pk).first()
        if blocked is None:
            raise NotFound("This block was lifted already. Reload the page.")
        audit.record(
            actor=actor,
            verb="access.unblock",
            summary=f"{blocked} is no longer blocked for {owner_named(blocked.account, every='all accounts')}.",
            account=blocked.account,
            target=blocked,
            details={"user_id": blocked.user_id},
        )
        blocked.delete()
        effective.bump_version()


def check_value(value: str) -> str:
    """A list entry in the form in which it is kept: a user id, `*`, or an access group that exists.

    Raises Refused for what would match nobody.
    """
    if name := group_name_in(value):
        group = access_group(name)
        if group is None:
            raise Refused(f"There is no access group {name!r}. Add it first, or enter a user id.")
        return group.entry_value
    wanted = normalise_entry(value)
    if wanted == WILDCARD or USER_ID.fullmatch(wanted):
        return wanted
    if not wanted:
        raise Refused("Enter a Mattermost user id (26 small letters and digits), or * for everybody.")
    raise Refused(
        f"{value.strip()!r} is no Mattermost user id (26 small letters and digits) and would match nobody: people can "
        "change their usernames, so names do not count. Enter the user id, or * for everybody."
    )


def _make_own(owner: Account | BridgeDefaults, which: AccessList) -> bool:
    if getattr(owner, OWN_FLAG[which]):
        return False
    setattr(owner, OWN_FLAG[which], True)
    owner.save(update_fields=[OWN_FLAG[which]])
    return True


def _entry(entry_pk: int) -> AccessEntry:
    entry = AccessEntry.objects.select_related("account").filter(pk=entry_pk).first()
    if entry is None:
        raise NotFound("This entry was removed already. Reload the page.")
    return entry


def _named(value: str, username: str) -> str:
    if value == WILDCARD:
        return "Everybody (*)"
    if name := group_name_in(value):
        return f"The access group {name}"
    return f"@{username.strip().lstrip('@')}" if username.strip() else value
