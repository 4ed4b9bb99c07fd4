"""*Test connection* tries what the form says, before anything is saved, and answers in place."""

from __future__ import annotations

import pytest
from django.core.cache import cache
from django.test import Client

from mattermost_bridge.models import Account, BridgeDefaults
from mattermost_bridge.services.probing import ConnectionTest
from tests import factories
from tests.admin.conftest import signed_in

NEW = "/mattermost_bridge/account/test/"
TOKEN = "newtokennewtokennewtoken26"


@pytest.fixture
def account(db):
    return factories.AccountFactory(bot_username="opsbot")


def one(account) -> str:
    return f"/mattermost_bridge/account/{account.pk}/test/"


def test_it_names_the_bot_and_its_teams(as_alice, tested):
    answer = as_alice.post(NEW, {"base_url": "https://chat.example.com", "token": TOKEN}).json()
    assert answer["tone"] == "good"
    assert "@newbot" in answer["title"]
    assert "Teams: Support" in answer["lines"]
    assert tested.asked == [("https://chat.example.com", TOKEN, "")]
    assert not Account.objects.exists()


def test_it_says_what_is_wrong(as_alice, tested):
    tested.answer = ConnectionTest(ok=False, problem="The server refuses the bot token. Copy it again.")
    answer = as_alice.post(NEW, {"base_url": "https://chat.example.com", "token": TOKEN}).json()
    assert answer["tone"] == "bad"
    assert answer["lines"] == ["The server refuses the bot token. Copy it again."]


def test_a_new_account_without_an_address_is_tested_at_the_defaults(as_alice, tested):
    BridgeDefaults.objects.create(pk=1, base_url="https://inherited.example.com")
    as_alice.post(NEW, {"base_url": "", "token": TOKEN})
    assert tested.asked == [("https://inherited.example.com", TOKEN, "")]


def test_a_saved_account_is_tested_with_its_stored_token(as_alice, account, tested):
    as_alice.post(one(account), {"base_url": account.base_url, "token": ""})
    assert tested.asked == [(account.base_url, account.bot_token, "")]


def test_the_stored_token_is_not_sent_to_another_host(as_alice, account, tested):
    answer = as_alice.post(one(account), {"base_url": "https://evil.example.com", "token": ""}).json()
    assert answer["tone"] == "bad"
    assert "Enter the bot token again" in answer["lines"][0]
    assert tested.asked == []


def test_another_bot_than_before_is_pointed_out(as_alice, account, tested):
    answer = as_alice.post(one(account), {"base_url": account.base_url, "token": TOKEN}).json()
    assert any("another bot than before (@opsbot)" in line for line in answer["lines"])


def test_no_answer_contains_the_token(as_alice, account, tested):
    for result in (tested.answer, ConnectionTest(ok=False, problem="No.")):
        tested.answer = result
        text = as_alice.post(one(account), {"base_url": account.base_url, "token": TOKEN}).content.decode()
        assert TOKEN not in text
        assert account.bot_token not in text


def test_a_person_tests_one_thing_at_a_time(as_alice, alice, tested):
    cache.set(f"durar-asking-{alice.pk}", 1)
    answer = as_alice.post(NEW, {"base_url": "https://chat.example.com", "token": TOKEN}).json()
    assert answer["tone"] == "warning"
    assert tested.asked == []
    cache.clear()
    as_alice.post(NEW, {"base_url": "https://chat.example.com", "token": TOKEN})
    as_alice.post(NEW, {"base_url": "https://chat.example.com", "token": TOKEN})
    assert len(tested.asked) == 2


def test_it_needs_the_token_of_the_page(alice, tested):
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = signed_in(alice).cookies
    assert strict.post(NEW, {"base_url": "https://chat.example.com", "token": TOKEN}).status_code == 403
    assert tested.asked == []
