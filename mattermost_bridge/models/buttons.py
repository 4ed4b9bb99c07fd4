"""Buttons that wait for a click, and the secrets that signed them."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from mattermost_bridge.models.accounts import Account
from mattermost_bridge.models.deliveries import Delivery
from mattermost_bridge.models.events import InboundEvent
from mattermost_bridge.models.fields import EncryptedTextField


class ButtonSet(models.Model):
    """The buttons of one post, which work once, together.

    A set that Durar offered has a row from the beginning: `generation` names it in the signed contexts, `delivery` is
    the post that carries it. Buttons that a script posted get their row with the click that they accept. `answer` is
    the update that replaced them: every later click gets the same one.
    """

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="button_sets")
    generation = models.CharField(max_length=64, blank=True)
    delivery = models.ForeignKey(
        Delivery, null=True, blank=True, on_delete=models.SET_NULL, related_name="button_sets", editable=False
    )
    # Of a set that was offered it is known once somebody clicked, or by its delivery.
    post_id = models.CharField(_("post"), max_length=26, blank=True)
    channel_id = models.CharField(_("channel"), max_length=26, blank=True)
    opener_id = models.CharField(_("only for"), max_length=26, blank=True)
    expires_at = models.DateTimeField(_("expires"), null=True, blank=True)
    created_at = models.DateTimeField(_("made"), auto_now_add=True)

    used_at = models.DateTimeField(_("used"), null=True, blank=True)
    used_by = models.CharField(_("used by"), max_length=26, blank=True)
    used_by_name = models.CharField(max_length=64, blank=True)
    chosen = models.TextField(_("chosen"), blank=True)
    answer = models.JSONField(default=dict, blank=True)
    event = models.ForeignKey(
        InboundEvent, null=True, blank=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )
    # When what the post and its button said was taken out; see services.retention.
    blanked_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("set of buttons")
        verbose_name_plural = _("sets of buttons")
        constraints = [
            models.UniqueConstraint(
                fields=["account", "post_id", "generation"],
                condition=~Q(post_id=""),
                name="buttons_of_a_post_work_once",
            )
        ]
        indexes = [
            models.Index(
                fields=["account", "generation"], condition=Q(delivery__isnull=False), name="buttons_that_were_offered"
            ),
            models.Index(fields=["account", "used_at"], condition=Q(blanked_at=None), name="buttons_with_body"),
        ]

    def __str__(self) -> str:
        return f"Buttons {self.pk}"


class ButtonSecret(models.Model):
    """What signed an account's buttons: made from a bot token, which it does not reveal. Kept when that is replaced.

    `replaced_at` is None for the one of the token that was last seen in force.
    """

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="button_secrets")
    secret = EncryptedTextField(editable=False)
    replaced_at = models.DateTimeField(null=True, blank=True, db_index=True)

    class Meta:
        verbose_name = _("secret of buttons")
        verbose_name_plural = _("secrets of buttons")

    def __str__(self) -> str:
        return f"Secret of buttons {self.pk}"
