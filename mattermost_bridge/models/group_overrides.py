"""What is different in single channels: the `groups` map of an account or of the defaults."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from mattermost_bridge.config.table import OF_CHANNELS
from mattermost_bridge.models.accounts import Account
from mattermost_bridge.models.columns import column
from mattermost_bridge.models.listed import Listed
from mattermost_bridge.rules.mentions import EVERY_CHANNEL


class GroupOverride(Listed):
    """One entry of `groups`, of an account or (account empty) of the defaults: what holds in one channel or in `*`."""

    account = models.ForeignKey(
        Account,
        null=True,
        blank=True,
        on_delete=models.CASCADE,
        related_name="group_overrides",
        help_text=_("Empty: the defaults, for every account without channel settings of its own."),
    )
    # Longer than an id: a configuration file may hold a key that is none, and keeps it.
    channel_id = models.CharField(_("channel"), max_length=64)
    channel_name = models.CharField(_("channel's name"), max_length=128, blank=True, editable=False)
    require_mention = column(OF_CHANNELS["require_mention"])
    off = column(OF_CHANNELS["off"])
    chatmode = column(OF_CHANNELS["chatmode"])
    reply_to_mode = column(OF_CHANNELS["reply_to_mode"])
    instructions = column(OF_CHANNELS["instructions"])
    agent = models.ForeignKey(
        "Agent",
        verbose_name=_("agent"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text=_("Who answers in this channel, instead of the account's agent."),
    )

    class Meta:
        verbose_name = _("channel setting")
        verbose_name_plural = _("channel settings")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(fields=["account", "channel_id"], name="a_channel_has_one_setting"),
            models.UniqueConstraint(
                fields=["channel_id"], condition=Q(account=None), name="a_channel_has_one_default_setting"
            ),
        ]

    def __str__(self) -> str:
        if self.channel_id == EVERY_CHANNEL:
            return str(_("Every other channel (*)"))
        return (self.channel_name and f"~{self.channel_name}") or self.channel_id
