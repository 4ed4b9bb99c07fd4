"""Agents: who answers."""

from __future__ import annotations

from django.core.validators import MaxValueValidator, MinValueValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from mattermost_bridge.models.fields import EncryptedTextField
from mattermost_bridge.models.list_fields import LinesField
from mattermost_bridge.models.states import AgentBackend


class Agent(models.Model):
    """A backend with its address, key, model, instructions and limits."""

    slug = models.SlugField(_("agent id"), max_length=64, unique=True, help_text=_("A short name, as support-gpt."))
    name = models.CharField(_("name"), max_length=100, blank=True)
    backend = models.CharField(_("backend"), max_length=32, choices=AgentBackend.choices, default=AgentBackend.ECHO)
    base_url = models.CharField(
        _("address"), max_length=300, blank=True, help_text=_("Of the OpenAI-compatible API; most end in /v1.")
    )
    api_key = EncryptedTextField(_("key"), blank=True, default="")
    api_key_set_at = models.DateTimeField(null=True, blank=True, editable=False)
    api_key_ref = models.CharField(
        _("key reference"),
        max_length=200,
        blank=True,
        help_text=_("Instead of a key: env:DURAR_SECRET_… or file:NAME below DURAR_SECRETS_DIR."),
    )
    model = models.CharField(_("model"), max_length=120, blank=True)
    instructions = models.TextField(
        _("instructions"), blank=True, help_text=_("What the agent is told before all else.")
    )
    history_messages = models.PositiveIntegerField(
        _("earlier messages it gets"),
        default=20,
        validators=[MaxValueValidator(500)],
        help_text=_("Questions and answers of the same conversation, the newest ones."),
    )
    takes_images = models.BooleanField(
        _("takes images"),
        default=False,
        help_text=_("Pictures of a post are sent to the model. Without it they are named only."),
    )
    takes_tools = models.BooleanField(
        _("takes tools"),
        default=False,
        help_text=_(
            "The model may use a tool to write, react, offer buttons and read, in its own conversation and where the "
            "account allows it. It has to know how to call tools."
        ),
    )
    mention_patterns = LinesField(
        _("mention patterns"),
        null=True,
        blank=True,
        default=None,
        help_text=_(
            "Regular expressions, one a line, that count as a mention of a bot that this agent answers for. Empty: "
            "those of the defaults, or else the agent's name; (none): only @ and the bot's name."
        ),
    )
    total_time = models.PositiveIntegerField(
        _("time for one answer, in seconds"),
        default=120,
        validators=[MinValueValidator(1), MaxValueValidator(3600)],
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = _("agent")
        verbose_name_plural = _("agents")
        ordering = ["slug"]

    def __str__(self) -> str:
        return self.name or self.slug
