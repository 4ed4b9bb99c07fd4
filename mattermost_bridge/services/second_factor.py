"""The second factor: of whom it is required, who has one, and taking it away from somebody who lost theirs."""

from __future__ import annotations

from contextvars import ContextVar
from typing import Any

from allauth.mfa import signals
from allauth.mfa.models import Authenticator
from django.contrib.auth.models import User
from django.db import transaction
from django.db.models.signals import post_delete, post_save, pre_save
from django.dispatch import receiver
from django.utils.translation import gettext as _

from mattermost_bridge.models import BridgeDefaults, PanelSession
from mattermost_bridge.models.states import SecondFactor
from mattermost_bridge.services import audit
from mattermost_bridge.services.audit import Actor
from mattermost_bridge.services.errors import NotFound, Refused
from mattermost_bridge.services.records import the_defaults
from mattermost_bridge.services.roles import ADMINISTRATOR, role_of

#: Codes to recover with are no factor of their own: they come with one.
FACTORS = (Authenticator.Type.TOTP, Authenticator.Type.WEBAUTHN)
_KEPT_AS = "_durar_must_enrol"
#: Set while an administrator takes away the factors of somebody else.
_taken_away: ContextVar[bool] = ContextVar("durar_second_factor_taken_away", default=False)


def requirement() -> SecondFactor:
    """Of whom a second factor is required."""
    found = BridgeDefaults.objects.filter(pk=1).values_list("second_factor", flat=True).first()
    return SecondFactor(found or SecondFactor.OFF)


def require(of: str, *, actor: Actor) -> None:
    """Say of whom it is required. Raises Refused for a word that is no `SecondFactor`."""
    if of not in SecondFactor.values:
        raise Refused(_("A second factor is required of: %s.") % ", ".join(SecondFactor.values))
    with transaction.atomic():
        defaults = the_defaults()
        before = defaults.second_factor
        if before == of:
            return
        defaults.second_factor = of
        defaults.save(update_fields=["second_factor"])
        audit.record(
            actor=actor,
            verb="sign_in.require_second_factor",
            summary=f"A second factor is required of: {SecondFactor(of).label}.",
            target=defaults,
            details={"second_factor": [before, of]},
        )


def is_enrolled(user: User) -> bool:
    """Whether somebody has a second factor."""
    return Authenticator.objects.filter(user=user.pk, type__in=FACTORS).exists()


def must_enrol(user: Any) -> bool:
    """Whether somebody has to set up a second factor before anything else. Asked once for each user object."""
    kept: bool | None = getattr(user, _KEPT_AS, None)
    if kept is None:
        kept = user.is_authenticated and is_required_of(user, requirement()) and not is_enrolled(user)
        setattr(user, _KEPT_AS, kept)
    return kept


def is_required_of(user: User, of: SecondFactor) -> bool:
    """Whether `of`, the `requirement`, means this user."""
    if of == SecondFactor.ADMINISTRATORS:
        return role_of(user) is ADMINISTRATOR
    return of == SecondFactor.EVERYBODY


def reset(user_pk: int, *, actor: Actor) -> None:
    """Take away somebody's second factors and recovery codes, and end their sessions. Raises NotFound, Refused.

    They sign in with their password alone then, and set up a new factor at once where one is required.
    """
    user = User.objects.filter(pk=user_pk).first()
    if user is None:
        raise NotFound(_("This user does not exist any more. Reload the page."))
    with transaction.atomic():
        kinds = list(Authenticator.objects.filter(user=user).order_by("pk").values_list("type", flat=True))
        if not kinds:
            raise Refused(_("%s has no second factor.") % user.get_username())
        taken = _taken_away.set(True)
        try:
            Authenticator.objects.filter(user=user).delete()
        finally:
            _taken_away.reset(taken)
        PanelSession.objects.filter(user=user).delete()
        audit.record(
            actor=actor,
            verb="user.reset_second_factor",
            summary=f"The second factor of {user.get_username()} was taken away.",
            target=user,
            details={"removed": ", ".join(kinds)},
        )


def _note(verb: str, summary: str, factor: Authenticator, details: dict[str, Any]) -> None:
    audit.record(
        actor=Actor.of(factor.user),
        verb=verb,
        summary=f"{factor.user.get_username()} {summary}",
        target=factor.user,
        details={"kind": factor.type, **details},
    )


# allauth's own signals about changes come after the commit, so that a row could be lost. Those of the records come in
# the transaction of the change.


@receiver(pre_save, sender=Authenticator, dispatch_uid="durar.second_factor_before")
def _remember_name(instance: Authenticator, update_fields: Any = None, **_said: Any) -> None:
    before = None
    if instance.pk is not None and update_fields is None and instance.type == Authenticator.Type.WEBAUTHN:
        before = Authenticator.objects.filter(pk=instance.pk).first()
    instance._durar_name_before = _name(before)  # type: ignore[attr-defined]


@receiver(post_save, sender=Authenticator, dispatch_uid="durar.second_factor_saved")
def _note_saved(instance: Authenticator, created: bool, **_said: Any) -> None:  # noqa: FBT001 - Django's
    if created and instance.type == Authenticator.Type.RECOVERY_CODES:
        _note("user.add_second_factor", "got new recovery codes.", instance, {})
    elif created:
        name = {"name": _name(instance)} if _name(instance) else {}
        _note("user.add_second_factor", f"set up a second factor: {_kind(instance)}.", instance, name)
    else:
        before, after = instance._durar_name_before, _name(instance)  # type: ignore[attr-defined]
        if before and before != after:
            _note("user.rename_second_factor", f"renamed a {_kind(instance)}.", instance, {"name": [before, after]})


@receiver(post_delete, sender=Authenticator, dispatch_uid="durar.second_factor_deleted")
def _note_deleted(instance: Authenticator, origin: Any = None, **_said: Any) -> None:
    # Those that go with their user, or are taken away by somebody else (`reset`), are in that row.
    if _taken_away.get() or isinstance(origin, User) or getattr(origin, "model", Authenticator) is not Authenticator:
        return
    if instance.type == Authenticator.Type.RECOVERY_CODES:
        _note("user.remove_second_factor", "gave up their recovery codes.", instance, {})
    else:
        name = {"name": _name(instance)} if _name(instance) else {}
        _note("user.remove_second_factor", f"removed a second factor: {_kind(instance)}.", instance, name)


def _kind(factor: Authenticator) -> str:
    return str(Authenticator.Type(factor.type).label)


def _name(factor: Authenticator | None) -> str:
    """How its owner calls a security key; "" for what has no name."""
    return str(factor.data.get("name", "")) if factor is not None else ""


@receiver(signals.authenticator_used, dispatch_uid="durar.second_factor_used")
def _note_recovery(user: User, authenticator: Authenticator, **_said: Any) -> None:
    """A recovery code is a key under the mat: its use is worth a row, and so is how many are left."""
    if authenticator.type != Authenticator.Type.RECOVERY_CODES:
        return
    left = len(Authenticator.objects.get(pk=authenticator.pk).wrap().get_unused_codes())
    _note("sign_in.recovery_code", "used a recovery code.", authenticator, {"left": left})


@receiver(signals.authentication_failed, dispatch_uid="durar.second_factor_failed")
def _note_failed(user: User, authenticator: Authenticator, **_said: Any) -> None:
    audit.record(
        actor=Actor(user.get_username(), "panel"),
        verb="sign_in.wrong_code",
        summary=f"Somebody who knows the password of {user.get_username()} entered a wrong code.",
        target=user,
        details={"kind": authenticator.type},
    )
