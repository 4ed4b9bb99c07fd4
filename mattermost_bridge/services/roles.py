"""What people may do: three roles, each a group of Django whose permissions stand here and nowhere else."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from django.contrib.auth.models import Group, Permission, User
from django.utils.translation import gettext_lazy as _

APP = "mattermost_bridge"
#: Kinds of records of which roles say nothing: what Durar keeps for itself, and what belongs to users.
INTERNAL = frozenset(
    {
        "accountgrant",
        "buttonsecret",
        "buttonset",
        "outboxstate",
        "panelsession",
        "scheduledrun",
        "sendrequest",
        "sharedvalue",
        "staffprofile",
        "tick",
    }
)

#: What an operator may do beside looking; kinds that are not there (yet) are left out.
OPERATORS = frozenset(
    {
        "change_pairingrequest",
        *(f"{action}_accessentry" for action in ("add", "change", "delete")),
        *(f"{action}_blockeduser" for action in ("add", "change", "delete")),
        *(f"{action}_groupoverride" for action in ("add", "change", "delete")),
        *(f"{action}_accessgroup" for action in ("add", "change", "delete")),
        *(f"{action}_accessgroupmember" for action in ("add", "change", "delete")),
        "change_inboundevent",
        "change_turn",
        "change_conversation",
        "add_delivery",
        "change_delivery",
        "add_directchannel",
        "change_directchannel",
        *(f"{action}_scheduledmessage" for action in ("add", "change", "delete")),
        "change_alert",
        "change_alertnotice",
        *(f"{action}_skill" for action in ("add", "change", "delete")),
        "reconnect_account",
    }
)
#: What an administrator may do outside of Durar's own records.
ADMINISTRATORS = frozenset(
    {
        *(f"auth.{action}_user" for action in ("view", "add", "change", "delete")),
        "auth.view_group",
        *(f"axes.view_{model}" for model in ("accessattempt", "accesslog", "accessfailurelog")),
        "axes.delete_accessattempt",
    }
)


@dataclass(frozen=True)
class Role:
    """A role: its group's name, and what people are told about it."""

    key: str
    group: str
    label: Any
    sentence: Any
    can_be_limited: bool = True


VIEWER = Role("viewer", "Viewers", _("Viewer"), _("Sees everything but pairing codes, and changes nothing."))
OPERATOR = Role(
    "operator",
    "Operators",
    _("Operator"),
    _(
        "Approves, rejects and blocks people, keeps the lists of who may write and the settings of single channels, "
        "sends messages, makes skills, tries again what failed, and reconnects accounts."
    ),
)
ADMINISTRATOR = Role(
    "administrator",
    "Administrators",
    _("Administrator"),
    _("May also add and change accounts, agents, defaults, alerts and users."),
    can_be_limited=False,
)
#: From the least to the most.
ROLES = (VIEWER, OPERATOR, ADMINISTRATOR)
BY_KEY = {role.key: role for role in ROLES}
GROUPS = {role.group: role for role in ROLES}


def ensure_roles() -> None:
    """Make the groups of the roles, each with exactly its permissions. Changes nothing when all is as it should be."""
    labels = {
        f"{label}.{codename}": pk
        for label, codename, pk in Permission.objects.filter(
            content_type__app_label__in=[APP, "auth", "axes"]
        ).values_list("content_type__app_label", "codename", "pk")
    }
    for role in ROLES:
        group, _made = Group.objects.get_or_create(name=role.group)
        wanted = {labels[label] for label in _permissions(role, labels)}
        if wanted != set(group.permissions.values_list("pk", flat=True)):
            group.permissions.set(wanted)


def _permissions(role: Role, existing: Iterable[str]) -> set[str]:
    """Which of the existing permissions a role has."""
    of_app = {label for label in existing if label.startswith(f"{APP}.") and label.split("_")[-1] not in INTERNAL}
    viewing = {label for label in of_app if label.startswith(f"{APP}.view_")}
    if role is VIEWER:
        return viewing
    if role is OPERATOR:
        return viewing | {label for label in of_app if label.removeprefix(f"{APP}.") in OPERATORS}
    return of_app | {label for label in existing if label in ADMINISTRATORS}


def role_of(user: User) -> Role | None:
    """The highest role that a person has by their groups; None without one. A superuser may do everything anyway."""
    if user.is_superuser:
        return ADMINISTRATOR
    names = {group.name for group in user.groups.all()}
    return next((role for role in reversed(ROLES) if role.group in names), None)
