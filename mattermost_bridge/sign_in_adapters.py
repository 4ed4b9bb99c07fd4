"""How django-allauth, which keeps the second factors, fits into the panel: it signs nobody up and mails nobody."""

from __future__ import annotations

from typing import Any

from allauth.account.adapter import DefaultAccountAdapter
from allauth.core import context
from allauth.mfa.adapter import DefaultMFAAdapter
from django.http import HttpRequest

from mattermost_bridge.client_address import client_address
from mattermost_bridge.models.fields import decrypt, encrypt

#: What the panel shows by itself.
UNSAID = ("account/messages/logged_in.txt", "account/messages/logged_out.txt")


class AccountAdapter(DefaultAccountAdapter):
    """Users are added by administrators."""

    def is_open_for_signup(self, request: HttpRequest) -> bool:
        """Never."""
        return False

    def get_client_ip(self, request: HttpRequest) -> str:
        """As the audit log sees it."""
        return client_address(request) or "unknown"

    def add_message(
        self, request: HttpRequest, level: int, message_template: str | None = None, *args: Any, **kwargs: Any
    ) -> None:
        """Django's messages, but for those that say what is plain to see."""
        if message_template not in UNSAID:
            super().add_message(request, level, message_template, *args, **kwargs)


class SecondFactorAdapter(DefaultMFAAdapter):
    """Seeds are encrypted at rest like every other secret."""

    def encrypt(self, text: str) -> str:
        """As it is stored."""
        return encrypt(text)

    def decrypt(self, encrypted_text: str) -> str:
        """As it is used. Raises WrongKeyError."""
        return decrypt(encrypted_text)

    def get_totp_issuer(self) -> str:
        """What an authenticator app shows beside the name."""
        return f"Durar ({context.request.get_host()})"

    def get_totp_label(self, user: Any) -> str:
        """The name that one signs in with."""
        return str(user.get_username())
