"""The panel's frame: Unfold's settings. Sidebar and first page are filled by `mattermost_bridge.admin`."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.templatetags.static import static
from django.urls import reverse, reverse_lazy
from django.utils.translation import gettext_lazy


def _style(request: HttpRequest) -> str:
    return static("durar/panel.css")


def _script(request: HttpRequest) -> str:
    return static("durar/panel.js")


def _live_style(request: HttpRequest) -> str:
    return static("durar/live.css")


def _words(request: HttpRequest) -> str:
    return reverse("words")


def _live(name: str) -> Callable[[HttpRequest], str]:
    return lambda request: static(f"durar/{name}.js")


def _icon(request: HttpRequest) -> str:
    return static("durar/icon.svg")


UNFOLD: dict[str, Any] = {
    "SITE_TITLE": "Durar",
    "SITE_HEADER": "Durar",
    "SITE_SUBHEADER": "Mattermost bots and their agents",
    "SITE_URL": None,
    "SITE_SYMBOL": "hub",
    "SITE_FAVICONS": [{"rel": "icon", "type": "image/svg+xml", "href": _icon}],
    "SHOW_HISTORY": True,
    "SHOW_VIEW_ON_SITE": False,
    "SHOW_BACK_BUTTON": True,
    "BORDER_RADIUS": "6px",
    "DASHBOARD_CALLBACK": "mattermost_bridge.admin.dashboard.first_page",
    "STYLES": [_style, _live_style],
    # Read in this order: words of the page's language, then what uses them.
    "SCRIPTS": [
        _words,
        _script,
        *map(_live, ("live-patch", "live-time", "live-news", "live-rows", "live")),
    ],
    "COLORS": {
        # A blue-green with enough contrast for white text on 600 and for itself on white.
        "primary": {
            "50": "oklch(97.5% .013 200)",
            "100": "oklch(94.4% .029 200)",
            "200": "oklch(89.2% .056 200)",
            "300": "oklch(82.0% .087 202)",
            "400": "oklch(72.6% .108 206)",
            "500": "oklch(61.5% .105 211)",
            "600": "oklch(51.5% .091 214)",
            "700": "oklch(44.8% .078 216)",
            "800": "oklch(38.8% .065 218)",
            "900": "oklch(34.0% .053 220)",
            "950": "oklch(24.5% .040 223)",
        },
    },
    # The menu below one's name.
    "ACCOUNT": {
        "navigation": [
            {"title": gettext_lazy("My sign-in"), "link": reverse_lazy("admin:my_sign_in")},
            {"title": gettext_lazy("Change password"), "link": reverse_lazy("admin:password_change")},
        ]
    },
    "COMMAND": {
        # Accounts and agents only: the others are found by their filters, and searching texts would read every row.
        "search_models": ["mattermost_bridge.account", "mattermost_bridge.agent"],
        "show_history": False,
    },
    "SIDEBAR": {
        "show_search": False,
        "command_search": True,
        "show_all_applications": False,
        "navigation": "mattermost_bridge.admin.navigation.sidebar",
    },
}
