"""Who has no rights sees nothing, does nothing and learns nothing, whatever the address."""

from __future__ import annotations

import pytest
from allauth.mfa.models import Authenticator
from django.contrib import admin
from django.test import Client

from mattermost_bridge.models import Account, PairingRequest
from mattermost_bridge.models.states import PairingState
from tests.admin.addresses import FOR_EVERYBODY, NOWHERE, addresses_of_sign_in
from tests.admin.addresses import all_addresses as addresses
from tests.admin.conftest import everything

pytestmark = pytest.mark.usefixtures("plain_errors")

LEAVES_THE_SESSION = ("/logout/", "/login/")


def test_every_page_and_every_action_is_closed_to_charlie(as_charlie, records):
    """That they are open to others, test_secrets_stay_inside sees."""
    before = everything()
    for address in addresses(records):
        if address in FOR_EVERYBODY:
            continue
        for method, closed in (("get", (403, 404)), ("post", (403, 404, 405))):
            words = {"account": records["account"].pk, "q": "a", "confirmed": "1"}
            response = getattr(as_charlie, method)(address, words, follow=True)
            assert response.status_code in closed, f"{method} {address} answered {response.status_code}"
    assert everything() == before


def test_pages_about_signing_in_show_charlie_nothing_but_his_own(as_charlie, alice, records):
    key = Authenticator.objects.create(user=alice, type="webauthn", data={"name": "foreign key"})
    for address in addresses_of_sign_in(key.pk):
        if address == "/login/cancel/":
            continue
        for method in (as_charlie.get, as_charlie.post):
            page = b"".join(method(address, {"name": "Mine"}, follow=True)).decode()
            assert "foreign key" not in page
            assert "/mattermost_bridge/" not in page
    key.refresh_from_db()
    assert key.data == {"name": "foreign key"}


def test_what_is_open_to_everybody_shows_charlie_no_record(as_charlie, records):
    for address in FOR_EVERYBODY - {"/logout/"}:
        page = b"".join(as_charlie.get(address, {"s": "account"}, follow=True)).decode()
        for record in (records["account"], records["agent"], records["pairingrequest"]):
            assert str(record) not in page, address


def test_every_kind_of_record_has_addresses_in_this_test(records):
    assert {model._meta.model_name for model in admin.site._registry} <= set(records)


def test_the_first_page_shows_charlie_nothing(as_charlie, records):
    page = as_charlie.get("/").content.decode()
    assert "You have no rights here yet" in page
    for record in records.values():
        for word in (getattr(record, "account_id", None), getattr(record, "username", None)):
            if word and isinstance(word, str) and word != "charlie":
                assert word not in page
    assert records["pairingrequest"].code not in page


def test_the_search_finds_nothing_for_charlie(as_charlie, records):
    for extra in ("", "&extended=1"):
        page = as_charlie.get(f"/search/?s=account{extra}").content.decode()
        assert records["account"].account_id not in page
        assert "/mattermost_bridge/" not in page


def test_who_is_not_signed_in_is_asked_to_sign_in(records):
    client = Client()
    for address in addresses(records):
        if address in (*LEAVES_THE_SESSION, NOWHERE, "/jsi18n/", "/words/"):
            continue
        response = client.post(address)
        assert response.status_code == 302, f"{address} answered {response.status_code}"
        assert "/login/" in response["Location"]
    assert Account.objects.get().enabled


def test_a_bulk_action_of_somebody_without_the_right_does_nothing(as_somebody_who, records):
    viewer = as_somebody_who("view_pairingrequest", "view_account")
    pk = records["pairingrequest"].pk
    viewer.post("/mattermost_bridge/pairingrequest/", {"action": "approve", "_selected_action": [pk]})
    assert PairingRequest.objects.get().state == PairingState.PENDING
