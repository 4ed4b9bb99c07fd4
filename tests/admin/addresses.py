"""Every address of the panel, made from its own list of addresses."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Any

from django.contrib import admin
from django.contrib.contenttypes.models import ContentType
from django.urls import URLPattern, URLResolver, get_resolver

from mattermost_bridge.admin import help, looks

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
    "/help/",
    *(f"/help/{name}/" for name in help.names()),
}
#: Pages of allauth, which show one's own second factor; tests/signing_in is about them.
OF_SIGN_IN = ("me/second-factor/", "me/confirm/", "login/cancel/")
#: Nothing is at the last of the panel's addresses, which takes everything, and at Django's way to a site's own pages.
NOWHERE = "/nothing/here/"
_VARIABLE = re.compile(r"<(?:(\w+):)?(\w+)>")
_OF_APPS = re.compile(r"\^\(\?P<app_label>([\w|]+)\)/\$")


def addresses(records: dict[str, Any]) -> Iterator[str]:
    """Each page of the panel, with the key of the record of its model; addresses of verbs once for each verb."""
    return _addresses(records, admin.site.get_urls())


def all_addresses(records: dict[str, Any]) -> list[str]:
    """These, and what scripts of the pages ask for, each once. A page whose address has another form fails here, and so
    is not forgotten."""
    return list(dict.fromkeys(_addresses(records, get_resolver().url_patterns)))


def addresses_of_sign_in(pk: int) -> list[str]:
    """Pages about signing in, with the key of a second factor."""
    routes = [route for route in _routes(get_resolver().url_patterns) if route.startswith(OF_SIGN_IN)]
    return ["/" + _VARIABLE.sub(str(pk), route) for route in routes]


def _addresses(records: dict[str, Any], patterns: list[Any]) -> Iterator[str]:
    for route in _routes(patterns):
        if route.startswith(OF_SIGN_IN):
            continue
        if route == "(?P<url>.*)$":
            yield NOWHERE
        elif found := _OF_APPS.fullmatch(route):
            yield from (f"/{label}/" for label in found[1].split("|"))
        elif "<" not in route:
            yield f"/{route}"
        elif route.startswith("help/"):
            yield from (f"/help/{name}/" for name in help.names())
        elif route.startswith("r/"):
            content_type = ContentType.objects.get_for_model(records["account"])
            yield f"/r/{content_type.pk}/{records['account'].pk}/"
        else:
            yield from _of_record(records, route)


def _of_record(records: dict[str, Any], route: str) -> Iterator[str]:
    model_name = route.split("/")[1]
    model_admin = next(one for model, one in admin.site._registry.items() if model._meta.model_name == model_name)
    pk = str(records[model_name].pk)
    names = [verb.name for verb in getattr(model_admin, "verbs", ())] if "<slug:name>" in route else [""]
    for name in names:
        values = {"name": name}
        yield "/" + _VARIABLE.sub(lambda found, values=values: values.get(found.group(2), pk), route)


def is_list(address: str) -> bool:
    """Whether an address is that of a list of records."""
    return any(address == looks.list_of(model) for model in admin.site._registry)


def _routes(patterns: list[Any], prefix: str = "") -> Iterator[str]:
    for pattern in patterns:
        route = prefix + str(pattern.pattern)
        if isinstance(pattern, URLResolver):
            yield from _routes(pattern.url_patterns, route)
        elif isinstance(pattern, URLPattern):
            yield route
