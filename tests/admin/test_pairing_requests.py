"""Pairing requests are approved, rejected and blocked in the list, one by one and many at once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.test import Client
from django.utils import timezone

from mattermost_bridge.models import AccessEntry, AuditEntry, BlockedUser, PairingRequest
from mattermost_bridge.models.states import EntrySource, PairingState
from mattermost_bridge.services import pairing
from mattermost_bridge.services.audit import Actor
from tests import factories
from tests.admin.conftest import messages_of, signed_in

LIST = "/mattermost_bridge/pairingrequest/"


@pytest.fixture
def request_(db):
    return factories.PairingRequestFactory(username="carol", code="ABCD2345")


def do(request, verb: str) -> str:
    return f"{LIST}{request.pk}/do/{verb}/"


def state_of(request) -> str:
    return PairingRequest.objects.get(pk=request.pk).state


def test_the_list_shows_who_waits_with_code_and_time_left(as_alice, request_):
    factories.PairingRequestFactory(username="dave", state=PairingState.APPROVED)
    page = as_alice.get(LIST).content.decode()
    assert "@carol" in page
    assert "ABCD2345" in page
    assert "49 min" in page
    assert "@dave" not in page
    assert "@dave" in as_alice.get(f"{LIST}?state=approved").content.decode()


def test_a_request_whose_hour_is_over_no_longer_waits(as_alice, request_):
    PairingRequest.objects.update(expires_at=timezone.now() - timedelta(seconds=1))
    assert "@carol" not in as_alice.get(LIST).content.decode()
    page = as_alice.get(f"{LIST}?state=expired").content.decode()
    assert "Expired" in page
    assert do(request_, "approve") not in page


def test_one_press_approves(as_alice, alice, request_):
    response = as_alice.post(do(request_, "approve"), follow=True)
    assert state_of(request_) == PairingState.APPROVED
    entry = AccessEntry.objects.get(source=EntrySource.PAIRING)
    assert (entry.value, entry.added_by) == (request_.user_id, alice)
    assert "1 request approved" in messages_of(response)[0]
    audit = AuditEntry.objects.get(verb="pairing.approve")
    assert (audit.actor, audit.via) == (alice, "panel")


def test_a_link_alone_changes_nothing(as_alice, request_):
    assert as_alice.get(do(request_, "approve")).status_code == 405
    assert state_of(request_) == PairingState.PENDING


def test_a_press_without_the_token_of_the_page_is_refused(alice, request_):
    strict = Client(enforce_csrf_checks=True)
    strict.cookies = signed_in(alice).cookies
    assert strict.post(do(request_, "approve")).status_code == 403
    assert state_of(request_) == PairingState.PENDING


def test_a_press_leads_back_to_where_it_was_made_and_nowhere_else(as_alice, request_):
    other = factories.PairingRequestFactory(account=request_.account)
    here = as_alice.post(do(request_, "reject"), headers={"referer": "http://testserver/?x=1"})
    assert here["Location"] == "http://testserver/?x=1"
    away = as_alice.post(do(other, "reject"), headers={"referer": "https://evil.example.com/"})
    assert away["Location"] == LIST


def test_blocking_asks_first_and_says_what_will_happen(as_alice, request_):
    page = as_alice.post(do(request_, "block"))
    assert "does not answer the person any more" in page.content.decode()
    assert not BlockedUser.objects.exists()
    as_alice.post(do(request_, "block"), {"confirmed": "1"})
    assert BlockedUser.objects.get().user_id == request_.user_id
    assert state_of(request_) == PairingState.REJECTED


def test_many_are_approved_at_once(as_alice, request_):
    others = factories.PairingRequestFactory.create_batch(2, account=request_.account)
    chosen = [request_.pk, *(other.pk for other in others)]
    response = as_alice.post(LIST, {"action": "approve", "_selected_action": chosen}, follow=True)
    assert AccessEntry.objects.filter(source=EntrySource.PAIRING).count() == 3
    assert messages_of(response)[0].startswith("3 requests approved")


def test_blocking_many_asks_first(as_alice, request_):
    other = factories.PairingRequestFactory(account=request_.account)
    chosen = {"action": "block", "_selected_action": [request_.pk, other.pk]}
    page = as_alice.post(LIST, chosen)
    assert 'name="confirmed"' in page.content.decode()
    assert not BlockedUser.objects.exists()
    as_alice.post(LIST, {**chosen, "confirmed": "1"})
    assert BlockedUser.objects.count() == 2


def test_the_second_of_two_who_press_is_told_who_was_first(as_alice, request_):
    pairing.reject(request_id=request_.pk, actor=Actor("bob", "command"))
    response = as_alice.post(do(request_, "approve"), follow=True)
    assert "was rejected by bob" in messages_of(response)[0]
    assert state_of(request_) == PairingState.REJECTED


def test_of_many_those_that_can_be_approved_are_and_the_others_are_explained(as_alice, request_):
    late = factories.PairingRequestFactory(account=request_.account)
    pairing.approve(request_id=late.pk, actor=Actor("bob", "command"))
    PairingRequest.objects.filter(pk=late.pk).update(created_at=timezone.now())
    chosen = {"action": "approve", "_selected_action": [request_.pk, late.pk]}
    response = as_alice.post(f"{LIST}?state=all", chosen, follow=True)
    told = messages_of(response)
    assert told[0].startswith("1 request approved")
    assert "was approved by bob" in told[1]


def test_codes_are_shown_and_found_only_by_those_who_may_approve(as_somebody_who, request_):
    viewer = as_somebody_who("view_pairingrequest", "view_delivery", "view_account")
    operator = as_somebody_who("view_pairingrequest", "change_pairingrequest")
    one = f"{LIST}{request_.pk}/change/"
    for address in (LIST, one, "/"):
        page = viewer.get(address).content.decode()
        assert "@carol" in page, address
        assert "ABCD2345" not in page, address
        assert do(request_, "approve") not in page
    for address in (LIST, one, "/"):
        assert "ABCD2345" in operator.get(address).content.decode(), address
    assert "@carol" not in viewer.get(f"{LIST}?q=ABCD2345").content.decode()
    assert "@carol" in operator.get(f"{LIST}?q=ABCD2345").content.decode()


def test_the_sidebar_counts_those_who_wait(as_alice, as_somebody_who, request_):
    factories.PairingRequestFactory(state=PairingState.REJECTED)
    items = {
        str(item["title"]): item
        for group in as_alice.get(LIST).context["sidebar_navigation"]
        for item in group["items"]
    }
    assert items["Pairing requests"]["badge"] == "1"
    assert items["Deliveries not sent"]["badge"] == ""
    other = as_somebody_who("view_agent").get("/mattermost_bridge/agent/")
    shown = [item for group in other.context["sidebar_navigation"] for item in group["items"] if item["has_permission"]]
    assert [str(item["title"]) for item in shown] == ["Overview", "Help", "Agents"]
