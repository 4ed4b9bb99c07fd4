"""Bot accounts, the defaults they inherit, and what has to be known about the installation."""

from __future__ import annotations

from django.conf import settings
from django.core.validators import RegexValidator
from django.db import models
from django.db.models import Q
from django.utils.translation import gettext_lazy as _

from mattermost_bridge.config.table import OF_ACCOUNTS, OF_ALL
from mattermost_bridge.models.columns import column, has_columns
from mattermost_bridge.models.fields import EncryptedTextField
from mattermost_bridge.models.states import SecondFactor
from mattermost_bridge.rules.direct_channels import LIMITS

#: The field of each value of `dmChannelRetry`, by the names of `RetryValues`.
RETRY_FIELDS = {name: f"dm_retry_{name}" for name in LIMITS}


@has_columns(OF_ACCOUNTS)
class Overridable(models.Model):
    """The settings that an account takes from the defaults unless it has its own. Empty means: not set here.

    `config.table` says what they are; built-in values are applied in `config.effective` only.
    """

    # Those that code names; the decorator adds the others of the table.
    dm_policy = column(OF_ACCOUNTS["dm_policy"])
    group_policy = column(OF_ACCOUNTS["group_policy"])
    text_chunk_limit = column(OF_ACCOUNTS["text_chunk_limit"])
    pairing_text = column(OF_ACCOUNTS["pairing_text"])
    dm_retry_max_retries = column(OF_ACCOUNTS["dm_retry_max_retries"])
    dm_retry_initial_delay_ms = column(OF_ACCOUNTS["dm_retry_initial_delay_ms"])
    dm_retry_max_delay_ms = column(OF_ACCOUNTS["dm_retry_max_delay_ms"])
    dm_retry_timeout_ms = column(OF_ACCOUNTS["dm_retry_timeout_ms"])
    # By their keys in files: checked and exported, and read by nothing, so they need no columns.
    kept = models.JSONField(default=dict, blank=True, editable=False)
    own_allow_from = models.BooleanField(
        _("has its own list for direct messages"),
        default=False,
        help_text=_(
            "Its own list holds as it is, even when it is empty. Without one, the list of the defaults is used."
        ),
    )
    own_group_allow_from = models.BooleanField(
        _("has its own list for channels"),
        default=False,
        help_text=_(
            "Its own list holds as it is, even when it is empty. Without one, the list of the defaults is used."
        ),
    )
    own_groups = models.BooleanField(
        _("has its own channel settings"),
        default=False,
        help_text=_("Its own channel settings replace those of the defaults as a whole, even when there are none."),
    )

    class Meta:
        abstract = True

    @property
    def dm_channel_retry(self) -> dict[str, int | None]:
        """What is set here of `dmChannelRetry`, by the names of `RetryValues`; None where nothing is."""
        return {name: getattr(self, field) for name, field in RETRY_FIELDS.items()}


