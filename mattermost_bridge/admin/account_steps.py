"""Adding an account in steps: address, token and test, who may write, who answers, done.

It is one form, so nothing that was entered is lost on the way, no secret is kept between the steps, and it works
without a script, too. The script asks here whether a step is right before it goes on.
"""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext_lazy as _

from mattermost_bridge.models.accounts import RETRY_FIELDS

STEP = ("du-step",)


def steps(connection: tuple[str, ...]) -> list[tuple[Any, dict[str, Any]]]:
    """The fieldsets of a new account. `connection` are the fields of address, token and test."""
    address = tuple(name for name in connection if name in ("confirm", "base_url"))
    token = tuple(name for name in connection if name not in address)
    return [
        (
            _("Server"),
            {
                "fields": ("account_id", "name", *address),
                "classes": STEP,
                "description": _("Which Mattermost server the bot is on, and what you call it here."),
            },
        ),
        (
            _("Token"),
            {
                "fields": token,
                "classes": STEP,
                "description": _(
                    "Make a bot account in Mattermost (Integrations, Bot Accounts), add it to a team, and paste its "
                    "token here. Test connection says which bot it is."
                ),
            },
        ),
        (
            _("Who may write"),
            {
                "fields": ("dm_policy", "group_policy"),
                "classes": STEP,
                "description": _("With pairing, strangers get a code that you approve. People are added afterwards."),
            },
        ),
        (_("Who answers"), {"fields": ("agent",), "classes": STEP}),
        (
            _("Done"),
            {
                "fields": ("enabled", "text_chunk_limit", "pairing_text", *RETRY_FIELDS.values()),
                "classes": STEP,
                "description": _("Once it is saved and enabled, the bot connects. The rest can stay as it is."),
            },
        ),
    ]


class AddedInSteps:
    """For the accounts' ModelAdmin: the address that says whether what was entered is right."""

    admin_site: Any
    change_form_before_template = "admin/durar/steps.html"

    def get_urls(self) -> list[URLPattern]:
        """The address of the check, then the others."""
        view = self.admin_site.admin_view(self.check_view)
        return [path("add/check/", view, name="mattermost_bridge_account_check"), *super().get_urls()]  # type: ignore[misc]

    def check_view(self, request: HttpRequest) -> HttpResponse:
        """What is wrong with the form as it stands, by field; nothing is saved."""
        if not self.has_add_permission(request):  # type: ignore[attr-defined]
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        form = self.get_form(request)(request.POST)  # type: ignore[attr-defined]
        return JsonResponse({"errors": {name: [str(one) for one in found] for name, found in form.errors.items()}})

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """The form, which knows where to ask."""
        if kwargs.get("obj") is None:
            context["check_url"] = reverse("admin:mattermost_bridge_account_check")
        return super().render_change_form(request, context, *args, **kwargs)  # type: ignore[misc]
