"""Keys by which other programs send messages, and what they sent under names of their own."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from mattermost_bridge.models.accounts import Account


class SendKey(models.Model):
    """A key for `POST /api/channels/mattermost/send`.

    Only a digest of it is kept: the key itself has 256 random bits, so nobody finds it from the digest. `hint` is its
    beginning, by which people recognise it. `window_*` count the calls of the minute that runs.
    """

    name = models.CharField(_("name"), max_length=80, unique=True)
    digest = models.CharField(max_length=64, unique=True, editable=False)
    hint = models.CharField(_("key"), max_length=16, editable=False)
    accounts: models.ManyToManyField = models.ManyToManyField(Account, related_name="send_keys", blank=True)
    per_minute = models.PositiveSmallIntegerField(
        _("messages a minute"),
        default=60,
        validators=[MinValueValidator(1), MaxValueValidator(6000)],
        help_text=_("More are refused with 429 until the minute is over."),
    )
    created_at = models.DateTimeField(_("made"), auto_now_add=True)
    created_by = models.CharField(_("made by"), max_length=150, editable=False)
    revoked_at = models.DateTimeField(_("revoked"), null=True, blank=True, editable=False)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True, editable=False)
    last_used_from = models.CharField(max_length=60, blank=True, editable=False)
    window_began = models.DateTimeField(null=True, blank=True, editable=False)
    window_count = models.PositiveIntegerField(default=0, editable=False)

    class Meta:
        verbose_name = _("sending key")
        verbose_name_plural = _("sending keys")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name


class SendRequest(models.Model):
    """A message that was sent by key under the caller's own name for it: the same name sends nothing twice."""

    key = models.ForeignKey(SendKey, on_delete=models.CASCADE, related_name="requests")
    idempotency_key = models.CharField(max_length=200)
    # Of what was asked for, so that another message under the same name is noticed.
    digest = models.CharField(max_length=64)
    deliveries = models.JSONField(default=list)
    created_at = models.DateTimeField(auto_now_add=True, db_index=True)

    class Meta:
        verbose_name = _("message by key")
        verbose_name_plural = _("messages by key")
        constraints = [models.UniqueConstraint(fields=["key", "idempotency_key"], name="one_message_a_name")]

    def __str__(self) -> str:
        return f"Message by key {self.pk}"
