"""Open pages change by themselves, and say so when they cannot."""

from __future__ import annotations

import json
import os
import re
import signal
from collections.abc import Iterator
from pathlib import Path

import pytest
from playwright.sync_api import Page, Route, expect

from tests.browser.test_main_job import code_in, write
from tests.up import Running, tab, up

pytestmark = [pytest.mark.browser, pytest.mark.processes]
__all__ = ["tab"]
PAIRINGS = "/mattermost_bridge/pairingrequest/"


@pytest.fixture(scope="module")
def durar(chromium) -> Iterator[Running]:
    """A Durar of this file's own: its processes are killed and stopped."""
    with up() as running:
        yield running


def be_live(page: Page) -> None:
    """Wait until the page is told of changes."""
    expect(page.locator("html[data-live-state=live]")).to_be_attached()


def without_reload(page: Page) -> None:
    """Mark the page; a reload would lose the mark."""
    page.evaluate("window.notReloaded = true")


def was_not_reloaded(page: Page) -> bool:
    """Whether the mark is still there."""
    return bool(page.evaluate("window.notReloaded === true"))


@pytest.fixture
def open_events(durar: Running, tab):
    """Alice's chat in a channel, and an operator's list of events, which is live and marked."""

    def opened() -> tuple[Page, Page]:
        stranger, operator = tab(), tab()
        durar.chat(stranger, "alice", "channel-support")
        durar.sign_in(operator)
        operator.goto(durar.panel + "/mattermost_bridge/inboundevent/")
        be_live(operator)
        without_reload(operator)
        return stranger, operator

    return opened


def process_of(durar: Running, name: str) -> int:
    """The id of one of the processes that `up` runs."""
    return json.loads((Path(durar.environment["DURAR_STATE_DIR"]) / "processes.json").read_text())[name]


def test_a_stranger_shows_up_on_the_open_page_with_badge_and_note_and_a_decision_shows_in_the_other_tab(
    durar: Running, tab
):
    first, stranger = tab(), tab()
    durar.sign_in(first)
    second = first.context.new_page()
    for page in (first, second):
        page.goto(durar.panel + PAIRINGS)
        be_live(page)
        without_reload(page)
        expect(page.get_by_text("Nobody waits to be paired")).to_be_visible()

    durar.chat(stranger, "carol")
    write(stranger, "hello")
    for page in (first, second):
        row = page.get_by_role("row").filter(has_text="@carol")
        expect(row).to_be_visible()
        expect(page.get_by_role("link", name="Pairing requests").locator("[data-live-badge]")).to_have_text("1")
        expect(page.locator(".du-toast").filter(has_text="@carol waits to be paired")).to_be_visible()
        expect(page).to_have_title(re.compile(r"^\(1\) "))
    code = code_in(stranger)
    left = second.get_by_role("row").filter(has_text=code).locator("time[data-countdown]")
    expect(left).to_have_text(re.compile(r"^59:\d\d$"))

    first.get_by_role("row").filter(has_text=code).get_by_role("button", name="Approve").click()
    expect(first.get_by_text("1 request approved", exact=False)).to_be_visible()
    expect(second.get_by_role("row").filter(has_text="@carol")).to_have_count(0)
    expect(second.get_by_text("Nobody waits to be paired")).to_be_visible()
    expect(second.get_by_role("link", name="Pairing requests").locator("[data-live-badge]")).to_be_hidden()
    assert was_not_reloaded(second)


def test_what_somebody_is_doing_on_a_page_stays_as_it_is_while_rows_come(open_events):
    stranger, operator = open_events()
    write(stranger, "the first of two")
    before = operator.get_by_role("row").filter(has_text="the first of two").first
    expect(before).to_be_visible()
    before.get_by_role("checkbox").check()
    search = operator.locator("#searchbar")
    search.fill("half a word")

    write(stranger, "the second of two")
    after = operator.get_by_role("row").filter(has_text="the second of two").first
    expect(after).to_be_visible()
    expect(before.get_by_role("checkbox")).to_be_checked()
    expect(search).to_have_value("half a word")
    expect(search).to_be_focused()
    after.get_by_role("checkbox").check()
    expect(operator.locator("span.action-counter")).to_have_text(re.compile(r"^2 of \d+ selected$"))
    assert was_not_reloaded(operator)


