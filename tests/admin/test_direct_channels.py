"""Direct channels in the panel: who, how far, why, what can be done; and the form that sends a message."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from mattermost_bridge.models import (
    Account,
    AuditEntry,
    BridgeDefaults,
    Delivery,
    DirectChannel,
    KnownPerson,
)
from mattermost_bridge.models.states import DeliveryState, DirectChannelState
from mattermost_bridge.services import messages
from mattermost_bridge.services.errors import NotFound
from mattermost_bridge.services.messages import Target
from tests import factories
from tests.admin.conftest import messages_of
from tests.bridge import collected_hints

LIST = "/mattermost_bridge/directchannel/"
SEND = f"{LIST}send/"
CAROL = "carol".ljust(26, "x")


@pytest.fixture(autouse=True)
def hints():
    """No hint leaves the process."""
    with collected_hints() as hints:
        yield hints


@pytest.fixture
def waiting(db) -> Delivery:
    """A message that waits while its direct channel is tried again."""
    return factories.WaitingDeliveryFactory(direct_channel__username="carol", direct_channel__user_id=CAROL)


def do(row: DirectChannel, verb: str) -> str:
    return f"{LIST}{row.pk}/do/{verb}/"


def form(client, **values) -> dict:
    page = client.get(SEND, values)
    return {**page.context["form"].initial, **values}


def test_the_list_shows_who_state_attempt_next_error_and_how_many_wait(as_alice, waiting):
    page = as_alice.get(LIST).content.decode()
    for words in ("@carol", "Being opened", "1 of 4", "in 4 min", "Mattermost API 503", "503", "Retry now", "Give up"):
        assert words in page
    assert as_alice.get(f"{LIST}?question=retried").context["cl"].result_count == 1
    assert as_alice.get(f"{LIST}?question=failed").context["cl"].result_count == 0


def test_each_state_says_what_there_is_to_say(as_alice):
    account = factories.AccountFactory()
    factories.DirectChannelFactory(account=account, claimed_by="worker-7", claim_until=timezone.now())
    factories.DirectChannelFactory(account=account, next_attempt_at=None, attempt=0, error="")
    factories.DirectChannelFactory(
        account=account, state=DirectChannelState.READY, channel_id="c" * 26, attempt=0, error=""
    )
    failed = factories.DirectChannelFactory(account=account, state=DirectChannelState.FAILED, attempt=4)
    factories.WaitingDeliveryFactory(direct_channel=failed, state=DeliveryState.DEAD)
    page = as_alice.get(LIST).content.decode()
    assert page.count("/do/retry_now/") == 2  # what is being tried cannot be tried twice
    for words in ("1 not delivered", "Being tried", "at once", "known without asking", "4 of 4", "Failed", "Open"):
        assert words in page


def test_a_page_shows_values_and_error_and_leads_to_the_messages(as_alice, waiting):
    page = as_alice.get(f"{LIST}{waiting.direct_channel.pk}/change/").content.decode()
    assert "3 retries, first after 1000 ms, at most 10000 ms apart, 30000 ms for an attempt" in page
    assert "Mattermost API 503 Service Unavailable" in page
    assert f"q={CAROL}" in page
    assert f"to={CAROL}" in page


def test_a_parked_account_is_said_on_the_page(as_alice, waiting):
    from mattermost_bridge.models import OutboxState

    OutboxState.objects.update(parked_since=timezone.now(), parked_reason="The server refuses the bot's token.")
    page = as_alice.get(f"{LIST}{waiting.direct_channel.pk}/change/").content.decode()
    assert "Nothing is tried for this account: The server refuses" in page
    assert "once the token works" in page


def test_retry_now_ends_the_waiting(as_alice, waiting, hints, django_capture_on_commit_callbacks):
    with django_capture_on_commit_callbacks(execute=True):
        response = as_alice.post(do(waiting.direct_channel, "retry_now"), follow=True)
    assert messages_of(response) == ["1 direct channel is tried now."]
    assert DirectChannel.objects.get().next_attempt_at is None
    assert "durar.deliveries.resolve_direct_channel" in hints.names()


def test_give_up_asks_first_and_then_cancels_what_waits(as_alice, waiting):
    page = as_alice.post(do(waiting.direct_channel, "give_up"))
    assert "are cancelled" in page.content.decode()
    assert DirectChannel.objects.get().state == DirectChannelState.RESOLVING
    as_alice.post(do(waiting.direct_channel, "give_up"), {"confirmed": "1"})
    assert DirectChannel.objects.get().state == DirectChannelState.GIVEN_UP
    assert (Delivery.objects.get().state, Delivery.objects.get().error) == ("cancelled", "Given up by alice.")


def test_giving_up_is_undone_from_the_panel(as_alice, waiting, hints, django_capture_on_commit_callbacks):
    row = waiting.direct_channel
    as_alice.post(do(row, "give_up"), {"confirmed": "1"})
    page = as_alice.get(f"{LIST}{row.pk}/change/").content.decode()
    assert "1 message was cancelled with it. Take up again sends it." in page
    assert do(row, "take_up") in page
    with django_capture_on_commit_callbacks(execute=True):
        response = as_alice.post(do(row, "take_up"), follow=True)
    assert messages_of(response) == ["1 direct channel is tried again."]
    assert (DirectChannel.objects.get().state, Delivery.objects.get().state) == ("resolving", "queued")
    assert "durar.deliveries.resolve_direct_channel" in hints.names()


@pytest.mark.parametrize(
    ("lost", "sentence"),
    [(0, "No message is kept back."), (2, "2 messages were not delivered. Remove the cause, then retry")],
)
def test_a_job_that_failed_says_what_becomes_of_its_messages(as_alice, lost, sentence):
    row = factories.DirectChannelFactory(state=DirectChannelState.FAILED)
    factories.WaitingDeliveryFactory.create_batch(lost, direct_channel=row, state=DeliveryState.DEAD)
    assert sentence in as_alice.get(f"{LIST}{row.pk}/change/").content.decode()


def test_many_are_tried_or_given_up_at_once_and_what_is_refused_is_said(as_alice):
    rows = [factories.WaitingDeliveryFactory().direct_channel for _ in range(3)]
    DirectChannel.objects.filter(pk=rows[0].pk).update(claim_until=timezone.now() + timedelta(minutes=1))
    chosen = {"_selected_action": [row.pk for row in rows]}
    response = as_alice.post(LIST, {"action": "retry_now", **chosen}, follow=True)
    said = messages_of(response)
    assert "2 direct channels are tried now." in said
    assert any("is being tried right now" in sentence for sentence in said)
    response = as_alice.post(LIST, {"action": "give_up", "confirmed": "1", **chosen}, follow=True)
    assert messages_of(response) == ["3 direct channels were given up."]
    assert set(Delivery.objects.values_list("state", flat=True)) == {DeliveryState.CANCELLED}


def test_a_job_that_ended_has_no_give_up_and_one_that_is_open_has_no_button(as_alice):
    failed = factories.DirectChannelFactory(state=DirectChannelState.FAILED)
    ready = factories.DirectChannelFactory(state=DirectChannelState.READY, channel_id="c" * 26)
    page = as_alice.get(LIST).content.decode()
    assert do(failed, "retry_now") in page
    for address in (do(failed, "give_up"), do(ready, "retry_now"), do(ready, "give_up")):
        assert address not in page


def test_a_message_that_waits_says_for_what(as_alice, waiting):
    page = as_alice.get(f"/mattermost_bridge/delivery/{waiting.pk}/change/").content.decode()
    assert "once the direct channel to the person is open" in page
    assert f"{LIST}{waiting.direct_channel.pk}/change/" in page


def test_a_message_is_sent_and_the_receipt_says_what_comes(as_alice, alice):
    account = factories.AccountFactory()
    KnownPerson.objects.create(account=account, user_id=CAROL, username="carol")
    data = form(as_alice, account=str(account.pk), to=CAROL)
    response = as_alice.post(SEND, {**data, "text": "Good morning"}, follow=True)
    delivery = Delivery.objects.get()
    assert (delivery.text, delivery.kind, delivery.recipient_id) == ("Good morning", "message", CAROL)
    assert response.redirect_chain[-1][0] == f"/mattermost_bridge/delivery/{delivery.pk}/change/"
    (said,) = messages_of(response)
    assert said == "The message to @carol is in the outbox. It goes out once the direct channel is open."
    entry = AuditEntry.objects.get(verb="message.send")
    assert (entry.actor, entry.via) == (alice, "panel")


def test_a_message_to_a_channel_goes_out_now_and_its_parts_are_counted(as_alice):
    account = factories.AccountFactory()
    data = form(as_alice, account=str(account.pk), to=f"channel:{'c' * 26}")
    response = as_alice.post(SEND, {**data, "text": "x" * 5000}, follow=True)
    assert messages_of(response)[0].endswith("is in the outbox and goes out now. It has 2 parts.")


def test_values_given_with_a_message_hold_for_its_direct_channel_and_others_stay_the_accounts(as_alice):
    account = factories.AccountFactory(dm_retry_max_delay_ms=5000)
    KnownPerson.objects.create(account=account, user_id=CAROL, username="carol")
    data = {**form(as_alice, account=str(account.pk), to=CAROL), "text": "hello", "initial_delay_ms": ""}
    folded = '<details class="du-details">'
    assert folded in as_alice.get(SEND).content.decode()
    for wrong, sentence in (
        ({"max_retries": "11"}, "less than or equal to 10"),
        ({"timeout_ms": "4999"}, "greater than or equal to 5000"),
        ({"initial_delay_ms": "3000", "max_delay_ms": "2000"}, "The first delay is longer than the longest."),
        ({"max_retries": "many"}, "Enter a whole number"),
    ):
        page = as_alice.post(SEND, {**data, **wrong}).content.decode()
        assert sentence in page
        assert folded not in page  # what is wrong is not folded away
    assert not Delivery.objects.exists()
    as_alice.post(SEND, {**data, "max_retries": "0", "timeout_ms": "6000"})
    row = DirectChannel.objects.get()
    assert (row.max_retries, row.initial_delay_ms, row.max_delay_ms, row.timeout_ms) == (0, 1000, 5000, 6000)


def test_a_form_is_sent_once_however_often_it_is_pressed(as_alice):
    account = factories.AccountFactory()
    data = {**form(as_alice, account=str(account.pk), to=f"channel:{'c' * 26}"), "text": "hello"}
    as_alice.post(SEND, data)
    page = as_alice.post(SEND, data).content.decode()
    assert "This message was sent already" in page
    assert Delivery.objects.count() == 1


def test_what_is_refused_is_said_keeps_the_text_and_can_be_sent_after_a_correction(as_alice, monkeypatch):
    account = factories.AccountFactory()

    def nobody(account_pk, words):
        raise NotFound("Nobody on https://chat.example.com is @nobody.")

    monkeypatch.setattr(messages, "find", nobody)
    data = {**form(as_alice, account=str(account.pk), to="@nobody"), "text": "a text that took long"}
    page = as_alice.post(SEND, data).content.decode()
    assert "Nobody on https://chat.example.com is @nobody." in page
    assert "a text that took long" in page
    assert not Delivery.objects.exists()
    monkeypatch.setattr(messages, "find", lambda account_pk, words: Target(user_id=CAROL, username="carol"))
    as_alice.post(SEND, {**data, "to": "@carol"})
    assert Delivery.objects.count() == 1


def test_without_a_text_or_an_account_nothing_is_sent(as_alice):
    account = factories.AccountFactory(archived_at=timezone.now())
    page = as_alice.get(SEND).content.decode()
    assert "There is no account that could send a message" in page
    other = factories.AccountFactory()
    for data in ({"account": account.pk, "text": "x"}, {"account": other.pk, "text": ""}):
        as_alice.post(SEND, {"to": CAROL, "once": "1", **data})
    assert not Delivery.objects.exists()


def test_accounts_people_and_conversations_lead_to_the_form(as_alice):
    account = factories.AccountFactory()
    entry = factories.AccessEntryFactory(account=account, value=CAROL)
    direct = factories.ConversationFactory(account=account, peer_id=CAROL)
    channel = factories.ConversationFactory(account=account, channel_type="O", channel_id="c" * 26, peer_id="")
    for record, query in (
        (account, f"?account={account.pk}"),
        (entry, f"?account={account.pk}&amp;to={CAROL}"),
        (direct, f"?account={account.pk}&amp;to={CAROL}"),
        (channel, f"?account={account.pk}&amp;to=channel%3A{'c' * 26}"),
    ):
        page = "overview" if record is account else "change"
        address = f"/mattermost_bridge/{record._meta.model_name}/{record.pk}/{page}/"
        assert f'href="{SEND}{query}"' in as_alice.get(address).content.decode(), address
    everybody = factories.AccessEntryFactory(account=account, value="*")
    assert SEND not in as_alice.get(f"/mattermost_bridge/accessentry/{everybody.pk}/change/").content.decode()


def test_who_may_not_send_sees_neither_link_nor_form(as_somebody_who, waiting):
    viewer = as_somebody_who("view_account", "view_directchannel", "view_delivery", "change_directchannel")
    account = waiting.account
    assert SEND not in viewer.get(f"/mattermost_bridge/account/{account.pk}/change/").content.decode()
    assert SEND not in viewer.get(f"{LIST}{waiting.direct_channel.pk}/change/").content.decode()
    assert viewer.get(SEND).status_code == 403
    assert viewer.post(SEND, {"account": account.pk, "to": CAROL, "text": "x", "once": "1"}).status_code == 403
    assert Delivery.objects.count() == 1


def test_who_may_send_and_not_look_stays_at_the_form(as_somebody_who):
    account = factories.AccountFactory()
    sender = as_somebody_who("add_delivery")
    data = form(sender, account=str(account.pk), to=f"channel:{'c' * 26}")
    response = sender.post(SEND, {**data, "text": "hello"}, follow=True)
    assert response.redirect_chain == [(SEND, 302)]
    assert Delivery.objects.count() == 1


def test_retry_values_are_entered_shown_inherited_and_checked(as_alice):
    BridgeDefaults.objects.get_or_create(pk=1)
    defaults = "/mattermost_bridge/bridgedefaults/1/change/"
    page = as_alice.get(defaults)
    data = {name: "" if value is None else value for name, value in page.context["adminform"].form.initial.items()}
    as_alice.post(defaults, {**data, "dm_retry_max_retries": "0", "dm_retry_max_delay_ms": "2000"})
    row = BridgeDefaults.objects.get()
    assert (row.dm_retry_max_retries, row.dm_retry_max_delay_ms, row.dm_retry_timeout_ms) == (0, 2000, None)

    account = factories.AccountFactory()
    address = f"/mattermost_bridge/account/{account.pk}/change/"
    page = as_alice.get(address)
    assert "Empty: inherits 0 (the defaults)." in page.content.decode()
    assert "Empty: inherits 30000 (built-in)." in page.content.decode()
    data = {name: "" if value is None else value for name, value in page.context["adminform"].form.initial.items()}
    data = {name: value for name, value in data.items() if value is not False}
    refused = as_alice.post(address, {**data, "dm_retry_initial_delay_ms": "5000", "dm_retry_max_delay_ms": "2000"})
    assert "initialDelayMs must be less than or equal to maxDelayMs" in refused.content.decode()
    refused = as_alice.post(address, {**data, "dm_retry_max_retries": "11"})
    assert "from 0 to 10" in refused.content.decode()
    as_alice.post(address, {**data, "dm_retry_max_retries": "10", "dm_retry_timeout_ms": "5000"})
    row = Account.objects.get()
    assert (row.dm_retry_max_retries, row.dm_retry_timeout_ms, row.dm_retry_initial_delay_ms) == (10, 5000, None)
    assert "dm_retry_timeout_ms" in AuditEntry.objects.get(verb="account.update").details
