"""A command on a machine where nothing ran yet makes the database; on an old or missing one it says what to do."""

import json
from io import StringIO

import pytest
from django.core.management import call_command
from django.core.management.base import CommandError
from django.db import OperationalError

from mattermost_bridge.management import database
from mattermost_bridge.management.commands import pairing


@pytest.fixture
def made(monkeypatch):
    """What was done to the database."""
    done = []
    monkeypatch.setattr(database, "bring_up_to_date", lambda: done.append("migrated"))
    return done


def broken(*args, **options):
    raise OperationalError("no such column: mattermost_bridge_account.colour\nmore about it")


@pytest.mark.django_db
def test_the_first_command_makes_the_database(made, monkeypatch):
    monkeypatch.setattr(database, "is_made", lambda: False)
    printed, said = StringIO(), StringIO()
    call_command("pairing", "list", "--json", stdout=printed, stderr=said)
    assert (made, json.loads(printed.getvalue())["requests"]) == (["migrated"], [])
    assert "Preparing the database." in said.getvalue()


@pytest.mark.django_db
def test_one_that_is_made_is_left_alone(made):
    call_command("pairing", "list", stdout=StringIO())
    assert made == []


@pytest.mark.django_db
def test_one_that_is_older_is_not_changed_and_the_command_says_what_to_do(made, monkeypatch):
    monkeypatch.setattr(database, "is_up_to_date", lambda: False)
    monkeypatch.setattr(pairing.Command, "handle", broken)
    with pytest.raises(CommandError, match=r"older than this program\. Start Durar with Durar up"):
        call_command("pairing", "list")
    assert made == []


@pytest.mark.django_db
def test_one_that_cannot_be_used_is_one_sentence(monkeypatch):
    monkeypatch.setattr(pairing.Command, "handle", broken)
    with pytest.raises(CommandError, match=r"^The database cannot be used: no such column: [^\n]*\. Check [^\n]*\.$"):
        call_command("pairing", "list")
