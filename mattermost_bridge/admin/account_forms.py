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
from unfold.widgets import UnfoldAdminPasswordWidget, UnfoldBooleanSwitchWidget

from mattermost_bridge.admin import looks
from mattermost_bridge.admin.asking import AskField
from mattermost_bridge.admin.base import ServiceForm, offer, only_a_reference
from mattermost_bridge.admin.own_lists import OWN_GROUPS, OWN_LISTS, confirm_field, inherited_lists
from mattermost_bridge.admin.setting_fields import check, inherited_words, prepare, show_inherited
from mattermost_bridge.config.inherited import inherited
from mattermost_bridge.config.table import OF_ACCOUNTS
from mattermost_bridge.mattermost.urls import normalise_base_url
from mattermost_bridge.models import Account, Agent
from mattermost_bridge.models.states import DmPolicy
from mattermost_bridge.services import accounts
from mattermost_bridge.services.errors import Refused

_NEW_PASSWORD = {"autocomplete": "new-password", "spellcheck": "false"}


def secret_field(label: Any) -> forms.CharField:
    """A field for a secret: what is typed is never shown again, not even when the form has errors."""
    widget = UnfoldAdminPasswordWidget(attrs=_NEW_PASSWORD, render_value=False)
    return forms.CharField(label=label, required=False, strip=True, max_length=4000, widget=widget)


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
    everybody = forms.BooleanField(
        label=gettext_lazy("Everybody may write"),
        required=False,
        widget=UnfoldBooleanSwitchWidget(),
        help_text=gettext_lazy("Puts * on the account's list for direct messages. The policy open requires it."),
    )
    test = AskField(gettext_lazy("Test connection"), gettext_lazy("Asking the server…"))

    class Meta:
        model = Account
        help_texts = {
            "base_url": gettext_lazy("For example https://chat.example.com."),
        }
        fields = (
            "account_id",
            "name",
            "enabled",
            "base_url",
            "token_ref",
            "agent",
            *OWN_LISTS,
            *OF_ACCOUNTS,
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        account = self.instance if self.instance.pk else None
        values = inherited(account)
        prepare(self.fields, OF_ACCOUNTS)
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
        if account:
            self.fields.pop("everybody", None)
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
        check(self, OF_ACCOUNTS)
        # The tick is shown beside the policy open only, and counts only with it.
        cleaned["everybody"] = bool(cleaned.get("everybody")) and cleaned.get("dm_policy") == DmPolicy.OPEN
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
