"""The first page says in a glance whether anything needs a hand, and lets people do it there."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.core.cache import cache
from django.utils import timezone

from mattermost_bridge.models import BridgeDefaults, ListenerLease, OutboxState
from mattermost_bridge.models.states import ConnectionPhase, DeliveryState, EventState, TurnState
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
    assert "All is well" in page
    assert "Operations" in page
    assert "Next steps" not in page


def test_what_needs_a_hand_stands_there_with_its_buttons(as_alice, defaults):
    request = factories.PairingRequestFactory(username="carol")
    delivery = factories.DeliveryFactory(text="an answer that did not arrive", state=DeliveryState.DEAD)
    event = factories.InboundEventFactory(text="could not be decided", state=EventState.FAILED, error="away")
    page = as_alice.get("/").content.decode()
    assert "All is well" not in page
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


def test_accounts_without_an_agent_are_named_with_the_way_to_choose_one(as_alice, defaults):
    factories.AgentFactory()
    account = factories.AccountFactory(agent=None)
    page = as_alice.get("/").content.decode()
    assert "Choose an agent" in page
    assert f"/mattermost_bridge/account/{account.pk}/agent/" in page


def test_each_part_is_shown_to_those_only_who_may_see_it(as_somebody_who, defaults):
    factories.PairingRequestFactory(username="carol", account__name="Operations")
    factories.DeliveryFactory(text="an answer that did not arrive", account__name="Support")
    page = as_somebody_who("view_delivery").get("/").content.decode()
    assert "an answer that did not arrive" in page
    assert "@carol" not in page
    assert "send_again" not in page


def test_a_turn_that_failed_stands_there_with_retry_and_discard(as_alice, defaults):
    turn = factories.TurnFactory(state=TurnState.FAILED, question="what now?", error="The agent answered 500.")
    page = as_alice.get("/").content.decode()
    for word in (
        "what now?",
        "The agent answered 500.",
        f"/turn/{turn.pk}/do/retry/",
        f"/turn/{turn.pk}/do/put_aside/",
    ):
        assert word in page
    as_alice.post(f"/mattermost_bridge/turn/{turn.pk}/do/put_aside/", {"confirmed": "1"})
    assert "All is well" in as_alice.get("/").content.decode()


def test_an_account_whose_worker_fell_silent_is_down_whatever_was_noted(as_alice, defaults):
    account = factories.AccountFactory(name="Support")
    assert "All is well" in as_alice.get("/").content.decode()
    ListenerLease.objects.filter(account=account).update(expires_at=timezone.now() - timedelta(seconds=5))
    page = as_alice.get("/").content.decode()
    assert "Accounts that hear nothing" in page
    assert "The worker that listened is gone" in page
    assert f"/mattermost_bridge/account/{account.pk}/do/reconnect/" in page
    listed = as_alice.get("/mattermost_bridge/account/?connection=trouble").content.decode()
    assert "Support" in listed


def test_an_account_that_is_switched_off_is_not_down(as_alice, defaults):
    account = factories.AccountFactory(enabled=False)
    ListenerLease.objects.filter(account=account).update(phase=ConnectionPhase.DISABLED, holder="")
    assert "All is well" in as_alice.get("/").content.decode()


def test_a_bridge_that_is_switched_off_is_said_once(as_alice, defaults):
    BridgeDefaults.objects.update(enabled=False)
    for _ in range(3):
        account = factories.AccountFactory()
        ListenerLease.objects.filter(account=account).update(phase=ConnectionPhase.DISABLED, holder="")
    page = as_alice.get("/").content.decode()
    assert page.count("The bridge as a whole is switched off") == 1
    assert "Accounts that hear nothing" not in page


def test_settings_that_cannot_work_lead_to_where_they_are_set_right(as_alice, defaults):
    account = factories.AccountFactory(dm_policy="allowlist", own_allow_from=True)
    page = as_alice.get("/").content.decode()
    assert "nobody is on the list" in page
    assert f"/mattermost_bridge/account/{account.pk}/access/" in page


def test_what_holds_up_an_outbox_and_what_a_connection_warns_of_is_said(as_alice, defaults):
    account = factories.AccountFactory()
    ListenerLease.objects.filter(account=account).update(warning="The bot is in no team.")
    OutboxState.objects.filter(account=account).update(parked_since=timezone.now(), parked_reason="Token refused.")
    page = as_alice.get("/").content.decode()
    assert "The bot is in no team." in page
    assert "Nothing is sent: Token refused." in page


def test_a_card_shows_the_first_few_and_says_that_there_are_more(as_alice, defaults):
    account = factories.AccountFactory()
    factories.DeliveryFactory.create_batch(10, account=account, state=DeliveryState.DEAD)
    (card,) = as_alice.get("/").context["needs"]
    assert (len(card.rows), card.more) == (10, False)
    factories.DeliveryFactory(account=account, state=DeliveryState.DEAD)
    page = as_alice.get("/")
    (card,) = page.context["needs"]
    assert (len(card.rows), card.more) == (10, True)
    assert "There are more." in page.content.decode()


def test_a_token_that_is_refused_is_said_once_and_leads_to_where_another_one_is_entered(as_alice, defaults):
    account = factories.AccountFactory()
    reason = "The server refuses the token."
    ListenerLease.objects.filter(account=account).update(phase=ConnectionPhase.TOKEN_REFUSED, reason=reason)
    OutboxState.objects.filter(account=account).update(parked_since=timezone.now(), parked_reason=reason)
    (card,) = as_alice.get("/").context["needs"]
    assert card.name == "down"
    assert f"/mattermost_bridge/account/{account.pk}/change/" in card.rows[0].buttons
    assert f"/mattermost_bridge/account/{account.pk}/do/reconnect/" in card.rows[0].buttons


def test_an_account_that_hears_and_sends_nothing_is_down_too_after_a_minute(as_alice, defaults):
    account = factories.AccountFactory()
    outbox = OutboxState.objects.filter(account=account)
    outbox.update(paused_since=timezone.now(), paused_reason="The server does not answer.")
    assert as_alice.get("/").context["calm"]
    outbox.update(paused_since=timezone.now() - timedelta(minutes=2))
    (card,) = as_alice.get("/").context["needs"]
    assert (card.name, "It is tried again by itself." in card.rows[0].note) == ("held", True)
    outbox.update(parked_since=timezone.now(), parked_reason="Token refused.")
    (card,) = as_alice.get("/").context["needs"]
    assert f"/mattermost_bridge/account/{account.pk}/do/reconnect/" in card.rows[0].buttons


def test_messages_in_and_out_and_the_strip_stand_beside_each_account(as_alice, defaults):
    account = factories.AccountFactory()
    factories.InboundEventFactory.create_batch(3, account=account)
    factories.InboundEventFactory(account=account, reason="own_post", outcome="ignored")
    factories.DeliveryFactory.create_batch(2, account=account, state=DeliveryState.SENT)
    rows = as_alice.get("/").context["accounts"].rows
    assert [(row["heard"], row["sent"]) for row in rows] == [(3, 2)]
    assert 'role="img"' in rows[0]["strip"]


def test_hundreds_of_accounts_come_in_pages_with_those_in_trouble_first(as_alice, defaults):
    agent = factories.AgentFactory()
    for _ in range(60):
        last = factories.AccountFactory(agent=agent)
    ListenerLease.objects.filter(account=last).update(phase=ConnectionPhase.BACKING_OFF)
    first = as_alice.get("/").context["accounts"]
    assert (len(first.rows), first.total, first.connected) == (50, 60, 59)
    assert last.account_id in first.rows[0]["account"]
    assert len(as_alice.get("/?accounts=2").context["accounts"].rows) == 10
    assert len(as_alice.get("/?accounts=nonsense").context["accounts"].rows) == 50


def test_numbers_are_of_those_accounts_only_that_the_person_may_see(as_alice, as_somebody_who, defaults):
    from mattermost_bridge.models import AccountGrant, StaffProfile

    mine, other = factories.AccountFactory(), factories.AccountFactory()
    factories.InboundEventFactory(account=mine)
    factories.InboundEventFactory.create_batch(4, account=other)
    bob = as_somebody_who("view_account", "view_inboundevent", "view_delivery")
    user = as_user(bob)
    StaffProfile.objects.update_or_create(user=user, defaults={"limited": True})
    AccountGrant.objects.create(user=user, account=mine)
    cache.clear()
    shown = bob.get("/").context
    assert [row["heard"] for row in shown["accounts"].rows] == [1]
    assert shown["charts"][0].summary.startswith("1 ")
    assert as_alice.get("/").context["charts"][0].summary.startswith("5 ")


def as_user(client):
    """Who is signed in there."""
    return client.get("/").context["user"]
