"""Direct channels: which channel leads to a person, and the job that opens it where that is not known yet."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from mattermost_bridge.models.accounts import Account
from mattermost_bridge.models.states import DirectChannelState
from mattermost_bridge.rules.direct_channels import RetryValues


class DirectChannel(models.Model):
    """The direct channel of an account's bot and a person, and the job that opens it.

    `bot_user_id` is the bot for which the channel is open; "" as long as it is not. `attempt` counts the attempts that
    were begun and whose worker lived; the last four numbers are the retry values in force for this job. Deliveries to
    the person that have no channel yet wait for this row.
    """

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="direct_channels")
    bot_user_id = models.CharField(max_length=26, blank=True)
    user_id = models.CharField(_("user id"), max_length=26)
    username = models.CharField(_("person"), max_length=64, blank=True)
    channel_id = models.CharField(_("channel"), max_length=26, blank=True)
    state = models.CharField(
        _("state"), max_length=10, choices=DirectChannelState.choices, default=DirectChannelState.RESOLVING
    )
    attempt = models.PositiveSmallIntegerField(_("attempt"), default=0)
    next_attempt_at = models.DateTimeField(_("next attempt"), null=True, blank=True)
    claimed_by = models.CharField(max_length=90, blank=True)
    claim_until = models.DateTimeField(null=True, blank=True)
    error = models.TextField(_("last error"), blank=True)
    error_status = models.PositiveSmallIntegerField(_("status"), null=True, blank=True)
    error_id = models.CharField(max_length=120, blank=True)
    hinted_at = models.DateTimeField(null=True, blank=True)
    started_at = models.DateTimeField(_("begun"), default=timezone.now)
    settled_at = models.DateTimeField(_("settled"), null=True, blank=True)

    max_retries = models.PositiveSmallIntegerField()
    initial_delay_ms = models.PositiveIntegerField()
    max_delay_ms = models.PositiveIntegerField()
    timeout_ms = models.PositiveIntegerField()

    class Meta:
        verbose_name = _("direct channel")
        verbose_name_plural = _("direct channels")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["account", "user_id"], name="one_direct_channel_a_person"),
            models.CheckConstraint(
                condition=~Q(state=DirectChannelState.READY) | ~Q(channel_id=""), name="a_ready_one_has_its_channel"
            ),
        ]
        indexes = [
            models.Index(fields=["account", "id"], condition=Q(state="resolving"), name="direct_channel_resolving"),
            models.Index(fields=["state", "id"], name="direct_channel_by_state"),
        ]

    def __str__(self) -> str:
        return f"@{self.username}" if self.username else self.user_id

    @property
    def values(self) -> RetryValues:
        """The retry values in force for this job."""
        return RetryValues(self.max_retries, self.initial_delay_ms, self.max_delay_ms, self.timeout_ms)

    @property
    def attempts(self) -> int:
        """How many attempts the job has at most."""
        return self.max_retries + 1
