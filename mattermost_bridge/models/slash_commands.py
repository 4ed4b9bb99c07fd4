"""Slash commands as Mattermost knows them, how registering them went, and the commands that operators make."""

from __future__ import annotations

from django.core.validators import MaxLengthValidator, RegexValidator
from django.db import models
from django.utils.translation import gettext_lazy as _

from mattermost_bridge.models.accounts import Account
from mattermost_bridge.models.fields import EncryptedTextField, SecretDigestField
from mattermost_bridge.models.states import CommandPurpose, SlashCommandState, SlashRegistrationState


class SlashCommand(models.Model):
    """A command that one account has, or wants, in one team.

    The row is written before Mattermost is asked, so what an interrupted registration made there is known as ours.
    Only in the state *registered* does `token` count; a row that is to be removed stays until Mattermost removed it.
    `callback_url` and `fingerprint` (of description and hint) are what the command has there.
    """

    account = models.ForeignKey(Account, on_delete=models.CASCADE, related_name="slash_commands")
    team_id = models.CharField(max_length=26)
    team_name = models.CharField(_("team"), max_length=64, blank=True)
    trigger = models.CharField(_("command"), max_length=128)
    purpose = models.CharField(_("what for"), max_length=16, choices=CommandPurpose.choices)
    # Of the built-in command or of the skill, without the prefix.
    name = models.CharField(max_length=64)
    command_id = models.CharField(max_length=26, blank=True)
    token = EncryptedTextField(blank=True, default="", editable=False)
    token_digest = SecretDigestField(of="token")
    callback_url = models.CharField(_("calls"), max_length=600, blank=True)
    fingerprint = models.CharField(max_length=64, blank=True)
    state = models.CharField(
        _("state"), max_length=16, choices=SlashCommandState.choices, default=SlashCommandState.WANTED
    )
    error = models.TextField(_("what is wrong"), blank=True)
    registered_at = models.DateTimeField(_("registered"), null=True, blank=True)
    last_used_at = models.DateTimeField(_("last used"), null=True, blank=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = _("slash command")
        verbose_name_plural = _("slash commands")
        ordering = ["team_name", "trigger"]
        constraints = [
            models.UniqueConstraint(fields=["account", "team_id", "trigger"], name="one_row_a_command_and_team")
        ]

    def __str__(self) -> str:
        return f"/{self.trigger}"


class SlashRegistration(models.Model):
    """How registering an account's commands stands: one row an account, once commands were ever on.

    `due_at` is when it is tried (again), None when nothing asks for it; `claimed_until` is set while a worker does it.
    `wanted` is a digest of what the last run registered, so that a change is noticed. `error` is a sentence.
    """

    account = models.OneToOneField(Account, on_delete=models.CASCADE, related_name="slash_registration")
    state = models.CharField(
        _("state"), max_length=16, choices=SlashRegistrationState.choices, default=SlashRegistrationState.DUE
    )
    error = models.TextField(_("what is wrong"), blank=True)
    due_at = models.DateTimeField(null=True, blank=True, db_index=True)
    claimed_until = models.DateTimeField(null=True, blank=True)
    attempts = models.PositiveIntegerField(default=0)
    finished_at = models.DateTimeField(_("last done"), null=True, blank=True)
    wanted = models.CharField(max_length=64, blank=True)

    class Meta:
        verbose_name = _("registration of slash commands")
        verbose_name_plural = _("registrations of slash commands")

    def __str__(self) -> str:
        return f"Slash commands of {self.account_id}"


class Skill(models.Model):
    """A command that operators make: what the agent is asked when somebody uses it."""

    name = models.CharField(
        _("name"),
        max_length=40,
        unique=True,
        validators=[
            RegexValidator(
                r"^[a-z0-9][a-z0-9_.-]*$",
                _("Small letters, digits, dots, - and _ only, beginning with one of the first."),
            )
        ],
        help_text=_("What people type after the slash and the account's prefix: summary is used as /oc_summary."),
    )
    description = models.CharField(
        _("description"), max_length=128, blank=True, help_text=_("One line, which Mattermost shows while people type.")
    )
    hint = models.CharField(
        _("hint"), max_length=60, blank=True, help_text=_("What may follow the command, such as [text].")
    )
    prompt = models.TextField(
        _("prompt"),
        validators=[MaxLengthValidator(8000)],
        help_text=_("What the agent is asked. {args} stands for what follows the command; without it, that is added."),
    )
    enabled = models.BooleanField(_("in use"), default=True)
    accounts: models.ManyToManyField = models.ManyToManyField(
        Account,
        verbose_name=_("accounts"),
        related_name="skills",
        blank=True,
        help_text=_("None chosen: all accounts."),
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = _("skill")
        verbose_name_plural = _("skills")
        ordering = ["name"]

    def __str__(self) -> str:
        return self.name
