"""Posts in quick succession by one person in one place become one turn; the rows hold them, and the order stays."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from mattermost_bridge.config import effective
from mattermost_bridge.models import BridgeDefaults, Conversation, InboundEvent, Tick, Turn
from mattermost_bridge.services import hints, inbox, sweep, turns
from tests.bridge import direct_post, post
from tests.services.incoming.making import ROOT, holding_is_over, open_account

pytestmark = pytest.mark.django_db(transaction=True)
HELD_MS = 60_000
AT = 1_795_344_000_000


@pytest.fixture
def account(db):
    """An account whose posts are held for a minute."""
    return open_account(defaults={"debounce_ms": HELD_MS}, chatmode="onmessage")


def let_go(hinted):
    """The time is over, and somebody looks."""
    holding_is_over()
    for pk in Conversation.objects.order_by("pk").values_list("pk", flat=True):
        turns.hint(pk)
    hinted.run()


def test_what_one_person_writes_in_one_go_is_one_turn(hinted, server, account):
    inbox.record(
        account.pk, [direct_post("one", at=AT), direct_post("two", at=AT + 10), direct_post("three", at=AT + 20)]
    )
    hinted.run()
    assert server.texts() == []
    assert set(InboundEvent.objects.values_list("state", "outcome", "turn")) == {("decided", "admitted", None)}
    let_go(hinted)
    assert server.texts() == ["You said: one\ntwo\nthree"]
    assert set(InboundEvent.objects.values_list("state", "turn")) == {("answered", Turn.objects.get().pk)}


def test_a_further_post_prolongs_the_holding_of_those_before_it_but_not_for_ever(hinted, server, account):
    inbox.record(account.pk, [direct_post("one")])
    hinted.run()
    first = InboundEvent.objects.get().wait_until
    inbox.record(account.pk, [direct_post("two")])
    hinted.run()
    both = set(InboundEvent.objects.values_list("wait_until", flat=True))
    assert len(both) == 1
    assert min(both) > first
    InboundEvent.objects.update(decided_at=first - timedelta(milliseconds=20 * HELD_MS))
    inbox.record(account.pk, [direct_post("three")])
    hinted.run()
    assert server.texts() == ["You said: one\ntwo\nthree"]


def test_posts_of_two_people_are_never_one_turn_and_keep_their_order(hinted, server, account):
    drafts = [post("a1", at=AT), post("a2", at=AT + 1), post("b1", user="dave", at=AT + 2), post("a3", at=AT + 3)]
    inbox.record(account.pk, drafts)
    hinted.run()
    let_go(hinted)
    assert server.texts() == ["You said: a1\na2", "You said: b1", "You said: a3"]


def test_places_are_held_apart(hinted, server, account):
    inbox.record(
        account.pk,
        [post("here", at=AT), post("thread", root=ROOT, at=AT + 1), post("there", channel="other", at=AT + 2)],
    )
    hinted.run()
    let_go(hinted)
    assert sorted(server.texts()) == ["You said: here", "You said: there", "You said: thread"]


@pytest.mark.parametrize(
    ("draft", "answers"),
    [
        (lambda: direct_post("look", at=AT + 5, payload={"file_ids": ["f" * 26]}), "You said: look"),
        (lambda: direct_post("/help", at=AT + 5), "Write one of these"),
    ],
)
def test_files_and_commands_are_not_held_and_let_go_what_came_before_them(hinted, server, account, draft, answers):
    inbox.record(account.pk, [direct_post("one", at=AT), direct_post("two", at=AT + 1)])
    hinted.run()
    inbox.record(account.pk, [draft()])
    hinted.run()
    assert server.texts()[0] == "You said: one\ntwo"
    assert server.texts()[1].startswith(answers)


def test_posts_that_lie_apart_are_turns_of_their_own(hinted, server, account):
    inbox.record(account.pk, [direct_post("one", at=AT), direct_post("two", at=AT + HELD_MS + 1)])
    hinted.run()
    let_go(hinted)
    assert server.texts() == ["You said: one", "You said: two"]


def test_a_kill_loses_nothing_the_sweep_finds_what_was_held(hinted, server, account):
    inbox.record(account.pk, [direct_post("one"), direct_post("two")])
    hinted.run()
    InboundEvent.objects.update(decided_at=timezone.now() - timedelta(minutes=1))
    assert sweep.sweep() == 0
    holding_is_over()
    Tick.objects.all().delete()
    assert sweep.sweep() == 1
    hinted.run()
    assert server.texts() == ["You said: one\ntwo"]


def test_where_every_post_begins_a_thread_a_burst_is_one_thread(hinted, server, account):
    account.reply_to_mode = "all"
    account.save()
    effective.bump_version()
    drafts = [post("one", at=AT), post("two", at=AT + 1)]
    inbox.record(account.pk, drafts)
    hinted.run()
    let_go(hinted)
    assert server.texts() == ["You said: one\ntwo"]
    assert server.posts[0].root_id == drafts[0].post_id
    assert Conversation.objects.count() == 1


def test_stop_drops_what_is_held(hinted, server, account):
    inbox.record(account.pk, [direct_post("one"), direct_post("/stop")])
    hinted.run()
    let_go(hinted)
    assert server.texts() == ["1 message that waited is dropped."]


def test_without_the_setting_nothing_is_held(hinted, server, account):
    BridgeDefaults.objects.update(debounce_ms=0)
    effective.bump_version()
    inbox.record(account.pk, [direct_post("one"), direct_post("two")])
    hinted.run()
    assert server.texts() == ["You said: one", "You said: two"]


def test_what_somebody_else_wrote_in_between_goes_first_also_when_it_is_decided_late(hinted, server, account):
    inbox.record(
        account.pk,
        [
            post("one", at=AT, user="carol"),
            post("two", at=AT + 1, user="dave"),
            post("three", at=AT + 2, user="carol"),
        ],
    )
    late = InboundEvent.objects.filter(text="two")
    late.update(state="failed")
    hinted.run()
    late.update(state="new", next_attempt_at=timezone.now() + timedelta(minutes=1))
    let_go(hinted)
    assert server.texts() == ["You said: one"]
    inbox_event = late.get()
    late.update(next_attempt_at=None)
    hints.task_after_commit(inbox.PROCESS, inbox_event.pk)
    hinted.run()
    let_go(hinted)
    assert server.texts() == ["You said: one", "You said: two", "You said: three"]


@pytest.mark.parametrize("reply_to_mode", ["off", "all"])
def test_a_burst_waits_for_a_post_of_it_that_is_decided_late(hinted, server, account, reply_to_mode):
    account.reply_to_mode = reply_to_mode
    account.save()
    effective.bump_version()
    drafts = [post("one", at=AT), post("two", at=AT + 1), post("three", at=AT + 2)]
    inbox.record(account.pk, drafts)
    late = InboundEvent.objects.filter(text="two")
    late.update(state="failed")
    hinted.run()
    late.update(state="new", next_attempt_at=timezone.now() + timedelta(minutes=1))
    let_go(hinted)
    assert server.texts() == []
    event = late.get()
    late.update(next_attempt_at=None)
    hints.task_after_commit(inbox.PROCESS, event.pk)
    hinted.run()
    let_go(hinted)
    assert server.texts() == ["You said: one\ntwo\nthree"]
    assert Turn.objects.count() == 1


def test_a_burst_does_not_wait_for_ever(hinted, server, account):
    inbox.record(account.pk, [post("one", at=AT), post("two", at=AT + 1)])
    late = InboundEvent.objects.filter(text="two")
    late.update(state="failed")
    hinted.run()
    late.update(state="new", next_attempt_at=timezone.now() + timedelta(minutes=1))
    let_go(hinted)
    assert server.texts() == []
    InboundEvent.objects.update(decided_at=timezone.now() - timedelta(milliseconds=11 * HELD_MS))
    let_go(hinted)
    assert server.texts() == ["You said: one"]


def test_a_burst_goes_on_without_a_post_of_it_that_is_not_admitted(hinted, server, account):
    inbox.record(account.pk, [post("one", at=AT), post("two", at=AT + 1)])
    late = InboundEvent.objects.filter(text="two")
    late.update(state="failed")
    hinted.run()
    late.update(state="new", attempts=4)
    let_go(hinted)
    assert server.texts() == []
    late.update(payload={"type": "system_join_channel"})
    hints.task_after_commit(inbox.PROCESS, late.get().pk)
    hinted.run()
    assert server.texts() == ["You said: one"]
