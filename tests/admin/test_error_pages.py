"""Pages for what is not there, not allowed or failed look like the panel and say what to do."""

from __future__ import annotations

from django.test import Client

from mattermost_bridge.admin import dashboard
from tests.admin.conftest import signed_in


def test_what_is_not_there_is_said_in_the_panels_frame(as_alice):
    answer = as_alice.get("/mattermost_bridge/account/99999/overview/")
    page = answer.content.decode()
    assert answer.status_code == 404
    assert "Nothing is here" in page
    assert "nav-sidebar" in page


def test_what_is_not_allowed_is_said_without_a_word_about_what_is_there(as_charlie):
    answer = as_charlie.get("/mattermost_bridge/account/")
    assert answer.status_code == 403
    assert "Ask an administrator of Durar" in answer.content.decode()


def test_who_is_not_signed_in_learns_of_no_address(db):
    answer = Client().get("/words/nothing-here/")
    assert answer.status_code in (302, 404)
    assert "nav-sidebar" not in answer.content.decode()


def test_a_failure_is_a_page_that_needs_no_database(alice, monkeypatch):
    client = signed_in(alice)
    client.raise_request_exception = False

    def fail(*args):
        raise RuntimeError("a secret cause")

    monkeypatch.setattr(dashboard, "figures_for", fail)
    answer = client.get("/")
    page = answer.content.decode()
    assert answer.status_code == 500
    assert "Durar failed here" in page
    assert "a secret cause" not in page
    assert 'lang="en"' in page
