"""What people see when there is nothing at an address, when they may not, and when Durar itself failed."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest, HttpResponse
from django.shortcuts import render
from django.urls import reverse
from django.utils.translation import gettext as _


def not_found(request: HttpRequest, exception: Exception) -> HttpResponse:
    """404, in the panel's frame for who is signed in."""
    sentence = _("Nothing is here: the record was removed, you may not see it, or the address is mistyped.")
    return _page(request, 404, _("Not found"), sentence)


def not_allowed(request: HttpRequest, exception: Exception) -> HttpResponse:
    """403, in the panel's frame for who is signed in."""
    sentence = _("You do not have the right to do this. Ask an administrator of Durar if you need it.")
    return _page(request, 403, _("Not allowed"), sentence)


def _page(request: HttpRequest, status: int, title: str, sentence: str) -> HttpResponse:
    context: dict[str, Any] = {"title": title, "sentence": sentence, "home": reverse("admin:index")}
    user = getattr(request, "user", None)
    if user is None or not user.is_authenticated or not admin.site.has_permission(request):
        return render(request, "admin/durar/error_plain.html", context, status=status)
    context = {**admin.site.each_context(request), **context}
    return render(request, "admin/durar/error.html", context, status=status)
