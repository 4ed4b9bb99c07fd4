"""Conversations, held by one worker at a time, and the turns that answer what was said in them."""

from __future__ import annotations

from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from mattermost_bridge.models.accounts import Account
from mattermost_bridge.models.agents import Agent
from mattermost_bridge.models.states import TurnState


class Conversation(models.Model):
    """A session: what one person says to the bot directly, or what is said to it in one channel or thread.

    The lease says which worker may work on it; `fence` grows with every taking, and a result is written only by the
    worker whose fence is still the newest.

    A thread's session knows the key of its channel's. What was said before `fresh_since` is not told to the agent any
    more (`/new`), what waited since before `stopped_at` is dropped (`/stop`); both are the server's milliseconds.
    `channel_id` is where it began; direct messages that share a session are answered each in its own channel.
    """

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="conversations")
    session_key = models.CharField(max_length=300)
    parent_key = models.CharField(max_length=300, blank=True)
    channel_id = models.CharField(_("channel"), max_length=26)
    channel_type = models.CharField(max_length=1, blank=True)
    root_id = models.CharField(_("thread"), max_length=26, blank=True)
    peer_id = models.CharField(_("person"), max_length=26, blank=True)
    title = models.CharField(_("with"), max_length=140, blank=True)
    agent = models.ForeignKey(Agent, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    lease_holder = models.CharField(max_length=80, blank=True)
    lease_until = models.DateTimeField(null=True, blank=True)
    fence = models.PositiveBigIntegerField(default=0)
    fresh_since = models.BigIntegerField(default=0)
    stopped_at = models.BigIntegerField(default=0)
    # What people set here by slash commands (`rules.session_options`), and `model`; only what differs is in it.
    options = models.JSONField(default=dict, blank=True, editable=False)
    hinted_at = models.DateTimeField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)
    last_active_at = models.DateTimeField(_("last active"), auto_now_add=True, db_index=True)

    class Meta:
        verbose_name = _("conversation")
        verbose_name_plural = _("conversations")
        ordering = ["-last_active_at"]
        constraints = [models.UniqueConstraint(fields=["account", "session_key"], name="a_session_has_one_row")]

    def __str__(self) -> str:
        # A channel as it is written everywhere; a title that is only its id stays as it is.
        named = self.channel_type in ("O", "P") and self.title not in ("", self.channel_id)
        return f"~{self.title}" if named else self.title or self.session_key


class Turn(models.Model):
    """One answer: the events it answers, the agent that was asked, and what came of it.

    `channel_id` is where the answer goes, `peer_id` the person of a direct message. A turn with a `command` needs no
    agent: Durar answers by itself.
    """

    conversation = models.ForeignKey(Conversation, on_delete=models.CASCADE, related_name="turns")
    agent = models.ForeignKey(Agent, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    state = models.CharField(_("state"), max_length=10, choices=TurnState.choices, default=TurnState.RUNNING)
    starts = models.PositiveSmallIntegerField(_("starts"), default=0)
    command = models.CharField(_("control command"), max_length=8, blank=True)
    question = models.TextField(_("question"), blank=True)
    answer = models.TextField(_("answer"), blank=True)
    error_kind = models.CharField(max_length=40, blank=True)
    error = models.TextField(_("error"), blank=True)
    model = models.CharField(_("model"), max_length=120, blank=True)
    input_tokens = models.PositiveIntegerField(null=True, blank=True)
    output_tokens = models.PositiveIntegerField(null=True, blank=True)
    channel_id = models.CharField(_("channel"), max_length=26, blank=True)
    peer_id = models.CharField(_("person"), max_length=26, blank=True)
    reply_root = models.CharField(max_length=26, blank=True)
    trigger_at = models.BigIntegerField(default=0)
    # What the agent got beside the question, as counts and file names; see services.context.
    given = models.JSONField(default=dict, blank=True)
    blanked_at = models.DateTimeField(null=True, blank=True, editable=False)
    created_at = models.DateTimeField(_("started"), auto_now_add=True, db_index=True)
    started_at = models.DateTimeField(null=True, blank=True)
    finished_at = models.DateTimeField(null=True, blank=True)

    class Meta:
        verbose_name = _("turn")
        verbose_name_plural = _("turns")
        ordering = ["-id"]
        constraints = [
            models.UniqueConstraint(
                fields=["conversation"], condition=Q(state="running"), name="one_turn_runs_in_a_conversation"
            )
        ]
        indexes = [
            models.Index(fields=["id"], condition=Q(state="failed"), name="turn_failed"),
            models.Index(fields=["conversation", "created_at"], condition=Q(blanked_at=None), name="turn_with_body"),
        ]

    def __str__(self) -> str:
        return f"Turn {self.pk}"


class TurnRound(models.Model):
    """A round of a turn in which the agent asked for tools: saved before it is carried out.

    `calls` are what it asked for (id, name, arguments as it wrote them); `results` what came of those that were carried
    out, in the same order: text, whether it went well, and what was written into the conversation itself. A turn that
    starts again goes on after them.
    """

    turn = models.ForeignKey(Turn, on_delete=models.CASCADE, related_name="rounds")
    number = models.PositiveSmallIntegerField()
    text = models.TextField(blank=True)
    calls = models.JSONField(default=list)
    results = models.JSONField(default=list, blank=True)
    input_tokens = models.PositiveIntegerField(null=True, blank=True)
    output_tokens = models.PositiveIntegerField(null=True, blank=True)
    created_at = models.DateTimeField(auto_now_add=True)

    class Meta:
        verbose_name = _("round of a turn")
        verbose_name_plural = _("rounds of turns")
        ordering = ["turn", "number"]
        constraints = [models.UniqueConstraint(fields=["turn", "number"], name="a_round_is_saved_once")]

    def __str__(self) -> str:
        return f"Round {self.number} of turn {self.turn_id}"
