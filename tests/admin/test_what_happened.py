"""Events, turns, deliveries and transcripts say what happened and why, and let an operator act."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from mattermost_bridge.models import AuditEntry, Delivery, InboundEvent, OutboxState, TurnRound
from mattermost_bridge.models.states import (
    DeliveryKind,
    DeliveryState,
    EventOutcome,
    EventState,
    TurnState,
)
from mattermost_bridge.rules.reasons import Reason
from tests import factories
from tests.admin.conftest import messages_of

EVENTS = "/mattermost_bridge/inboundevent/"
DELIVERIES = "/mattermost_bridge/delivery/"
TURNS = "/mattermost_bridge/turn/"


@pytest.fixture
def account(db):
    return factories.AccountFactory(account_id="ops")


def test_an_event_shows_its_checks_in_order_with_reason_and_remedy(as_alice, account):
    event = factories.InboundEventFactory(
        account=account, outcome=EventOutcome.REFUSED, reason=Reason.DM_NOT_LISTED, text="may I?"
    )
    page = as_alice.get(f"{EVENTS}{event.pk}/change/").content.decode()
    places = [page.index(f'du-trail-name">{check["name"]}<') for check in factories.TRAIL]
    assert places == sorted(places)
    assert page.count("stopped here") == 1
    assert Reason.DM_NOT_LISTED.sentence in page
    assert "Add the person&#x27;s user id to the list" in page
    assert f"/mattermost_bridge/accessentry/?account={account.pk}" in page
    assert "may I?" in page


@pytest.mark.parametrize("reason", list(Reason))
def test_every_reason_has_a_page(as_alice, account, reason):
    event = factories.InboundEventFactory(account=account, reason=reason, outcome=reason.outcome or "")
    page = as_alice.get(f"{EVENTS}{event.pk}/change/").content.decode()
    assert reason.label in page


def test_why_somebody_was_not_answered_is_one_click(as_alice, account):
    for outcome, text in ((EventOutcome.REFUSED, "refused one"), (EventOutcome.IGNORED, "ignored one")):
        factories.InboundEventFactory(account=account, outcome=outcome, text=text)
    factories.InboundEventFactory(account=account, state=EventState.WAITING, reason=Reason.NO_AGENT, text="waits")
    page = as_alice.get(EVENTS).content.decode()
    assert "Why was somebody not answered?" in page
    page = as_alice.get(f"{EVENTS}?question=silent").content.decode()
    assert "refused one" in page
    assert "waits" in page
    assert "ignored one" not in page


def test_events_are_filtered_by_account_reason_and_age(as_alice, account):
    old = factories.InboundEventFactory(account=account, text="old one")
    InboundEvent.objects.filter(pk=old.pk).update(received_at=timezone.now() - timedelta(days=2))
    factories.InboundEventFactory(account=account, text="mine", reason=Reason.BLOCKED)
    factories.InboundEventFactory(text="of somebody else")
    page = as_alice.get(f"{EVENTS}?account={account.pk}&since=24h&reason=blocked").content.decode()
    assert "mine" in page
    assert "old one" not in page
    assert "of somebody else" not in page


@pytest.mark.parametrize("query", ["account=x", "since=ever", "state=%00", "reason=nonsense", "question=?"])
def test_a_filter_that_is_none_shows_nothing_or_everything_and_no_error(as_alice, account, query):
    factories.InboundEventFactory(account=account)
    assert as_alice.get(f"{EVENTS}?{query}").status_code == 200


def test_a_failed_event_is_decided_again(as_alice, account):
    event = factories.InboundEventFactory(
        account=account, state=EventState.FAILED, outcome="", error="OperationalError: away", attempts=5
    )
    as_alice.post(f"{EVENTS}{event.pk}/do/decide_again/")
    event.refresh_from_db()
    assert (event.state, event.attempts) == (EventState.NEW, 0)
    assert AuditEntry.objects.get().verb == "event.decide_again"


def test_an_event_that_is_not_failed_is_not_decided_again(as_alice, account):
    event = factories.InboundEventFactory(account=account)
    assert "decide_again" not in as_alice.get(f"{EVENTS}{event.pk}/change/").content.decode()
    response = as_alice.post(f"{EVENTS}{event.pk}/do/decide_again/", follow=True)
    assert "is not failed" in messages_of(response)[0]
    assert not AuditEntry.objects.exists()


def test_nothing_that_happened_can_be_edited_added_or_deleted(as_alice, records):
    for name in ("inboundevent", "turn", "delivery", "connectionchange", "auditentry", "conversation"):
        record = records[name]
        address = f"/mattermost_bridge/{name}/{record.pk}/"
        assert as_alice.post(f"{address}change/", {"text": "forged"}).status_code in (200, 403)
        assert as_alice.post(f"{address}delete/", {"post": "yes"}).status_code == 403
        assert as_alice.post(f"/mattermost_bridge/{name}/add/", {}).status_code == 403
        record.refresh_from_db()
        assert getattr(record, "text", "") != "forged"


def test_bytes_that_could_not_be_read_are_shown_as_text(as_alice, account):
    event = factories.InboundEventFactory(account=account, raw=b"<script>\xff", reason=Reason.UNREADABLE)
    page = as_alice.get(f"{EVENTS}{event.pk}/change/").content.decode()
    assert "&lt;script&gt;\\xff" in page


def test_a_message_cannot_put_html_into_the_panel(as_alice, account):
    nasty = "<img src=x onerror=alert(1)>"
    conversation = factories.ConversationFactory(account=account, title=nasty)
    turn = factories.TurnFactory(conversation=conversation, question=nasty, answer=nasty, error=nasty)
    event = factories.InboundEventFactory(
        account=account,
        text=nasty,
        username=nasty[:20],
        turn=turn,
        conversation=conversation,
        channel_id=conversation.channel_id,
        trail=[{"name": nasty, "value": nasty, "source": nasty, "passed": False}],
    )
    delivery = factories.DeliveryFactory(account=account, turn=turn, text=nasty, error=nasty)
    addresses = ["/", EVENTS, TURNS, DELIVERIES, "/mattermost_bridge/conversation/"]
    addresses += [f"{EVENTS}{event.pk}/change/", f"{TURNS}{turn.pk}/change/", f"{DELIVERIES}{delivery.pk}/change/"]
    addresses.append(f"/mattermost_bridge/conversation/{conversation.pk}/change/")
    for address in addresses:
        assert "<img src=x" not in as_alice.get(address).content.decode(), address


def test_a_turn_shows_question_answer_tokens_and_the_cause_of_a_failure(as_alice):
    turn = factories.TurnFactory(state=TurnState.FAILED, error_kind="timeout", error="Not done within 120 seconds.")
    page = as_alice.get(f"{TURNS}{turn.pk}/change/").content.decode()
    for word in ("Not done within 120 seconds.", "812 read, 64 written", turn.agent.name, "2.3 s"):
        assert word in page
    assert turn.question.split("\n")[0][:20] in page


def test_a_turn_shows_what_its_agent_was_told(as_alice):
    files = ['"a.txt" (text/plain, 5 bytes, given as text)', '"b.txt" (could not be read: <it> is gone)']
    given = {
        "posts": 3,
        "left_out": True,
        "reactions": 1,
        "files": files,
        "problems": ["The thread could not be read."],
    }
    page = as_alice.get(f"{TURNS}{factories.TurnFactory(given=given).pk}/change/").content.decode()
    for words in (
        "3 posts",
        "older ones were left out",
        "a.txt",
        "&lt;it&gt; is gone",
        "The thread could not be read.",
    ):
        assert words in page


def test_where_a_text_was_the_panel_says_since_when_it_is_gone(as_alice, account):
    now = timezone.now()
    told = factories.InboundEventFactory(
        account=account, outcome=EventOutcome.IGNORED, state=EventState.DECIDED, reason=Reason.NO_MENTION, text=""
    )
    old = factories.InboundEventFactory(account=account, outcome=EventOutcome.ADMITTED, text="")
    turn = factories.TurnFactory(conversation__account=account, state=TurnState.FAILED, question="", answer="")
    delivery = factories.DeliveryFactory(account=account, state=DeliveryState.DEAD, text="")
    long_ago = now - timedelta(days=30, minutes=1)
    InboundEvent.objects.filter(pk=told.pk).update(received_at=now - timedelta(hours=2), blanked_at=now)
    InboundEvent.objects.filter(pk=old.pk).update(
        received_at=long_ago,
        blanked_at=now,
        turn=turn,
        conversation=turn.conversation,
        channel_id=turn.conversation.channel_id,
    )
    type(turn).objects.filter(pk=turn.pk).update(created_at=long_ago, blanked_at=now)
    Delivery.objects.filter(pk=delivery.pk).update(settled_at=long_ago, blanked_at=now)
    assert "Blanked once it had served as context" in as_alice.get(f"{EVENTS}{told.pk}/change/").content.decode()
    transcript = f"/mattermost_bridge/conversation/{turn.conversation_id}/change/"
    for address in (f"{EVENTS}{old.pk}/change/", f"{TURNS}{turn.pk}/change/", TURNS, EVENTS, transcript):
        assert "Blanked after 30 days" in as_alice.get(address, follow=True).content.decode(), address
    page = as_alice.get(f"{DELIVERIES}{delivery.pk}/change/").content.decode()
    assert "Blanked after 30 days" in page
    assert "Send again" not in page


def test_a_delivery_that_was_given_up_shows_its_evidence_and_is_sent_again(as_alice, account):
    delivery = factories.DeliveryFactory(account=account)
    factories.DeliveryAttemptFactory(delivery=delivery, number=1, error="The server answered 502.", unclear=True)
    page = as_alice.get(f"{DELIVERIES}{delivery.pk}/change/").content.decode()
    for word in ("The server answered 502.", "HTTP 502", "unclear", delivery.error_id, "Send again"):
        assert word in page
    as_alice.post(f"{DELIVERIES}{delivery.pk}/do/send_again/")
    delivery.refresh_from_db()
    assert delivery.state == DeliveryState.QUEUED
    assert delivery.unclear
    assert AuditEntry.objects.get().verb == "delivery.send_again"


def test_a_delivery_that_arrived_is_not_sent_again(as_alice, account):
    delivery = factories.DeliveryFactory(account=account, state=DeliveryState.SENT)
    response = as_alice.post(f"{DELIVERIES}{delivery.pk}/do/send_again/", follow=True)
    assert "is not one that was given up" in messages_of(response)[0]
    assert Delivery.objects.get().state == DeliveryState.SENT


def test_discarding_asks_first_and_ends_what_waits_only(as_alice, account):
    waits = factories.DeliveryFactory(account=account, state=DeliveryState.QUEUED, settled_at=None)
    sending = factories.DeliveryFactory(account=account, state=DeliveryState.SENDING, settled_at=None)
    chosen = {"action": "discard", "_selected_action": [waits.pk, sending.pk]}
    assert "never get these messages" in as_alice.post(DELIVERIES, chosen).content.decode()
    response = as_alice.post(DELIVERIES, {**chosen, "confirmed": "1"}, follow=True)
    waits.refresh_from_db()
    assert (waits.state, waits.error) == (DeliveryState.CANCELLED, "Discarded by alice.")
    sending.refresh_from_db()
    assert sending.state == DeliveryState.SENDING
    assert "was not discarded" in messages_of(response)[1]


def test_what_waits_says_when_the_whole_account_cannot_send(as_alice, account):
    OutboxState.objects.update(parked_since=timezone.now(), parked_reason="The server refuses the bot's token.")
    delivery = factories.DeliveryFactory(account=account, state=DeliveryState.QUEUED, settled_at=None)
    page = as_alice.get(f"{DELIVERIES}{delivery.pk}/change/").content.decode()
    assert "Nothing is sent for this account: The server refuses" in page


def test_what_waits_for_more_than_a_minute_is_found(as_alice, account):
    old = factories.DeliveryFactory(account=account, state=DeliveryState.QUEUED, text="waits long", settled_at=None)
    Delivery.objects.filter(pk=old.pk).update(created_at=timezone.now() - timedelta(minutes=2))
    factories.DeliveryFactory(account=account, state=DeliveryState.QUEUED, text="just made", settled_at=None)
    page = as_alice.get(f"{DELIVERIES}?question=late").content.decode()
    assert "waits long" in page
    assert "just made" not in page


def test_the_code_in_a_challenge_is_shown_to_those_only_who_may_approve(as_somebody_who, account):
    text = "Pairing code: ABCD2345"
    delivery = factories.DeliveryFactory(account=account, kind=DeliveryKind.CHALLENGE, text=text)
    viewer = as_somebody_who("view_delivery")
    operator = as_somebody_who("view_delivery", "change_pairingrequest")
    for address in (DELIVERIES, f"{DELIVERIES}{delivery.pk}/change/", "/"):
        assert "ABCD2345" not in viewer.get(address).content.decode(), address
        assert "ABCD2345" in operator.get(address).content.decode(), address


def test_a_transcript_reads_from_top_to_bottom_with_answers_and_failures(as_alice, account):
    conversation = factories.ConversationFactory(account=account, title="@carol")
    common = {"account": account, "channel_id": conversation.channel_id, "username": "carol"}
    factories.InboundEventFactory(text="first words", create_at=1_000, **common)
    for number, state in ((2, TurnState.DONE), (3, TurnState.FAILED)):
        error = "The agent was away." if state == TurnState.FAILED else ""
        turn = factories.TurnFactory(
            conversation=conversation, answer=f"answer {number}", state=state, error=error, trigger_at=number * 1_000
        )
        admitted = {"outcome": EventOutcome.ADMITTED, "state": EventState.ANSWERED, "conversation": conversation}
        factories.InboundEventFactory(
            text=f"question {number}", create_at=number * 1_000, turn=turn, **admitted, **common
        )
        factories.DeliveryFactory(
            account=account, turn=turn, state=DeliveryState.SENT, posted_at_ms=number * 1_000 + 750, error=""
        )
    page = as_alice.get(f"/mattermost_bridge/conversation/{conversation.pk}/change/").content.decode()
    words = ("Asked to pair", "first words", "question 2", "answer 2", "question 3", "The agent was away.")
    places = [page.index(word) for word in words]
    assert places == sorted(places)
    assert "after 750 ms" in page


def test_a_turn_that_answers_several_messages_stands_after_the_last_of_them(as_alice, account):
    conversation = factories.ConversationFactory(account=account)
    turn = factories.TurnFactory(conversation=conversation, answer="one answer to both")
    for number in (1, 2):
        factories.InboundEventFactory(
            account=account,
            channel_id=conversation.channel_id,
            conversation=conversation,
            turn=turn,
            text=f"part {number}",
            create_at=number,
        )
    page = as_alice.get(f"/mattermost_bridge/conversation/{conversation.pk}/change/").content.decode()
    assert page.count("one answer to both") == 1
    assert page.index("part 1") < page.index("part 2") < page.index("one answer to both")


def test_a_transcript_and_a_turn_show_what_the_agent_did_with_its_tool_and_no_keys(as_alice, account):
    conversation = factories.ConversationFactory(account=account)
    turn = factories.TurnFactory(conversation=conversation, question="tell them", answer="told them")
    factories.InboundEventFactory(
        account=account, channel_id=conversation.channel_id, conversation=conversation, turn=turn, text="tell them"
    )
    calls = [
        {"id": f"c{n}", "name": "message", "arguments": f'{{"message": "<b>{n}</b> sk-abcdefghijk"}}'} for n in (1, 2)
    ]
    results = [{"text": "Error: Bearer abcdefgh is refused.", "ok": False, "sent": ""}]
    TurnRound.objects.create(turn=turn, number=1, calls=calls, results=results)
    for address in (f"conversation/{conversation.pk}", f"turn/{turn.pk}"):
        page = as_alice.get(f"/mattermost_bridge/{address}/change/").content.decode()
        assert "&lt;b&gt;1&lt;/b&gt; [redacted]" in page
        assert "Error: Bearer [redacted] is refused." in page
        assert page.index("tell them") < page.index("not carried out") < page.index("told them")
        assert "abcdefgh" not in page


def test_a_long_transcript_has_pages(as_alice, account):
    conversation = factories.ConversationFactory(account=account)
    for number in range(1, 36):
        factories.InboundEventFactory(
            account=account, channel_id=conversation.channel_id, text=f"message {number:02}.", create_at=number
        )
    address = f"/mattermost_bridge/conversation/{conversation.pk}/change/"
    newest = as_alice.get(address).content.decode()
    assert "message 35." in newest
    assert "message 05." not in newest
    older = as_alice.get(f"{address}?page=2").content.decode()
    assert "message 05." in older
    assert "message 35." not in older
    assert as_alice.get(f"{address}?page=99").status_code == 200
    assert as_alice.get(f"{address}?page=x").status_code == 200


def test_what_others_wrote_in_a_channel_is_not_in_the_transcript_of_a_thread(as_alice, account):
    thread = factories.ConversationFactory(account=account, channel_type="O", peer_id="", title="Town Square (thread)")
    factories.InboundEventFactory(account=account, channel_id=thread.channel_id, text="elsewhere", channel_type="O")
    factories.InboundEventFactory(account=account, channel_id=thread.channel_id, text="here", conversation=thread)
    page = as_alice.get(f"/mattermost_bridge/conversation/{thread.pk}/change/").content.decode()
    assert "here" in page
    assert "elsewhere" not in page
