"""In a real browser: an account is added by keyboard alone, and *Test connection* works without a reload."""

from __future__ import annotations

import pytest

from mattermost_bridge.models import Account, BridgeDefaults
from mattermost_bridge.services import tokens
from mattermost_bridge.services.probing import ConnectionTest
from tests import factories
from tests.admin.browsing import page_of
from tests.admin.walking import TOO_WIDE

pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]


def test_the_connection_is_tested_by_keyboard_without_a_reload(browser, live_server, alice, monkeypatch):
    answer = ConnectionTest(True, "b" * 26, "newbot", "New bot", ("Support",))
    monkeypatch.setattr(tokens, "test_connection", lambda *args, **kwargs: answer)
    page = page_of(browser, live_server, alice, 1280)
    page.goto(f"{live_server.url}/mattermost_bridge/account/add/")
    page.fill("#id_account_id", "new-one")
    page.fill("#id_base_url", "https://chat.example.com")
    page.keyboard.press("Enter")
    page.wait_for_selector("#id_token:visible")
    page.fill("#id_token", "a" * 26)
    page.focus("[data-ask-button]")
    page.keyboard.press("Enter")
    page.wait_for_selector(".du-answer-good")
    assert "It works: @newbot" in page.inner_text("[data-ask-answer]")
    assert page.input_value("#id_token") == "a" * 26
    assert page.evaluate("document.activeElement.hasAttribute('data-ask-button')")


@pytest.mark.parametrize("width", [390, 1440])
def test_an_account_is_added_in_steps_by_keyboard_alone(browser, live_server, alice, monkeypatch, width):
    factories.AccountFactory(account_id="taken")
    BridgeDefaults.objects.create(pk=1, agent=factories.AgentFactory())
    answer = ConnectionTest(True, "b" * 26, "newbot", "New bot", ("Support",))
    monkeypatch.setattr(tokens, "test_connection", lambda *args, **kwargs: answer)
    page = page_of(browser, live_server, alice, width)
    page.goto(f"{live_server.url}/mattermost_bridge/account/add/")
    assert not page.is_visible("#submit-row")
    page.focus("#id_account_id")
    page.keyboard.type("taken")
    page.keyboard.press("Enter")
    page.wait_for_selector(".du-field-error")
    assert page.evaluate("document.activeElement.id") == "id_account_id"
    page.fill("#id_account_id", "second")
    page.fill("#id_base_url", "https://chat.example.com")
    page.keyboard.press("Enter")
    page.wait_for_selector("#id_token:visible")
    assert page.evaluate("document.activeElement.id") == "id_token"
    page.keyboard.type("a" * 26)
    page.keyboard.press("Enter")
    page.wait_for_selector("#id_dm_policy:visible")
    page.get_by_role("button", name="Back").locator("visible=true").focus()
    page.keyboard.press("Enter")
    assert page.input_value("#id_token") == "a" * 26
    for field in ("#id_dm_policy", "#id_agent", "#id_enabled"):
        page.get_by_role("button", name="Next").locator("visible=true").focus()
        page.keyboard.press("Enter")
        page.wait_for_selector(f"{field}:visible", state="attached")
        page.wait_for_function("busy => document.querySelector(busy).closest('fieldset').hidden === false", arg=field)
    assert page.evaluate(TOO_WIDE) == 0
    page.locator("button[name=_save]").focus()
    page.keyboard.press("Enter")
    page.wait_for_url("**/overview/")
    account = Account.objects.get(account_id="second")
    assert (account.bot_username, account.bot_token) == ("newbot", "a" * 26)


def test_without_scripts_the_steps_stand_below_each_other(as_alice):
    page = as_alice.get("/mattermost_bridge/account/add/").content.decode()
    assert page.count("du-step") >= 5
    assert "hidden" not in page[page.index("du-step") : page.index("du-step") + 40]
