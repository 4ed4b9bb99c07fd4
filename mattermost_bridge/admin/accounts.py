"""Bot accounts: the list with every connection's state, and the form."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.db.models import Count, F, Model, OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from mattermost_bridge.admin import looks, setting_fields
from mattermost_bridge.admin.account_bulk import SetsAgents
from mattermost_bridge.admin.account_connection import TestsConnections
from mattermost_bridge.admin.account_filters import (
    AgentFilter,
    ConnectionFilter,
    PolicyFilter,
    ServerFilter,
    StatusFilter,
)
from mattermost_bridge.admin.account_forms import AccountForm
from mattermost_bridge.admin.account_page import phase_of, summary_of
from mattermost_bridge.admin.account_steps import AddedInSteps, steps
from mattermost_bridge.admin.account_tabs import TabsMixin
from mattermost_bridge.admin.account_verbs import VERBS
from mattermost_bridge.admin.base import BridgeAdmin, PreparedChangeList, SavedByService
from mattermost_bridge.admin.diagnosing import DiagnosesAccounts
from mattermost_bridge.admin.diagnosing import address_for as diagnosis_of
from mattermost_bridge.admin.own_lists import OWN_LISTS, change_lists
from mattermost_bridge.admin.rehearsal import TriesMessages, address_for
from mattermost_bridge.admin.send_message import send_link
from mattermost_bridge.admin.tabs import tab_of, tabs_of
from mattermost_bridge.config.setting import Group
from mattermost_bridge.config.table import OF_ACCOUNTS
from mattermost_bridge.models import Account, BridgeDefaults, PairingRequest
from mattermost_bridge.models.states import PairingState
from mattermost_bridge.services import accounts
from mattermost_bridge.services.audit import Actor
from mattermost_bridge.services.errors import ConfirmationNeeded

CHANGED = ("name", "base_url", "agent", *OF_ACCOUNTS)


class AccountChangeList(PreparedChangeList):
    """The list, whose rows lead to the accounts' overviews."""

    def url_for_result(self, result: Account) -> str:
        """The first tab of the account's page."""
        return tab_of(result)


