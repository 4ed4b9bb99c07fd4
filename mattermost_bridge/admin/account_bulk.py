"""What is done with many accounts at once and needs an answer first: whom they get as their agent."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import helpers
from django.core.exceptions import PermissionDenied
from django.db.models import QuerySet
from django.http import HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy

from mattermost_bridge.admin.account_tabs import AgentChoice
from mattermost_bridge.admin.verbs import Verb, carry_out
from mattermost_bridge.services import accounts, rights

NAME = "set_agent"


class SetsAgents:
    """For the accounts' ModelAdmin: the bulk action *Choose an agent*."""

    admin_site: Any
    opts: Any

    def get_actions(self, request: HttpRequest) -> dict[str, Any]:
        """The others, and this one."""
        actions: dict[str, Any] = super().get_actions(request)  # type: ignore[misc]
        if actions and rights.may(request.user, "change_account"):
            actions[NAME] = (choose_agent, NAME, gettext_lazy("Choose an agent"))
        return actions


def choose_agent(model_admin: Any, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
    """Ask for the agent, then give it to each account."""
    if not rights.may(request.user, "change_account"):
        raise PermissionDenied
    answered = "confirmed" in request.POST
    nobody = _("None of their own: whoever the defaults name")
    form = AgentChoice(request.POST if answered else None, nobody=nobody, user=request.user)
    if not answered or not form.is_valid():
        context = {
            **model_admin.admin_site.each_context(request),
            "opts": model_admin.opts,
            "title": _("Choose an agent"),
            "form": form,
            "records": list(queryset),
            "back": request.get_full_path(),
            "action": NAME,
            "checkbox": helpers.ACTION_CHECKBOX_NAME,
        }
        return TemplateResponse(request, "admin/durar/choose_agent.html", context)
    agent = form.cleaned_data["agent"]
    verb = Verb(
        NAME,
        gettext_lazy("Choose an agent"),
        ngettext_lazy("%d account has this agent now.", "%d accounts have this agent now."),
        lambda actor, pk: accounts.update(pk, actor=actor, agent=agent),
        "change_account",
    )
    carry_out(request, verb, queryset)
    return None
