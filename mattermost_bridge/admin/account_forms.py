"""The form of an account: its token is written and never read, and every empty field says what it inherits."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.urls import reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminPasswordWidget

from mattermost_bridge.admin import looks
from mattermost_bridge.admin.asking import AskField
from mattermost_bridge.admin.base import ServiceForm, offer, only_a_reference
from mattermost_bridge.admin.own_lists import OWN_GROUPS, confirm_field, inherited_lists
from mattermost_bridge.config.inherited import Inherited, inherited
from mattermost_bridge.mattermost.urls import normalise_base_url
from mattermost_bridge.models import Account, Agent
from mattermost_bridge.models.accounts import RETRY_FIELDS
from mattermost_bridge.rules.pairing import DEFAULT_TEMPLATE
from mattermost_bridge.services import accounts
from mattermost_bridge.services.errors import Refused

SOURCES = {
    "defaults": gettext_lazy("the defaults"),
    "channels.defaults": gettext_lazy("the policy for every kind of bridge"),
    "environment": gettext_lazy("the environment"),
    "built-in": gettext_lazy("built-in"),
}
_NEW_PASSWORD = {"autocomplete": "new-password", "spellcheck": "false"}


#: What forms say beside the values of `dmChannelRetry`; what is inherited is said behind it.
RETRY_HELP = {
    "dm_retry_max_retries": gettext_lazy("How often opening a direct channel is tried again, 0 to 10."),
    "dm_retry_initial_delay_ms": gettext_lazy("Milliseconds before the first retry, 100 to 60000; it doubles."),
    "dm_retry_max_delay_ms": gettext_lazy("Milliseconds, 1000 to 60000; no delay is longer."),
    "dm_retry_timeout_ms": gettext_lazy("Milliseconds, 5000 to 120000, in total."),
}
RETRY_FIELDSET = (
    gettext_lazy("Opening direct channels"),
    {
        "fields": tuple(RETRY_FIELDS.values()),
        "classes": ("collapse",),
        "description": gettext_lazy(
            "A message to a person opens the direct channel first. Refusals are final; what passes is tried again."
        ),
    },
)


def secret_field(label: Any) -> forms.CharField:
    """A field for a secret: what is typed is never shown again, not even when the form has errors."""
    widget = UnfoldAdminPasswordWidget(attrs=_NEW_PASSWORD, render_value=False)
    return forms.CharField(label=label, required=False, strip=True, max_length=4000, widget=widget)


def show_inherited(fields: dict[str, forms.Field], values: dict[str, Inherited]) -> None:
    """Say beside each field that may stay empty what holds then, and from where."""
    for name, value in values.items():
        field = fields.get(name)
        if field is None:
            continue
        source = SOURCES[value.source]
        if isinstance(field, forms.ModelChoiceField):
            field.empty_label = inherited_words(value)
        elif isinstance(field, forms.TypedChoiceField):
            own: Any = field.choices
            field.choices = [("", inherited_words(value)), *((key, text) for key, text in own if key)]
        elif name == "pairing_text":
            field.widget.attrs["placeholder"] = value.words or DEFAULT_TEMPLATE
            field.help_text = f"{field.help_text} " + _("Empty: inherits the text shown in grey (%s).") % source
        elif not value.words:
            field.help_text = f"{field.help_text} " + _("Nothing is inherited.")
        else:
            field.widget.attrs["placeholder"] = value.words
            field.help_text = f"{field.help_text} " + _("Empty: inherits %(value)s (%(source)s).") % {
                "value": value.words,
                "source": source,
            }


def inherited_words(value: Inherited) -> str:
    """The choice that means "nothing of its own": what holds then, and from where."""
    words = {"value": value.words or _("none"), "source": SOURCES[value.source]}
    return _("Inherited: %(value)s (%(source)s)") % words


def where_the_secret_is(set_at: Any, reference: str, nothing: Any) -> str:
    """A sentence on a stored secret: since when there is one, never what it is."""
    if reference:
        return _("Now: the reference below, set %s. Empty leaves it as it is.") % _ago(set_at)
    if set_at:
        return _("One is stored, set %s; it is never shown. Empty leaves it as it is.") % _ago(set_at)
    return str(nothing)


def _ago(at: Any) -> str:
    return looks.relative(at, timezone.now()) if at else _("some time ago")


class AccountForm(ServiceForm):
    """Adding and changing an account."""

    token = secret_field(gettext_lazy("Bot token"))
    confirm = confirm_field(gettext_lazy("Confirms what the message above asks. A token has to be pasted once more."))
    test = AskField(gettext_lazy("Test connection"), gettext_lazy("Asking the server…"))

    class Meta:
        model = Account
        help_texts = {
            "base_url": gettext_lazy("For example https://chat.example.com."),
            "dm_policy": gettext_lazy("Who may write to the bot directly."),
            "group_policy": gettext_lazy("Who may ask the bot in channels and groups."),
            "text_chunk_limit": gettext_lazy("Longer answers are split; a server takes 16383 at most."),
            **RETRY_HELP,
        }
        fields = (
            "account_id",
            "name",
            "enabled",
            "base_url",
            "token_ref",
            "agent",
            "dm_policy",
            "group_policy",
            "own_allow_from",
            "own_group_allow_from",
            "own_groups",
            "text_chunk_limit",
            "pairing_text",
            *RETRY_FIELDS.values(),
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        account = self.instance if self.instance.pk else None
        values = inherited(account)
        show_inherited(self.fields, values)
        if OWN_GROUPS in self.fields:
            for name, sentence in inherited_lists().items():
                self.fields[name].help_text = f"{self.fields[name].help_text} {sentence}"
        if "agent" in self.fields:
            offer(self.fields["agent"], Agent.objects.defer("api_key"), inherited_words(values["agent"]))
        if "token" in self.fields:
            self.fields["token"].help_text = where_the_secret_is(
                account and account.bot_token_set_at,
                account.token_ref if account else "",
                _("Mattermost shows it once, when the bot account is made (Integrations, Bot Accounts)."),
            )
        if account:
            self.fields["test"].widget.url = reverse("admin:mattermost_bridge_account_test_one", args=[account.pk])
        else:
            self.fields["test"].widget.url = reverse("admin:mattermost_bridge_account_test")
        if not self.confirmation_needed:
            self.fields.pop("confirm", None)
        if "account_id" in self.fields:
            self.fields["account_id"].validators = []  # what they would say is said better below

    def clean_account_id(self) -> str:
        """One that is free and can be used everywhere."""
        account_id = str(self.cleaned_data["account_id"])
        if not self.instance.pk:
            self._refuse(lambda: accounts.refuse_bad_id(account_id))
        return account_id

    def clean_base_url(self) -> str:
        """An address, or nothing."""
        address = self.cleaned_data["base_url"].strip()
        if address:
            self._refuse(lambda: normalise_base_url(address))
        return str(address)

    def _refuse(self, check: Callable[[], object]) -> None:
        try:
            check()
        except (Refused, ValueError) as problem:
            raise ValidationError(str(problem)) from None

    def clean_token_ref(self) -> str:
        """A reference, and nothing else."""
        return only_a_reference(self, "token_ref")

    def clean(self) -> dict[str, Any]:
        """A token that is typed replaces the reference that stood in the form."""
        cleaned = super().clean()
        if cleaned.get("token") and not self._reference_is_new(cleaned):
            cleaned["token_ref"] = ""
        return cleaned

    def _reference_is_new(self, cleaned: dict[str, Any]) -> bool:
        return cleaned.get("token_ref", "") != self.initial.get("token_ref", "")

    def secret_changes(self) -> dict[str, str]:
        """What the service is told about the token: nothing when it stays as it is."""
        token, reference = self.cleaned_data.get("token", ""), self.cleaned_data.get("token_ref", "")
        if token or self._reference_is_new(self.cleaned_data):
            return {"token": token, "token_ref": reference}
        return {}
