"""People and channels are found by name in a real browser, with the keyboard and with the mouse."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from tests.browser.test_main_job import shot
from tests.up import Running

pytestmark = [pytest.mark.browser, pytest.mark.processes]


def options(page: Page):
    """What was found."""
    return page.get_by_role("listbox").get_by_role("option")


def save(page: Page) -> None:
    """Save the form and go to the list."""
    page.get_by_role("button", name="Save", exact=True).click()


def test_somebody_is_put_on_a_list_by_name_with_the_keyboard_alone(durar: Running, tab):
    page = tab()
    durar.sign_in(page)
    page.goto(f"{durar.panel}/mattermost_bridge/accessentry/add/")
    page.get_by_label("Account").select_option(label="Durar (sandbox)")
    field = page.get_by_role("combobox", name=re.compile("who", re.IGNORECASE))
    field.focus()
    expect(options(page)).to_have_text([re.compile("Everybody")])
    page.keyboard.type("coo")
    expect(options(page)).to_have_text([re.compile("@carol.*Carol Cooper")])
    expect(field).to_have_attribute("aria-expanded", "true")
    shot(page, "search-1-found")
    page.keyboard.press("ArrowDown")
    chosen = options(page).first
    expect(chosen).to_have_attribute("aria-selected", "true")
    expect(field).to_have_attribute("aria-activedescendant", str(chosen.get_attribute("id")))
    page.keyboard.press("Enter")
    expect(field).to_have_value("@carol")
    expect(field).to_have_attribute("aria-expanded", "false")
    expect(page.get_by_text("Chosen: @carol (Carol Cooper)")).to_be_visible()
    page.keyboard.press("Enter")
    expect(page.get_by_role("row").filter(has_text="@carol").filter(has_text="Panel")).to_be_visible()


def test_escape_closes_the_list_and_another_key_begins_anew(durar: Running, tab):
    page = tab()
    durar.sign_in(page)
    page.goto(f"{durar.panel}/mattermost_bridge/blockeduser/add/")
    field = page.get_by_role("combobox", name=re.compile("user id", re.IGNORECASE))
    field.fill("nosuch")
    expect(page.get_by_text("Nobody was found.")).to_be_visible()
    field.fill("dav")
    expect(options(page)).to_have_text([re.compile("@dave")])
    page.keyboard.press("Escape")
    expect(page.get_by_role("listbox")).to_be_hidden()
    page.keyboard.press("ArrowDown")
    expect(options(page)).to_have_text([re.compile("@dave")])
    options(page).first.click()
    expect(field).to_have_value("@dave")
    page.keyboard.type("x")
    save(page)
    expect(page.get_by_text("Nobody is called @davex", exact=False)).to_be_visible()


def test_the_field_fits_a_narrow_screen_in_the_dark(durar: Running, tab):
    page = tab(scheme="dark")
    durar.sign_in(page)
    page.set_viewport_size({"width": 390, "height": 844})
    page.goto(f"{durar.panel}/mattermost_bridge/accessentry/add/")
    page.get_by_role("combobox", name=re.compile("who", re.IGNORECASE)).fill("a")
    expect(options(page).first).to_be_visible()
    shot(page, "search-4-narrow")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_a_message_is_sent_to_somebody_who_was_found_by_name(durar: Running, tab):
    page = tab()
    durar.sign_in(page)
    page.goto(f"{durar.panel}/mattermost_bridge/directchannel/send/")
    page.get_by_label("Account").select_option(label="Durar (sandbox)")
    field = page.get_by_role("combobox", name="To")
    field.fill("inci")
    expect(options(page)).to_have_text([re.compile("~Incidents")])
    field.fill("coo")
    expect(options(page)).to_have_text([re.compile("@carol.*Carol Cooper")])
    shot(page, "search-5-to")
    options(page).first.click()
    expect(field).to_have_value("@carol")
    page.get_by_label("Text", exact=True).fill("Found by name")
    with page.expect_navigation():
        page.get_by_role("button", name="Send", exact=True).click()
    expect(page.get_by_text("The message to @carol is in the outbox", exact=False)).to_be_visible()
