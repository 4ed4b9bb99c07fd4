"""The tabs of an account's page: overview, access, channels, agent, commands, activity. The settings are the form."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.db import transaction
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext as _
from unfold.widgets import UnfoldAdminSelectWidget

from mattermost_bridge.admin import account_commands, account_parts
from mattermost_bridge.admin.account_callbacks import unreachable
from mattermost_bridge.admin.account_page import facts, summary_of
from mattermost_bridge.admin.account_silence import silence
from mattermost_bridge.admin.strips import strips
from mattermost_bridge.admin.tabs import TABS, tab_of, tabs_of
from mattermost_bridge.models import Account, Agent
from mattermost_bridge.services import accounts, rights
from mattermost_bridge.services.audit import Actor
from mattermost_bridge.services.errors import Refused


class AgentChoice(forms.Form):
    """Who answers for the account; none means: whoever the defaults name."""

    agent = forms.ModelChoiceField(Agent.objects.none(), required=False, widget=UnfoldAdminSelectWidget)

    def __init__(self, *args: Any, nobody: str, user: rights.Person, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        field: Any = self.fields["agent"]
        field.queryset = rights.visible_to(user, Agent.objects.defer("api_key"))
        field.empty_label, field.label = nobody, _("Agent")


class TabsMixin:
    """For the accounts' ModelAdmin: a page for each tab, with the same rights as the account's form."""

    admin_site: Any
    opts: Any

    def get_urls(self) -> list[URLPattern]:
        """The address of each tab, then the others."""
        view = self.admin_site.admin_view(self.tab_view)
        own = [
            path(f"<int:pk>/{name}/", view, {"name": name}, name=f"mattermost_bridge_account_{name}")
            for name in TABS
            if name != "settings"
        ]
        return [*own, *super().get_urls()]  # type: ignore[misc]

    def tab_view(self, request: HttpRequest, pk: int, name: str) -> HttpResponse:
        """A tab of one account."""
        if request.method not in ("GET", "HEAD") and (name != "agent" or request.method != "POST"):
            return HttpResponseNotAllowed(["GET", "POST"] if name == "agent" else ["GET"])
        account = self.get_object(request, str(pk))  # type: ignore[attr-defined]
        if not self.has_view_permission(request, account):  # type: ignore[attr-defined]
            raise PermissionDenied
        if account is None:
            raise Http404
        if request.method == "POST":
            return self._choose_agent(request, account)
        return TemplateResponse(
            request,
            f"admin/durar/account/{name}.html",
            {
                **self.admin_site.each_context(request),
                "opts": self.opts,
                "title": str(account),
                "original": account,
                "account": account,
                "tabs": tabs_of(account, name),
                "tab": name,
                **getattr(self, f"_{name}")(request, account),
            },
        )

    def _overview(self, request: HttpRequest, account: Account) -> dict[str, Any]:
        verbs = self.verbs_for(request)  # type: ignore[attr-defined]
        return {
            "summary": {**summary_of(account), "facts": facts(account), "links": self.links_of(request, account)},
            "buttons": self.buttons(account, verbs),  # type: ignore[attr-defined]
            "strip": strips([account])[account.pk],
            "numbers": account_parts.numbers(request, account),
            "findings": [*unreachable(request, account), *account_parts.findings(request, account)],
            **silence(request, account),
        }

    def links_of(self, request: HttpRequest, account: Account) -> list[tuple[str, Any]]:
        """Links that stand below an account's summary."""
        return []

    def _access(self, request: HttpRequest, account: Account) -> dict[str, Any]:
        return account_parts.access(request, account)

    def _channels(self, request: HttpRequest, account: Account) -> dict[str, Any]:
        return account_parts.channels(request, account)

    def _commands(self, request: HttpRequest, account: Account) -> dict[str, Any]:
        verbs = [verb for verb in self.verbs_for(request) if verb.name == "commands"]  # type: ignore[attr-defined]
        buttons = self.buttons(account, verbs)  # type: ignore[attr-defined]
        return {**account_commands.commands(request, account), "buttons": buttons}

    def _activity(self, request: HttpRequest, account: Account) -> dict[str, Any]:
        return account_parts.activity(request, account)

    def _agent(self, request: HttpRequest, account: Account) -> dict[str, Any]:
        shown = account_parts.agent(request, account)
        may = self.has_change_permission(request, account)  # type: ignore[attr-defined]
        form = AgentChoice(initial={"agent": account.agent_id}, nobody=shown["nobody"], user=request.user)
        seen = self.seen_for(request, account) if may else ""  # type: ignore[attr-defined]
        return {**shown, "form": form if may else None, "seen": seen}

    def _choose_agent(self, request: HttpRequest, account: Account) -> HttpResponse:
        if not self.has_change_permission(request, account):  # type: ignore[attr-defined]
            raise PermissionDenied
        form = AgentChoice(request.POST, nobody="", user=request.user)
        if form.is_valid():
            try:
                with transaction.atomic():
                    self.guard(request, account, form)  # type: ignore[attr-defined]
                    accounts.update(account.pk, actor=Actor.of(request.user), agent=form.cleaned_data["agent"])  # type: ignore[arg-type]
            except Refused as refused:
                messages.error(request, str(refused))
            else:
                messages.success(request, _("Saved. What waited for an agent is answered now."))
        else:
            messages.error(request, _("This agent does not exist any more. Choose another one."))
        return HttpResponseRedirect(tab_of(account, "agent"))
