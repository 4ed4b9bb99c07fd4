"""The form of an alert target, and *Send a test* with what it says; a webhook's address is written and never read."""

from __future__ import annotations

from typing import Any

from django import forms
from django.http import HttpRequest, JsonResponse
from django.urls import reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.widgets import UnfoldAdminCheckboxSelectMultipleWidget, UnfoldAdminSelectMultipleWidget

from mattermost_bridge.admin.account_forms import secret_field, where_the_secret_is
from mattermost_bridge.admin.asking import AskField, answer
from mattermost_bridge.admin.base import AccountsForm, offer
from mattermost_bridge.models import Account, AlertTarget
from mattermost_bridge.models.states import AlertKind
from mattermost_bridge.services import alert_targets, rights
from mattermost_bridge.services.errors import Refused

CHANGED = ("name", "kind", "enabled", "emails", "account", "channel_id", "all_accounts", "tells_recovery")


class AlertTargetForm(AccountsForm):
    """Adding and changing a target; a webhook's address is written and never read."""

    webhook_url = secret_field(gettext_lazy("Webhook address"))
    which = forms.MultipleChoiceField(
        label=gettext_lazy("Told of"),
        required=False,
        choices=AlertKind.choices,
        widget=UnfoldAdminCheckboxSelectMultipleWidget(),
    )
    chosen = forms.ModelMultipleChoiceField(
        label=gettext_lazy("Accounts"),
        required=False,
        queryset=Account.objects.none(),
        widget=UnfoldAdminSelectMultipleWidget(),
    )
    test = AskField(gettext_lazy("Send a test"), gettext_lazy("Sending…"))

    class Meta:
        model = AlertTarget
        fields = CHANGED

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        target = self.instance if self.instance.pk else None
        self.initial.setdefault("which", target.kinds if target else AlertKind.values)
        if "account" in self.fields:
            offer(self.fields["account"], self.fields["chosen"].queryset, _("None"))  # type: ignore[attr-defined]
            self.fields["webhook_url"].help_text = where_the_secret_is(
                target and target.url_set_at, "", _("Whoever knows it can post there, so it is kept like a token.")
            )
            self.fields["webhook_url"].widget.attrs["placeholder"] = "https://hooks.example.com/…"
        if target:
            self.fields["test"].widget.url = reverse("admin:mattermost_bridge_alerttarget_test_one", args=[target.pk])
        else:
            self.fields["test"].widget.url = reverse("admin:mattermost_bridge_alerttarget_test")


def tested(request: HttpRequest, target: AlertTarget | None) -> JsonResponse:
    """Send a test with what the posted form says; what it leaves empty is taken from `target`."""
    fields: dict[str, Any] = {
        name: request.POST[name] for name in ("name", "kind", "emails", "channel_id") if name in request.POST
    }
    if not fields.get("name", "").strip():
        fields["name"] = target.name if target else _("new target")
    if "account" in request.POST:
        pk = request.POST["account"]
        accounts = rights.accounts_visible_to(request.user).defer("bot_token")
        fields["account"] = accounts.filter(pk=int(pk)).first() if pk.isdecimal() else None
    try:
        said = alert_targets.send_test(target, fields, url=request.POST.get("webhook_url", ""))
    except Refused as refused:
        return answer("bad", _("The test did not arrive."), [str(refused)])
    return answer("good", _("Sent."), [said])
