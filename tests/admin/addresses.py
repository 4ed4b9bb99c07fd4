"""Every address of the panel, made from its own list of addresses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.urls import URLPattern, URLResolver, get_resolver

#: What everybody who is signed in may open, because it shows and changes nothing of Durar's.
FOR_EVERYBODY = {
    "/",
    "/login/",
    "/logout/",
    "/password_change/",
    "/password_change/done/",
    "/jsi18n/",
    "/search/",
    "/autocomplete/",
    "/me/",
    "/me/sessions/end/",
    "/live/news/",
    "/words/",
}
#: Pages of allauth, which show one's own second factor; tests/signing_in is about them.
OF_SIGN_IN = ("me/second-factor/", "me/confirm/", "login/cancel/")
_VARIABLE = re.compile(r"<(?:(\w+):)?(\w+)>")


def addresses(records: dict[str, Any]) -> Iterator[str]:
    """Each page of the panel, with the key of the record of its model; addresses of verbs once for each verb."""
    return _addresses(records, admin.site.get_urls())


def all_addresses(records: dict[str, Any]) -> Iterator[str]:
    """These, and what scripts of the pages ask for."""
    return _addresses(records, get_resolver().url_patterns)


def _addresses(records: dict[str, Any], patterns: list[Any]) -> Iterator[str]:
    for route in _routes(patterns):
        if route == "(?P<url>.*)$" or route.startswith(("r/", "^", *OF_SIGN_IN)):
            continue
        if "<" not in route:
            yield f"/{route}"
            continue
        model_name = route.split("/")[1]
        model_admin = next(one for model, one in admin.site._registry.items() if model._meta.model_name == model_name)
        pk = str(records[model_name].pk)
        names = [verb.name for verb in getattr(model_admin, "verbs", ())] if "<slug:name>" in route else [""]
        for name in names:
            yield "/" + _VARIABLE.sub(lambda found, name=name, pk=pk: name if found.group(2) == "name" else pk, route)


def _routes(patterns: list[Any], prefix: str = "") -> Iterator[str]:
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _routes(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern):
            yield route