@has_columns(OF_ALL)
class BridgeDefaults(Overridable):
    """The top-level `channels.mattermost` values, the keys outside of it, and the version of all settings; one row."""

    section_exists = models.BooleanField(default=True)
    enabled = models.BooleanField(_("enabled"), default=True, help_text=_("Off: no account listens or answers."))
    default_account = models.CharField(
        _("account that is meant where none is named"),
        max_length=64,
        blank=True,
        help_text=_("Empty: the account default, or else the first one."),
    )
    default_group_policy = column(OF_ALL["default_group_policy"])
    base_url = models.CharField(_("server address"), max_length=300, blank=True)
    agent = models.ForeignKey("Agent", null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    second_factor = models.CharField(
        _("second factor is required of"),
        max_length=16,
        choices=SecondFactor.choices,
        default=SecondFactor.OFF,
        help_text=_("Beside the password: a one-time code or a security key. Who has none yet must set one up first."),
    )
    settings_version = models.PositiveBigIntegerField(default=1, editable=False)
    key_check = EncryptedTextField(editable=False, blank=True, default="")
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = _("defaults")
        verbose_name_plural = _("defaults")
        constraints = [models.CheckConstraint(condition=Q(pk=1), name="one_row_of_defaults")]

    def __str__(self) -> str:
        return "Defaults of all accounts"


class Account(Overridable):
    """One Mattermost bot account on one server."""

    account_id = models.SlugField(
        _("account id"),
        max_length=64,
        unique=True,
        validators=[
            RegexValidator(
                r"^([a-z0-9][a-z0-9_-]*|_([a-z0-9_-]*[a-z0-9_])?)$", _("Lower-case letters, digits, - and _ only.")
            )
        ],
        help_text=_(
            "A short name for commands and addresses, such as default or ops-team. It cannot be changed later."
        ),
    )
    name = models.CharField(_("name"), max_length=100, blank=True)
    enabled = models.BooleanField(_("enabled"), default=True)
    archived_at = models.DateTimeField(_("archived"), null=True, blank=True, editable=False)
    base_url = models.CharField(
        _("server address"),
        max_length=300,
        blank=True,
        help_text=_("For example https://chat.example.com. Empty: the address in the defaults."),
    )
    bot_token = EncryptedTextField(_("bot token"), blank=True, default="")
    bot_token_set_at = models.DateTimeField(null=True, blank=True, editable=False)
    token_ref = models.CharField(
        _("token reference"),
        max_length=200,
        blank=True,
        help_text=_("Instead of a token: env:MATTERMOST_…, env:DURAR_SECRET_… or file:NAME below DURAR_SECRETS_DIR."),
    )
    bot_user_id = models.CharField(max_length=26, blank=True, editable=False)
    bot_username = models.CharField(max_length=64, blank=True, editable=False)
    # A configuration file gave another token: the bot that it belongs to is taken without asking, once.
    takes_other_bot = models.BooleanField(default=False, editable=False)
    agent = models.ForeignKey(
        "Agent",
        verbose_name=_("agent"),
        null=True,
        blank=True,
        on_delete=models.SET_NULL,
        related_name="accounts",
        help_text=_("Who answers. Without one (here or in the defaults) messages wait and nobody is answered."),
    )
    created_at = models.DateTimeField(auto_now_add=True)
    updated_at = models.DateTimeField(auto_now=True)

    class Meta:
        verbose_name = _("account")
        verbose_name_plural = _("accounts")
        ordering = ["account_id"]
        # Operators may make an account connect anew; what it is stays with administrators.
        permissions = [("reconnect_account", "Can reconnect account")]
        constraints = [
            models.UniqueConstraint(
                fields=["base_url", "bot_user_id"],
                condition=Q(enabled=True, archived_at__isnull=True) & ~Q(bot_user_id=""),
                name="one_enabled_account_a_bot",
                violation_error_message=_("Another enabled account already uses this bot on this server."),
            )
        ]

    def __str__(self) -> str:
        return self.name or self.account_id

    @property
    def is_archived(self) -> bool:
        """Whether the account was put away; it keeps its history and does nothing."""
        return self.archived_at is not None


class AuditEntry(models.Model):
    """Who did what, when and from where. Written by services only; never changed."""

    at = models.DateTimeField(auto_now_add=True, db_index=True)
    actor = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+"
    )
    actor_name = models.CharField(_("who"), max_length=150)
    via = models.CharField(_("from"), max_length=20)
    # Of the browser, where somebody acted in the panel.
    address = models.CharField(_("address"), max_length=45, blank=True)
    verb = models.CharField(_("what"), max_length=60, db_index=True)
    account = models.ForeignKey(Account, null=True, blank=True, on_delete=models.SET_NULL, related_name="+")
    target_kind = models.CharField(max_length=40, blank=True)
    target_id = models.CharField(max_length=64, blank=True)
    summary = models.CharField(_("summary"), max_length=500)
    details = models.JSONField(default=dict, blank=True)

    class Meta:
        verbose_name = _("audit log entry")
        verbose_name_plural = _("audit log entries")
        ordering = ["-id"]

    def __str__(self) -> str:
        return self.summary
