"""The application's configuration: its system checks are registered when Django is ready."""

from typing import Any

from django.apps import AppConfig, apps
from django.db.models.signals import post_migrate


class BridgeConfig(AppConfig):
    """Durar's one application."""

    name = "mattermost_bridge"
    verbose_name = "Durar"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the system checks, let every migration end with the roles as they should be, and codes be counted
        over all processes."""
        from mattermost_bridge import checks  # noqa: F401
        from mattermost_bridge.services import second_factor, sessions, sign_in  # noqa: F401 - they listen to sign-ins

        _count_codes_in_the_database()
        post_migrate.connect(_make_roles, sender=self, dispatch_uid="durar.roles")


def _count_codes_in_the_database() -> None:
    """allauth limits guesses of codes, and refuses codes that were used, by the default cache, and has no setting for
    another one. Ours belongs to one process."""
    from allauth.core.internal import ratelimit
    from allauth.mfa.totp.internal import auth
    from django.core.cache import caches
    from django.utils.connection import ConnectionProxy

    shared: Any = ConnectionProxy(caches, "shared")
    ratelimit.cache = shared
    auth.cache = shared


def _make_roles(apps: Any = apps, **_said: Any) -> None:
    try:
        apps.get_model("auth", "Group")
    except LookupError:
        return  # a migration to a state before there were groups
    # Django made the permissions before: its receiver was connected first.
    from mattermost_bridge.services.roles import ensure_roles

    ensure_roles()
