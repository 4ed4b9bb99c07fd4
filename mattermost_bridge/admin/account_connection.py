"""*Test connection* of accounts: asked by a button, by a step of adding one, and before a new token is saved."""

from __future__ import annotations

from typing import Any

from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.urls import URLPattern, path
from django.utils.translation import gettext as _

from mattermost_bridge.admin.asking import answer, one_at_a_time
from mattermost_bridge.models import Account, BridgeDefaults
from mattermost_bridge.services import tokens
from mattermost_bridge.services.probing import ConnectionTest


class TestsConnections:
    """For the accounts' ModelAdmin: the addresses of *Test connection*, and the test before saving."""

    admin_site: Any

    def get_urls(self) -> list[URLPattern]:
        """The addresses of *Test connection*, then the others."""
        view = self.admin_site.admin_view(self.answer_view)
        return [
            path("test/", view, name="mattermost_bridge_account_test"),
            path("<int:object_id>/test/", view, name="mattermost_bridge_account_test_one"),
            *super().get_urls(),  # type: ignore[misc]
        ]

    def answer_view(self, request: HttpRequest, object_id: int | None = None) -> HttpResponse:
        """*Test connection* with what the form says now; answers with the bot and its teams, or what is wrong."""
        account = self._account_to_test(request, object_id)
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        return one_at_a_time(request, lambda: _tested(request, account))

    def changeform_view(self, request: HttpRequest, object_id: Any = None, *args: Any, **kwargs: Any) -> HttpResponse:
        """Before a new token is saved the server is asked whose it is: outside of the transaction that saves."""
        if request.method == "POST" and (request.POST.get("token") or request.POST.get("token_ref")):
            account = self._account_to_test(request, object_id)
            if account is None or _secret_is_new(request, account):
                request.tested = test_of(request, account)  # type: ignore[attr-defined]
        return super().changeform_view(request, object_id, *args, **kwargs)  # type: ignore[misc]

    def _account_to_test(self, request: HttpRequest, object_id: Any) -> Account | None:
        """The account, None for a new one. Raises PermissionDenied and Http404."""
        if object_id is None:
            if not self.has_add_permission(request):  # type: ignore[attr-defined]
                raise PermissionDenied
            return None
        account: Account | None = self.get_object(request, str(object_id))  # type: ignore[attr-defined]
        if account is None:
            raise Http404
        if not self.has_change_permission(request, account):  # type: ignore[attr-defined]
            raise PermissionDenied
        return account


def test_of(request: HttpRequest, account: Account | None) -> ConnectionTest:
    """What the server says to the address and token of the form as it stands. Asks over the network."""
    token = request.POST.get("token", "").strip()
    reference = request.POST.get("token_ref", "").strip()
    if account is not None and token and reference == account.token_ref:
        reference = ""
    base_url = request.POST.get("base_url", "").strip() if account else address_of(request)
    return tokens.try_settings(account, base_url=base_url, token=token, token_ref=reference)


def address_of(request: HttpRequest) -> str:
    """The address of a new account: its own, or that of the defaults; "" when there is none."""
    own = request.POST.get("base_url", "").strip()
    return own or BridgeDefaults.objects.filter(pk=1).values_list("base_url", flat=True).first() or ""


def _secret_is_new(request: HttpRequest, account: Account) -> bool:
    return bool(request.POST.get("token")) or request.POST.get("token_ref", "").strip() != account.token_ref


def _tested(request: HttpRequest, account: Account | None) -> JsonResponse:
    result = test_of(request, account)
    if not result.ok:
        return answer("bad", _("This does not work."), [result.problem])
    teams = _("Teams: %s") % ", ".join(result.teams) if result.teams else ""
    lines = [_("It is called %s.") % result.display_name if result.display_name else "", teams, result.warning]
    if account is not None and account.bot_user_id and account.bot_user_id != result.bot_user_id:
        lines.append(_("This is another bot than before (@%s). Saving will ask you to confirm.") % account.bot_username)
    return answer("warning" if result.warning else "good", _("It works: @%s") % result.bot_username, lines)
