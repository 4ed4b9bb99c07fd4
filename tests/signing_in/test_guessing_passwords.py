"""After too many wrong passwords somebody has to wait, is told so, and can be unlocked."""

from __future__ import annotations

import pytest
from axes.models import AccessAttempt
from django.core.cache import cache

from mattermost_bridge.models import AuditEntry
from tests.signing_in.conftest import is_signed_in


@pytest.fixture
def guessing(settings, browser):
    """Somebody at an address who tries wrong passwords for Alice, three of which are too many."""
    settings.AXES_FAILURE_LIMIT = 3
    client = browser(address="203.0.113.9")

    def guess(times: int = 3, username: str = "alice"):
        for _ in range(times):
            response = client.post("/login/", {"username": username, "password": "wrong"})
        return response

    return guess


def test_the_sign_in_page_says_how_long_to_wait(alice, guessing):
    response = guessing()
    assert response.status_code == 429
    page = response.content.decode()
    assert "Too many wrong passwords. Wait 15 minutes and try again" in page
    assert 'name="password"' in page
    assert "wrong" not in page.replace("wrong passwords", "")


def test_the_right_password_does_not_help_while_one_waits_whatever_process_is_asked(alice, guessing, browser):
    guessing()
    cache.clear()  # another process, or this one after a restart, remembers nothing
    here = browser(address="203.0.113.9")
    assert here.post("/login/", {"username": "alice", "password": "alice-password-1"}).status_code == 429
    assert is_signed_in(browser("alice", "alice-password-1", "192.0.2.1")), "others are not kept out by a guesser"


def test_being_locked_out_is_one_row_of_the_audit_log(alice, guessing):
    guessing(6)
    row = AuditEntry.objects.get()
    assert (row.verb, row.actor_name, row.address, row.target_id) == (
        "sign_in.locked_out", "alice", "203.0.113.9", str(alice.pk),
    )  # fmt: skip
    assert "15 minutes" in row.summary
    assert "wrong" not in str(row.details)


def test_a_name_that_nobody_has_is_treated_alike(alice, guessing):
    assert guessing(3, "mallory").status_code == 429
    assert AuditEntry.objects.get().target_id == ""


def test_an_administrator_unlocks_with_a_row(alice, people, guessing, browser):
    guessing()
    erin = people("erin", "administrator")
    erins = browser("erin", "erin-password-1")
    attempt = AccessAttempt.objects.get()
    assert "Locked" in erins.get("/axes/accessattempt/").content.decode()
    erins.post(f"/axes/accessattempt/{attempt.pk}/do/unlock/")
    row = AuditEntry.objects.get(verb="sign_in.unlock")
    assert (row.actor, row.address, row.details) == (
        erin, "192.0.2.7", {"username": "alice", "address": "203.0.113.9", "failures": 3},
    )  # fmt: skip
    assert is_signed_in(browser("alice", "alice-password-1", "203.0.113.9"))


def test_being_locked_out_again_after_that_is_another_row(alice, people, guessing, browser):
    people("erin", "administrator")
    guessing()
    browser("erin", "erin-password-1").post(f"/axes/accessattempt/{AccessAttempt.objects.get().pk}/do/unlock/")
    guessing()
    assert AuditEntry.objects.filter(verb="sign_in.locked_out").count() == 2


def test_an_operator_does_not_see_who_is_locked(alice, people, guessing, browser):
    people("dave", "operator")
    guessing()
    daves = browser("dave", "dave-password-1")
    assert daves.get("/axes/accessattempt/").status_code == 403
    assert "203.0.113.9" not in daves.get("/mattermost_bridge/auditentry/").content.decode()
