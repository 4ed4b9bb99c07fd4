"""A person's sessions can be seen and ended, and end by themselves with the password and with the person."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.contrib.auth.models import User
from django.utils import timezone

from mattermost_bridge.models import AuditEntry, PanelSession
from mattermost_bridge.services import sessions
from mattermost_bridge.services.audit import SYSTEM, Actor
from mattermost_bridge.services.errors import NotFound
from tests.signing_in.conftest import is_signed_in


@pytest.fixture
def two(alice, browser):
    """Alice at two browsers."""
    return [browser("alice", "alice-password-1", address, user_agent="Lynx") for address in ("192.0.2.1", "192.0.2.2")]


def test_a_session_knows_whose_it_is_since_when_and_from_where(alice, two):
    rows = list(sessions.sessions_of(alice))
    assert [(row.address, row.browser) for row in rows] == [("192.0.2.2", "Lynx"), ("192.0.2.1", "Lynx")]
    assert timezone.now() - rows[0].signed_in_at < timedelta(minutes=1)


def test_all_others_are_ended_from_my_sign_in_and_this_one_stays(alice, two):
    here, there = two
    page = here.get("/me/").content.decode()
    assert "192.0.2.1" in page
    assert "192.0.2.2" in page
    for row in PanelSession.objects.all():
        assert row.session_key not in page
    here.post("/me/sessions/end/")
    assert is_signed_in(here)
    assert not is_signed_in(there)
    row = AuditEntry.objects.get(verb="user.end_sessions")
    assert (row.actor, row.address, row.details) == (alice, "192.0.2.1", {"ended": 1})


def test_an_administrator_ends_those_of_somebody_else(alice, people, two, browser):
    people("erin", "administrator")
    dora = people("dora", "viewer")
    erins, doras = browser("erin", "erin-password-1"), browser("dora", "dora-password-1")
    address = f"/auth/user/{dora.pk}/do/end_sessions/"
    assert "signed out everywhere" in erins.post(address).content.decode()
    erins.post(address, {"confirmed": "1"})
    assert not is_signed_in(doras)
    erins.post(f"/auth/user/{alice.pk}/do/end_sessions/", {"confirmed": "1"})
    assert is_signed_in(two[0]), "a superuser's sessions are not an administrator's business"


def test_a_new_password_ends_the_others_and_keeps_the_one_that_set_it(alice, two):
    here, there = two
    words = {"old_password": "alice-password-1", "new_password1": "a-new-one-9182", "new_password2": "a-new-one-9182"}
    assert here.post("/password_change/", words).status_code == 302
    assert is_signed_in(here)
    assert not is_signed_in(there)
    assert PanelSession.objects.filter(user=alice).count() == 1
    row = AuditEntry.objects.get(verb="user.password")
    assert (row.actor, row.details) == (alice, {"password": "changed"})
    assert "a-new-one" not in row.summary


def test_a_password_that_an_administrator_sets_ends_all(alice, people, two, browser):
    dora = people("dora", "viewer")
    doras = browser("dora", "dora-password-1")
    words = {"password1": "a-new-one-9182", "password2": "a-new-one-9182", "usable_password": "true"}
    two[0].post(f"/auth/user/{dora.pk}/password/", words)
    assert not PanelSession.objects.filter(user=dora).exists()
    assert not is_signed_in(doras)


def test_switching_somebody_off_ends_theirs(alice, people, browser):
    dora = people("dora", "viewer")
    doras = browser("dora", "dora-password-1")
    dora.is_active = False
    dora.save()
    assert not PanelSession.objects.filter(user=dora).exists()
    assert not is_signed_in(doras)


def test_a_sign_in_that_only_notes_its_time_ends_nothing(alice, two):
    alice.last_login = timezone.now()
    alice.save(update_fields=["last_login"])
    alice.save()
    assert PanelSession.objects.filter(user=alice).count() == 2


def test_sessions_of_nobody_cannot_be_ended(alice):
    with pytest.raises(NotFound):
        sessions.end_all(0, actor=Actor.of(alice))
    sessions.end_all(alice.pk, actor=SYSTEM)
    assert AuditEntry.objects.get().details == {"ended": 0}


def test_rows_whose_time_is_over_are_removed(alice, two):
    PanelSession.objects.filter(address="192.0.2.1").update(expire_date=timezone.now() - timedelta(minutes=1))
    assert sessions.sessions_of(alice).count() == 1
    assert sessions.delete_expired() == 1
    assert PanelSession.objects.get().address == "192.0.2.2"


def test_the_sessions_of_a_user_who_is_removed_go_with_them(alice, people, two, browser):
    dora = people("dora", "viewer")
    doras = browser("dora", "dora-password-1")
    two[0].post(f"/auth/user/{dora.pk}/delete/", {"post": "yes"})
    assert not User.objects.filter(username="dora").exists()
    assert not is_signed_in(doras)
