"""The addresses that Durar answers."""

from __future__ import annotations

from django.contrib import admin
from django.urls import path
from django.views.i18n import JavaScriptCatalog

admin.autodiscover()

from mattermost_bridge.admin import news  # noqa: E402 - the panel's modules need the site

urlpatterns = [
    path("live/news/", news.view, name="live_news"),
    path("words/", JavaScriptCatalog.as_view(packages=["mattermost_bridge"]), name="words"),
    path("", admin.site.urls),
]
