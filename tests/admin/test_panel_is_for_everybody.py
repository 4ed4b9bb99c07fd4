"""In a real browser: axe-core finds nothing serious on any page, in light and dark, wide and narrow."""

from __future__ import annotations

import pytest

from mattermost_bridge.models.states import DeliveryState, TurnState
from tests import factories
from tests.admin.browsing import browser, page_of, pages

__all__ = ["browser"]
pytestmark = [pytest.mark.browser, pytest.mark.django_db(transaction=True)]
#: What axe-core calls these keeps people from using a page.
GRAVE = ("serious", "critical")


def found(page, address: str) -> list[str]:
    """What axe-core finds on the page that is open, in words."""
    from axe_playwright_python.sync_playwright import Axe

    results = Axe().run(page, options={"resultTypes": ["violations"]}).response
    return [
        f"{address}: {one['id']} ({one['impact']}): {node['target']} {node.get('failureSummary', '')}"
        for one in results["violations"]
        if one["impact"] in GRAVE
        for node in one["nodes"][:3]
    ]


def look(browser, live_server, alice, records, scheme: str, width: int, addresses) -> list[str]:
    """What axe-core finds on these pages."""
    factories.TurnFactory(conversation=records["conversation"], state=TurnState.FAILED, error="away")
    factories.DeliveryFactory(account=records["account"], state=DeliveryState.SENT, since_ms=1, posted_at_ms=900)
    page = page_of(browser, live_server, alice, width, scheme)
    grave = []
    for address in addresses:
        response = page.goto(live_server.url + address)
        if response.status == 200:
            grave += found(page, address)
    return grave


@pytest.mark.timeout(600)  # some sixty pages, each looked at as a whole
def test_nothing_grave_is_found_on_any_page(browser, live_server, alice, records):
    grave = look(browser, live_server, alice, records, "light", 1440, pages(records))
    assert not grave, "\n".join(grave)


def test_nor_in_the_dark_on_a_phone(browser, live_server, alice, records):
    kinds = ("/account/", "/pairingrequest/", "/inboundevent/", "/turn/", "/bridgedefaults/")
    some = [address for address in pages(records) if address == "/" or any(kind in address for kind in kinds)]
    grave = look(browser, live_server, alice, records, "dark", 390, some)
    assert not grave, "\n".join(grave)


def test_it_finds_what_is_wrong(browser, live_server, alice):
    page = page_of(browser, live_server, alice, 1440)
    page.set_content('<main><img src="x.png"><input></main>')
    assert any("image-alt" in one for one in found(page, "here"))
