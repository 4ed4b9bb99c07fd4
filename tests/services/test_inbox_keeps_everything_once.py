"""The inbox keeps what comes in once, in one transaction with its cursor, and drops nothing."""

from __future__ import annotations

import pytest

from mattermost_bridge.models import ChannelCursor, InboundEvent
from mattermost_bridge.services import inbox
from tests.bridge import direct_post, make_account, post

pytestmark = pytest.mark.django_db(transaction=True)


def test_a_post_is_kept_and_hinted_after_the_commit(hinted):
    account = make_account()
    recorded = inbox.record(account.pk, [direct_post("hello")])
    event = InboundEvent.objects.get()
    assert (recorded.new, recorded.known) == (1, 0)
    assert (event.text, event.state, event.username) == ("hello", "new", "carol")
    assert list(hinted.given) == [(inbox.PROCESS, (event.pk,))]


def test_the_same_post_twice_is_kept_once_within_a_batch_and_over_two(hinted):
    account, draft = make_account(), direct_post()
    assert inbox.record(account.pk, [draft, draft]).new == 1
    assert inbox.record(account.pk, [draft, direct_post("next")]) == inbox.Recorded(new=1, known=1)
    assert InboundEvent.objects.count() == 2


def test_two_accounts_keep_the_same_post_each_for_itself(hinted):
    one, two = make_account("one"), make_account("two", bot_user_id="b".ljust(26, "1"))
    draft = post()
    inbox.record(one.pk, [draft])
    inbox.record(two.pk, [draft])
    assert InboundEvent.objects.count() == 2


def test_nul_and_lone_surrogates_become_replacement_characters(hinted):
    account = make_account()
    inbox.record(account.pk, [direct_post("a\x00b\ud800c", payload={"type": "", "note": "x\x00"})])
    event = InboundEvent.objects.get()
    assert event.text == "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}c"
    assert event.payload["note"] == "x\N{REPLACEMENT CHARACTER}"


def test_a_row_that_the_database_refuses_is_kept_as_bytes_and_the_others_as_they_are(hinted):
    account = make_account()
    bad = direct_post("too big a number", at=2**70)
    inbox.record(account.pk, [direct_post("before"), bad, direct_post("after")])
    kept = InboundEvent.objects.get(dedupe_key=bad.dedupe_key)
    assert (kept.state, kept.outcome, kept.reason) == ("decided", "ignored", "unreadable")
    assert b"too big a number" in bytes(kept.raw)
    assert InboundEvent.objects.filter(state="new").count() == 2


def test_live_posts_of_a_channel_that_is_being_caught_up_are_held_until_it_is_released(hinted):
    account = make_account()
    live, missed = post("live", at=2_000), post("missed", at=1_000, caught_up=True)
    inbox.record(account.pk, [live, missed], held={live.channel_id})
    assert dict(InboundEvent.objects.values_list("text", "state")) == {"live": "held", "missed": "new"}
    hinted.lose()
    released = inbox.release(account.pk, live.channel_id, inbox.CursorMove(live.channel_id, "O", 2_000, 2_000))
    assert released == 1
    assert InboundEvent.objects.get(text="live").state == "new"
    assert len(hinted.given) == 1
    assert ChannelCursor.objects.get().stored_until == 2_000


def test_a_cursor_moves_forward_only(hinted):
    account = make_account()
    inbox.record(account.pk, [], moves=[inbox.CursorMove("c", "O", 500, 700)])
    inbox.record(account.pk, [], moves=[inbox.CursorMove("c", "O", 400, 900)])
    cursor = ChannelCursor.objects.get()
    assert (cursor.stored_until, cursor.read_last_post_at) == (500, 900)


def test_a_draft_that_is_ignored_at_once_is_kept_and_not_hinted(hinted):
    account = make_account()
    inbox.record(account.pk, [direct_post(ignored_reason="own_post")])
    event = InboundEvent.objects.get()
    assert (event.state, event.outcome, event.reason) == ("decided", "ignored", "own_post")
    assert not hinted.given
