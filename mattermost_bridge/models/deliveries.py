"""The outbox: every post that is to be made is a row before it is sent."""

from __future__ import annotations

import secrets

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from mattermost_bridge.models.accounts import Account
from mattermost_bridge.models.conversations import Turn
from mattermost_bridge.models.direct_channels import DirectChannel
from mattermost_bridge.models.states import DeliveryKind, DeliveryState


def new_mark() -> str:
    """A random text that no other post carries and nobody can guess: 32 characters."""
    return secrets.token_urlsafe(24)


class Delivery(models.Model):
    """One post to be made.

    Its lane is account, channel and root; it is due only when every earlier one of its lane is settled. `mark` goes
    into the post's props and `pending_post_id` to the server, so that after an unclear attempt it can be looked for.
    `since_ms` is a server time before which the post cannot have been made. `unclear` says that an attempt may have
    made the post although nobody knows: then the next one looks first.
    """

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="deliveries")
    turn = models.ForeignKey(Turn, null=True, blank=True, on_delete=models.CASCADE, related_name="deliveries")
    # Which call of the turn's agent it carries out: the number of the round, and of the call in it.
    round = models.PositiveSmallIntegerField(null=True, blank=True, editable=False)
    call = models.PositiveSmallIntegerField(null=True, blank=True, editable=False)
    kind = models.CharField(_("kind"), max_length=12, choices=DeliveryKind.choices, default=DeliveryKind.ANSWER)
    # Empty while the person's direct channel is being opened: `direct_channel` is the job that does it.
    channel_id = models.CharField(_("channel"), max_length=26, blank=True)
    direct_channel = models.ForeignKey(
        DirectChannel, null=True, blank=True, on_delete=models.SET_NULL, related_name="deliveries"
    )
    root_id = models.CharField(_("thread"), max_length=26, blank=True)
    recipient_id = models.CharField(_("person"), max_length=26, blank=True)
    part = models.PositiveSmallIntegerField(default=1)
    parts = models.PositiveSmallIntegerField(default=1)
    # What the parts of one text have in common; "" for a text of one part.
    text_key = models.CharField(max_length=40, blank=True, editable=False)
    text = models.TextField(_("text"))
    props = models.JSONField(default=dict, blank=True)
    # Files of the post, in order: name, mime_type, size, path (in Django's storage), url (where it came from, if from
    # an address) and file_id, once it was uploaded: what has one is not uploaded again.
    files = models.JSONField(_("files"), default=list, blank=True)
    # What was changed so that the server takes the post; it is done once.
    mended = models.CharField(max_length=200, blank=True)
    mark = models.CharField(max_length=40, unique=True, default=new_mark)
    pending_post_id = models.CharField(max_length=60, default=new_mark)

    state = models.CharField(_("state"), max_length=10, choices=DeliveryState.choices, default=DeliveryState.QUEUED)
    claimed_by = models.CharField(max_length=80, blank=True)
    claim_until = models.DateTimeField(null=True, blank=True)
    unclear = models.BooleanField(default=False)
    attempts = models.PositiveSmallIntegerField(_("attempts"), default=0)
    next_attempt_at = models.DateTimeField(_("next attempt"), null=True, blank=True)
    since_ms = models.BigIntegerField(default=0)
    post_id = models.CharField(_("post"), max_length=26, blank=True)
    posted_at_ms = models.BigIntegerField(default=0)
    # Further posts with the same mark, to be deleted: their ids, with blanks between them.
    double_post_ids = models.TextField(blank=True)
    error = models.TextField(_("error"), blank=True)
    error_id = models.CharField(max_length=120, blank=True)
    hinted_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(_("made"), auto_now_add=True)
    settled_at = models.DateTimeField(_("settled"), null=True, blank=True)
    blanked_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("delivery")
        verbose_name_plural = _("deliveries")
        ordering = ["-id"]
        constraints = [
            # Of the first part, since the others are counted anew when a post is split further.
            models.UniqueConstraint(
                fields=["turn", "round", "call"],
                condition=Q(part=1, round__isnull=False),
                name="a_call_of_a_turn_is_carried_out_once",
            )
        ]
        indexes = [
            models.Index(
                fields=["account", "channel_id", "root_id", "id"],
                condition=Q(state__in=["queued", "sending"]),
                name="delivery_unsettled",
            ),
            models.Index(fields=["account", "kind", "recipient_id"], name="delivery_by_person"),
            models.Index(fields=["state", "id"], name="delivery_by_state"),
            # Whether the bot answered in a thread, and whether it wrote the post that somebody reacts to.
            models.Index(
                fields=["account", "root_id", "posted_at_ms"], condition=~Q(root_id=""), name="delivery_by_root"
            ),
            models.Index(fields=["account", "post_id"], condition=~Q(post_id=""), name="delivery_by_post"),
            models.Index(fields=["id"], condition=~Q(double_post_ids=""), name="delivery_doubled"),
            models.Index(fields=["text_key"], condition=~Q(text_key=""), name="delivery_by_text"),
            models.Index(fields=["account", "settled_at"], condition=Q(state="dead"), name="delivery_dead"),
            # With the state in front, although it is always the same: else SQLite takes the index above.
            models.Index(fields=["state", "settled_at", "account"], condition=Q(state="sent"), name="delivery_by_time"),
            models.Index(fields=["account", "settled_at"], condition=Q(blanked_at=None), name="delivery_with_body"),
        ]

    def __str__(self) -> str:
        return f"Delivery {self.pk}"


class DeliveryAttempt(models.Model):
    """An attempt that failed, or whose outcome is not known. One that went well leaves no row."""

    delivery = models.ForeignKey(Delivery, on_delete=models.CASCADE, related_name="attempt_rows")
    at = models.DateTimeField(auto_now_add=True)
    number = models.PositiveSmallIntegerField()
    unclear = models.BooleanField(default=False)
    status = models.PositiveSmallIntegerField(null=True, blank=True)
    error_id = models.CharField(max_length=120, blank=True)
    error = models.TextField()
    next_attempt_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("delivery attempt")
        verbose_name_plural = _("delivery attempts")
        ordering = ["id"]

    def __str__(self) -> str:
        return f"Attempt {self.number} of delivery {self.delivery_id}"


class OutboxState(models.Model):
    """Whether an account's outbox may send, and since when and why not.

    Parked: the server refused the bot's token; all goes on when a token works. Paused: the server could not be
    reached; one delivery probes at `next_probe_at` and ends the pause when it goes through.
    """

    account = models.OneToOneField(Account, primary_key=True, on_delete=models.CASCADE, related_name="outbox_state")
    parked_since = models.DateTimeField(null=True, blank=True)
    parked_reason = models.TextField(blank=True)
    paused_since = models.DateTimeField(null=True, blank=True)
    paused_reason = models.TextField(blank=True)
    pause_failures = models.PositiveSmallIntegerField(default=0)
    next_probe_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("outbox state")
        verbose_name_plural = _("outbox states")

    def __str__(self) -> str:
        return f"Outbox of {self.account_id}"
