"""The second factor: of whom it is required, who has one, and taking it away from somebody who lost theirs."""

from __future__ import annotations

from typing import Any

from allauth.mfa import signals
from allauth.mfa.models import Authenticator
from django.contrib.auth.models import User
from django.db import transaction
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
        Authenticator.objects.filter(user=user).delete()
        PanelSession.objects.filter(user=user).delete()
        audit.record(
            actor=actor,
            verb="user.reset_second_factor",
            summary=f"The second factor of {user.get_username()} was taken away.",
            target=user,
            details={"removed": kinds},
        )


def _note(verb: str, words: str, user: User, authenticator: Authenticator) -> None:
    audit.record(
        actor=Actor.of(user),
        verb=verb,
        summary=f"{user.get_username()} {words}: {Authenticator.Type(authenticator.type).label}.",
        target=user,
        details={"kind": authenticator.type},
    )


@receiver(signals.authenticator_added, dispatch_uid="durar.second_factor_added")
def _note_added(user: User, authenticator: Authenticator, **_said: Any) -> None:
    _note("user.add_second_factor", "set up a second factor", user, authenticator)


@receiver(signals.authenticator_removed, dispatch_uid="durar.second_factor_removed")
def _note_removed(user: User, authenticator: Authenticator, **_said: Any) -> None:
    _note("user.remove_second_factor", "removed a second factor", user, authenticator)


@receiver(signals.authenticator_reset, dispatch_uid="durar.second_factor_renewed")
def _note_renewed(user: User, authenticator: Authenticator, **_said: Any) -> None:
    _note("user.renew_second_factor", "made new ones", user, authenticator)


@receiver(signals.authentication_failed, dispatch_uid="durar.second_factor_failed")
def _note_failed(user: User, authenticator: Authenticator, **_said: Any) -> None:
    audit.record(
        actor=Actor(user.get_username(), "panel"),
        verb="sign_in.wrong_code",
        summary=f"Somebody who knows the password of {user.get_username()} entered a wrong code.",
        target=user,
        details={"kind": authenticator.type},
    )
