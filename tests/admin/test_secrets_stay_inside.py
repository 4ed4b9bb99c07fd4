"""No page of the panel contains a token or a key, for nobody."""

from __future__ import annotations

import pytest

from mattermost_bridge.models import Account, Agent
from tests.admin.addresses import NOWHERE
from tests.admin.addresses import all_addresses as addresses

TOKEN = "tokenthatmustneverbeshown0"
KEY = "sk-key-that-must-never-be-shown"


@pytest.fixture
def with_secrets(records):
    account = records["account"]
    account.bot_token = TOKEN
    account.save()
    agent = records["agent"]
    agent.api_key = KEY
    agent.save()
    return records


def test_every_page_opens_and_shows_no_secret(as_alice, with_secrets):
    """The walks of Charlie, Bob and the viewer look at the same addresses: here it is seen that they exist."""
    for address in addresses(with_secrets):
        if address in ("/logout/", "/login/"):
            continue
        response = as_alice.get(address, follow=True)
        asks = ("/test/", "/try/", "/check/", "/sessions/end/")
        if "/do/" in address or "/all/" in address or address.endswith(asks):
            expected = {405}  # they change or ask something, so a link must not do it
        elif address.endswith(("/add/", "/delete/", "/autocomplete/")):
            expected = {200, 403}  # of most kinds nothing is added or deleted by hand
        else:
            expected = {404} if address == NOWHERE or address.startswith("/r/") else {200}
        assert response.status_code in expected, f"{address} answered {response.status_code}"
        page = b"".join(response).decode()
        for secret in (TOKEN, KEY, "v1:gAAAA"):
            assert secret not in page, address


def test_a_form_with_errors_does_not_give_back_what_was_typed(as_alice, with_secrets, tested):
    account, agent = Account.objects.get(), Agent.objects.get()
    wrong = {"text_chunk_limit": "1", "total_time": "x"}
    for address, values in (
        (f"/mattermost_bridge/account/{account.pk}/change/", {"token": TOKEN, **wrong}),
        ("/mattermost_bridge/account/add/", {"token": TOKEN, **wrong}),
        (f"/mattermost_bridge/agent/{agent.pk}/change/", {"key": KEY, **wrong}),
        ("/mattermost_bridge/agent/add/", {"key": KEY, **wrong}),
    ):
        response = as_alice.post(address, values)
        assert response.status_code == 200
        page = response.content.decode()
        assert "errorlist" in page or "text-red-600" in page
        for secret in (TOKEN, KEY):
            assert secret not in page, address


def test_a_token_pasted_into_the_field_for_references_is_not_shown_again(as_alice, with_secrets, tested):
    values = {"account_id": "other", "base_url": "https://chat.example.com", "token_ref": TOKEN, "enabled": "on"}
    page = as_alice.post("/mattermost_bridge/account/add/", values).content.decode()
    assert TOKEN not in page
