"""The addresses that Durar answers."""

from __future__ import annotations

from allauth.account import views as account_views
from allauth.mfa.totp import views as totp
from allauth.mfa.webauthn import views as webauthn
from django.contrib import admin
from django.db.transaction import atomic
from django.urls import include, path
from django.views.i18n import JavaScriptCatalog

admin.autodiscover()

from mattermost_bridge.admin import news  # noqa: E402 - the panel's modules need the site

_FACTOR = "me/second-factor/"
urlpatterns = [
    path("live/news/", news.view, name="live_news"),
    path("words/", JavaScriptCatalog.as_view(packages=["mattermost_bridge"]), name="words"),
    # Of allauth only what the second factor needs, under the names that it looks for.
    path("login/", admin.site.login, name="account_login"),
    path("login/cancel/", account_views.logout, name="account_logout"),
    path("me/confirm/", account_views.reauthenticate, name="account_reauthenticate"),
    # A change of one's own second factor and its row in the audit log are one transaction.
    path(f"{_FACTOR}webauthn/add/", atomic(webauthn.add_webauthn), name="mfa_add_webauthn"),
    path(f"{_FACTOR}webauthn/keys/<int:pk>/remove/", atomic(webauthn.remove_webauthn), name="mfa_remove_webauthn"),
    path(f"{_FACTOR}webauthn/keys/<int:pk>/edit/", atomic(webauthn.edit_webauthn), name="mfa_edit_webauthn"),
    path(f"{_FACTOR}totp/deactivate/", atomic(totp.deactivate_totp), name="mfa_deactivate_totp"),
    path(_FACTOR, include("allauth.mfa.urls")),
    path("", admin.site.urls),
]

handler403 = "mattermost_bridge.admin.error_pages.not_allowed"
handler404 = "mattermost_bridge.admin.error_pages.not_found"
