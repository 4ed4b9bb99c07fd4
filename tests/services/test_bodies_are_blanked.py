"""What people wrote goes after its time; facts, keys and counts stay, and everything keeps working without it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.utils import timezone

from mattermost_bridge.config import effective
from mattermost_bridge.models import Delivery, InboundEvent, Turn
from mattermost_bridge.models.states import EventOutcome
from mattermost_bridge.services import audit, by_hand, inbox, retention, turn_retries
from mattermost_bridge.services.errors import Refused
from mattermost_bridge.tasks import upkeep
from tests.bridge import direct_post, make_account, post
from tests.services.test_what_an_agent_is_told import hear, open_account

pytestmark = pytest.mark.django_db(transaction=True)

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
PROPS = {"props": {"attachments": [{"text": "secret plan"}]}, "sender_name": "@bob", "from_webhook": True}


def age(time: timedelta) -> None:
    """Let time pass for everything that is there."""
    at = timezone.now() - time
    InboundEvent.objects.update(received_at=at)
    Turn.objects.update(created_at=at, finished_at=at)
    Delivery.objects.exclude(settled_at=None).update(settled_at=at)


def bodies() -> set[str]:
    events = InboundEvent.objects.values_list("text", flat=True)
    turns = [text for pair in Turn.objects.values_list("question", "answer") for text in pair]
    return {text for text in [*events, *turns, *Delivery.objects.values_list("text", flat=True)] if text}


def test_what_was_not_for_the_bot_goes_after_a_day_and_its_facts_stay(hinted, server):
    account = make_account(group_policy="open")
    hear(account, hinted, post("just talking", user="bob", payload=PROPS))
    before = InboundEvent.objects.values("dedupe_key", "user_id", "username", "reason", "trail", "create_at").get()
    age(24 * HOUR - timedelta(minutes=1))
    assert retention.blank_old() == 0
    age(24 * HOUR + timedelta(minutes=1))
    assert retention.blank_old() == 1
    event = InboundEvent.objects.get()
    assert (event.text, event.raw) == ("", None)
    assert event.blanked_at is not None
    assert event.payload == {"type": "", "file_ids": [], "sender_name": "@bob", "from_webhook": True}
    assert InboundEvent.objects.values(*before).get() == before
    assert retention.blank_old() == 0


def test_what_comes_twice_is_known_after_its_body_is_gone(hinted, server):
    account = make_account(group_policy="open")
    draft = post("just talking", user="bob")
    hear(account, hinted, draft)
    age(2 * DAY)
    retention.blank_old()
    assert inbox.record(account.pk, [draft]).known == 1
    assert InboundEvent.objects.get().text == ""


@pytest.mark.parametrize("days", [30, 7])
def test_what_was_answered_goes_with_answer_and_posts_after_the_operators_time(hinted, server, days):
    account = open_account(**({} if days == 30 else {"keep_bodies_days": days}))
    hear(account, hinted, direct_post("hello"))
    age(days * DAY - HOUR)
    assert retention.blank_old() == 0
    assert bodies() == {"hello", "You said: hello"}
    age(days * DAY + HOUR)
    assert retention.blank_old() == 3
    assert bodies() == set()
    turn, delivery = Turn.objects.get(), Delivery.objects.get()
    assert (turn.state, turn.model, turn.given) == ("done", "echo", {})
    assert (delivery.state, bool(delivery.mark), bool(delivery.post_id)) == ("sent", True, True)
    assert InboundEvent.objects.get().turn == turn


def test_files_that_were_not_delivered_go_with_their_text(hinted, server, settings, tmp_path):
    settings.MEDIA_ROOT = tmp_path
    account = open_account()
    kept = tmp_path / "outgoing" / "a.txt"
    kept.parent.mkdir()
    kept.write_text("secret")
    file = {"name": "a.txt", "mime_type": "text/plain", "size": 6, "path": "outgoing/a.txt", "url": "", "file_id": ""}
    Delivery.objects.create(account=account, text="see", files=[file], state="dead", settled_at=timezone.now())
    age(31 * DAY)
    retention.blank_old()
    assert not kept.exists()
    assert Delivery.objects.get().files == []


def test_each_account_has_its_own_time(hinted, server):
    short = open_account(keep_bodies_days=1)
    long = make_account("other", dm_policy="open", bot_user_id="b" * 26)
    hear(short, hinted, direct_post("short"))
    InboundEvent.objects.create(
        account=long, dedupe_key="k", text="long", state="answered", outcome="admitted", channel_type="D"
    )
    age(2 * DAY)
    retention.blank_old()
    assert bodies() == {"long"}


def test_questions_of_the_same_millisecond_are_both_answered(hinted, server):
    account = open_account()
    at = 1_795_344_000_000
    first = post("@durar one", at=at, post_id="a" * 26)
    hear(account, hinted, first, post("@durar two", user="dave", at=at, post_id="b" * 26))
    assert server.texts() == ["You said: one", "You said: two"]
    assert not InboundEvent.objects.exclude(state="answered").exists()


def test_what_served_as_context_goes_only_when_nobody_waits_for_it():
    account = make_account()
    kept = [("new", ""), ("held", ""), ("waiting", "admitted"), ("decided", "admitted"), ("decided", "challenged")]
    gone = [("decided", "ignored"), ("decided", "refused")]
    rows = [
        InboundEvent.objects.create(
            account=account, dedupe_key=f"{state}{outcome}", state=state, outcome=outcome, text="x"
        )
        for state, outcome in (*kept, *gone)
    ]
    assert retention.blank_context(account.pk, [row.pk for row in rows]) == len(gone)
    assert list(InboundEvent.objects.filter(text="x").order_by("pk").values_list("state", "outcome")) == kept


def test_what_still_waits_for_its_answer_keeps_its_body(hinted, server):
    account = open_account(agent=None)
    hear(account, hinted, direct_post("hello"))
    inbox.record(account.pk, [direct_post("undecided")])
    age(90 * DAY)
    assert retention.blank_old() == 0
    assert bodies() == {"hello", "undecided"}


def test_what_failed_goes_too_and_cannot_be_tried_again_without_its_text(hinted, server, alice):
    account = open_account()
    hear(account, hinted, direct_post("fail"))
    poison = InboundEvent.objects.create(
        account=account, dedupe_key="k", text="poison", state="failed", reason="failed_processing", raw=b"\x00"
    )
    Delivery.objects.update(state="dead")
    age(31 * DAY)
    retention.blank_old()
    assert bodies() == set()
    with pytest.raises(Refused, match="blanked after its time"):
        turn_retries.retry_turn(Turn.objects.get().pk, audit.SYSTEM)
    with pytest.raises(Refused, match="blanked after its time"):
        by_hand.decide_event_again(poison.pk, actor=audit.SYSTEM)
    with pytest.raises(Refused, match="blanked after its time"):
        by_hand.send_delivery_again(Delivery.objects.get().pk, actor=audit.SYSTEM)


def test_an_approval_does_not_answer_what_is_not_there_any_more(hinted, server):
    account = make_account()
    hear(account, hinted, direct_post("please"))
    age(2 * DAY)
    retention.blank_old()
    assert inbox.decide_again(account.pk, "carol".ljust(26, "u"), join_key="pairing:1") == 0


def test_many_rows_go_in_small_transactions_by_an_index(hinted, server, monkeypatch, django_assert_max_num_queries):
    account = make_account(group_policy="open")
    rows = [
        InboundEvent(account=account, dedupe_key=f"k{n}", text="x", state="decided", outcome="ignored", payload={})
        for n in range(1200)
    ]
    InboundEvent.objects.bulk_create(rows)
    age(2 * DAY)
    with django_assert_max_num_queries(60):
        assert retention.blank_old() == 1200
    assert not InboundEvent.objects.filter(blanked_at=None).exists()


def test_a_look_ends_with_its_time_and_the_next_goes_on(hinted, server, monkeypatch):
    account = make_account(group_policy="open")
    hear(account, hinted, post("one", user="bob"))
    age(2 * DAY)
    assert retention.blank_old(seconds=0) == 0
    assert retention.blank_old() == 1


def found(account_pk: int) -> dict[str, str]:
    """How the database finds what is to be blanked, by kind of row."""
    now = timezone.now()
    rows = {f"events {outcome}": retention._events(account_pk, outcome, now) for outcome in EventOutcome}
    rows |= {"turns": retention._turns(account_pk, now), "deliveries": retention._deliveries(account_pk, now)}
    return {name: some.order_by().values("pk")[:500].explain() for name, some in rows.items()}


def test_finding_what_is_to_be_blanked_reads_indexes_that_hold_nothing_else():
    if connection.vendor != "sqlite":
        pytest.skip("PostgreSQL plans by how many rows there are; here there are none.")
    for name, plan in found(make_account().pk).items():
        assert "_with_body" in plan, (name, plan)


def test_the_task_says_how_much_it_blanked_and_two_schedulers_do_it_once(hinted, server):
    account = make_account(group_policy="open")
    effective.bump_version()
    hear(account, hinted, post("just talking", user="bob"))
    age(2 * DAY)
    assert upkeep.blank_bodies() == "1 bodies blanked"
    assert upkeep.blank_bodies() == "done by another scheduler"


def test_what_is_decided_again_a_moment_before_keeps_its_body(hinted, server, monkeypatch):
    account = make_account()
    hear(account, hinted, direct_post("please"))
    age(2 * DAY)
    blank = retention.blank_events

    def approved_meanwhile(*args, **kwargs):
        inbox.decide_again(account.pk, "carol".ljust(26, "u"), join_key="pairing:1")
        return blank(*args, **kwargs)

    monkeypatch.setattr(retention, "blank_events", approved_meanwhile)
    assert retention.blank_old() == 0
    event = InboundEvent.objects.get()
    assert (event.text, event.state, event.blanked_at) == ("please", "new", None)
