"""The inbox: everything that came in, kept before anything else happens."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils import timezone
from django.utils.translation import gettext_lazy as _

from mattermost_bridge.models.accounts import Account
from mattermost_bridge.models.conversations import Conversation, Turn
from mattermost_bridge.models.states import EventKind, EventOutcome, EventState


class InboundEvent(models.Model):
    """One post, edit, reaction, click or command, and what was decided about it.

    Unique on account and dedupe key, so that what arrives twice is kept once. `create_at` is the server's
    milliseconds; events of a channel are taken by (create_at, post id).
    """

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="events")
    kind = models.CharField(_("kind"), max_length=8, choices=EventKind.choices, default=EventKind.POST)
    dedupe_key = models.CharField(max_length=200)
    channel_id = models.CharField(_("channel"), max_length=26, blank=True)
    channel_type = models.CharField(max_length=1, blank=True)
    post_id = models.CharField(max_length=26, blank=True)
    root_id = models.CharField(max_length=26, blank=True)
    user_id = models.CharField(_("person"), max_length=26, blank=True)
    username = models.CharField(max_length=64, blank=True)
    text = models.TextField(_("text"), blank=True)
    create_at = models.BigIntegerField(default=0)
    payload = models.JSONField(default=dict, blank=True)
    raw = models.BinaryField(null=True, blank=True, editable=False)
    caught_up = models.BooleanField(_("found by catch-up"), default=False)
    received_at = models.DateTimeField(_("received"), auto_now_add=True)

    state = models.CharField(_("state"), max_length=8, choices=EventState.choices, default=EventState.NEW)
    outcome = models.CharField(_("outcome"), max_length=10, choices=EventOutcome.choices, blank=True, default="")
    reason = models.CharField(_("reason"), max_length=40, blank=True)
    trail = models.JSONField(default=list, blank=True)
    decided_at = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveSmallIntegerField(default=0)
    next_attempt_at = models.DateTimeField(null=True, blank=True)
    error = models.TextField(blank=True)
    hinted_at = models.DateTimeField(null=True, blank=True)

    conversation = models.ForeignKey(
        Conversation, null=True, blank=True, on_delete=models.SET_NULL, related_name="events"
    )
    turn = models.ForeignKey(Turn, null=True, blank=True, on_delete=models.SET_NULL, related_name="events")
    reply_root = models.CharField(max_length=26, blank=True)
    command = models.CharField(_("control command"), max_length=8, blank=True)
    # Set on a post that is held for a moment, since the same person may go on writing: its turn begins not before.
    wait_until = models.DateTimeField(null=True, blank=True)
    # Events with the same join key are answered in one turn: what somebody wrote while they waited to be paired.
    join_key = models.CharField(max_length=40, blank=True)
    # When text and props were taken out, which facts and keys outlive; see services.retention.
    blanked_at = models.DateTimeField(null=True, blank=True, editable=False)

    class Meta:
        verbose_name = _("event")
        verbose_name_plural = _("events")
        ordering = ["-id"]
        constraints = [models.UniqueConstraint(fields=["account", "dedupe_key"], name="an_event_is_kept_once")]
        indexes = [
            models.Index(
                fields=["account", "channel_id", "create_at", "post_id"],
                condition=Q(state__in=["held", "new", "waiting"]),
                name="event_undecided",
            ),
            models.Index(
                fields=["conversation", "create_at", "post_id"],
                condition=Q(state__in=["decided", "waiting"], outcome="admitted"),
                name="event_to_answer",
            ),
            models.Index(
                fields=["account", "channel_id", "conversation"],
                condition=Q(state="decided", outcome="admitted"),
                name="event_to_wake",
            ),
            models.Index(fields=["account", "user_id", "outcome"], name="event_by_person"),
            models.Index(fields=["account", "channel_id", "create_at"], name="event_by_channel"),
            models.Index(fields=["state", "id"], name="event_by_state"),
            # The first page counts a day's events by hour without reading their rows.
            models.Index(fields=["received_at", "account", "state", "outcome", "reason"], name="event_by_time"),
            # What was said in a thread; only posts inside threads pay for it.
            models.Index(fields=["account", "root_id", "create_at"], condition=~Q(root_id=""), name="event_by_thread"),
            # Reactions that no turn of their conversation has seen.
            models.Index(
                fields=["conversation"], condition=Q(kind="reaction", turn=None), name="event_unseen_reaction"
            ),
            models.Index(
                fields=["account", "outcome", "received_at"], condition=Q(blanked_at=None), name="event_with_body"
            ),
        ]

    def __str__(self) -> str:
        return f"{self.get_kind_display()} {self.post_id or self.dedupe_key}"

    @property
    def is_held(self) -> bool:
        """Whether its turn has to wait a moment yet, since the same person may go on writing."""
        return self.wait_until is not None and self.wait_until > timezone.now()
