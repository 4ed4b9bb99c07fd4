"""Who has no rights sees nothing, does nothing and learns nothing, whatever the address."""

from __future__ import annotations

import pytest
from django.contrib import admin
from django.test import Client

from mattermost_bridge.models import Account, AuditEntry, PairingRequest
from mattermost_bridge.models.states import PairingState
from tests.admin.addresses import FOR_EVERYBODY
from tests.admin.addresses import all_addresses as addresses

LEAVES_THE_SESSION = ("/logout/", "/login/")


@pytest.mark.parametrize("method", ["get", "post"])
def test_every_page_and_every_action_is_closed_to_charlie(as_charlie, records, method):
    for address in addresses(records):
        if address in FOR_EVERYBODY:
            continue
        response = getattr(as_charlie, method)(address, follow=True)
        closed = (403, 404) if method == "get" else (403, 404, 405)
        assert response.status_code in closed, f"{method} {address} answered {response.status_code}"
    assert not AuditEntry.objects.exclude(pk=records["auditentry"].pk).exists()


def test_the_same_pages_are_open_to_alice_so_that_the_test_above_looks_at_what_exists(as_alice, records):
    for address in addresses(records):
        if address in LEAVES_THE_SESSION:
            continue
        response = as_alice.get(address, follow=True)
        if "/do/" in address or address.endswith(("/test/", "/try/", "/check/", "/sessions/end/")):
            expected = {405}  # they change or ask something, so a link must not do it
        elif address.endswith(("/add/", "/delete/", "/autocomplete/")):
            expected = {200, 403}  # of most kinds nothing is added or deleted by hand
        else:
            expected = {200}
        assert response.status_code in expected, f"{address} answered {response.status_code}"


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
        if address in LEAVES_THE_SESSION or address in ("/jsi18n/", "/words/"):
            continue
        response = client.post(address)
        assert response.status_code == 302, f"{address} answered {response.status_code}"
        assert "/login/" in response["Location"]
    assert Account.objects.get().enabled


def test_who_may_look_changes_nothing(as_somebody_who, records):
    viewer = as_somebody_who(*(f"view_{name}" for name in records))
    for address in addresses(records):
        if "/do/" not in address and not address.endswith(("/test/", "/try/", "/check/", "/add/")):
            continue
        response = viewer.post(address, {"confirmed": "1"})
        assert response.status_code == 403, f"{address} answered {response.status_code}"
    assert PairingRequest.objects.get().state == PairingState.PENDING


def test_who_may_look_can_open_every_list_and_page(as_somebody_who, records):
    viewer = as_somebody_who(*(f"view_{name}" for name in records))
    for address in addresses(records):
        if address.endswith("/change/") or address.count("/") == 3:
            response = viewer.get(address, follow=True)
            assert response.status_code == 200, f"{address} answered {response.status_code}"
            assert "du-button-danger" not in response.content.decode(), address


def test_a_bulk_action_of_somebody_without_the_right_does_nothing(as_somebody_who, records):
    viewer = as_somebody_who("view_pairingrequest", "view_account")
    pk = records["pairingrequest"].pk
    viewer.post("/mattermost_bridge/pairingrequest/", {"action": "approve", "_selected_action": [pk]})
    assert PairingRequest.objects.get().state == PairingState.PENDING
