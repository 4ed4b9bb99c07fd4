"""One walk over all pages in a real browser: each page is loaded once and looked at in every form.

Loading a page is most of what looking at it costs, so a page is loaded wide and light, and then made narrow and dark.
axe-core costs the rest. All pages in both forms take a minute, so that is for CI, where DURAR_REQUIRE_BROWSER is 1;
elsewhere every third page is looked at, by axe-core in one form each.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Any

from axe_playwright_python.base import AXE_SCRIPT

ALL = os.environ.get("DURAR_REQUIRE_BROWSER") == "1"
#: What axe-core calls these keeps people from using a page.
GRAVE = ("serious", "critical")
WIDE, NARROW, HEIGHT = 1920, 390, 844
TOO_WIDE = "document.documentElement.scrollWidth - document.documentElement.clientWidth"
#: Only what is grave comes back: a page's whole result is long, and the way from the browser is slow.
LOOK = """async (grave) => {
    const results = await axe.run({ resultTypes: ["violations"] });
    return results.violations.filter(one => grave.includes(one.impact)).flatMap(one =>
        one.nodes.slice(0, 3).map(node => `${one.id} (${one.impact}): ${node.target} ${node.failureSummary || ""}`));
}"""
#: Resolves once a change of the colour scheme or the width has been painted.
PAINTED = "() => new Promise(done => requestAnimationFrame(() => requestAnimationFrame(done)))"


def found(page: Any, address: str) -> list[str]:
    """What axe-core finds grave on the page that is open, in words."""
    page.evaluate("source => { if (!window.axe) (0, eval)(source) }", AXE_SCRIPT)
    return [f"{address}: {one}" for one in page.evaluate(LOOK, GRAVE)]


@dataclass
class Walk:
    """What was found on the pages, and which pages were seen."""

    seen: list[str] = field(default_factory=list)
    too_wide: list[str] = field(default_factory=list)
    too_wide_on_a_phone: list[str] = field(default_factory=list)
    grave: list[str] = field(default_factory=list)
    grave_in_the_dark_on_a_phone: list[str] = field(default_factory=list)

    def over(self, page: Any, site: str, addresses: Iterable[str]) -> Walk:
        """Look at each of these pages that is there."""
        for address in addresses:
            page.emulate_media(color_scheme="light")
            page.set_viewport_size({"width": WIDE, "height": HEIGHT})
            if page.goto(site + address).status != 200:
                continue
            self.seen.append(address)
            if wide := page.evaluate(TOO_WIDE):
                self.too_wide.append(f"{address} is {wide} pixels too wide")
            odd = len(self.seen) % 2 == 1
            if odd or ALL:
                self.grave += found(page, address)
            page.emulate_media(color_scheme="dark")
            page.set_viewport_size({"width": NARROW, "height": HEIGHT})
            page.evaluate(PAINTED)
            if wide := page.evaluate(TOO_WIDE):
                self.too_wide_on_a_phone.append(f"{address} is {wide} pixels too wide")
            if not odd or ALL:
                self.grave_in_the_dark_on_a_phone += found(page, address)
        return self
