"""The panel's site: Unfold's, which never shows what somebody could see a minute ago."""

from __future__ import annotations

import hashlib
from typing import Any

from django.core.cache import cache
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern
from unfold.sites import UnfoldAdminSite


class PanelSite(UnfoldAdminSite):
    """Every page of the panel."""

    def extra_urls(self) -> list[URLPattern]:
        """Pages that belong to no kind of record; Unfold asks for them by this name."""
        # Here, since modules of the panel register themselves at this site.
        from mattermost_bridge.admin import my_sign_in

        return my_sign_in.urls(self)

    def search(self, request: HttpRequest, extra_context: dict[str, Any] | None = None) -> HttpResponse:  # type: ignore[override]
        """Unfold's, which keeps results for five minutes: longer than rights may last, so they are forgotten here."""
        wanted = f"{request.user.pk}_{request.GET.get('s', '').lower()}"
        cache.delete(f"unfold_search_{hashlib.sha256(wanted.encode()).hexdigest()}")
        return super().search(request, extra_context)
