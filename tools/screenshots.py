"""`make screenshots`: the panel's pages, wide and narrow, light and dark, as pictures in screenshots/.

Look at them after a change of looks: a test says that nothing overflows, not that it is good to read.
"""

from __future__ import annotations

import argparse
import sys
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from playwright.sync_api import sync_playwright  # noqa: E402

from tools.panel_server import Panel, panel  # noqa: E402

CHROMIUM = Path("/usr/bin/chromium")
SAMPLE = ("--accounts", "14", "--people", "200", "--events", "6000", "--deliveries", "800", "--days", "2")
#: Each form: width, height, and whether it is dark.
FORMS = {
    "wide-light": (1440, 900, False),
    "wide-dark": (1440, 900, True),
    "narrow-light": (390, 844, False),
    "narrow-dark": (390, 844, True),
    "full-light": (1920, 1080, False),
}
#: Pictures are not higher; the end of a longer list looks like its beginning.
HIGHEST = 4000
#: Pages by name; {account} is one that is down, {turn} and {event} are the newest.
PAGES = {
    "first-page": "/",
    "accounts": "/mattermost_bridge/account/",
    "account-add": "/mattermost_bridge/account/add/",
    "account-overview": "/mattermost_bridge/account/{account}/overview/",
    "account-access": "/mattermost_bridge/account/{account}/access/",
    "account-channels": "/mattermost_bridge/account/{account}/channels/",
    "account-agent": "/mattermost_bridge/account/{account}/agent/",
    "account-commands": "/mattermost_bridge/account/{account}/commands/",
    "account-activity": "/mattermost_bridge/account/{account}/activity/",
    "account-settings": "/mattermost_bridge/account/{account}/change/",
    "diagnose": "/mattermost_bridge/account/{account}/diagnose/",
    "try-a-message": "/mattermost_bridge/account/{account}/rehearse/",
    "send-a-message": "/mattermost_bridge/directchannel/send/",
    "pairing-requests": "/mattermost_bridge/pairingrequest/",
    "access-entries": "/mattermost_bridge/accessentry/",
    "access-entry-add": "/mattermost_bridge/accessentry/add/",
    "blocked-people": "/mattermost_bridge/blockeduser/",
    "access-groups": "/mattermost_bridge/accessgroup/",
    "people-import": "/mattermost_bridge/accessentry/import/",
    "channel-settings": "/mattermost_bridge/groupoverride/",
    "channel-setting-add": "/mattermost_bridge/groupoverride/add/",
    "bindings": "/mattermost_bridge/binding/",
    "skills": "/mattermost_bridge/skill/",
    "direct-channels": "/mattermost_bridge/directchannel/",
    "scheduled-messages": "/mattermost_bridge/scheduledmessage/",
    "connection-changes": "/mattermost_bridge/connectionchange/",
    "alerts": "/mattermost_bridge/alert/",
    "alert-notes": "/mattermost_bridge/alertnotice/",
    "alert-targets": "/mattermost_bridge/alerttarget/",
    "sending-keys": "/mattermost_bridge/sendkey/",
    "configuration-file": "/mattermost_bridge/bridgedefaults/import/",
    "my-sign-in": "/me/",
    "help": "/help/",
    "alert-target-add": "/mattermost_bridge/alerttarget/add/",
    "users": "/auth/user/",
    "conversations": "/mattermost_bridge/conversation/",
    "events": "/mattermost_bridge/inboundevent/",
    "event": "/mattermost_bridge/inboundevent/{event}/change/",
    "turns": "/mattermost_bridge/turn/",
    "turn": "/mattermost_bridge/turn/{turn}/change/",
    "deliveries": "/mattermost_bridge/delivery/",
    "agents": "/mattermost_bridge/agent/",
    "defaults": "/mattermost_bridge/bridgedefaults/1/change/",
    "audit-log": "/mattermost_bridge/auditentry/",
    "not-found": "/mattermost_bridge/account/999999/overview/",
}
#: What is seen after something was pressed: where to begin, and what is pressed, one after the other.
PRESSED = {
    "diagnosed": ("/mattermost_bridge/account/{account}/diagnose/", ["form.du-ask button[type=submit]"]),
    "tried": (
        "/mattermost_bridge/inboundevent/{event}/change/",
        ["text=Try this again", "form.du-tried button[type=submit] >> nth=0"],
    ),
    "block-asked": ("/mattermost_bridge/pairingrequest/", ["#result_list button:has-text('Block') >> nth=0"]),
}


def sign_in(page: Any, target: Panel) -> None:
    """Sign in as the one administrator there is."""
    page.goto(f"{target.url}/login/")
    page.fill("input[name=username]", target.name)
    page.fill("input[name=password]", target.password)
    page.keyboard.press("Enter")
    page.wait_for_selector("#nav-sidebar-apps", state="attached")


def keys(page: Any, target: Panel) -> dict[str, str]:
    """A record of each kind to look at: the first of its list."""
    found = {}
    for name, address in (
        ("account", "/mattermost_bridge/account/?connection=trouble"),
        ("turn", "/mattermost_bridge/turn/"),
        ("event", "/mattermost_bridge/inboundevent/?outcome=refused"),
    ):
        page.goto(target.url + address)
        links = page.eval_on_selector_all("#result_list a[href]", "all => all.map(one => one.getAttribute('href'))")
        kind = {"account": "account", "turn": "turn", "event": "inboundevent"}[name]
        parts = [link.split("/") for link in links if link.startswith(f"/mattermost_bridge/{kind}/")]
        found[name] = next(part[3] for part in parts if len(part) > 3 and part[3].isdecimal())
    return found


def open_page(page: Any, address: str, pressed: list[str]) -> None:
    """Go there, and press what leads to the page that is wanted."""
    page.goto(address, wait_until="load")
    for selector in pressed:
        with page.expect_navigation(wait_until="load", timeout=90_000):
            page.click(selector)


def picture(page: Any, path: Path, width: int, height: int) -> None:
    """A picture of the whole page."""
    # As high as the page, so that bars which stay at the window's end do not hide what they stand on.
    tall = page.evaluate("document.documentElement.scrollHeight")
    page.set_viewport_size({"width": width, "height": max(height, min(tall, HIGHEST))})
    page.wait_for_timeout(300)  # icons are a font
    page.screenshot(path=str(path))
    print(path.name)  # noqa: T201 - a command
    page.set_viewport_size({"width": width, "height": height})


def main() -> None:
    """Start a panel, look at each page in each form, and write what is seen."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--to", type=Path, default=ROOT / "screenshots", help="the directory of the pictures")
    parser.add_argument("--only", default="", help="only pages whose name holds this")
    parser.add_argument("--form", default="", help="only forms whose name holds this")
    options = parser.parse_args()
    if not CHROMIUM.exists():
        raise SystemExit(f"There is no {CHROMIUM}. Install Debian's chromium: apt-get install chromium")
    options.to.mkdir(parents=True, exist_ok=True)
    with panel(*SAMPLE) as target, sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=str(CHROMIUM), args=["--no-sandbox", "--disable-gpu"])
        for form, (width, height, dark) in FORMS.items():
            if options.form not in form:
                continue
            scheme = "dark" if dark else "light"
            context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
            page = context.new_page()
            sign_in(page, target)
            known = keys(page, target)
            pages = {name: (address, list[str]()) for name, address in PAGES.items()} | PRESSED
            for name, (address, pressed) in pages.items():
                if options.only in name:
                    open_page(page, target.url + address.format(**known), pressed)
                    picture(page, options.to / f"{name}-{form}.png", width, height)
            context.close()
        browser.close()


if __name__ == "__main__":
    main()