def test_a_form_that_is_being_filled_in_is_not_touched_and_what_stands_above_it_is(durar: Running, tab):
    operator, other = tab(), tab()
    durar.sign_in(operator)
    durar.sign_in(other)
    operator.goto(durar.panel + "/mattermost_bridge/account/")
    operator.get_by_role("link", name="Durar (sandbox)").first.click()
    operator.get_by_label("Parts of this account's page").get_by_role("link", name="Settings").click()
    be_live(operator)
    expect(operator.locator("[data-live-region=summary]")).to_contain_text("Ready")
    name = operator.locator("#id_name")
    name.fill("A name that is not saved yet")
    without_reload(operator)

    other.goto(durar.panel + "/mattermost_bridge/account/")
    row = other.get_by_role("row").filter(has_text="Durar (sandbox)")
    row.get_by_role("checkbox").check()
    other.locator("select[name=action]").select_option("disable")
    other.get_by_role("button", name="Run").click()
    # Many at once are asked about first; the click waits for that page.
    other.locator(".du-ask button[type=submit]").click()
    expect(operator.locator("[data-live-region=summary]")).to_contain_text("Disabled")
    expect(name).to_have_value("A name that is not saved yet")
    assert was_not_reloaded(operator)


def test_a_page_that_is_told_nothing_says_that_it_looks_by_itself_and_it_recovers(durar: Running, tab):
    operator = tab()
    durar.sign_in(operator)
    operator.goto(durar.panel + PAIRINGS)
    be_live(operator)
    without_reload(operator)
    note = operator.get_by_text("Not live: this page looks for changes every 30 s.")
    web = process_of(durar, "web")
    os.kill(web, signal.SIGSTOP)
    try:
        # A dead connection looks like a quiet one, until a question stays without its answer.
        expect(note).to_be_visible(timeout=60_000)
    finally:
        os.kill(web, signal.SIGCONT)
    be_live(operator)
    expect(note).to_be_hidden()
    assert was_not_reloaded(operator)


@pytest.mark.parametrize("victim", ["web", "broker"])
def test_what_happened_while_a_process_was_dead_is_on_the_page_afterwards(durar: Running, open_events, victim: str):
    if victim == "broker" and "REDIS_URL" in durar.environment:
        pytest.skip("the broker is the environment's own server, which is not ours to kill")
    stranger, operator = open_events()
    os.kill(process_of(durar, victim), signal.SIGKILL)
    write(stranger, f"written without {victim}")
    expect(operator.get_by_role("row").filter(has_text=f"written without {victim}").first).to_be_visible(timeout=60_000)
    write(stranger, f"written with {victim}")
    expect(operator.get_by_role("row").filter(has_text=f"written with {victim}").first).to_be_visible(timeout=60_000)
    be_live(operator)
    assert was_not_reloaded(operator)


def test_a_page_that_is_not_answered_while_its_socket_lives_keeps_in_mind_what_changed(open_events):
    stranger, operator = open_events()
    note = operator.get_by_text("Not live: this page looks for changes every 30 s.")
    asked = []

    def busy(route: Route) -> None:
        asked.append(route.request.url)
        route.fulfill(status=503, body="busy")

    operator.route("**/mattermost_bridge/inboundevent/**", busy)
    write(stranger, "written while pages get no answer")
    expect(note).to_be_visible()
    assert asked
    operator.unroute("**/mattermost_bridge/inboundevent/**")
    row = operator.get_by_role("row").filter(has_text="written while pages get no answer").first
    expect(row).to_be_visible(timeout=60_000)
    be_live(operator)
    expect(note).to_be_hidden()
    assert was_not_reloaded(operator)


def test_a_tab_that_the_browser_froze_shows_what_happened_when_it_wakes(durar: Running, open_events):
    stranger, operator = open_events()
    other = operator.context.new_page()
    other.goto(durar.panel + "/mattermost_bridge/inboundevent/")
    be_live(other)
    browser = operator.context.new_cdp_session(operator)
    browser.send("Page.setWebLifecycleState", {"state": "frozen"})
    write(stranger, "written while the tab slept")
    expect(other.get_by_role("row").filter(has_text="written while the tab slept").first).to_be_visible()
    browser.send("Page.setWebLifecycleState", {"state": "active"})
    row = operator.get_by_role("row").filter(has_text="written while the tab slept").first
    expect(row).to_be_visible()
    be_live(operator)
    assert was_not_reloaded(operator)
