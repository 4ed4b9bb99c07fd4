"""Sessions of the panel, which know whose they are, so that all sessions of a person can be listed and ended."""

from __future__ import annotations

from django.conf import settings
from django.contrib.sessions.base_session import AbstractBaseSession
from django.db import models
from django.utils.translation import gettext_lazy as _


class PanelSession(AbstractBaseSession):
    """One browser in which somebody is signed in (user empty: not signed in yet), since when and from where."""

    user = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, on_delete=models.CASCADE, related_name="panel_sessions"
    )
    signed_in_at = models.DateTimeField(_("signed in"), null=True)
    address = models.CharField(_("address"), max_length=45, blank=True)
    browser = models.CharField(_("browser"), max_length=200, blank=True)

    class Meta(AbstractBaseSession.Meta):
        verbose_name = _("session")  # type: ignore[assignment]
        verbose_name_plural = _("sessions")  # type: ignore[assignment]

    def __str__(self) -> str:
        return f"Session of user {self.user_id}"

    @classmethod
    def get_session_store_class(cls) -> type:
        """The engine that keeps these rows."""
        from mattermost_bridge.session_engine import SessionStore

        return SessionStore
