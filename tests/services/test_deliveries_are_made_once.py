"""The outbox: what becomes of a delivery after each kind of answer, and that no post is made twice."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import pytest
from django.utils import timezone

from mattermost_bridge.config import effective
from mattermost_bridge.config.effective import settings_for
from mattermost_bridge.models import Account, Delivery, DeliveryAttempt, OutboxState
from mattermost_bridge.services import clients, marks, outbox, sending
from tests.bridge import make_account
from tests.services.fake_server import lost, refused, timed_out, unreachable

pytestmark = pytest.mark.django_db(transaction=True)

CHANNEL = "channel".ljust(26, "c")


def queue(account, *texts: str, root: str = "", since_ms: int = 1_795_344_000_000) -> list[Delivery]:
    """Put texts into the outbox."""
    rows = []
    for text in texts:
        rows += outbox.post(
            account_pk=account.pk, channel_id=CHANNEL, text=text, kind="answer", root_id=root, since_ms=since_ms
        )
    return rows


def due_again():
    """Let every waiting time pass."""
    Delivery.objects.filter(state="queued").update(next_attempt_at=None)
    OutboxState.objects.update(next_probe_at=None)


def test_deliveries_of_a_lane_go_out_in_order(hinted, server):
    account = make_account()
    queue(account, "one", "two", "three")
    hinted.run()
    assert server.texts() == ["one", "two", "three"]
    assert set(Delivery.objects.values_list("state", flat=True)) == {"sent"}
    assert not DeliveryAttempt.objects.exists()


def test_a_lost_answer_is_looked_up_and_not_posted_again(hinted, server):
    account = make_account()
    server.script = [(lost(), "made")]
    queue(account, "hello", "next")
    hinted.run()
    first = Delivery.objects.get(text="hello")
    assert (first.state, first.unclear, first.attempts) == ("queued", True, 1)
    due_again()
    outbox.drain(account.pk)
    assert server.texts() == ["hello", "next"]
    attempt = DeliveryAttempt.objects.get()
    assert (attempt.number, attempt.unclear) == (1, True)


def test_an_unclear_attempt_that_made_nothing_is_posted_after_the_look(hinted, server):
    account = make_account()
    server.script = [lost()]
    queue(account, "hello")
    hinted.run()
    due_again()
    outbox.drain(account.pk)
    assert server.texts() == ["hello"]
    assert server.calls == ["create_post", "posts_since", "create_post"]


def test_a_claim_that_ran_out_is_unclear_and_looked_up(hinted, server):
    account = make_account()
    (delivery,) = queue(account, "hello")
    claimed = outbox.claim_next(account.pk)
    assert claimed.delivery_id == delivery.pk
    server.make(CHANNEL, "hello", props={"durar_mark": delivery.mark})
    assert outbox.claim_next(account.pk) is None
    Delivery.objects.update(claim_until=timezone.now() - timedelta(seconds=1))
    outbox.drain(account.pk)
    assert server.texts() == ["hello"]
    assert Delivery.objects.get().state == "sent"


def test_a_timeout_waits_ten_seconds_before_anybody_looks(hinted, server):
    account = make_account()
    server.script = [timed_out()]
    queue(account, "hello")
    before = timezone.now()
    hinted.run()
    assert Delivery.objects.get().next_attempt_at >= before + timedelta(seconds=10)


def test_a_refusal_that_lasts_is_dead_with_its_evidence_and_later_parts_are_cancelled(hinted, server):
    from mattermost_bridge.models import Conversation, Turn

    account = make_account()
    conversation = Conversation.objects.create(account=account, session_key="s", channel_id=CHANNEL)
    turn = Turn.objects.create(conversation=conversation, state="done")
    outbox.post(account_pk=account.pk, channel_id=CHANNEL, text="x" * 9000, kind="answer", turn=turn)
    queue(account, "later turn")
    server.script = [refused(403, "api.context.permissions.app_error")]
    hinted.run()
    states = list(Delivery.objects.order_by("pk").values_list("state", flat=True))
    assert states == ["dead", "cancelled", "cancelled", "sent"]
    dead = Delivery.objects.get(state="dead")
    assert (dead.error_id, dead.attempts) == ("api.context.permissions.app_error", 1)
    assert dead.attempt_rows.count() == 1


def test_too_many_requests_wait_as_long_as_the_server_asks(hinted, server):
    account = make_account()
    server.script = [refused(429, retry_after=33.0)]
    queue(account, "hello")
    before = timezone.now()
    hinted.run()
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.unclear) == ("queued", False)
    assert delivery.next_attempt_at >= before + timedelta(seconds=33)


def test_a_server_that_cannot_be_reached_pauses_the_account_while_one_delivery_probes(hinted, server):
    account = make_account()
    server.script = [unreachable()]
    queue(account, "one")
    queue(account, "two", root="r".ljust(26, "r"))
    hinted.run()
    state = OutboxState.objects.get()
    assert state.paused_since is not None
    assert server.calls == ["create_post"]
    assert not Delivery.objects.filter(unclear=True).exists()
    server.script = [unreachable()]
    due_again()
    assert outbox.drain(account.pk) == 1
    due_again()
    outbox.drain(account.pk)
    hinted.run()
    state.refresh_from_db()
    assert state.paused_since is None
    assert sorted(server.texts()) == ["one", "two"]


def test_a_refused_token_parks_the_outbox_and_kills_nothing(hinted, server):
    account = make_account()
    server.script = [refused(401, "api.context.session_expired.app_error")]
    queue(account, "one", "two")
    hinted.run()
    assert OutboxState.objects.get().parked_since is not None
    assert set(Delivery.objects.values_list("state", "attempts")) == {("queued", 0)}
    due_again()
    assert outbox.drain(account.pk) == 0
    outbox.unpark(account.pk)
    hinted.run()
    assert server.texts() == ["one", "two"]


def test_a_token_that_was_replaced_meanwhile_parks_nothing_and_the_new_one_is_used(hinted, server):
    account = make_account()
    old = settings_for(account.pk)
    queue(account, "one")
    hinted.lose()
    claimed = replace(outbox.claim_next(account.pk), account=old)
    Account.objects.filter(pk=account.pk).update(bot_token="n" * 26)
    effective.bump_version()
    server.script = [refused(401, "api.context.session_expired.app_error")]
    outbox.send_claimed(claimed)
    assert OutboxState.objects.get().parked_since is None
    assert server.texts() == ["one"]


def test_a_500_with_an_error_id_is_dead_after_ten_attempts(hinted, server):
    account = make_account()
    server.script = [refused(500, "app.post.save.app_error") for _ in range(10)]
    queue(account, "hello")
    hinted.run()
    for _ in range(9):
        due_again()
        outbox.drain(account.pk)
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.attempts) == ("dead", 10)
    assert sending.retry_dead(delivery.pk)
    hinted.run()
    assert server.texts() == ["hello"]


def test_what_was_tried_is_looked_for_before_it_is_sent_again_and_what_never_was_is_not(hinted, server):
    account = make_account()
    tried, untried = queue(account, "tried")[0], queue(account, "untried", root="r".ljust(26, "r"), since_ms=0)[0]
    Delivery.objects.update(state="dead")
    server.make(CHANNEL, "tried", props={"durar_mark": tried.mark})
    assert sending.retry_dead(tried.pk)
    assert sending.retry_dead(untried.pk)
    hinted.run()
    assert server.texts() == ["tried", "untried"]
    assert server.calls.count("posts_since") == 1
    untried.refresh_from_db()
    assert untried.since_ms > 0


def test_still_being_saved_is_waited_for_however_often_it_is_said(hinted, server):
    account = make_account()
    server.script = [refused(500, "api.post.deduplicate_create_post.pending") for _ in range(12)]
    queue(account, "hello")
    hinted.run()
    for _ in range(12):
        due_again()
        outbox.drain(account.pk)
    assert Delivery.objects.get().state == "sent"


def test_after_twelve_hours_a_delivery_is_dead(hinted, server):
    account = make_account()
    queue(account, "hello")
    Delivery.objects.update(created_at=timezone.now() - timedelta(hours=12, minutes=1))
    server.script = [unreachable()]
    hinted.run()
    assert Delivery.objects.get().state == "dead"


def test_an_unclear_delivery_whose_thread_was_deleted_is_cancelled(hinted, server):
    account, root = make_account(), "r".ljust(26, "r")
    server.script = [lost()]
    queue(account, "hello", root=root)
    hinted.run()
    server.gone_roots.add(root)
    due_again()
    outbox.drain(account.pk)
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.error) == ("cancelled", "The thread was deleted meanwhile.")
    assert server.texts() == []


def test_an_echo_settles_a_delivery_whose_answer_was_lost(hinted, server):
    account = make_account()
    server.script = [(lost(), "made")]
    (delivery,) = queue(account, "hello")
    hinted.run()
    made = server.posts[0]
    assert marks.settle_echoes(account.pk, [marks.Echo(delivery.mark, made.id, made.create_at)]) == 1
    delivery.refresh_from_db()
    assert (delivery.state, delivery.post_id, delivery.unclear) == ("sent", made.id, False)


def test_of_two_posts_with_one_mark_the_younger_is_deleted(hinted, server):
    account = make_account()
    (delivery,) = queue(account, "hello")
    hinted.run()
    younger = server.make(CHANNEL, "hello", props={"durar_mark": delivery.mark})
    echo = marks.Echo(delivery.mark, younger.id, younger.create_at)
    assert marks.settle_echoes(account.pk, [echo, echo]) >= 1
    hinted.run()
    assert server.deleted == [younger.id]
    delivery.refresh_from_db()
    assert (delivery.post_id, delivery.double_post_ids) == (server.posts[0].id, "")
    assert "more than once" in DeliveryAttempt.objects.get().error


def test_of_two_posts_the_older_stays_also_when_it_is_heard_of_later(hinted, server):
    account = make_account()
    (delivery,) = queue(account, "hello")
    hinted.run()
    settled = server.posts[0]
    marks.settle_echoes(account.pk, [marks.Echo(delivery.mark, "older".ljust(26, "o"), settled.create_at - 5)])
    hinted.run()
    assert server.deleted == [settled.id]
    assert Delivery.objects.get().post_id == "older".ljust(26, "o")


def test_at_most_four_calls_of_an_account_are_in_flight(hinted, server):
    account = make_account()
    for number in range(6):
        queue(account, "hello", root=f"root{number}".ljust(26, "r"))
    claims = [outbox.claim_next(account.pk) for _ in range(6)]
    assert [claim is not None for claim in claims] == [True] * 4 + [False] * 2


def test_without_a_time_of_the_trigger_the_server_is_asked_for_its_clock_before_the_first_attempt(hinted, server):
    account = make_account()
    queue(account, "hello", since_ms=0)
    hinted.run()
    assert server.calls == ["me", "create_post"]
    assert Delivery.objects.get().since_ms == 1_795_345_000_000


def test_a_look_up_reads_on_backwards_when_the_server_answers_with_its_largest_list(hinted, server, monkeypatch):
    account = make_account()
    server.script = [(lost(), "made")]
    (delivery,) = queue(account, "hello")
    hinted.run()
    for number in range(450):
        server.make(CHANNEL, f"noise {number}")
    monkeypatch.setattr(server, "posts_since", lambda channel_id, since: server.posts[-300:] + server.posts[-300:] * 3)
    due_again()
    outbox.drain(account.pk)
    delivery.refresh_from_db()
    assert delivery.state == "sent"
    assert server.texts().count("hello") == 1
    assert server.calls.count("posts_before") == 3


def test_a_post_is_over_before_its_claim_may_be_taken_over(settings):
    account = make_account()
    client = clients.client_of(settings_for(account.pk))
    assert client.timeout[1] == settings.TIMES["http_timeout"]
    assert settings.TIMES["http_timeout"] < settings.TIMES["delivery_margin"] < settings.TIMES["delivery_claim"]
