"""A real browser for the panel's tests, signed in without the sign-in page."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from tests.admin.addresses import addresses
from tests.admin.conftest import signed_in


def page_of(browser: Any, live_server: Any, user: Any, width: int, scheme: str = "dark") -> Any:
    """A page on which somebody is signed in."""
    client = signed_in(user)
    cookie = client.cookies["durar_session"]
    context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)
    context.add_cookies([{"name": "durar_session", "value": cookie.value, "url": live_server.url}])
    return context.new_page()


def pages(records: dict[str, Any]) -> Iterator[str]:
    """Every address that shows a page: lists, forms, tabs, and the first one."""
    for address in addresses(records):
        tabs = ("/overview/", "/access/", "/channels/", "/agent/", "/activity/", "/rehearse/")
        shown = address.count("/") == 3 or address.endswith(("/change/", "/add/", *tabs)) or address == "/"
        # The pages of the help are one page with other words; these two have the widest table and the longest code.
        again = address.startswith("/help/") and address not in ("/help/", "/help/configuration/", "/help/buttons/")
        if shown and not again and address not in ("/password_change/done/", "/live/news/"):
            yield address
