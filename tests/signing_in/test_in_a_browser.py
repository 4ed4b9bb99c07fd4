"""In a real browser: a one-time code is set up by its picture, a security key is added, and both open the panel."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import pytest

from tests.admin.walking import found
from tests.signing_in.authenticator import code

pytestmark = pytest.mark.browser
PASSWORD = "alice-password-1"
#: Where pictures of the pages go, for whoever wants to look at them.
PICTURES = os.environ.get("DURAR_PICTURES", "")


@pytest.fixture(params=[(1280, "light"), (390, "dark")], ids=["wide-light", "narrow-dark"])
def page(request, chromium, live_server, transactional_db, alice):
    """A page of a browser in which nobody is signed in."""
    width, scheme = request.param
    context = chromium.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)
    context.set_default_timeout(20_000)
    page = context.new_page()
    page.complaints = []
    page.on("pageerror", lambda error: page.complaints.append(str(error)))
    page.home = live_server.url
    page.picture = lambda name: (
        PICTURES and page.screenshot(path=Path(PICTURES) / f"{name}-{width}.png", full_page=True)
    )
    yield page
    context.close()


def sign_in(page: Any) -> None:
    """Enter name and password."""
    page.goto(f"{page.home}/login/")
    page.fill('input[name="username"]', "alice")
    page.fill('input[name="password"]', PASSWORD)
    with page.expect_navigation(url=lambda url: "/login/" not in url):
        page.click('button[type="submit"]')


def follow(page: Any, role: str, name: str) -> None:
    """Click a link or a button, and wait until the page that it leads to is there as a whole."""
    with page.expect_navigation():
        page.get_by_role(role, name=name).click()


def confirm_if_asked(page: Any) -> None:
    """Enter the password once more where that is asked for."""
    if "/me/confirm/" in page.url:
        look_at(page, "confirm")
        page.fill('input[name="password"]', PASSWORD)
        with page.expect_navigation():
            page.click("main button[type=submit], form.du-form button[type=submit]")


def look_at(page: Any, name: str) -> None:
    """Nothing is wider than the window, and axe-core finds nothing grave."""
    page.picture(name)
    assert page.evaluate("document.documentElement.scrollWidth <= window.innerWidth"), f"{name} is too wide"
    assert found(page, name) == []


def test_a_one_time_code_is_set_up_and_asked_for(page):
    sign_in(page)
    page.goto(f"{page.home}/me/")
    look_at(page, "me")
    follow(page, "link", "Set one up")
    look_at(page, "second-factor")
    follow(page, "link", "Activate")
    confirm_if_asked(page)
    look_at(page, "activate")
    assert page.locator("img.du-qr").evaluate("image => image.naturalWidth > 0")
    secret = page.input_value("#authenticator_secret")
    page.fill('input[name="code"]', code(secret))
    follow(page, "button", "Activate")
    page.wait_for_url("**/recovery-codes/")
    look_at(page, "recovery-codes")
    assert len(page.input_value("#recovery_codes").split()) == 10
    page.context.clear_cookies()
    sign_in(page)
    page.wait_for_url("**/authenticate/")
    look_at(page, "authenticate")
    assert page.complaints == []


def test_a_security_key_is_added_and_opens_the_panel(page):
    devtools = page.context.new_cdp_session(page)
    devtools.send("WebAuthn.enable")
    key = {"protocol": "ctap2", "transport": "usb", "hasUserVerification": True, "isUserVerified": True}
    devtools.send("WebAuthn.addVirtualAuthenticator", {"options": key | {"automaticPresenceSimulation": True}})
    sign_in(page)
    page.goto(f"{page.home}/me/second-factor/webauthn/add/")
    confirm_if_asked(page)
    page.fill('input[name="name"]', "Blue key")
    look_at(page, "add-key")
    page.click("#mfa_webauthn_add")
    page.wait_for_url("**/recovery-codes/")
    page.goto(f"{page.home}/me/second-factor/webauthn/")
    look_at(page, "keys")
    assert "Blue key" in page.content()
    page.context.clear_cookies()
    sign_in(page)
    page.wait_for_url("**/authenticate/")
    page.get_by_role("button", name="Use a security key").click()
    page.wait_for_url(f"{page.home}/")
    assert page.complaints == []
