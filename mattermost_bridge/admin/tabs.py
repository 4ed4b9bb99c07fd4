"""The tabs of an account's page: each has an address of its own, so that it can be linked, and needs no script."""

from __future__ import annotations

from typing import Any

from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from mattermost_bridge.models import Account

#: The tabs in order, by the last part of their address.
TABS: dict[str, Any] = {
    "overview": _("Overview"),
    "access": _("Access"),
    "channels": _("Channels"),
    "agent": _("Agent"),
    "commands": _("Commands"),
    "activity": _("Activity"),
    "settings": _("Settings"),
}

#: The page of the help that explains what stands on a tab.
HELP = {
    "overview": "channels",
    "access": "pairing",
    "channels": "groups",
    "agent": "routing",
    "commands": "commands",
    "activity": "channels",
    "settings": "configuration",
}


def tab_of(account: Account, name: str = "overview") -> str:
    """The address of a tab. The settings are the form, which stands where Django's admin has it."""
    page = "change" if name == "settings" else name
    return reverse(f"admin:mattermost_bridge_account_{page}", args=[account.pk])


def tabs_of(account: Account, current: str) -> list[dict[str, Any]]:
    """Every tab of an account's page with its address, and which one is shown."""
    tabs = [{"title": title, "link": tab_of(account, name), "current": name == current} for name, title in TABS.items()]
    return [*tabs, {"title": _("Help"), "link": reverse("admin:help_page", args=[HELP[current]]), "help": True}]


class BackToItsTab:
    """For a ModelAdmin of what stands on a tab of an account: who added from there comes back there."""

    tab = "access"

    def response_post_save_add(self, request: HttpRequest, obj: Any) -> HttpResponse:
        """To the tab that led here with `?account=`, else as always."""
        if obj.account_id is not None and request.GET.get("account") == str(obj.account_id):
            return HttpResponseRedirect(tab_of(obj.account, self.tab))
        answer: HttpResponse = super().response_post_save_add(request, obj)  # type: ignore[misc]
        return answer
