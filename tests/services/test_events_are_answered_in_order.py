"""From the inbox to the answer: one event, one turn, in the channel's order, whoever works on it."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from mattermost_bridge.config import effective
from mattermost_bridge.models import AccessEntry, BlockedUser, Conversation, Delivery, InboundEvent, Turn
from mattermost_bridge.services import decisions, inbox, sweep, turn_runner, turns
from tests.bridge import direct_post, make_account, post

pytestmark = pytest.mark.django_db(transaction=True)


def open_account(**values):
    """An account that everybody may write to."""
    account = make_account(dm_policy="open", group_policy="open", own_allow_from=True, **values)
    AccessEntry.objects.create(account=account, list="dm", value="*")
    effective.bump_version()
    return account


def later(model=InboundEvent, **changes):
    """Let time pass for the sweep."""
    model.objects.update(**changes)


def test_a_direct_message_is_answered(hinted, server):
    account = open_account()
    inbox.record(account.pk, [direct_post("hello")])
    hinted.run()
    event = InboundEvent.objects.get()
    assert server.texts() == ["You said: hello"]
    assert (event.state, event.outcome, event.reason) == ("answered", "admitted", "admitted_dm_open")
    turn = Turn.objects.get()
    assert (turn.state, turn.starts, turn.question, turn.answer) == ("done", 1, "hello", "You said: hello")
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.attempts, delivery.post_id) == ("sent", 1, server.posts[0].id)
    assert delivery.since_ms == event.create_at
    assert Conversation.objects.get().lease_until is None


def test_the_post_carries_its_mark_and_answers_in_the_thread_of_a_channel(hinted, server):
    account = open_account()
    root = "root".ljust(26, "r")
    inbox.record(account.pk, [post("@durar what now?", root=root)])
    hinted.run()
    made = server.posts[0]
    assert made.props["durar_mark"] == Delivery.objects.get().mark
    assert made.root_id == root
    assert made.message == "You said: what now?"


def test_a_channel_post_without_a_mention_is_ignored_with_its_trail(hinted, server):
    account = open_account()
    inbox.record(account.pk, [post("just talking")])
    hinted.run()
    event = InboundEvent.objects.get()
    assert (event.state, event.outcome, event.reason) == ("decided", "ignored", "no_mention")
    assert event.trail[-1]["passed"] is False
    assert not server.posts


def test_hints_in_any_order_answer_in_the_order_of_the_posts(hinted, server):
    account = open_account()
    drafts = [direct_post(f"number {n}", at=1_000 + n) for n in range(5)]
    inbox.record(account.pk, drafts)
    hinted.given.reverse()
    hinted.run()
    assert server.texts() == [f"You said: number {n}" for n in range(5)]


def test_posts_of_the_same_millisecond_are_taken_by_post_id(hinted, server):
    account = open_account()
    inbox.record(account.pk, [direct_post("b", at=5, post_id="b" * 26), direct_post("a", at=5, post_id="a" * 26)])
    hinted.run()
    assert server.texts() == ["You said: a", "You said: b"]


def test_an_older_undecided_post_of_the_channel_holds_a_younger_one_back(hinted, server):
    account = open_account()
    inbox.record(account.pk, [direct_post("older", at=1)])
    hinted.lose()
    inbox.record(account.pk, [direct_post("younger", at=2)])
    hinted.run()
    assert server.texts() == []
    assert decisions.process_event(InboundEvent.objects.get(text="older").pk) is not None
    Conversation.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    hinted.run()
    turn_runner.run(turns.take_or_hint(Conversation.objects.get().pk))
    assert server.texts() == ["You said: older", "You said: younger"]


def test_a_task_that_runs_twice_answers_once(hinted, server):
    account = open_account()
    inbox.record(account.pk, [direct_post("hello")])
    hinted.given.extend(list(hinted.given) * 2)
    hinted.run()
    assert server.texts() == ["You said: hello"]


def test_a_held_lease_keeps_others_out_and_a_lost_one_throws_the_result_away(hinted, server):
    account = open_account()
    inbox.record(account.pk, [direct_post("hello")])
    taken = decisions.process_event(InboundEvent.objects.get().pk)
    assert turns.take_or_hint(taken.conversation_id) is None
    Conversation.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    second = turns.take_or_hint(taken.conversation_id)
    assert (second.turn_id, second.fence) == (taken.turn_id, taken.fence + 1)
    turn_runner.run(taken)
    assert server.texts() == []
    turn_runner.run(second)
    assert server.texts() == ["You said: hello"]
    assert Turn.objects.get().starts == 2


def test_a_turn_whose_worker_died_five_times_fails_and_tells_the_person(hinted, server):
    account = open_account()
    inbox.record(account.pk, [direct_post("hello")])
    conversation_id = decisions.process_event(InboundEvent.objects.get().pk).conversation_id
    for _ in range(4):
        Conversation.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
        assert turns.take_or_hint(conversation_id) is not None
    Conversation.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    assert turns.take_or_hint(conversation_id) is None
    hinted.run()
    turn = Turn.objects.get()
    assert (turn.state, turn.starts, turn.error_kind) == ("failed", 5, "worker_died")
    assert "interrupted" in server.texts()[0]
    assert InboundEvent.objects.get().state == "failed"


def test_a_turn_put_back_by_a_graceful_stop_does_not_count_and_is_free_at_once(hinted, server):
    account = open_account()
    inbox.record(account.pk, [direct_post("hello")])
    taken = decisions.process_event(InboundEvent.objects.get().pk)
    turns.put_back(taken)
    assert Turn.objects.get().starts == 0
    hinted.run()
    assert server.texts() == ["You said: hello"]
    assert Turn.objects.get().starts == 1


def test_an_agent_that_fails_gives_the_person_a_sentence_and_the_operator_the_cause(hinted, server):
    account = open_account()
    inbox.record(account.pk, [direct_post("fail"), direct_post("again")])
    hinted.run()
    failed = Turn.objects.get(state="failed")
    assert "told to fail" in failed.error
    assert "went wrong" in server.texts()[0]
    assert "told to fail" not in server.texts()[0]
    assert server.texts()[1] == "You said: again"


def test_an_agent_whose_key_cannot_be_had_fails_the_turn_with_the_cause(hinted, server):
    from mattermost_bridge.models import Agent

    agent = Agent.objects.create(
        slug="m",
        backend="openai_compatible",
        base_url="http://127.0.0.1:9",
        model="m",
        api_key_ref="env:DURAR_SECRET_NO",
    )
    account = open_account(agent=agent)
    inbox.record(account.pk, [direct_post("hello")])
    hinted.run()
    turn = Turn.objects.get()
    assert (turn.state, turn.error_kind) == ("failed", "bad_settings")
    assert "DURAR_SECRET_NO" in turn.error
    assert "went wrong" in server.texts()[0]


def test_a_long_answer_goes_out_in_parts_of_one_lane_in_order(hinted, server):
    account = open_account()
    inbox.record(account.pk, [direct_post("long")])
    hinted.run()
    rows = list(Delivery.objects.order_by("pk"))
    assert len(rows) > 2
    assert [row.text for row in rows] == server.texts()
    assert all(len(text) <= 4000 for text in server.texts())
    assert all(text.count("```") % 2 == 0 for text in server.texts())


def test_without_an_agent_messages_wait_and_are_answered_when_there_is_one(hinted, server):
    account = open_account(agent=None)
    inbox.record(account.pk, [direct_post("hello", user="carol"), direct_post("hi", user="dave")])
    hinted.run()
    assert set(InboundEvent.objects.values_list("state", "reason")) == {("waiting", "no_agent")}
    assert server.texts() == []
    from mattermost_bridge.models import Agent

    account.agent = Agent.objects.create(slug="late", backend="echo")
    account.save()
    effective.bump_version()
    sweep.sweep()
    hinted.run()
    assert sorted(server.texts()) == ["You said: hello", "You said: hi"]


def test_blocking_counts_up_to_the_moment_the_turn_starts(hinted, server):
    account = open_account()
    inbox.record(account.pk, [direct_post("hello")])
    room, turns.room.slots = turns.room.slots, 0
    try:
        decisions.process_event(InboundEvent.objects.get().pk)
    finally:
        turns.room.slots = room
    BlockedUser.objects.create(account=account, user_id="carol".ljust(26, "u"))
    effective.bump_version()
    hinted.run()
    event = InboundEvent.objects.get()
    assert (event.outcome, event.reason) == ("refused", "revoked_meanwhile")
    assert server.texts() == []
    assert Conversation.objects.get().lease_until is None


def test_an_event_that_cannot_be_decided_is_tried_five_times_and_then_blocks_no_longer(hinted, server, monkeypatch):
    account = open_account()
    inbox.record(account.pk, [direct_post("poison", at=1), direct_post("fine", at=2)])
    real = decisions.decision_on

    def breaks(event, settings):
        if event.text == "poison":
            raise RuntimeError("no way")
        return real(event, settings)

    monkeypatch.setattr(decisions, "decision_on", breaks)
    hinted.run()
    poison = InboundEvent.objects.get(text="poison")
    assert (poison.state, poison.attempts) == ("new", 1)
    assert poison.next_attempt_at > timezone.now()
    assert server.texts() == []
    for _ in range(4):
        decisions.process_event(poison.pk)
    poison.refresh_from_db()
    assert (poison.state, poison.reason, poison.attempts) == ("failed", "failed_processing", 5)
    assert "no way" in poison.error
    hinted.run()
    assert server.texts() == ["You said: fine"]
    monkeypatch.setattr(decisions, "decision_on", real)
    assert decisions.retry_event(poison.pk)
    hinted.run()
    assert server.texts()[-1] == "You said: poison"


def test_a_channel_of_unknown_type_waits_and_goes_on_once_it_was_looked_up(hinted, server):
    from mattermost_bridge.mattermost.types import Channel

    account = open_account()
    draft = post("@durar hello", channel_type="")
    inbox.record(account.pk, [draft])
    server.channel = lambda channel_id: Channel(id=channel_id, type="O", name="support")
    assert decisions.process_event(InboundEvent.objects.get().pk) is None
    assert InboundEvent.objects.get().reason == "channel_type_unknown"
    hinted.run()
    assert server.texts() == ["You said: hello"]


def test_the_sweep_brings_back_what_the_broker_lost(hinted, server):
    account = open_account()
    inbox.record(account.pk, [direct_post(f"number {n}", user=f"person{n}") for n in range(6)])
    hinted.lose()
    long_ago = timezone.now() - timedelta(minutes=1)
    InboundEvent.objects.update(received_at=long_ago)
    assert sweep.sweep() == 6
    hinted.run()
    assert len(server.texts()) == 6


def test_the_sweep_hints_no_row_twice_within_half_a_minute(hinted, server):
    from mattermost_bridge.models import Tick

    account = open_account()
    inbox.record(account.pk, [direct_post()])
    hinted.lose()
    InboundEvent.objects.update(received_at=timezone.now() - timedelta(minutes=1))
    assert sweep.sweep() == 1
    Tick.objects.all().delete()
    assert sweep.sweep() == 0
    InboundEvent.objects.update(hinted_at=timezone.now() - timedelta(seconds=31))
    Tick.objects.all().delete()
    assert sweep.sweep() == 1


def test_a_process_takes_no_more_turns_than_it_has_places_for(hinted, server, monkeypatch):
    """Whoever decides an event takes the place at once: of four that are decided together two find room."""
    monkeypatch.setattr(turns, "room", turns.Room(slots=2))
    account = open_account()
    inbox.record(account.pk, [direct_post("hello", user=f"person{n}") for n in range(4)])
    hinted.lose()
    taken = [decisions.process_event(pk) for pk in InboundEvent.objects.order_by("pk").values_list("pk", flat=True)]
    assert [one is not None for one in taken] == [True, True, False, False]
    assert hinted.names().count(turns.RUN) == 2
    for one in taken[:2]:
        turn_runner.run(one)
    hinted.run()
    assert len(server.texts()) == 4
    assert turns.room.used == 0


def test_a_place_is_free_again_when_deciding_failed(hinted, server, monkeypatch):
    monkeypatch.setattr(turns, "room", turns.Room(slots=1))
    account = open_account()
    inbox.record(account.pk, [direct_post("hello")])

    def breaks(*_: object, **__: object) -> None:
        raise RuntimeError("no way")

    with monkeypatch.context() as broken:
        broken.setattr(turns, "take", breaks)
        assert decisions.process_event(InboundEvent.objects.get().pk) is None
    assert turns.room.used == 0


def test_two_schedulers_sweep_once(hinted):
    assert sweep.claim_tick("sweep", 2.0)
    assert not sweep.claim_tick("sweep", 2.0)
