"""What is known of channels and people, and where catch-up stands in each channel."""

from __future__ import annotations

from django.db import models
from django.utils.translation import gettext_lazy as _

from mattermost_bridge.models.accounts import Account


class KnownChannel(models.Model):
    """A name for a channel id, with its age."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="known_channels")
    channel_id = models.CharField(max_length=26)
    type = models.CharField(max_length=1, blank=True)
    name = models.CharField(max_length=128, blank=True)
    display_name = models.CharField(max_length=128, blank=True)
    team_id = models.CharField(max_length=26, blank=True)
    fetched_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = _("known channel")
        verbose_name_plural = _("known channels")
        constraints = [models.UniqueConstraint(fields=["account", "channel_id"], name="a_channel_is_known_once")]

    def __str__(self) -> str:
        return self.display_name or self.name or self.channel_id


class KnownPerson(models.Model):
    """A username for a user id, with its age."""

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="known_people")
    user_id = models.CharField(max_length=26)
    username = models.CharField(max_length=64, blank=True)
    display_name = models.CharField(max_length=128, blank=True)
    is_bot = models.BooleanField(default=False)
    fetched_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = _("known person")
        verbose_name_plural = _("known people")
        constraints = [models.UniqueConstraint(fields=["account", "user_id"], name="a_person_is_known_once")]

    def __str__(self) -> str:
        return f"@{self.username}" if self.username else self.user_id


class ChannelCursor(models.Model):
    """How far a channel has been read. Times are the server's milliseconds.

    `stored_until` is the newest create_at up to which every post is stored; `read_last_post_at` is the channel's
    last_post_at when it was last read, since edits and pins raise that without a new post.
    """

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="cursors")
    channel_id = models.CharField(max_length=26)
    channel_type = models.CharField(max_length=1, blank=True)
    stored_until = models.BigIntegerField(default=0)
    read_last_post_at = models.BigIntegerField(default=0)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = _("channel cursor")
        verbose_name_plural = _("channel cursors")
        constraints = [models.UniqueConstraint(fields=["account", "channel_id"], name="one_cursor_a_channel")]

    def __str__(self) -> str:
        return f"{self.channel_id} until {self.stored_until}"
