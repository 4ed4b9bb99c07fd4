"""The addresses that Durar answers."""

from __future__ import annotations

from allauth.account import views as account_views
from django.contrib import admin
from django.urls import include, path
from django.views.i18n import JavaScriptCatalog

admin.autodiscover()

from mattermost_bridge.admin import news  # noqa: E402 - the panel's modules need the site

urlpatterns = [
    path("live/news/", news.view, name="live_news"),
    path("words/", JavaScriptCatalog.as_view(packages=["mattermost_bridge"]), name="words"),
    # Of allauth only what the second factor needs, under the names that it looks for.
    path("login/", admin.site.login, name="account_login"),
    path("login/cancel/", account_views.logout, name="account_logout"),
    path("me/confirm/", account_views.reauthenticate, name="account_reauthenticate"),
    path("me/second-factor/", include("allauth.mfa.urls")),
    path("", admin.site.urls),
]

handler403 = "mattermost_bridge.admin.error_pages.not_allowed"
handler404 = "mattermost_bridge.admin.error_pages.not_found"
