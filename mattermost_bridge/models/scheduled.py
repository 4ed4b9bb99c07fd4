"""Messages that are sent at a time or again and again, and what came of each time."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from mattermost_bridge.models.accounts import Account
from mattermost_bridge.models.states import LateRule, ScheduledRunState, ScheduleKind


class ScheduledMessage(models.Model):
    """A message, where it goes, and when.

    `to` is what was written, and the ids are whom or what that meant when it was saved. `next_run_at` is empty once it
    is over. A time has passed unsent when nobody looked in time: then `late` says what becomes of it.
    """

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="scheduled_messages")
    to = models.CharField(_("to"), max_length=150)
    user_id = models.CharField(max_length=26, blank=True, editable=False)
    username = models.CharField(max_length=64, blank=True, editable=False)
    channel_id = models.CharField(max_length=26, blank=True, editable=False)
    text = models.TextField(_("text"))
    kind = models.CharField(_("how often"), max_length=8, choices=ScheduleKind.choices, default=ScheduleKind.ONCE)
    at = models.DateTimeField(_("at"), null=True, blank=True)
    cron = models.CharField(_("cron expression"), max_length=120, blank=True)
    time_zone = models.CharField(_("time zone"), max_length=60, default="UTC")
    late = models.CharField(_("when it was missed"), max_length=8, choices=LateRule.choices, default=LateRule.SEND)
    paused = models.BooleanField(_("paused"), default=False)
    next_run_at = models.DateTimeField(_("next time"), null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    created_by = models.CharField(_("made by"), max_length=150, editable=False)

    class Meta:
        verbose_name = _("scheduled message")
        verbose_name_plural = _("scheduled messages")
        ordering = ["-id"]
        indexes = [
            models.Index(fields=["next_run_at"], condition=Q(paused=False), name="scheduled_due"),
        ]

    def __str__(self) -> str:
        return f"{self.account.account_id} → {self.to}"


class ScheduledRun(models.Model):
    """One time at which a message was due, and what came of it."""

    message = models.ForeignKey(ScheduledMessage, on_delete=models.CASCADE, related_name="runs")
    due_at = models.DateTimeField()
    at = models.DateTimeField(auto_now_add=True)
    state = models.CharField(max_length=8, choices=ScheduledRunState.choices)
    note = models.TextField(blank=True)
    deliveries = models.JSONField(default=list)

    class Meta:
        verbose_name = _("run of a scheduled message")
        verbose_name_plural = _("runs of scheduled messages")
        ordering = ["-due_at", "-id"]
        constraints = [models.UniqueConstraint(fields=["message", "due_at"], name="one_run_a_time")]

    def __str__(self) -> str:
        return f"Run {self.pk}"
