"""Whom somebody who signs in may work for: all accounts, or those that were granted."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _

from mattermost_bridge.models.accounts import Account


class StaffProfile(models.Model):
    """What Durar keeps of somebody who signs in, beside Django's user. No row: nothing special.

    `limited` is kept by itself and not derived from the grants: whose last grant is taken away sees nothing, not all.
    """

    user = models.OneToOneField(
        settings.AUTH_USER_MODEL, primary_key=True, on_delete=models.CASCADE, related_name="staff_profile"
    )
    limited = models.BooleanField(_("limited to accounts"), default=False)

    class Meta:
        verbose_name = _("staff profile")
        verbose_name_plural = _("staff profiles")

    def __str__(self) -> str:
        return f"Profile of user {self.pk}"


class AccountGrant(models.Model):
    """An account that a limited person may see, and work on as far as their role goes; by whom, when and why."""

    user = models.ForeignKey(settings.AUTH_USER_MODEL, on_delete=models.CASCADE, related_name="account_grants")
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="grants")
    granted_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    granted_by_name = models.CharField(max_length=150, blank=True)
    granted_at = models.DateTimeField(auto_now_add=True)
    why = models.CharField(_("why"), max_length=200, blank=True)

    class Meta:
        verbose_name = _("account grant")
        verbose_name_plural = _("account grants")
        ordering = ["account__account_id"]
        constraints = [models.UniqueConstraint(fields=["user", "account"], name="an_account_is_granted_once")]

    def __str__(self) -> str:
        return f"Grant of account {self.account_id} to user {self.user_id}"
