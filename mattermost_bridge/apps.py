"""The application's configuration: its system checks are registered when Django is ready."""

from django.apps import AppConfig


class BridgeConfig(AppConfig):
    """Durar's one application."""

    name = "mattermost_bridge"
    verbose_name = "Durar"
    default_auto_field = "django.db.models.BigAutoField"

    def ready(self) -> None:
        """Register the system checks."""
        from mattermost_bridge import checks  # noqa: F401
