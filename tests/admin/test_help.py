"""The pages of docs/ are read in the panel, by everybody who is signed in, and are linked where they help."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.test import Client

from mattermost_bridge.admin import help as pages
from mattermost_bridge.admin.tabs import HELP, TABS, tab_of
from tests import factories

SHORT = ("channels", "pairing", "groups", "routing", "security")


@pytest.mark.parametrize("name", pages.names())
def test_everybody_reads_every_page(as_charlie, name):
    page = as_charlie.get(f"/help/{name}/").content.decode()
    shown = pages.page(name)
    assert f">{shown.title}</h1>" in page
    assert "<script" not in shown.html
    assert '.md"' not in shown.html


def test_the_list_names_every_page_and_nothing_of_the_code(as_charlie):
    page = as_charlie.get("/help/").content.decode()
    for name in pages.names():
        assert f'href="/help/{name}/"' in page
    assert set(SHORT) <= set(pages.names())
    assert "/help/contributing/" not in page


def test_a_page_that_is_none_is_not_there(as_charlie):
    for name in ("nothing", "contributing", "..", "README"):
        assert as_charlie.get(f"/help/{name}/").status_code == 404


def test_who_is_not_signed_in_is_asked_to(db):
    assert "/login/" in Client().get("/help/channels/")["Location"]


def test_links_between_pages_and_their_anchors_stay_in_the_panel(tmp_path, monkeypatch, db):
    (tmp_path / "one.md").write_text("# One\n\n[two](two.md#a-part) <b>bold</b> <!-- hidden -->\n\n## A part, it is\n")
    (tmp_path / "two.md").write_text("# Two\n\n| a | b |\n|---|---|\n| c | d |\n")
    monkeypatch.setattr(pages, "FOLDER", tmp_path)
    html = pages.page("one").html
    assert '<a href="/help/two/#a-part">two</a>' in html
    assert '<h2 id="a-part-it-is">' in html
    assert "<b>" not in html
    assert "hidden" not in html
    assert "<td>d</td>" in pages.page("two").html


def test_lists_and_tabs_lead_to_the_page_that_explains_them(as_alice):
    account = factories.AccountFactory()
    known = {model._meta.model_name for model in admin.site._registry}
    for model, name in pages.OF_MODELS.items():
        assert name in pages.names()
        if model not in known or model == "bridgedefaults":
            continue
        app = "auth" if model == "user" else "mattermost_bridge"
        assert f'href="/help/{name}/">How this works' in as_alice.get(f"/{app}/{model}/").content.decode()
    assert HELP.keys() == TABS.keys()
    for tab, name in HELP.items():
        assert name in pages.names()
        assert f'href="/help/{name}/"' in as_alice.get(tab_of(account, tab)).content.decode()


@pytest.mark.parametrize("name", SHORT)
def test_a_page_is_short(name):
    assert len((pages.FOLDER / f"{name}.md").read_text(encoding="utf-8").split()) < 900
