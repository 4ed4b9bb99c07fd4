"""Access groups: named sets of people that lists of several accounts use."""

from __future__ import annotations

from datetime import datetime

from django.core.exceptions import ValidationError
from django.db import IntegrityError, transaction

from mattermost_bridge.config import effective
from mattermost_bridge.config.effective_lists import group_name_in
from mattermost_bridge.models import AccessEntry, AccessGroup, AccessGroupMember
from mattermost_bridge.models.access_groups import PREFIX
from mattermost_bridge.services import audit
from mattermost_bridge.services.access import USER_ID
from mattermost_bridge.services.audit import Actor
from mattermost_bridge.services.errors import NotFound, Refused
from mattermost_bridge.services.records import access_group, check_end, put_end


def create(*, actor: Actor, name: str) -> AccessGroup:
    """Make a group without members. Raises Refused for a name that cannot be one or that is taken."""
    group = AccessGroup(name=_checked(name))
    with transaction.atomic():
        _save(group)
        audit.record(
            actor=actor, verb="access.group_create", summary=f"The access group {group.name} was made.", target=group
        )
        effective.bump_version()
    return group


def rename(group_pk: int, *, actor: Actor, name: str) -> AccessGroup:
    """Give a group another name; the lists that use it go on using it."""
    with transaction.atomic():
        group = _locked(group_pk)
        before, after = group.name, _checked(name)
        if before == after:
            return group
        entries = entries_using(group)
        group.name = after
        _save(group)
        for entry in entries:
            entry.value = group.entry_value
            entry.save(update_fields=["value"])
        audit.record(
            actor=actor,
            verb="access.group_rename",
            summary=f"The access group {before} is called {after} now.",
            target=group,
            details={"name": [before, after], "entries": len(entries)},
        )
        effective.bump_version()
    return group


def remove(group_pk: int, *, actor: Actor) -> None:
    """Remove a group and forget its members. Refused while a list uses it."""
    with transaction.atomic():
        group = _locked(group_pk)
        if entries := entries_using(group):
            owners = sorted({entry.account.account_id if entry.account else "the defaults" for entry in entries})
            raise Refused(
                f"The access group {group.name} is on lists of {', '.join(owners)}. Take it off these lists first, so "
                "that it is clear who loses which right."
            )
        members = list(group.members.order_by("pk").values_list("user_id", flat=True))
        audit.record(
            actor=actor,
            verb="access.group_remove",
            summary=f"The access group {group.name} was removed.",
            target=group,
            details={"members": members},
        )
        group.delete()
        effective.bump_version()


def add_member(
    *,
    actor: Actor,
    group: AccessGroup,
    user_id: str,
    username: str = "",
    note: str = "",
    expires_at: datetime | None = None,
) -> AccessGroupMember:
    """Put a person into a group. Raises Refused."""
    user_id = user_id.strip().lower()
    if not USER_ID.fullmatch(user_id):
        raise Refused("A member of a group is named by their Mattermost user id: 26 small letters and digits.")
    check_end(expires_at)
    with transaction.atomic():
        group = _locked(group.pk)
        username = username.strip().lstrip("@")
        if group.members.filter(user_id=user_id).exists():
            raise Refused(f"{f'@{username}' if username else user_id} is in the access group {group.name} already.")
        member = AccessGroupMember.objects.create(
            group=group,
            user_id=user_id,
            username=username,
            added_by=actor.user,
            note=note.strip()[:200],
            expires_at=expires_at,
        )
        audit.record(
            actor=actor,
            verb="access.group_add",
            summary=f"{member} was put into the access group {group.name}.",
            target=group,
            details={"user_id": user_id, "until": audit.iso(expires_at)},
        )
        effective.bump_version()
    return member


def change_member(
    member_pk: int, *, actor: Actor, expires_at: datetime | None, note: str | None = None
) -> AccessGroupMember:
    """Let a membership hold until `expires_at`, or without end, and say why."""
    with transaction.atomic():
        member = _member(member_pk)
        before = member.expires_at
        until = put_end(member, expires_at, note)
        audit.record(
            actor=actor,
            verb="access.group_end",
            summary=f"{member} is in the access group {member.group.name} {until}.",
            target=member.group,
            details={"until": [audit.iso(before), audit.iso(expires_at)]},
        )
        effective.bump_version()
    return member


def remove_member(member_pk: int, *, actor: Actor) -> None:
    """Take a person out of a group: they lose, from their next message on, what lists gave them through it."""
    with transaction.atomic():
        member = _member(member_pk)
        audit.record(
            actor=actor,
            verb="access.group_take_out",
            summary=f"{member} was taken out of the access group {member.group.name}.",
            target=member.group,
            details={"user_id": member.user_id},
        )
        member.delete()
        effective.bump_version()


def entries_using(group: AccessGroup) -> list[AccessEntry]:
    """The entries that put this group on a list, with their accounts."""
    entries = (
        AccessEntry.objects.filter(value__istartswith=PREFIX).select_related("account").defer("account__bot_token")
    )
    return [entry for entry in entries if group_name_in(entry.value).lower() == group.name.lower()]


def _checked(name: str) -> str:
    name = name.strip()
    try:
        AccessGroup(name=name).clean_fields()
    except ValidationError as error:
        raise Refused(f"This cannot be the name of a group. {' '.join(error.messages)}") from None
    return name


def _save(group: AccessGroup) -> None:
    other = access_group(group.name)
    taken = Refused(f"There is an access group {group.name} already; capital letters make no difference.")
    if other is not None and other.pk != group.pk:
        raise taken
    try:
        with transaction.atomic():
            group.save()
    except IntegrityError:  # somebody was faster
        raise taken from None


def _locked(group_pk: int) -> AccessGroup:
    group = AccessGroup.objects.select_for_update(no_key=True).filter(pk=group_pk).first()
    if group is None:
        raise NotFound("This access group does not exist any more. Reload the page.")
    return group


def _member(member_pk: int) -> AccessGroupMember:
    """The membership, read under its group's lock: two who change it at once come one after the other."""
    _locked(_read(member_pk).group_id)
    return _read(member_pk)


def _read(member_pk: int) -> AccessGroupMember:
    member = AccessGroupMember.objects.select_related("group").filter(pk=member_pk).first()
    if member is None:
        raise NotFound("This person was taken out of the group already. Reload the page.")
    return member
