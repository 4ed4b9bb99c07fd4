"""A real browser for the panel's tests, signed in without the sign-in page."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from tests.admin.addresses import addresses
from tests.admin.conftest import signed_in

CHROMIUM = "/usr/bin/chromium"


@pytest.fixture
def browser(monkeypatch) -> Iterator[Any]:
    """Debian's chromium."""
    if not os.path.exists(CHROMIUM):  # noqa: PTH110
        if os.environ.get("DURAR_REQUIRE_BROWSER") == "1":
            pytest.fail(f"{CHROMIUM} is missing, and DURAR_REQUIRE_BROWSER is 1.")
        pytest.skip(f"There is no {CHROMIUM}; install Debian's chromium to run this.")
    # Playwright's loop runs in this thread, so Django takes every query here for one inside a loop.
    monkeypatch.setenv("DJANGO_ALLOW_ASYNC_UNSAFE", "true")
    sync_api = pytest.importorskip("playwright.sync_api")
    with sync_api.sync_playwright() as playwright:
        chromium = playwright.chromium.launch(executable_path=CHROMIUM, args=["--no-sandbox"])
        yield chromium
        chromium.close()


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
        if shown and address not in ("/password_change/done/", "/live/news/"):
            yield address
