"""Those who sign in to the panel: their role, and the accounts that they are limited to."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from django.contrib.auth.models import Group, User
from django.db import transaction

from mattermost_bridge.models import Account, AccountGrant, StaffProfile
from mattermost_bridge.services import audit
from mattermost_bridge.services.audit import Actor
from mattermost_bridge.services.errors import NotFound, Refused
from mattermost_bridge.services.roles import ADMINISTRATOR, BY_KEY, GROUPS, ROLES


def set_rights(
    user_pk: int,
    *,
    actor: Actor,
    role: str,
    limited: bool,
    accounts: Iterable[int] = (),
    why: str = "",
) -> User:
    """Give somebody a role ("" for none), and all accounts or, when limited, exactly these. Raises NotFound, Refused.

    The accounts of somebody without limit are forgotten. A new grant says who gave it and why; one that stays keeps
    its own words.
    """
    if role and role not in BY_KEY:
        raise Refused(f"There is no role {role!r}; the roles are {', '.join(BY_KEY)}.")
    wanted = set(accounts) if limited else set()
    with transaction.atomic():
        user = _locked(user_pk)
        if user.is_superuser and actor.user is not None and not actor.user.is_superuser:
            raise Refused("Only a superuser changes what a superuser may do.")
        if limited and (user.is_superuser or role == ADMINISTRATOR.key):
            raise Refused(
                "An administrator cannot be limited to accounts: who manages users could lift the limit. Choose "
                "another role, or no limit."
            )
        before = described(user)
        user.groups.set([*user.groups.exclude(name__in=GROUPS), *_groups(role)])
        StaffProfile.objects.update_or_create(user=user, defaults={"limited": limited})
        known = set(AccountGrant.objects.filter(user=user).values_list("account_id", flat=True))
        AccountGrant.objects.filter(user=user, account__in=known - wanted).delete()
        AccountGrant.objects.bulk_create(
            AccountGrant(
                user=user,
                account=account,
                granted_by=actor.user,
                granted_by_name=actor.name[:150],
                why=why.strip()[:200],
            )
            for account in Account.objects.filter(pk__in=wanted - known).defer("bot_token")
        )
        after = described(user)
        if after == before:
            return user
        if before["role"] == ADMINISTRATOR.key:
            refuse_without_administrator()
        details: dict[str, Any] = {name: [before[name], after[name]] for name in after if after[name] != before[name]}
        if why.strip():
            details["why"] = why.strip()[:200]
        audit.record(
            actor=actor,
            verb="user.rights",
            summary=f"Rights of {user.get_username()}: {_sentence(after)}.",
            target=user,
            details=details,
        )
    return user


def refuse_without_administrator() -> None:
    """Raise Refused when nobody is left who may manage users; inside the transaction that would bring it about."""
    active = User.objects.filter(is_active=True, is_staff=True)
    if not active.filter(is_superuser=True).exists() and not active.filter(groups__name=ADMINISTRATOR.group).exists():
        raise Refused("Nobody would be left who may manage users. Make somebody else an administrator first.")


def _groups(role: str) -> list[Group]:
    if not role:
        return []
    return [Group.objects.get_or_create(name=BY_KEY[role].group)[0]]


def _locked(user_pk: int) -> User:
    user = User.objects.select_for_update(no_key=True).filter(pk=user_pk).first()
    if user is None:
        raise NotFound("This user does not exist any more. Reload the page.")
    return user


def described(user: User) -> dict[str, Any]:
    """`role` ("" for none), `limited` and the ids of the `accounts`, as the audit log shows them."""
    names = set(user.groups.values_list("name", flat=True))
    role = next((role.key for role in reversed(ROLES) if role.group in names), "")
    limited = StaffProfile.objects.filter(user=user, limited=True).exists()
    grants = AccountGrant.objects.filter(user=user).order_by("account__account_id")
    return {"role": role, "limited": limited, "accounts": list(grants.values_list("account__account_id", flat=True))}


def in_words(user: User) -> str:
    """Role and limits in words."""
    return _sentence(described(user))


def _sentence(rights: dict[str, Any]) -> str:
    role = rights["role"] or "no role"
    if not rights["limited"]:
        return f"{role}, all accounts"
    return f"{role}, limited to {', '.join(rights['accounts']) or 'no account'}"
