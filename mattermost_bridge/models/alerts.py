"""Alerts: what needs a hand, who is to be told of it, and what became of telling each of them."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from mattermost_bridge.models.accounts import Account
from mattermost_bridge.models.deliveries import Delivery
from mattermost_bridge.models.fields import EncryptedTextField
from mattermost_bridge.models.states import (
    AlertKind,
    AlertState,
    AlertTargetKind,
    AlertTargetState,
    NoticeAbout,
    NoticeState,
)
from mattermost_bridge.rules.marking import unpacked


class AlertTarget(models.Model):
    """Where alerts go: a webhook, e-mail addresses or a Mattermost channel; of which kinds and for which accounts.

    A webhook's address is as secret as a token: whoever knows it may post there. `url_host` is what may be shown of
    it. One worker at a time tells a target (`claimed_by`, `claim_until`), in the order of its notices.
    """

    name = models.CharField(_("name"), max_length=100, unique=True)
    kind = models.CharField(_("way"), max_length=12, choices=AlertTargetKind.choices, default=AlertTargetKind.WEBHOOK)
    enabled = models.BooleanField(_("enabled"), default=True)
    url = EncryptedTextField(_("webhook address"), blank=True, default="")
    url_host = models.CharField(_("host"), max_length=300, blank=True, editable=False)
    url_set_at = models.DateTimeField(null=True, blank=True, editable=False)
    signing_secret = EncryptedTextField(blank=True, default="", editable=False)
    secret_set_at = models.DateTimeField(null=True, blank=True, editable=False)
    emails = models.TextField(
        _("e-mail addresses"), blank=True, help_text=_("One or more; commas or line breaks separate them.")
    )
    account = models.ForeignKey(
        Account,
        verbose_name=_("posted by"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="+",
        help_text=_("The account whose bot posts in the channel. Best one on another server than those it warns of."),
    )
    channel_id = models.CharField(
        _("channel id"), max_length=26, blank=True, help_text=_("26 characters; the channel's menu shows it as its ID.")
    )
    kinds = models.JSONField(default=list, blank=True)
    all_accounts = models.BooleanField(
        _("all accounts"), default=True, help_text=_("Also those that are added later. Off: those chosen below.")
    )
    accounts = models.ManyToManyField(Account, verbose_name=_("accounts"), blank=True, related_name="alert_targets")
    tells_recovery = models.BooleanField(_("recovery notes"), default=True, help_text=_("Says, too, when it is over."))
    last_sent_at = models.DateTimeField(null=True, blank=True, editable=False)
    last_error = models.TextField(blank=True, editable=False)
    last_error_at = models.DateTimeField(null=True, blank=True, editable=False)
    claimed_by = models.CharField(max_length=80, blank=True, editable=False)
    claim_until = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = _("alert target")
        verbose_name_plural = _("alert targets")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name

    @property
    def state(self) -> AlertTargetState:
        """Whether alerts reach it, by what came of the last try."""
        if not self.enabled:
            return AlertTargetState.OFF
        if self.last_error:
            return AlertTargetState.FAILS
        return AlertTargetState.WORKS if self.last_sent_at else AlertTargetState.UNTRIED


class Alert(models.Model):
    """Something that needs a hand, since `raised_at`; `resolved_at` says that it is over and `outcome` how it ended.

    `subject` tells alerts of one kind and account apart, as the key of a pairing request. `page` is the path in the
    panel where something can be done.
    """

    kind = models.CharField(_("kind"), max_length=20, choices=AlertKind.choices)
    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="alerts")
    subject = models.CharField(max_length=60, blank=True)
    raised_at = models.DateTimeField(_("since"), default=timezone.now)
    resolved_at = models.DateTimeField(_("over"), null=True, blank=True)
    sentence = models.TextField(_("what happened"))
    remedy = models.TextField(_("what to do"), blank=True)
    outcome = models.TextField(_("how it ended"), blank=True)
    page = models.CharField(max_length=200, blank=True)
    # The same three texts with their templates and values (`rules.marking.packed`), for readers of other languages.
    words = models.JSONField(default=dict, blank=True, editable=False)

    class Meta:
        verbose_name = _("alert")
        verbose_name_plural = _("alerts")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["kind", "account", "subject"], condition=Q(resolved_at=None), name="an_alert_is_open_once"
            )
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()}: {self.sentence[:80]}"

    def said(self, name: str) -> str:
        """`sentence`, `remedy` or `outcome`, as it can be translated."""
        return unpacked(self.words[name]) if name in self.words else str(getattr(self, name))

    @property
    def state(self) -> AlertState:
        """Whether it still holds."""
        return AlertState.OPEN if self.resolved_at is None else AlertState.OVER


class AlertNotice(models.Model):
    """Telling one target of one alert, or of its end: once, also over restarts. `delivery` is its post, for Mattermost.

    `target_name` stays when the target is removed. `queued_at` is when it was queued, for the first time or again.
    """

    alert = models.ForeignKey(Alert, on_delete=models.CASCADE, related_name="notices")
    target = models.ForeignKey(AlertTarget, null=True, blank=True, on_delete=models.SET_NULL, related_name="notices")
    target_name = models.CharField(_("target"), max_length=100)
    about = models.CharField(_("about"), max_length=10, choices=NoticeAbout.choices)
    state = models.CharField(_("state"), max_length=10, choices=NoticeState.choices, default=NoticeState.QUEUED)
    attempts = models.PositiveIntegerField(_("attempts"), default=0)
    next_attempt_at = models.DateTimeField(_("next attempt"), null=True, blank=True)
    error = models.TextField(_("error"), blank=True)
    delivery = models.ForeignKey(Delivery, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    queued_at = models.DateTimeField(_("queued"), default=timezone.now)
    settled_at = models.DateTimeField(_("settled"), null=True, blank=True)

    class Meta:
        verbose_name = _("alert note")
        verbose_name_plural = _("alert notes")
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["alert", "target", "about"], name="a_target_is_told_once")]
        indexes = [
            models.Index(fields=["target", "id"], condition=Q(state="queued"), name="notice_queued"),
            models.Index(fields=["id"], condition=Q(state="posting"), name="notice_posting"),
        ]

    def __str__(self) -> str:
        return f"{self.get_about_display()} to {self.target_name}"
