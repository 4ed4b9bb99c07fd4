"""People come from a file: chosen, previewed and imported in a real browser."""

from __future__ import annotations

import pytest
from playwright.sync_api import expect

from tests.browser.test_main_job import shot
from tests.up import Running

pytestmark = [pytest.mark.browser, pytest.mark.processes]
FILE = b"account,list,user_id,username,note,expires\ndefault,dm,,dave,On call,2035-01-01\ndefault,dm,,nosuch,,\n"


def test_a_file_is_previewed_and_then_imported(durar: Running, tab):
    page = tab()
    durar.sign_in(page)
    page.goto(f"{durar.panel}/mattermost_bridge/accessentry/")
    page.get_by_role("link", name="Import people (CSV)").click()
    shot(page, "file-1-upload")
    page.set_input_files("input[type=file]", {"name": "people.csv", "mimeType": "text/csv", "buffer": FILE})
    page.get_by_role("button", name="Show what it would do").click()
    rows = page.get_by_role("table").get_by_role("row")
    expect(rows.nth(1)).to_contain_text("Nobody is called @nosuch on the server.")
    expect(rows.nth(2)).to_contain_text("@dave is put on the list")
    shot(page, "file-2-preview")
    page.set_viewport_size({"width": 390, "height": 844})
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    page.get_by_role("button", name="Import").click()
    expect(page.get_by_text("Imported: 1 added, 0 changed, 0 removed.")).to_be_visible()
    expect(page.get_by_role("row").filter(has_text="@dave").filter(has_text="On call")).to_be_visible()
