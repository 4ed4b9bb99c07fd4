"""The walk of a new operator, with no document: a second account by the steps, a pairing approved, somebody blocked, a
channel without mentions, and a message that was not delivered sent again. All of it from the first page on."""

from __future__ import annotations

import re

import pytest
from playwright.sync_api import Page, expect

from mattermost_bridge.sandbox.client import SandboxClient
from tests.browser.test_main_job import messages_of, shot, write
from tests.up import Running

pytestmark = [pytest.mark.browser, pytest.mark.processes]
BOT = "desk"


@pytest.fixture(scope="module")
def sandbox(durar: Running) -> SandboxClient:
    """The running sandbox, with one more bot, whom nobody has made an account for."""
    return SandboxClient(durar.sandbox)


@pytest.fixture(scope="module")
def token(sandbox: SandboxClient) -> str:
    """The bot's token, as Mattermost shows it once."""
    return sandbox.add_bot(BOT)["token"]


def step(page: Page, title: str) -> None:
    """Go on to the next step."""
    page.get_by_role("button", name="Next").locator("visible=true").click()
    expect(page.locator("[aria-current=step]")).to_contain_text(title)


def test_an_account_is_added_by_the_steps_and_connects(durar: Running, tab, token):
    page = tab()
    durar.sign_in(page)
    page.get_by_role("link", name="Accounts").first.click()
    page.locator('a[href*="/account/add/"]').first.click()
    shot(page, "walk-1-steps")
    page.get_by_label("Account id").fill(BOT)
    page.get_by_label("Name", exact=True).fill("Front desk")
    page.get_by_label("Server address").fill(durar.sandbox)
    step(page, "Token")
    page.get_by_label("Bot token").fill(token)
    page.get_by_role("button", name="Test connection").click()
    expect(page.get_by_text(f"It works: @{BOT}")).to_be_visible()
    shot(page, "walk-2-tested")
    step(page, "Who may write")
    step(page, "Who answers")
    page.locator("#id_agent").select_option(index=1)
    step(page, "Done")
    shot(page, "walk-3-done")
    page.get_by_role("button", name="Save", exact=True).click()
    expect(page).to_have_url(re.compile(r"/account/\d+/overview/"))
    expect(page.locator(".du-summary-title .du-badge").filter(has_text="Ready")).to_be_visible()
    shot(page, "walk-4-ready")


def open_chat(durar: Running, sandbox: SandboxClient, page: Page, person: str) -> None:
    """Open the direct messages of a person with the new bot."""
    sandbox.channel_id(f"{person},{BOT}")
    durar.chat(page, person, f"dm-{BOT}")


def test_one_person_is_approved_and_another_blocked_on_the_first_page(durar: Running, tab, sandbox, token):
    operator, carol, dave = tab(), tab(), tab()
    for page, person in ((carol, "carol"), (dave, "dave")):
        open_chat(durar, sandbox, page, person)
        write(page, f"hello from {person}")
        expect(messages_of(page, BOT).first).to_contain_text("Pairing code:")
    durar.sign_in(operator)
    waiting = operator.locator("section[aria-labelledby=du-pairings] li")
    expect(waiting.filter(has_text="@carol")).to_be_visible()
    shot(operator, "walk-5-first-page")
    waiting.filter(has_text="@carol").get_by_role("button", name="Approve").click()
    expect(messages_of(carol, BOT).nth(2)).to_contain_text("You said: hello from carol")
    waiting.filter(has_text="@dave").get_by_role("button", name="Block").click()
    expect(operator.get_by_text("does not answer the person any more", exact=False)).to_be_visible()
    operator.get_by_role("button", name="Block").click()
    expect(operator.get_by_text("1 person blocked", exact=False)).to_be_visible()
    write(dave, "and now?")
    write(carol, "still there?")
    expect(messages_of(carol, BOT).nth(3)).to_contain_text("You said: still there?")
    expect(messages_of(dave, BOT)).to_have_count(1)


def test_a_message_that_was_not_delivered_is_sent_again_on_the_first_page(durar: Running, tab, sandbox, token):
    operator, carol = tab(), tab()
    open_chat(durar, sandbox, carol, "carol")
    answers = messages_of(carol, BOT)
    expect(answers.last).to_contain_text("You said: still there?")
    refused = {"method": "POST", "path": "^/posts$", "who": BOT, "status": 403, "times": None}
    sandbox.fault("answer", error_id="api.context.permissions.app_error", **refused)
    write(carol, "will this arrive?")
    durar.sign_in(operator)
    lost = operator.locator("section[aria-labelledby=du-deliveries] li").filter(has_text="will this arrive?")
    expect(lost).to_be_visible()
    shot(operator, "walk-6-not-delivered")
    sandbox.clear_faults()
    lost.get_by_role("button", name="Send again").click()
    expect(answers.last).to_contain_text("You said: will this arrive?")
    expect(lost).to_have_count(0)


def test_a_channel_needs_no_mention_from_then_on(durar: Running, tab, token):
    operator, chat = tab(), tab()
    durar.sign_in(operator)
    operator.goto(f"{durar.panel}/mattermost_bridge/account/?q={BOT}")
    operator.get_by_role("link", name="Front desk").first.click()
    operator.locator(".du-tabs").get_by_role("link", name="Channels").click()
    operator.get_by_role("link", name="Add a channel").click()
    operator.get_by_role("combobox", name=re.compile("channel", re.IGNORECASE)).fill("supp")
    operator.get_by_role("listbox").get_by_role("option").filter(has_text="~Support").click()
    operator.get_by_label("Mention needed").select_option("no")
    operator.get_by_role("button", name="Save", exact=True).click()
    channels = operator.get_by_role("region", name="Settings of single channels")
    expect(channels).to_contain_text("no mention needed")
    operator.goto(f"{durar.panel}/mattermost_bridge/account/?q={BOT}")
    operator.get_by_role("link", name="Front desk").first.click()
    operator.locator(".du-tabs").get_by_role("link", name="Access").click()
    operator.locator("section[aria-labelledby=du-list-group]").get_by_role("link", name="Add somebody").click()
    operator.get_by_role("combobox", name=re.compile("who", re.IGNORECASE)).fill("bob")
    operator.get_by_role("listbox").get_by_role("option").filter(has_text="@bob").click()
    operator.get_by_role("button", name="Save", exact=True).click()
    durar.chat(chat, "bob", "channel-support")
    write(chat, "is anybody at the desk?")
    expect(messages_of(chat, BOT).last).to_contain_text("You said: is anybody at the desk?")
