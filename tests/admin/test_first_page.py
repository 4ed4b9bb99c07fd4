"""The first page says in a glance whether anything needs a hand, and lets people do it there."""

from __future__ import annotations

import pytest

from mattermost_bridge.models import BridgeDefaults, ListenerLease
from mattermost_bridge.models.states import ConnectionPhase, DeliveryState, EventState
from tests import factories


@pytest.fixture
def defaults(db):
    return BridgeDefaults.objects.create(pk=1)


def test_a_new_installation_says_what_to_do_first(as_alice, defaults):
    page = as_alice.get("/").content.decode()
    assert "Next steps" in page
    assert "/mattermost_bridge/account/add/" in page
    assert "/mattermost_bridge/agent/add/" in page


def test_who_may_not_add_is_not_offered_to(as_somebody_who, defaults):
    page = as_somebody_who("view_account").get("/").content.decode()
    assert "Add an account" in page
    assert "/mattermost_bridge/account/add/" not in page


def test_nothing_waiting_is_a_calm_page(as_alice, defaults):
    factories.AccountFactory(name="Operations")
    page = as_alice.get("/").content.decode()
    assert "Nothing needs a hand" in page
    assert "Operations" in page
    assert "Next steps" not in page


def test_what_needs_a_hand_stands_there_with_its_buttons(as_alice, defaults):
    request = factories.PairingRequestFactory(username="carol")
    delivery = factories.DeliveryFactory(text="an answer that did not arrive", state=DeliveryState.DEAD)
    event = factories.InboundEventFactory(text="could not be decided", state=EventState.FAILED, error="away")
    page = as_alice.get("/").content.decode()
    assert "Nothing needs a hand" not in page
    for word in ("@carol", request.code, "an answer that did not arrive", "could not be decided"):
        assert word in page
    assert f"/mattermost_bridge/pairingrequest/{request.pk}/do/approve/" in page
    assert f"/mattermost_bridge/delivery/{delivery.pk}/do/send_again/" in page
    assert f"/mattermost_bridge/inboundevent/{event.pk}/do/decide_again/" in page


def test_accounts_that_are_down_come_first_with_their_reason(as_alice, defaults):
    factories.AccountFactory(account_id="a-good-one", name="Good one")
    down = factories.AccountFactory(account_id="z-down", name="Down one")
    ListenerLease.objects.filter(account=down).update(
        phase=ConnectionPhase.TOKEN_REFUSED, reason="The server refuses the token."
    )
    page = as_alice.get("/").content.decode()
    assert page.index("Down one") < page.index("Good one")
    assert "The server refuses the token." in page
    assert f"/mattermost_bridge/account/{down.pk}/do/reconnect/" in page


def test_accounts_without_an_agent_are_a_next_step(as_alice, defaults):
    factories.AgentFactory()
    factories.AccountFactory(agent=None)
    page = as_alice.get("/").content.decode()
    assert "Choose an agent" in page


def test_each_part_is_shown_to_those_only_who_may_see_it(as_somebody_who, defaults):
    factories.PairingRequestFactory(username="carol", account__name="Operations")
    factories.DeliveryFactory(text="an answer that did not arrive", account__name="Support")
    page = as_somebody_who("view_delivery").get("/").content.decode()
    assert "an answer that did not arrive" in page
    assert "@carol" not in page
    assert "send_again" not in page
