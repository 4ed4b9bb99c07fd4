"""`Durar directory`: names on the command line, from the server or from what is known."""

from __future__ import annotations

import json
from io import StringIO

import pytest
from django.core.cache import cache
from django.core.management import CommandError, call_command

from mattermost_bridge.mattermost.rest import close_clients
from tests.bridge import make_account

pytestmark = pytest.mark.django_db


@pytest.fixture(autouse=True)
def account(sandbox):
    cache.clear()
    yield make_account(base_url=sandbox.base_url, bot_token=sandbox.token("durar"), bot_user_id="b" * 26)
    close_clients()


def directory(*words):
    out, err = StringIO(), StringIO()
    call_command("directory", *words, stdout=out, stderr=err)
    return out.getvalue(), err.getvalue()


def test_people_are_found_by_name(sandbox):
    out, _ = directory("peers", "--query", "car")
    assert out == f"user:{sandbox.user_id('carol')}\tcarol\tCarol Cooper\n"
    found = json.loads(directory("peers", "--query", "car", "--account", "default", "--json")[0])
    assert found == [
        {"kind": "user", "id": f"user:{sandbox.user_id('carol')}", "name": "carol", "handle": "Carol Cooper"}
    ]


def test_channels_are_found_by_name(sandbox):
    (found,) = json.loads(directory("groups", "--query", "inci", "--json")[0])
    assert found == {
        "kind": "channel",
        "id": f"channel:{sandbox.channel_id('incidents')}",
        "name": "incidents",
        "handle": "Incidents",
    }


def test_without_a_search_what_is_known_is_listed_after_it_was_fetched():
    assert "refresh" in directory("peers")[0]
    assert directory("refresh")[0].startswith("Fetched the names of")
    assert "carol" in directory("peers")[0]
    assert "town-square" in directory("groups")[0]


def test_trouble_is_said_beside_what_is_known(sandbox):
    directory("peers", "--query", "carol")
    sandbox.revoke("durar")
    out, err = directory("peers", "--query", "caro")
    assert "carol" in out
    assert "refuses the bot token" in err
    with pytest.raises(CommandError, match="could not be fetched"):
        directory("refresh")
    sandbox.restore("durar")


def test_an_unknown_account_is_an_error_that_names_the_others():
    with pytest.raises(CommandError, match=r"There is no account nobody. Accounts: default"):
        directory("peers", "--account", "nobody")
