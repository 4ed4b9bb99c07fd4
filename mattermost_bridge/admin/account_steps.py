"""Adding an account in steps: address, token and test, who may write, who answers, done.

It is one form, so nothing that was entered is lost on the way, no secret is kept between the steps, and it works
without a script, too. The script asks here whether a step is right before it goes on; the step with the token asks the
server.
"""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext
from django.utils.translation import gettext_lazy as _

from mattermost_bridge.admin.account_connection import address_of, test_of
from mattermost_bridge.config import effective
from mattermost_bridge.mattermost.urls import normalise_base_url
from mattermost_bridge.models import Account, BridgeDefaults
from mattermost_bridge.models.states import DmPolicy
from mattermost_bridge.services import tokens
from mattermost_bridge.services.errors import Refused
from mattermost_bridge.services.policies import admits_everybody

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
                "fields": ("dm_policy", "everybody", "group_policy"),
                "classes": STEP,
                "description": _("With pairing, strangers get a code that you approve. People are added afterwards."),
            },
        ),
        (_("Who answers"), {"fields": ("agent",), "classes": STEP}),
        (
            _("Done"),
            {
                "fields": ("enabled",),
                "classes": STEP,
                "description": _(
                    "Once it is saved and enabled, the bot connects. Everything else is as the defaults say, until the "
                    "account's settings say otherwise."
                ),
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
        """What is wrong with the form as it stands, by field, and what should be known before one goes on from the step
        with the fields `du_fields`. Nothing is saved."""
        if not self.has_add_permission(request):  # type: ignore[attr-defined]
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        form = self.get_form(request)(request.POST)  # type: ignore[attr-defined]
        errors = {name: [str(one) for one in found] for name, found in form.errors.items()}
        if problem := self._policy_problem(request):
            errors.setdefault("dm_policy", []).append(problem)
        here = request.POST.get("du_fields", "").split()
        notes = {} if set(here) & set(errors) else _notes(request, here)
        return JsonResponse({"errors": errors, "notes": notes})

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """The form, which knows where to ask, and of which account it is a copy."""
        if kwargs.get("obj") is None:
            context["copied"] = copied = self.to_copy(request)
            query = f"?copy_of={copied.pk}" if copied else ""
            context["check_url"] = reverse("admin:mattermost_bridge_account_check") + query
        return super().render_change_form(request, context, *args, **kwargs)  # type: ignore[misc]

    def _policy_problem(self, request: HttpRequest) -> str:
        """Why the policy for direct messages does not go with the list that the account will have; "" when it does."""
        source = self.to_copy(request)
        own = source is not None and source.own_allow_from
        new = Account(pk=source.pk if source else None, own_allow_from=own)
        new.account_id, new.dm_policy = request.POST.get("account_id", ""), request.POST.get("dm_policy", "")
        if new.dm_policy != DmPolicy.OPEN or "everybody" in request.POST or admits_everybody(new):
            return ""
        return gettext(
            "Open requires * on the list for direct messages. Switch on “Everybody may write” below, or choose another "
            "policy."
        )

    def to_copy(self, request: HttpRequest) -> Account | None:
        """The account with whose values a new one begins."""
        key = request.GET.get("copy_of", "")
        rows = self.get_queryset(request)  # type: ignore[attr-defined]
        found: Account | None = rows.filter(pk=int(key)).first() if key.isdecimal() else None
        return found


def _notes(request: HttpRequest, here: list[str]) -> dict[str, list[str]]:
    """What will not work although the form is right: said once, since the server may only be away for now."""
    if "base_url" in here and not address_of(request):
        return {"base_url": [gettext("No address is inherited. Without one the account cannot connect.")]}
    if "agent" in here and not request.POST.get("agent") and not BridgeDefaults.objects.exclude(agent=None).exists():
        return {"agent": [gettext("No agent is inherited. Without one messages wait, and nobody is answered.")]}
    if "token" not in here:
        return {}
    if not request.POST.get("token", "").strip() and not request.POST.get("token_ref", "").strip():
        by_environment = request.POST.get("account_id", "") == effective.DEFAULT_ACCOUNT
        return {} if by_environment else {"token": [gettext("Without a token the account cannot connect.")]}
    tested = test_of(request, None)
    problem = tested.warning if tested.ok else tested.problem
    if tested.ok:
        bot = Account(bot_user_id=tested.bot_user_id, bot_username=tested.bot_username)
        try:
            tokens.refuse_second_account(bot, normalise_base_url(address_of(request)))
        except Refused as refused:
            problem = str(refused)
    return {"token": [problem]} if problem else {}
