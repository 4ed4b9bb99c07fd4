"""*My sign-in*: everybody's own page: role, accounts, and the browsers in which they are signed in."""

from __future__ import annotations

from typing import Any

from django.contrib import admin, messages
from django.contrib.admin import AdminSite
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import ngettext
from django.views.decorators.http import require_POST, require_safe

from mattermost_bridge.admin import looks
from mattermost_bridge.models import PanelSession
from mattermost_bridge.services import rights, second_factor, sessions, sign_in
from mattermost_bridge.services.audit import Actor
from mattermost_bridge.services.roles import role_of

#: So many sessions and accounts are named.
MOST = 50


def urls(site: AdminSite) -> list[URLPattern]:
    """The page, and what it posts to."""

    def page(request: HttpRequest) -> HttpResponse:
        return _page(request, site)

    return [
        path("me/", site.admin_view(require_safe(page)), name="my_sign_in"),
        path("me/sessions/end/", site.admin_view(require_POST(_end_sessions)), name="end_my_sessions"),
    ]


def _page(request: HttpRequest, site: AdminSite) -> HttpResponse:
    user: Any = request.user
    reach = rights.reach_of(user)
    mine = sessions.sessions_of(user)[:MOST]
    limited_to = None if reach.unlimited else rights.accounts_visible_to(user).defer("bot_token")[:MOST]
    context = {
        **site.each_context(request),
        "title": _("My sign-in"),
        "role": role_of(user),
        "is_superuser": user.is_superuser,
        "limited_to": None if limited_to is None else [str(account) for account in limited_to],
        "has_second_factor": second_factor.is_enrolled(user),
        "sessions": [shown(session, request.session.session_key) for session in mine],
    }
    return TemplateResponse(request, "admin/durar/my_sign_in.html", context)


def locked_out(request: HttpRequest, _response: HttpResponse | None, credentials: Any = None) -> HttpResponse:
    """The sign-in page for somebody who has to wait, with the sentence that says so (429)."""
    site: Any = admin.site
    messages.error(request, sign_in.locked_out_words())
    form = site.login_form(request, initial={"username": (credentials or {}).get("username", "")})
    context = {**site.each_context(request), "title": _("Log in"), "app_path": request.get_full_path(), "form": form}
    return TemplateResponse(request, "admin/login.html", context, status=429).render()


def _end_sessions(request: HttpRequest) -> HttpResponse:
    user: Any = request.user
    ended = sessions.end_all(user.pk, actor=Actor.of(user), keep=request.session.session_key)
    words = ngettext("%(n)d other session was ended.", "%(n)d other sessions were ended.", ended) % {"n": ended}
    messages.success(request, words if ended else _("You are signed in nowhere else."))
    return HttpResponseRedirect(reverse("admin:my_sign_in"))


def shown(session: PanelSession, this: str | None = None) -> dict[str, Any]:
    """A session as pages show it: never its key, which would open it."""
    return {
        "since": looks.moment(session.signed_in_at),
        "address": session.address,
        "browser": session.browser,
        "badge": looks.badge(_("this one"), "good") if session.session_key == this else "",
    }
