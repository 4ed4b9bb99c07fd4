"""Who may see and do what. Lists, pages, searches, counts, actions, exports and sockets all ask here.

Two things count: the permissions that a role gives (`services.roles`), and for *limited* people which accounts were
granted to them. A limited person sees the records of these accounts, works on them as far as their role goes, and sees
what all accounts share (entries of the defaults, people blocked everywhere) without changing it. Who has no limit sees
all accounts, and whose last grant was taken away sees none.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import AbstractBaseUser, AnonymousUser, User
from django.db.models import Model, Q, QuerySet

from mattermost_bridge.models import Account, AccountGrant, Agent, AuditEntry, BridgeDefaults, StaffProfile
from mattermost_bridge.services.roles import APP

Person = AbstractBaseUser | AnonymousUser

#: For each kind of record the way to its account.
PATHS = {
    "account": "pk",
    "accessentry": "account",
    "accountgrant": "account",
    "alert": "account",
    "alertnotice": "alert__account",
    "auditentry": "account",
    "blockeduser": "account",
    "buttonsecret": "account",
    "buttonset": "account",
    "channelcursor": "account",
    "connectionchange": "account",
    "conversation": "account",
    "delivery": "account",
    "deliveryattempt": "delivery__account",
    "directchannel": "account",
    "groupoverride": "account",
    "inboundevent": "account",
    "knownchannel": "account",
    "knownperson": "account",
    "listenerlease": "account",
    "outboxstate": "account",
    "pairingrequest": "account",
    "scheduledmessage": "account",
    "scheduledrun": "message__account",
    "slashcommand": "account",
    "slashregistration": "account",
    "turn": "conversation__account",
    "turnround": "turn__conversation__account",
}
#: Of these a record without an account holds for all accounts: limited people see it and cannot change it.
HOLD_FOR_ALL = frozenset({"accessentry", "blockeduser", "groupoverride"})
#: These belong to no account. Limited people see them and cannot change them (of agents, those that answer for them).
SHARED = frozenset({"accessgroup", "accessgroupmember", "agent", "bridgedefaults", "skill"})
#: These belong to no account either, and limited people do not see them at all.
HIDDEN = frozenset(
    {"alerttarget", "binding", "panelsession", "sendkey", "sendrequest", "sharedvalue", "staffprofile", "tick"}
)
#: What the audit log says of those who sign in is for those who may see users.
ABOUT_USERS = ("user.", "group.", "sign_in.")

_KEPT_AS = "_durar_reach"


@dataclass(frozen=True, slots=True)
class Reach:
    """The accounts whose records a person may see; `accounts` is None when there is no limit."""

    accounts: frozenset[int] | None

    @property
    def unlimited(self) -> bool:
        """Whether all accounts are seen, those added later too."""
        return self.accounts is None

    def includes(self, account_pk: int | None) -> bool:
        """Whether the records of this account are seen; None is what holds for all accounts."""
        return self.accounts is None or account_pk in self.accounts


NOTHING = Reach(frozenset())
EVERYTHING = Reach(None)


def reach_of(user: Person) -> Reach:
    """How far a person sees. Asked of the database once for each user object, so once for each request."""
    kept: Reach | None = getattr(user, _KEPT_AS, None)
    if kept is None:
        kept = _look_up(user)
        setattr(user, _KEPT_AS, kept)
    return kept


def _look_up(user: Any) -> Reach:
    if not user.is_active or not getattr(user, "is_staff", False):
        return NOTHING
    if user.is_superuser or not StaffProfile.objects.filter(user=user.pk, limited=True).exists():
        return EVERYTHING
    return Reach(frozenset(AccountGrant.objects.filter(user=user.pk).values_list("account_id", flat=True)))


def accounts_visible_to(user: Person) -> QuerySet[Account]:
    """The accounts whose records the person may see, as far as their other rights go; archived ones included."""
    return visible_to(user, Account.objects.all())


def visible_to(user: Person, rows: QuerySet[Any]) -> QuerySet[Any]:
    """Those of the rows that the person may see, whatever their role lets them do with them.

    A kind of record that is not named here is hidden from limited people.
    """
    reach = reach_of(user)
    if rows.model is AuditEntry and not user.has_perm("auth.view_user"):  # type: ignore[union-attr]
        for subject in ABOUT_USERS:
            rows = rows.exclude(verb__startswith=subject)
    if reach.accounts is None:
        return rows
    kind = _kind(rows.model)
    if kind == "agent":
        mine = Account.objects.filter(pk__in=reach.accounts).values("agent")
        return rows.filter(Q(pk__in=mine) | Q(pk__in=BridgeDefaults.objects.values("agent")))
    if kind in SHARED and reach.accounts:
        return rows
    if kind not in PATHS:
        return rows.none()
    path = PATHS[kind]
    condition = Q(**{f"{path}__in": reach.accounts})
    if kind in HOLD_FOR_ALL and reach.accounts:
        condition |= Q(**{f"{path}__isnull": True})
    return rows.filter(condition)


def may(user: Person, permission: str, record: Model | None = None) -> bool:
    """Whether somebody has a permission, and has it for this record.

    `permission` is a codename of Durar's, as `change_delivery`, or one with its application, as `auth.view_user`.
    Without a record: whether they have it for some.
    """
    label = permission if "." in permission else f"{APP}.{permission}"
    if not user.has_perm(label):  # type: ignore[union-attr]
        return False
    reach = reach_of(user)
    if isinstance(record, User) and record.is_superuser and not user.is_superuser:  # type: ignore[union-attr]
        # Who could change a superuser's password could become one.
        return label == "auth.view_user" and reach.unlimited
    if reach.accounts is None:
        return True
    if not reach.accounts or not label.startswith(f"{APP}."):
        return False
    action, _separator, kind = label.removeprefix(f"{APP}.").partition("_")
    looks = action == "view"
    if record is None:
        # An account that a limited person added would be one that they do not see.
        return (looks and kind in SHARED) or (kind in PATHS and (action, kind) != ("add", "account"))
    return sees(user, record) if looks else _kind(record) in PATHS and reach.includes(account_of(record))


def may_for_account(user: Person, permission: str, account: Account | None) -> bool:
    """As `may`, for something that is still to be made in an account; None: for all accounts."""
    if not may(user, permission):
        return False
    return reach_of(user).includes(account.pk if account else None)


def sees(user: Person, record: Model) -> bool:
    """Whether `visible_to` would leave this record."""
    reach = reach_of(user)
    if reach.accounts is None and not isinstance(record, AuditEntry):
        return True
    if isinstance(record, Agent | AuditEntry):
        return visible_to(user, type(record)._default_manager.filter(pk=record.pk)).exists()
    kind = _kind(record)
    if kind in SHARED:
        return bool(reach.accounts)
    if kind not in PATHS:
        return False
    account = account_of(record)
    return reach.includes(account) or (account is None and kind in HOLD_FOR_ALL and bool(reach.accounts))


def account_of(record: Model) -> int | None:
    """The key of the account that a record belongs to; None when it belongs to none."""
    found: Any = record
    *way, last = PATHS[_kind(record)].split("__")
    for name in way:
        found = getattr(found, name)
    return found.pk if last == "pk" else getattr(found, f"{last}_id")


def _kind(model: Any) -> str:
    if model._meta.app_label != APP:
        return f"{model._meta.app_label}.{model._meta.model_name}"
    return str(model._meta.model_name)
