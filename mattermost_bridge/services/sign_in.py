"""Signing in: from where somebody did, and who is kept out for a while after too many wrong passwords."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from axes.helpers import get_cool_off
from axes.models import AccessAttempt
from axes.signals import user_locked_out
from django.contrib.auth.models import User
from django.contrib.auth.signals import user_logged_in
from django.db import transaction
from django.dispatch import receiver
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from mattermost_bridge.models import AuditEntry
from mattermost_bridge.services import audit
from mattermost_bridge.services.audit import Actor
from mattermost_bridge.services.errors import NotFound
from mattermost_bridge.session_engine import SIGNED_IN

LOCKED_OUT = "sign_in.locked_out"
UNLOCKED = "sign_in.unlock"


def pause() -> timedelta:
    """How long somebody has to wait after too many wrong passwords."""
    return get_cool_off() or timedelta()


def locked_out_words() -> str:
    """What somebody is told who has to wait."""
    minutes = max(1, round(pause().total_seconds() / 60))
    return ngettext(
        "Too many wrong passwords. Wait %(n)d minute and try again, or ask an administrator of Durar to unlock you.",
        "Too many wrong passwords. Wait %(n)d minutes and try again, or ask an administrator of Durar to unlock you.",
        minutes,
    ) % {"n": minutes}


def unlock(attempt_pk: int, *, actor: Actor) -> None:
    """Let somebody try again at once: forget the wrong passwords of that name from that address. Raises NotFound."""
    with transaction.atomic():
        attempt = AccessAttempt.objects.filter(pk=attempt_pk).first()
        if attempt is None:
            raise NotFound(_("This was unlocked already. Reload the page."))
        same = AccessAttempt.objects.filter(username=attempt.username, ip_address=attempt.ip_address)
        failures = sum(same.values_list("failures_since_start", flat=True))
        same.delete()
        audit.record(
            actor=actor,
            verb=UNLOCKED,
            summary=f"{attempt.username} may sign in again from {attempt.ip_address or 'anywhere'}.",
            target=User.objects.filter(username=attempt.username).first(),
            details={"username": attempt.username, "address": attempt.ip_address, "failures": failures},
        )


@receiver(user_logged_in, dispatch_uid="durar.note_sign_in")
def _note_sign_in(request: HttpRequest | None, **_said: Any) -> None:
    """Let the session know since when, from where and with what."""
    if request is None or not hasattr(request, "session"):
        return
    from mattermost_bridge.client_address import client_address

    request.session[SIGNED_IN] = {
        "at": timezone.now().isoformat(),
        "address": client_address(request),
        "browser": request.headers.get("User-Agent", "")[:200],
    }


@receiver(user_locked_out, dispatch_uid="durar.note_lockout")
def _note_lockout(username: str | None, ip_address: str | None, **_said: Any) -> None:
    """One row for each time that somebody is kept out, however often they go on trying."""
    name = (username or "")[:150]
    before = AuditEntry.objects.filter(verb=LOCKED_OUT, actor_name=name, address=ip_address or "")
    after_unlock = AuditEntry.objects.filter(verb=UNLOCKED, details__username=name).order_by("-pk").first()
    if after_unlock is not None:
        before = before.filter(pk__gt=after_unlock.pk)
    if before.filter(at__gt=timezone.now() - pause()).exists():
        return
    minutes = round(pause().total_seconds() / 60)
    audit.record(
        actor=Actor(name, "panel"),
        verb=LOCKED_OUT,
        summary=f"{name} cannot sign in for {minutes} minutes: too many wrong passwords.",
        target=User.objects.filter(username=name).first(),
        details={"username": name, "address": ip_address},
    )
