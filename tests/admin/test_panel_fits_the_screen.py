"""In a real browser: no page overflows on a phone, and *Test connection* works by keyboard, without a reload."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import Any

import pytest

from mattermost_bridge.services import tokens
from mattermost_bridge.services.probing import ConnectionTest
from tests.admin.addresses import addresses
from tests.admin.conftest import signed_in

CHROMIUM = "/usr/bin/chromium"
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


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


def _page(browser: Any, live_server: Any, user: Any, width: int) -> Any:
    client = signed_in(user)
    cookie = client.cookies["durar_session"]
    context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme="dark")
    context.add_cookies([{"name": "durar_session", "value": cookie.value, "url": live_server.url}])
    return context.new_page()


def test_no_page_overflows_at_390_pixels(browser, live_server, alice, records):
    page = _page(browser, live_server, alice, 390)
    for address in addresses(records):
        shown = address.count("/") == 3 or address.endswith(("/change/", "/add/")) or address == "/"
        if not shown or address == "/password_change/done/":
            continue
        response = page.goto(live_server.url + address)
        if response.status != 200:
            continue
        wide = page.evaluate("document.documentElement.scrollWidth - document.documentElement.clientWidth")
        assert wide == 0, f"{address} is {wide} pixels too wide"


def test_the_connection_is_tested_by_keyboard_without_a_reload(browser, live_server, alice, monkeypatch):
    answer = ConnectionTest(True, "b" * 26, "newbot", "New bot", ("Support",))
    monkeypatch.setattr(tokens, "test_connection", lambda *args, **kwargs: answer)
    page = _page(browser, live_server, alice, 1280)
    page.goto(f"{live_server.url}/mattermost_bridge/account/add/")
    page.fill("#id_base_url", "https://chat.example.com")
    page.fill("#id_token", "a" * 26)
    page.focus("[data-ask-button]")
    page.keyboard.press("Enter")
    page.wait_for_selector(".du-answer-good")
    assert "It works: @newbot" in page.inner_text("[data-ask-answer]")
    assert page.input_value("#id_token") == "a" * 26
    assert page.evaluate("document.activeElement.hasAttribute('data-ask-button')")
