"""In a real browser: no page overflows, narrow or wide, and *Test connection* works by keyboard, without a reload."""

from __future__ import annotations

import pytest

from mattermost_bridge.models import Account
from mattermost_bridge.models.states import DeliveryState, EventState, TurnState
from mattermost_bridge.services import tokens
from mattermost_bridge.services.probing import ConnectionTest
from tests import factories
from tests.admin.browsing import browser, page_of, pages

__all__ = ["browser"]
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"


@pytest.fixture
def full(records):
    """Something of everything that needs a hand, with long words in it."""
    account = records["account"]
    factories.TurnFactory(conversation=records["conversation"], state=TurnState.FAILED, error="x" * 200)
    factories.DeliveryFactory(account=account, state=DeliveryState.DEAD, text="y" * 200)
    factories.InboundEventFactory(account=account, state=EventState.FAILED, error="z" * 200)
    Account.objects.filter(pk=account.pk).update(
        agent=None, name="A name of an account that is rather long " + "w" * 40
    )
    return records


@pytest.mark.parametrize("width", [390, 1920])
def test_no_page_overflows(browser, live_server, alice, full, width):
    page = page_of(browser, live_server, alice, width)
    for address in pages(full):
        response = page.goto(live_server.url + address)
        if response.status != 200:
            continue
        wide = page.evaluate(TOO_WIDE)
        assert wide == 0, f"{address} is {wide} pixels too wide"


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
