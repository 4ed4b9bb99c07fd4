"""Sending keys: by which other programs send messages. A key is shown once, when it is made."""

from __future__ import annotations

from typing import Any

from django import forms
from django.conf import settings
from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectMultipleWidget

from mattermost_bridge.admin import looks
from mattermost_bridge.admin.base import AccountsForm, BridgeAdmin, PreparedPage, SavedByService
from mattermost_bridge.admin.verbs import Verb
from mattermost_bridge.callbacks.send import PATH
from mattermost_bridge.models import Account, SendKey
from mattermost_bridge.services import send_keys
from mattermost_bridge.services.audit import Actor

VERBS = (
    Verb(
        "revoke",
        gettext_lazy("Revoke"),
        ngettext_lazy("%d key revoked.", "%d keys revoked."),
        lambda actor, pk: send_keys.revoke(pk, actor=actor),
        "change_sendkey",
        ask=gettext_lazy("Programs that use these keys send nothing any more. This cannot be undone."),
        look="danger",
        fits=lambda key: key.revoked_at is None,
    ),
)


class SendKeyForm(AccountsForm):
    """A key's name, what it may, and how often."""

    chosen = forms.ModelMultipleChoiceField(
        label=gettext_lazy("Accounts"),
        queryset=Account.objects.none(),
        widget=UnfoldAdminSelectMultipleWidget(),
        help_text=gettext_lazy("By which bots the key may send."),
    )

    class Meta:
        model = SendKey
        fields = ("name", "per_minute")


@admin.register(SendKey)
class SendKeyAdmin(PreparedPage, SavedByService, BridgeAdmin):
    """Sending keys."""

    form = SendKeyForm
    verbs = VERBS
    has_history = True
    list_display = ("name", "key_shown", "accounts_shown", "limit_shown", "state_shown", "last_used", "made")
    ordering = ("name",)
    sortable_by = ("name",)
    search_fields = ("name", "hint")
    readonly_fields = ("accounts_shown", "limit_shown")
    empty_title = gettext_lazy("No program can send messages yet")
    empty_text = gettext_lazy(
        "Make a key, and cron jobs and webhooks can send messages with it: to people and channels, by the accounts "
        "that you choose."
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Without digests."""
        return super().get_queryset(request).defer("digest")

    def prepare(self, request: HttpRequest, rows: list[Any]) -> None:
        """The accounts of all keys at once."""
        pairs = SendKey.accounts.through.objects.filter(sendkey__in=[row.pk for row in rows])
        chosen: dict[int, list[str]] = {}
        for key_pk, account_id in pairs.order_by("account__account_id").values_list("sendkey", "account__account_id"):
            chosen.setdefault(key_pk, []).append(account_id)
        for row in rows:
            row.chosen_ids = chosen.get(row.pk, [])

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A revoked key is a record of the past."""
        return super().has_change_permission(request, obj) and (obj is None or obj.revoked_at is None)

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[tuple[Any, dict[str, Any]]]:
        """The form, or what it would show."""
        may_write = self.has_add_permission(request) if obj is None else self.has_change_permission(request, obj)
        names = ("name", "chosen", "per_minute") if may_write else ("name", "accounts_shown", "limit_shown")
        return [(None, {"fields": names})]

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:  # noqa: FBT001, FBT002 - Django's
        """The form. What it declares itself is no model field, so Django is told only of the others."""
        kwargs["fields"] = list(SendKeyForm.Meta.fields)
        return super().get_form(request, obj, change=change, **kwargs)

    def save_by_service(self, request: HttpRequest, actor: Actor, record: Any, form: Any, *, change: bool) -> Model:
        """Make or change the key."""
        data = form.cleaned_data
        accounts = [account.pk for account in data["chosen"]]
        values = {"name": data["name"], "accounts": accounts, "per_minute": data["per_minute"]}
        if change:
            return send_keys.update(record.pk, actor=actor, **values)
        made = send_keys.create(actor=actor, **values)
        request.new_sending_key = made.secret  # type: ignore[attr-defined]
        return made.key

    def response_add(self, request: HttpRequest, obj: Any, post_url_continue: Any = None) -> HttpResponse:
        """The page that shows the new key once, and in no store."""
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Sending key"),
            "key": obj,
            "secret": request.new_sending_key,  # type: ignore[attr-defined]
            "page": looks.page_of(obj),
            "address": (settings.PUBLIC_URL or f"{request.scheme}://{request.get_host()}") + PATH,
            "account": obj.accounts.order_by("account_id").values_list("account_id", flat=True).first(),
        }
        response = TemplateResponse(request, "admin/durar/sending_key.html", context)
        response["Cache-Control"] = "no-store"
        return response

    def summary(self, request: HttpRequest, record: SendKey) -> dict[str, Any]:
        """Whether it holds, and when it was used."""
        facts = [(_("Key"), self.key_shown(record)), (_("Last used"), self.last_used(record))]
        if record.last_used_from:
            facts.append((_("From"), looks.code(record.last_used_from)))
        return {"badges": [self.state_shown(record)], "facts": [*facts, (_("Made by"), record.created_by)]}

    @display(description=gettext_lazy("key"))
    def key_shown(self, record: SendKey) -> SafeString:
        """Its beginning, never all of it."""
        return looks.code(f"{record.hint}…")

    @display(description=gettext_lazy("accounts"))
    def accounts_shown(self, record: SendKey) -> SafeString:
        """By which bots it may send."""
        return looks.passage(", ".join(record.chosen_ids), 60)  # type: ignore[attr-defined]

    @display(description=gettext_lazy("messages a minute"))
    def limit_shown(self, record: SendKey) -> str:
        """Its limit."""
        return str(record.per_minute)

    @display(description=gettext_lazy("state"))
    def state_shown(self, record: SendKey) -> SafeString:
        """Whether it holds."""
        return looks.badge(_("Revoked"), "idle") if record.revoked_at else looks.badge(_("Holds"), "good")

    @display(description=gettext_lazy("last used"))
    def last_used(self, record: SendKey) -> SafeString:
        """When."""
        return looks.moment(record.last_used_at)

    @display(description=gettext_lazy("made"))
    def made(self, record: SendKey) -> SafeString:
        """By whom and when."""
        return looks.by_whom(record.created_by, record.created_at)
