"""Who holds an account's connection, where that connection stands, and everything it went through."""

from __future__ import annotations

from django.db import models
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from mattermost_bridge.models.accounts import Account
from mattermost_bridge.models.states import ConnectionPhase


class ListenerLease(models.Model):
    """Which worker listens for an account, until when, and the state of its connection with reason and since when.

    `generation` grows when an operator asks for a reconnect or changes address or token; the holder then connects
    anew at once. `proven_until` is a server time (milliseconds) up to which nothing can be missing.
    """

    account = models.OneToOneField(Account, primary_key=True, on_delete=models.CASCADE, related_name="listener_lease")
    holder = models.CharField(max_length=80, blank=True)
    expires_at = models.DateTimeField(null=True, blank=True)
    generation = models.PositiveIntegerField(default=1)
    phase = models.CharField(
        _("connection"), max_length=16, choices=ConnectionPhase.choices, default=ConnectionPhase.STOPPED
    )
    reason = models.TextField(_("why"), blank=True)
    since = models.DateTimeField(_("since"), default=timezone.now)
    next_try_at = models.DateTimeField(_("next try"), null=True, blank=True)
    failures = models.PositiveIntegerField(default=0)
    proven_until = models.BigIntegerField(default=0)
    last_event_at = models.DateTimeField(_("last event"), null=True, blank=True)
    server_version = models.CharField(max_length=40, blank=True)
    warning = models.TextField(blank=True)

    class Meta:
        verbose_name = _("connection")
        verbose_name_plural = _("connections")

    def __str__(self) -> str:
        return f"{self.account_id}: {self.get_phase_display()}"


class ConnectionChange(models.Model):
    """One change of an account's connection state: history, chart and alert read these rows."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="connection_changes")
    at = models.DateTimeField(default=timezone.now)
    old = models.CharField(max_length=16, choices=ConnectionPhase.choices)
    new = models.CharField(max_length=16, choices=ConnectionPhase.choices)
    reason = models.TextField(blank=True)
    holder = models.CharField(max_length=80, blank=True)

    class Meta:
        verbose_name = _("connection change")
        verbose_name_plural = _("connection changes")
        ordering = ["-id"]
        indexes = [models.Index(fields=["account", "at"], name="change_by_account")]

    def __str__(self) -> str:
        return f"{self.get_old_display()} to {self.get_new_display()}"


class Tick(models.Model):
    """When a periodic piece of work last ran, so that two schedulers do it once."""

    name = models.CharField(max_length=40, primary_key=True)
    at = models.DateTimeField()

    class Meta:
        verbose_name = _("tick")
        verbose_name_plural = _("ticks")

    def __str__(self) -> str:
        return self.name
