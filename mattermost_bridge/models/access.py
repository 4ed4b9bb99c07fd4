"""Who may talk to a bot: lists, blocked people and pairing requests."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from mattermost_bridge.models.accounts import Account
from mattermost_bridge.models.listed import ListedPerson
from mattermost_bridge.models.states import AccessList, EntrySource, PairingState


class AccessEntry(ListedPerson):
    """One entry of an allowlist, of an account or (account empty) of the defaults."""

    account = models.ForeignKey(
        Account,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="access_entries",
        help_text=_("Empty: the defaults, for every account without its own list."),
    )
    list = models.CharField(_("list"), max_length=8, choices=AccessList.choices, default=AccessList.DM)
    value = models.CharField(
        _("who"), max_length=120, help_text=_("A Mattermost user id (26 characters), or * for everybody.")
    )
    source = models.CharField(_("source"), max_length=8, choices=EntrySource.choices, default=EntrySource.PANEL)

    class Meta:
        verbose_name = _("access entry")
        verbose_name_plural = _("access entries")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["account", "list", "value", "source"], name="an_entry_stands_once"),
            models.UniqueConstraint(
                fields=["list", "value", "source"], condition=Q(account=None), name="a_default_entry_stands_once"
            ),
        ]

    def __str__(self) -> str:
        return (self.username and f"@{self.username}") or self.value


class BlockedUser(models.Model):
    """A person whom a bot (account empty: every bot) does not answer, whatever the lists say."""

    account = models.ForeignKey(
        Account,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="blocked_users",
        help_text=_("Empty: blocked for every account."),
    )
    user_id = models.CharField(_("user id"), max_length=26)
    username = models.CharField(_("username"), max_length=64, blank=True)
    reason = models.CharField(_("why"), max_length=200, blank=True)
    blocked_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )
    blocked_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("blocked person")
        verbose_name_plural = _("blocked people")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["account", "user_id"], name="a_person_is_blocked_once"),
            models.UniqueConstraint(
                fields=["user_id"], condition=Q(account=None), name="a_person_is_blocked_everywhere_once"
            ),
        ]

    def __str__(self) -> str:
        return (self.username and f"@{self.username}") or self.user_id


class PairingRequest(models.Model):
    """Somebody who wrote to a bot directly and waits for an operator to approve the code they were given."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="pairing_requests")
    user_id = models.CharField(_("user id"), max_length=26)
    username = models.CharField(_("person"), max_length=64, blank=True)
    channel_id = models.CharField(max_length=26)
    code = models.CharField(_("code"), max_length=8)
    state = models.CharField(
        _("state"), max_length=8, choices=PairingState.choices, default=PairingState.PENDING, db_index=True
    )
    created_at = models.DateTimeField(_("asked"), default=timezone.now)
    expires_at = models.DateTimeField(_("expires"))
    last_seen_at = models.DateTimeField(_("last seen"), default=timezone.now)
    decided_at = models.DateTimeField(null=True, blank=True)
    decided_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    decided_by_name = models.CharField(max_length=150, blank=True)

    class Meta:
        verbose_name = _("pairing request")
        verbose_name_plural = _("pairing requests")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["account", "user_id"], condition=Q(state=PairingState.PENDING), name="one_pending_a_person"
            ),
            models.UniqueConstraint(
                fields=["code"], condition=Q(state=PairingState.PENDING), name="one_pending_a_code"
            ),
        ]

    def __str__(self) -> str:
        who = (self.username and f"@{self.username}") or self.user_id
        return f"{who} ({self.get_state_display()})"
