"""In a real browser: no page overflows, and axe-core finds nothing serious, in light and dark, wide and narrow."""

from __future__ import annotations

import pytest

from mattermost_bridge.models import Account
from mattermost_bridge.models.states import DeliveryState, EventState, TurnState
from tests import factories
from tests.admin.browsing import page_of, pages
from tests.admin.walking import ALL, NARROW, TOO_WIDE, WIDE, Walk, found

#: The first of these tests walks over some sixty pages for all of them.
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True), pytest.mark.timeout(600)]


@pytest.fixture(scope="module")
def walks():
    """The walk that was made, if it was."""
    return []


@pytest.fixture
def walk(walks, browser, live_server, alice, request) -> Walk:
    """Something of everything that needs a hand, with long words in it, seen on every page; walked once."""
    if not walks:
        walks.append(Walk())  # a walk that breaks off is not tried again by the next test
        records = request.getfixturevalue("records")
        account, conversation = records["account"], records["conversation"]
        factories.TurnFactory(conversation=conversation, state=TurnState.FAILED, error="x" * 200)
        factories.DeliveryFactory(account=account, state=DeliveryState.DEAD, text="y" * 200)
        factories.DeliveryFactory(account=account, state=DeliveryState.SENT, since_ms=1, posted_at_ms=900)
        factories.InboundEventFactory(account=account, state=EventState.FAILED, error="z" * 200)
        long_name = "A name of an account that is rather long " + "w" * 40
        Account.objects.filter(pk=account.pk).update(agent=None, name=long_name)
        page = page_of(browser, live_server, alice, WIDE, "light")
        walks[0].over(page, live_server.url, [*pages(records)][:: 1 if ALL else 3])
    return walks[0]


def test_the_pages_were_seen(walk):
    assert len(walk.seen) > (70 if ALL else 20)
    if ALL:
        assert {"/", "/mattermost_bridge/account/", "/mattermost_bridge/bridgedefaults/1/change/"} <= set(walk.seen)


def test_no_page_overflows_on_a_wide_screen(walk):
    assert walk.seen
    assert not walk.too_wide, "\n".join(walk.too_wide)


def test_nor_on_a_phone(walk):
    assert walk.seen
    assert not walk.too_wide_on_a_phone, "\n".join(walk.too_wide_on_a_phone)


def test_nothing_grave_is_found_on_any_page(walk):
    assert walk.seen
    assert not walk.grave, "\n".join(walk.grave)


def test_nor_in_the_dark_on_a_phone(walk):
    assert walk.seen
    assert not walk.grave_in_the_dark_on_a_phone, "\n".join(walk.grave_in_the_dark_on_a_phone)


def test_it_finds_what_is_wrong(browser, live_server, alice):
    page = page_of(browser, live_server, alice, WIDE, "light")
    address = "/mattermost_bridge/account/"
    assert Walk().over(page, live_server.url, [address]).seen == [address]
    page.set_content('<main><img src="x.png"><input><p style="width: 500px">wide</main>')
    assert any("image-alt" in one for one in found(page, "here"))
    page.set_viewport_size({"width": NARROW, "height": 844})
    assert page.evaluate(TOO_WIDE) > 0


def test_a_page_that_is_open_turns_dark(browser, live_server, alice):
    page = page_of(browser, live_server, alice, WIDE, "light")
    page.goto(live_server.url + "/mattermost_bridge/account/")
    colour = "getComputedStyle(document.body).backgroundColor"
    light = page.evaluate(colour)
    page.emulate_media(color_scheme="dark")
    page.wait_for_function(f"light => {colour} !== light", arg=light)


def test_whoever_works_with_the_keyboard_skips_the_menu_and_sees_where_they_are(browser, live_server, alice, records):
    page = page_of(browser, live_server, alice, WIDE, "light")
    page.goto(f"{live_server.url}/mattermost_bridge/account/{records['account'].pk}/overview/")
    page.keyboard.press("Tab")
    assert page.evaluate("document.activeElement.innerText") == "Skip to the content"
    assert page.evaluate("document.activeElement.getBoundingClientRect().top") >= 0
    page.keyboard.press("Enter")
    seen = []
    for _ in range(12):
        page.keyboard.press("Tab")
        word, outline = page.evaluate(
            "[document.activeElement.innerText, getComputedStyle(document.activeElement).outline]"
        )
        assert "solid 2px" in outline, f"nobody sees that {word!r} has the focus: {outline}"
        seen.append(word)
    assert seen[0] == "Overview"
    assert {"Settings", "Archive"} <= set(seen)
    page.get_by_role("button", name="Archive").focus()
    page.keyboard.press("Enter")
    page.wait_for_selector("text=Archive?")