@admin.register(Account)
class AccountAdmin(
    AddedInSteps, TabsMixin, TriesMessages, DiagnosesAccounts, TestsConnections, SetsAgents, SavedByService, BridgeAdmin
):
    """Bot accounts."""

    form = AccountForm
    also_guarded = {"token": "bot_token_set_at"}
    verbs = VERBS
    has_history = True
    list_display = ("account", "connection", "why", "since", "server", "answers", "waiting")
    list_filter = (StatusFilter, ConnectionFilter, ServerFilter, AgentFilter, PolicyFilter)
    search_fields = ("account_id", "name", "bot_username", "base_url")
    ordering = ("account_id",)
    sortable_by = ("account", "since")
    save_on_top = False

    class Media:
        js = ("durar/steps.js",)

    empty_title = gettext_lazy("No bot accounts yet")
    empty_text = gettext_lazy(
        "Make a bot account in Mattermost (Integrations, Bot Accounts), copy its token, and add it here with the "
        "address of your server."
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Without tokens: a list must not decrypt every secret."""
        waiting = PairingRequest.objects.filter(
            account=OuterRef("pk"), state=PairingState.PENDING, expires_at__gte=timezone.now()
        )
        counted = waiting.order_by().values("account").annotate(number=Count("pk")).values("number")
        return (
            super()
            .get_queryset(request)
            .select_related("listener_lease", "agent")
            .defer("bot_token", "agent__api_key", "agent__instructions")
            .annotate(waiting_count=Subquery(counted), since_at=F("listener_lease__since"))
        )

    def prepare(self, request: HttpRequest, rows: list[Any]) -> None:
        """What accounts without their own address or agent inherit."""
        defaults = BridgeDefaults.objects.defer("key_check", "agent__api_key").select_related("agent").filter(pk=1)
        inherited = defaults.first() or BridgeDefaults(pk=1)
        for row in rows:
            row.from_defaults = inherited

    @display(description=gettext_lazy("account"), ordering="account_id")
    def account(self, record: Account) -> SafeString:
        """Name, id and bot."""
        bot = f"@{record.bot_username}" if record.bot_username else ""
        under = " · ".join(part for part in (record.account_id if record.name else "", bot) if part)
        return format_html('{}<span class="du-under">{}</span>', record.name or record.account_id, under)

    @display(description=gettext_lazy("connection"))
    def connection(self, record: Account) -> SafeString:
        """Where the connection stands."""
        return phase_of(record)

    @display(description=gettext_lazy("why"))
    def why(self, record: Account) -> SafeString:
        """The reason, as far as it fits."""
        lease = getattr(record, "listener_lease", None)
        return looks.passage(lease.reason if lease else "", 70)

    @display(description=gettext_lazy("since"), ordering="since_at")
    def since(self, record: Account) -> SafeString:
        """Since when."""
        return looks.moment(record.since_at)  # type: ignore[attr-defined]

    @display(description=gettext_lazy("server"))
    def server(self, record: Account) -> SafeString:
        """The server's host."""
        address = record.base_url or record.from_defaults.base_url  # type: ignore[attr-defined]
        return looks.host(address)

    @display(description=gettext_lazy("agent"))
    def answers(self, record: Account) -> SafeString:
        """Who answers; one that is inherited says so."""
        if record.agent:
            return looks.link(record.agent)
        inherited = record.from_defaults.agent  # type: ignore[attr-defined]
        if inherited:
            return format_html('{}<span class="du-under">{}</span>', looks.link(inherited), _("from the defaults"))
        return looks.badge(_("No agent"), "warning", _("Messages wait, and nobody is answered."))

    @display(description=gettext_lazy("waiting"))
    def waiting(self, record: Account) -> SafeString:
        """How many people wait for their code to be approved."""
        count = record.waiting_count or 0  # type: ignore[attr-defined]
        if not count:
            return looks.NOTHING
        address = looks.list_of(PairingRequest, f"account={record.pk}")
        return format_html('<a class="du-link" href="{}">{}</a>', address, looks.badge(count, "warning"))

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[tuple[Any, dict[str, Any]]]:
        """What one needs first stands first; the token is write-only."""
        new = obj is None
        may_write = self.has_add_permission(request) if new else self.has_change_permission(request, obj)
        connection = ("base_url", "token", "token_ref", "test") if may_write else ("base_url", "token_ref")
        if self._confirms(request):
            connection = ("confirm", *connection)
        if new:
            return steps(connection)
        return [
            (None, {"fields": ("account_id", "name")}),
            (gettext_lazy("Connection"), {"fields": connection}),
            (gettext_lazy("Who answers"), {"fields": ("agent",)}),
            *setting_fields.fieldsets(OF_ACCOUNTS, {Group.WHO: OWN_LISTS}),
            *setting_fields.kept_fieldset(obj),
        ]

    def _confirms(self, request: HttpRequest) -> bool:
        return isinstance(getattr(request, "refused_by_service", None), ConfirmationNeeded)

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """The id stands in sessions, commands and addresses, so it stays."""
        return () if obj is None else ("account_id", "kept_words")

    @display(description=gettext_lazy("kept"))
    def kept_words(self, record: Account) -> SafeString:
        """What came with a file and is read by nothing."""
        return setting_fields.kept_words(record)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:  # noqa: FBT001, FBT002 - Django's
        """The form. Its declared fields are no model fields, so Django is told only of the others."""
        flat = [name for _title, options in self.get_fieldsets(request, obj) for name in options["fields"]]
        kwargs["fields"] = [name for name in flat if name in AccountForm.Meta.fields]
        return super().get_form(request, obj, change=change, **kwargs)

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[AccountChangeList]:
        """The list with prepared rows."""
        return AccountChangeList

    def summary(self, request: HttpRequest, record: Account) -> dict[str, Any]:
        """Above the settings: state, reason, warnings. The overview has the rest."""
        summary = summary_of(record)
        return {name: summary[name] for name in ("badges", "sentence", "remedy", "warnings")}

    def links_of(self, request: HttpRequest, account: Account) -> list[tuple[str, Any]]:
        """*Send a message*, *Try a message*, *Diagnose*, *Copy*."""
        links = [] if account.is_archived else send_link(request, account.pk)
        links = [*links, (address_for(account), _("Try a message")), (diagnosis_of(account), _("Diagnose"))]
        if self.has_add_permission(request):
            links = [*links, (f"{looks.add_of(Account)}?copy_of={account.pk}", _("Copy this account"))]
        return links

    def get_changeform_initial_data(self, request: HttpRequest) -> dict[str, Any]:
        """What a copy begins with: everything but the name, the token and the bot."""
        source = self.to_copy(request)
        if source is None:
            return super().get_changeform_initial_data(request)
        return {name: getattr(source, name) for name in CHANGED if name != "name"} | {"agent": source.agent_id}

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """The settings are one of the tabs of the account's page."""
        account = kwargs.get("obj")
        context["tabs"] = tabs_of(account, "settings") if account is not None else []
        return super().render_change_form(request, context, *args, **kwargs)

    def response_post_save_add(self, request: HttpRequest, obj: Account) -> HttpResponse:
        """On to the new account's overview: there one sees it connect."""
        return HttpResponseRedirect(tab_of(obj))

    def response_post_save_change(self, request: HttpRequest, obj: Account) -> HttpResponse:
        """To the overview: there one sees what the change did."""
        return HttpResponseRedirect(tab_of(obj))

    def save_by_service(self, request: HttpRequest, actor: Actor, record: Any, form: Any, *, change: bool) -> Model:
        """Add or change the account, and what became of its lists."""
        tested = getattr(request, "tested", None)
        values = {name: form.cleaned_data[name] for name in CHANGED if name in form.cleaned_data}
        if not change:
            secret = {"token": form.cleaned_data["token"], "token_ref": form.cleaned_data["token_ref"]}
            first = {name: form.cleaned_data[name] for name in ("account_id", "enabled")}
            source = self.to_copy(request)
            like = source.pk if source else None
            first["everybody"] = form.cleaned_data["everybody"]
            account = accounts.create(actor=actor, tested=tested, like=like, **first, **secret, **values)
        else:
            confirmed = form.cleaned_data.get("confirm", False) or "confirm" in request.POST
            change_lists(actor, record, form, confirmed=confirmed)
            secrets = form.secret_changes()
            account = accounts.update(
                record.pk, actor=actor, tested=tested, confirm_other_bot=confirmed, **secrets, **values
            )
        if tested is not None and not tested.ok:
            messages.warning(request, _("Saved, but the test failed: %s") % tested.problem)
        elif tested is not None and tested.warning:
            messages.warning(request, tested.warning)
        return account
