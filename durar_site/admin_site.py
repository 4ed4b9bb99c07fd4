"""The panel's site: Unfold's, which asks for the second factor, and shows nothing that was seen with older rights."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from functools import update_wrapper
from typing import Any

from django.contrib import messages
from django.contrib.auth.views import LoginView, PasswordChangeView
from django.core.cache import cache
from django.http import HttpRequest, HttpResponse, HttpResponseBase, HttpResponseRedirect
from django.urls import URLPattern, reverse
from django.utils.decorators import method_decorator
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from unfold.sites import UnfoldAdminSite

#: The pages about signing in that allauth makes; they stand in the panel's frame.
SIGN_IN_PAGES = ("mfa_", "account_")


class SignIn(LoginView):
    """The sign-in page: the password, and then the second factor of those who have one."""

    def form_valid(self, form: Any) -> HttpResponse:
        """The password is right: sign in, or go on to the second factor."""
        # Here, since settings name this module before models are loaded.
        from allauth.account.internal.flows.login import perform_password_login
        from allauth.account.models import Login

        user = form.get_user()
        login = Login(user=user, redirect_url=self.get_success_url())
        return perform_password_login(self.request, {"username": user.get_username()}, login)


class PanelSite(UnfoldAdminSite):
    """Every page of the panel."""

    def has_permission(self, request: HttpRequest) -> bool:
        """Whether the panel is open to somebody: staff, with a second factor where one is required."""
        from mattermost_bridge.services import second_factor

        return super().has_permission(request) and not second_factor.must_enrol(request.user)

    def admin_view(self, view: Callable[..., Any], cacheable: bool = False) -> Callable[..., Any]:  # noqa: FBT001, FBT002 - Django's
        """Lead those to it who must set up a second factor, before anything else."""
        inner = super().admin_view(view, cacheable)

        def guarded(request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
            from mattermost_bridge.services import second_factor

            if super(PanelSite, self).has_permission(request) and second_factor.must_enrol(request.user):
                if request.path == reverse("admin:logout"):
                    return view(request, *args, **kwargs)
                messages.info(request, _("A second factor is required of you. Set one up to go on."))
                return HttpResponseRedirect(reverse("mfa_index"))
            return inner(request, *args, **kwargs)

        return update_wrapper(guarded, view)

    @method_decorator(never_cache)
    def login(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponseBase:  # type: ignore[override]
        """Django's, with the second factor."""
        if request.method == "GET" and self.has_permission(request):
            return HttpResponseRedirect(reverse("admin:index", current_app=self.name))
        context = {
            **self.each_context(request),
            "title": _("Log in"),
            "subtitle": None,
            "app_path": request.get_full_path(),
            "username": request.user.get_username(),
            **(extra_context or {}),
        }
        request.current_app = self.name  # type: ignore[attr-defined]
        view = SignIn.as_view(
            extra_context=context, authentication_form=self.login_form, template_name="admin/login.html"
        )
        return view(request)

    def password_change(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponseBase:  # type: ignore[override]
        """Unfold's, with a row in the audit log."""
        from mattermost_bridge.admin.user_forms import OwnPasswordForm

        request.current_app = self.name  # type: ignore[attr-defined]
        view = PasswordChangeView.as_view(
            form_class=OwnPasswordForm,
            success_url=reverse("admin:password_change_done", current_app=self.name),
            extra_context={**self.each_context(request), **(extra_context or {})},
        )
        return view(request)

    def extra_urls(self) -> list[URLPattern]:
        """Pages that belong to no kind of record; Unfold asks for them by this name."""
        # Here, since modules of the panel register themselves at this site.
        from mattermost_bridge.admin import help, my_sign_in

        return [*my_sign_in.urls(self), *help.urls(self)]

    def search(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:  # type: ignore[override]
        """Unfold's, which keeps results for five minutes: longer than rights may last, so they are forgotten here."""
        wanted = f"{request.user.pk}_{request.GET.get('s', '').lower()}"
        cache.delete(f"unfold_search_{hashlib.sha256(wanted.encode()).hexdigest()}")
        return super().search(request, extra_context)


def frame_of_sign_in_pages(request: HttpRequest) -> dict[str, Any]:
    """Context processor: what the panel's frame needs, for pages about signing in that are not the site's own."""
    match = request.resolver_match
    if match is None or not (match.url_name or "").startswith(SIGN_IN_PAGES):
        return {}
    from django.contrib import admin

    return {**admin.site.each_context(request), "title": _("Second factor")}
