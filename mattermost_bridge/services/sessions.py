"""Sessions of the panel: who is signed in from where, and ending it."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import User
from django.db import transaction
from django.db.models import QuerySet
from django.db.models.signals import pre_save
from django.dispatch import receiver
from django.utils import timezone

from mattermost_bridge import shared_cache
from mattermost_bridge.models import PanelSession
from mattermost_bridge.services import audit
from mattermost_bridge.services.audit import Actor
from mattermost_bridge.services.errors import NotFound


def sessions_of(user: User) -> QuerySet[PanelSession]:
    """The sessions in which somebody is signed in, the newest first."""
    return PanelSession.objects.filter(user=user, expire_date__gt=timezone.now()).order_by("-signed_in_at")


def end_all(user_pk: int, *, actor: Actor, keep: str | None = None) -> int:
    """Sign somebody out everywhere, `keep` being a session that stays; how many sessions ended. Raises NotFound."""
    user = User.objects.filter(pk=user_pk).first()
    if user is None:
        raise NotFound("This user does not exist any more. Reload the page.")
    with transaction.atomic():
        ended = _end(user_pk, keep)
        name = user.get_username()
        audit.record(
            actor=actor,
            verb="user.end_sessions",
            summary=f"Sessions of {name} were ended: {ended}.",
            target=user,
            details={"ended": ended},
        )
    return ended


def delete_expired() -> int:
    """Remove the rows of sessions, and of what was counted while people signed in, whose time is over; how many."""
    return shared_cache.delete_expired() + PanelSession.objects.filter(expire_date__lt=timezone.now()).delete()[0]


def _end(user_pk: int, keep: str | None = None) -> int:
    return PanelSession.objects.filter(user=user_pk).exclude(session_key=keep or "").delete()[0]


@receiver(pre_save, sender=User, dispatch_uid="durar.sessions_end_with_the_password")
def _end_with_the_password(instance: User, update_fields: Any = None, **_said: Any) -> None:
    """A new password, and switching somebody off, ends every session. Who changes their own password keeps the one
    in which they do it: Django gives it a new key right after."""
    if instance.pk is None or (update_fields is not None and not {"password", "is_active"} & set(update_fields)):
        return
    before = User.objects.filter(pk=instance.pk).values_list("password", "is_active").first()
    if before is not None and (before[0] != instance.password or (before[1] and not instance.is_active)):
        _end(instance.pk)
