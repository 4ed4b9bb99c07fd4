"""Opening a direct channel on a real server with faults: what becomes of the job, and of the messages that wait."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection, transaction
from django.utils import timezone

from mattermost_bridge.config import effective
from mattermost_bridge.config.effective import settings_for
from mattermost_bridge.mattermost import calls
from mattermost_bridge.models import Account, AuditEntry, Delivery, DirectChannel, KnownChannel, OutboxState
from mattermost_bridge.services import accounts, by_hand, direct_channels, messages, opening, outbox, sweep, tokens
from mattermost_bridge.services.audit import Actor
from mattermost_bridge.services.errors import Refused
from mattermost_bridge.services.messages import Target
from tests.bridge import make_account
from tests.services.test_two_operators_at_once import at_once

pytestmark = pytest.mark.django_db(transaction=True)
ALICE = Actor("alice", "panel")
DIRECT = {"method": "POST", "path": "^/channels/direct$", "who": "durar"}


@pytest.fixture(autouse=True)
def hints(hinted):
    """Hints run when a test says so."""
    return hinted


@pytest.fixture(autouse=True)
def no_call_waits_inside_a_transaction():
    """Every call to the server is looked at."""

    def look() -> None:
        assert not connection.in_atomic_block, "a call to Mattermost is made inside a transaction"

    calls.before_request.append(look)
    yield
    calls.before_request.remove(look)


@pytest.fixture
def account(sandbox):
    return make_account(
        base_url=sandbox.base_url, bot_token=sandbox.token("durar"), bot_user_id=sandbox.user_id("durar")
    )


@pytest.fixture
def carol(sandbox):
    return Target(user_id=sandbox.user_id("carol"), username="carol")


def send(account, target, text="hello", **values) -> messages.Receipt:
    return messages.send(account.pk, target, text, actor=ALICE, **values)


def job() -> DirectChannel:
    return DirectChannel.objects.get()


def its_time_has_come() -> None:
    """Let every waiting time of a job pass."""
    DirectChannel.objects.filter(state="resolving", claimed_by="").update(next_attempt_at=None)


def its_worker_died() -> None:
    """Let the claim of an attempt run out."""
    past = timezone.now() - timedelta(seconds=1)
    DirectChannel.objects.exclude(claimed_by="").update(claim_until=past, next_attempt_at=past)


def sweep_now(hints) -> None:
    """One tick of the sweep, some time after everything was made."""
    from mattermost_bridge.models import Tick

    Tick.objects.all().delete()
    DirectChannel.objects.update(started_at=timezone.now() - timedelta(seconds=10))
    sweep.sweep()


def states() -> list[str]:
    return list(Delivery.objects.order_by("pk").values_list("state", flat=True))


def said(sandbox) -> list[str]:
    return [post["message"] for post in sandbox.posts("carol,durar")]


def test_the_channel_is_opened_first_and_the_message_follows(sandbox, account, carol, hints):
    receipt = send(account, carol)
    assert receipt.waits
    assert (job().state, job().attempt, job().attempts) == ("resolving", 0, 4)
    assert not outbox.due(account.pk).exists()
    hints.run()
    assert said(sandbox) == ["hello"]
    row = job()
    assert (row.state, row.attempt, row.error) == ("ready", 1, "")
    assert row.channel_id == sandbox.channel_id("carol,durar")
    assert row.bot_user_id == account.bot_user_id
    assert KnownChannel.objects.get(channel_id=row.channel_id).type == "D"


def test_a_channel_that_is_open_is_not_asked_for_again(sandbox, account, carol, hints):
    send(account, carol, "one")
    hints.run()
    assert not send(account, carol, "two").waits
    hints.run()
    assert said(sandbox) == ["one", "two"]
    assert len(sandbox.requests(method="POST", path="channels/direct", who="durar")) == 1


def test_messages_that_wait_go_out_in_order_and_later_ones_after_them(sandbox, account, carol, hints):
    fault = sandbox.fault("answer", status=503, times=1, **DIRECT)
    send(account, carol, "one")
    send(account, carol, "two")
    hints.run()
    assert sandbox.hits(fault) == 1
    send(account, carol, "x" * 9000)
    its_time_has_come()
    opening.attempt(job().pk)
    send(account, carol, "four")
    hints.run()
    assert [text[:4] for text in said(sandbox)] == ["one", "two", "xxxx", "xxxx", "xxxx", "four"]
    assert Delivery.objects.filter(direct_channel=job(), channel_id=job().channel_id).count() == 6


@pytest.mark.parametrize("status", [500, 503])
def test_a_server_error_is_tried_again_after_the_delay_and_then_works(sandbox, account, carol, hints, status):
    sandbox.fault("answer", status=status, times=2, **DIRECT)
    send(account, carol)
    before = timezone.now()
    hints.run()
    row = job()
    assert (row.state, row.attempt, row.error_status) == ("resolving", 1, status)
    assert str(status) in row.error
    assert timedelta(seconds=1) <= row.next_attempt_at - before
    assert not opening.attempt(row.pk)  # not before its time
    assert job().attempt == 1
    its_time_has_come()
    opening.attempt(row.pk)
    assert job().attempt == 2
    its_time_has_come()
    opening.attempt(row.pk)
    hints.run()
    assert (job().state, job().attempt) == ("ready", 3)
    assert said(sandbox) == ["hello"]


def test_after_the_last_attempt_the_job_has_failed_and_what_waited_is_dead_with_the_reason(
    sandbox, account, carol, hints
):
    fault = sandbox.fault("answer", status=503, times=None, **DIRECT)
    send(account, carol)
    hints.run()
    for _ in range(5):
        its_time_has_come()
        opening.attempt(job().pk)
    row = job()
    assert (row.state, row.attempt, row.error_status, row.next_attempt_at) == ("failed", 4, 503, None)
    assert sandbox.hits(fault) == 4
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.attempts) == ("dead", 0)
    assert delivery.error.startswith("The direct channel to @carol could not be opened. Mattermost API 503")


def test_no_retries_means_one_attempt(sandbox, account, carol, hints):
    sandbox.fault("answer", status=503, times=None, **DIRECT)
    send(account, carol, overrides={"max_retries": 0})
    hints.run()
    assert (job().state, job().attempt) == ("failed", 1)


def test_too_many_requests_wait_as_long_as_the_server_asks(sandbox, account, carol, hints):
    sandbox.fault("answer", status=429, headers={"Retry-After": "2"}, **DIRECT)
    send(account, carol, overrides={"initial_delay_ms": 100})
    before = timezone.now()
    hints.run()
    row = job()
    assert (row.state, row.attempt, row.error_status) == ("resolving", 1, 429)
    assert row.next_attempt_at - before >= timedelta(seconds=2)
    its_time_has_come()
    opening.attempt(row.pk)
    hints.run()
    assert said(sandbox) == ["hello"]


def test_a_server_may_not_ask_for_more_than_a_minute(sandbox, account, carol, hints):
    sandbox.fault("answer", status=429, headers={"Retry-After": "7200"}, **DIRECT)
    send(account, carol)
    hints.run()
    left = job().next_attempt_at - timezone.now()
    assert timedelta(seconds=30) < left <= timedelta(seconds=60)


def test_a_dropped_connection_is_tried_again(sandbox, account, carol, hints):
    sandbox.fault("lose", **DIRECT)
    send(account, carol)
    hints.run()
    row = job()
    assert (row.state, row.attempt, row.error_status) == ("resolving", 1, None)
    assert "without an answer" in row.error
    its_time_has_come()
    opening.attempt(row.pk)
    hints.run()
    assert said(sandbox) == ["hello"]


def test_a_server_that_cannot_be_reached_is_tried_again(account, carol, hints):
    Account.objects.update(base_url="http://127.0.0.1:9")
    effective.bump_version()
    send(account, carol)
    hints.run()
    assert (job().state, job().attempt) == ("resolving", 1)
    assert "refused" in job().error


def test_an_attempt_that_hangs_past_its_limit_is_ended_and_tried_again(sandbox, account, carol, hints):
    fault = sandbox.fault("hang", **DIRECT)
    send(account, carol)
    DirectChannel.objects.update(timeout_ms=200)
    hints.run()
    row = job()
    assert (row.state, row.attempt, row.error_status) == ("resolving", 1, None)
    assert "in time" in row.error
    assert sandbox.hits(fault) == 1
    its_time_has_come()
    DirectChannel.objects.update(timeout_ms=30_000)
    opening.attempt(row.pk)
    hints.run()
    assert said(sandbox) == ["hello"]


def test_a_server_that_drips_its_answer_cannot_stretch_an_attempt(account):
    with_own_time = opening.client_of(settings_for(account.pk), total=7.5)
    assert with_own_time.timeout == (5.0, 7.5)  # of the whole call, by the client's own deadline
    assert opening.client_of(settings_for(account.pk)) is not with_own_time


@pytest.mark.parametrize(
    ("status", "error_id"),
    [
        (400, "api.channel.create_direct_channel.invalid_user.app_error"),
        (403, "api.context.permissions.app_error"),
        (404, ""),
        (408, ""),
    ],
)
def test_a_refusal_is_final_at_once(sandbox, account, carol, hints, status, error_id):
    fault = sandbox.fault("answer", status=status, error_id=error_id, times=None, **DIRECT)
    send(account, carol)
    hints.run()
    row = job()
    assert (row.state, row.attempt, row.error_status, row.error_id) == ("failed", 1, status, error_id)
    assert states() == ["dead"]
    its_time_has_come()
    opening.attempt(row.pk)
    assert sandbox.hits(fault) == 1


def test_a_person_whom_nobody_knows_fails_with_the_servers_reason(account, hints):
    send(account, Target(user_id="nobody".ljust(26, "q")))
    hints.run()
    assert (job().state, job().error_status) == ("failed", 400)
    assert job().error_id == "api.channel.create_direct_channel.invalid_user.app_error"


def test_a_refused_token_parks_the_account_and_the_job_goes_on_when_a_token_works(sandbox, account, carol, hints):
    sandbox.revoke("durar")
    send(account, carol)
    hints.run()
    row = job()
    assert (row.state, row.attempt, row.next_attempt_at) == ("resolving", 0, None)
    assert row.error_status == 401
    assert OutboxState.objects.get().parked_since is not None
    assert not direct_channels.due().exists()
    assert states() == ["queued"]
    sweep_now(hints)
    assert direct_channels.RESOLVE not in hints.names()
    with pytest.raises(Refused, match="refuses the token"):
        by_hand.retry_direct_channel(row.pk, actor=ALICE)
    accounts.set_token(account.pk, actor=ALICE, token=sandbox.issue_token("durar"))
    outbox.unpark(account.pk)
    hints.run()
    assert said(sandbox) == ["hello"]


def test_a_token_that_was_replaced_meanwhile_parks_nothing(sandbox, account, carol, hints, monkeypatch):
    send(account, carol)
    old = settings_for(account.pk)
    accounts.set_token(account.pk, actor=ALICE, token=sandbox.issue_token("durar"))
    sandbox.control("POST", "tokens/revoke", who="durar", token=old.token)
    monkeypatch.setattr(opening, "settings_for", lambda pk: old)
    hints.given.popleft()
    opening.attempt(job().pk)
    monkeypatch.undo()
    assert OutboxState.objects.get().parked_since is None
    hints.run()
    assert said(sandbox) == ["hello"]


def test_the_bot_may_not_be_known_yet(sandbox, account, carol, hints):
    Account.objects.update(bot_user_id="")
    effective.bump_version()
    send(account, carol)
    hints.run()
    assert job().bot_user_id == sandbox.user_id("durar")
    assert said(sandbox) == ["hello"]


def test_the_worker_killed_in_an_attempt_loses_nothing(sandbox, account, carol, hints):
    send(account, carol)
    hints.lose()
    claimed = opening._claim(job().pk)
    assert claimed is not None
    row = job()
    assert row.next_attempt_at > timezone.now()  # pushed forward before the call
    assert not opening.attempt(row.pk)  # nobody else makes it meanwhile
    sweep_now(hints)
    assert direct_channels.RESOLVE not in hints.names()
    its_worker_died()
    sweep_now(hints)
    assert direct_channels.RESOLVE in hints.names()
    hints.run()
    assert said(sandbox) == ["hello"]
    assert job().attempt == 1  # the dead worker's attempt was made again, under its number


def test_the_worker_killed_after_the_server_made_the_channel_loses_nothing(sandbox, account, carol, hints, monkeypatch):
    class Killed(BaseException):
        pass

    def die(*_: object, **__: object) -> None:
        raise Killed

    send(account, carol)
    hints.lose()
    monkeypatch.setattr(opening, "resolved", die)
    with pytest.raises(Killed):
        opening.attempt(job().pk)
    monkeypatch.undo()
    assert (job().state, states()) == ("resolving", ["queued"])
    its_worker_died()
    sweep_now(hints)
    hints.run()
    assert said(sandbox) == ["hello"]


def test_a_hint_that_was_lost_is_brought_by_the_sweep(sandbox, account, carol, hints):
    send(account, carol)
    hints.lose()
    sweep_now(hints)
    hints.run()
    assert said(sandbox) == ["hello"]


def test_a_retry_that_has_come_due_is_hinted_again_at_once(sandbox, account, carol, hints):
    sandbox.fault("answer", status=503, **DIRECT)
    send(account, carol)
    sweep_now(hints)
    hints.run()
    assert job().hinted_at is not None
    sweep_now(hints)
    assert direct_channels.RESOLVE not in hints.names()
    DirectChannel.objects.update(
        hinted_at=timezone.now() - timedelta(seconds=2), next_attempt_at=timezone.now() - timedelta(seconds=1)
    )
    sweep_now(hints)
    hints.run()
    assert said(sandbox) == ["hello"]


def test_an_attempt_whose_claim_was_taken_over_does_not_count(sandbox, account, carol, hints):
    send(account, carol)
    hints.lose()
    first = opening._claim(job().pk)
    its_worker_died()
    second = opening._claim(job().pk)
    assert second is not None
    assert not opening.resolved(first, account.bot_user_id, "wrong".ljust(26, "x"))
    assert job().state == "resolving"
    assert opening.resolved(second, account.bot_user_id, sandbox.channel_id("carol,durar"))


def test_the_values_of_the_account_hold_for_the_job_and_a_call_overrides_field_by_field(account, carol):
    Account.objects.update(dm_retry_max_retries=0, dm_retry_max_delay_ms=5000)
    effective.bump_version()
    send(account, carol, overrides={"timeout_ms": 6000})
    row = job()
    assert (row.max_retries, row.initial_delay_ms, row.max_delay_ms, row.timeout_ms) == (0, 1000, 5000, 6000)
    send(account, carol, overrides={"max_retries": 7})
    row = job()
    assert (row.max_retries, row.initial_delay_ms, row.max_delay_ms, row.timeout_ms) == (7, 1000, 5000, 6000)


def test_values_out_of_bounds_are_refused_and_nothing_is_sent(account, carol):
    with pytest.raises(Refused, match=r"dmChannelRetry\.timeoutMs must be a whole number from 5000 to 120000"):
        send(account, carol, overrides={"timeout_ms": 1})
    assert not Delivery.objects.exists()
    assert not DirectChannel.objects.exists()


def test_a_new_message_after_a_failure_begins_a_new_job_and_what_was_given_up_stays_so(sandbox, account, carol, hints):
    sandbox.fault("answer", status=403, **DIRECT)
    send(account, carol, "lost")
    hints.run()
    assert job().state == "failed"
    send(account, carol, "arrives")
    hints.run()
    assert (job().state, job().error) == ("ready", "")
    assert states() == ["dead", "sent"]
    assert said(sandbox) == ["arrives"]


def test_retry_now_after_a_failure_sends_what_was_lost_in_order(sandbox, account, carol, hints):
    sandbox.fault("answer", status=403, **DIRECT)
    send(account, carol, "one")
    send(account, carol, "two")
    hints.run()
    assert states() == ["dead", "dead"]
    assert by_hand.retry_direct_channel(job().pk, actor=ALICE) == 2
    hints.run()
    assert said(sandbox) == ["one", "two"]
    assert not Delivery.objects.filter(unclear=True).exists()
    assert AuditEntry.objects.get(verb="direct_channel.retry").details["deliveries"] == 2


def test_retry_now_ends_the_waiting(sandbox, account, carol, hints):
    sandbox.fault("answer", status=503, **DIRECT)
    send(account, carol)
    hints.run()
    by_hand.retry_direct_channel(job().pk, actor=ALICE)
    hints.run()
    assert said(sandbox) == ["hello"]
    with pytest.raises(Refused, match="is not being opened"):
        by_hand.retry_direct_channel(job().pk, actor=ALICE)


def test_what_is_being_tried_right_now_cannot_be_tried_twice(account, carol, hints):
    send(account, carol)
    assert opening._claim(job().pk) is not None
    with pytest.raises(Refused, match="right now"):
        by_hand.retry_direct_channel(job().pk, actor=ALICE)


def test_giving_up_cancels_what_waits_and_an_attempt_under_way_does_not_count(sandbox, account, carol, hints):
    send(account, carol)
    claimed = opening._claim(job().pk)
    assert by_hand.give_up_direct_channel(job().pk, actor=ALICE) == 1
    assert not opening.resolved(claimed, account.bot_user_id, sandbox.channel_id("carol,durar"))
    assert job().state == "given_up"
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.error) == ("cancelled", "Given up by alice.")
    hints.run()
    assert said(sandbox) == []
    send(account, carol, "a new one")
    hints.run()
    assert said(sandbox) == ["a new one"]


def test_a_dead_message_is_sent_again_by_itself(sandbox, account, carol, hints):
    sandbox.fault("answer", status=403, **DIRECT)
    send(account, carol, "one")
    send(account, carol, "two")
    hints.run()
    by_hand.send_delivery_again(Delivery.objects.get(text="two").pk, actor=ALICE)
    hints.run()
    assert said(sandbox) == ["two"]
    by_hand.send_delivery_again(Delivery.objects.get(text="one").pk, actor=ALICE)
    hints.run()
    assert said(sandbox) == ["two", "one"]


def test_a_message_that_waits_can_be_discarded(sandbox, account, carol, hints):
    send(account, carol, "one")
    send(account, carol, "two")
    by_hand.discard_delivery(Delivery.objects.get(text="one").pk, actor=ALICE)
    hints.run()
    assert said(sandbox) == ["two"]


def test_an_archived_account_opens_nothing(sandbox, account, carol, hints):
    send(account, carol)
    accounts.archive(account.pk, actor=ALICE)
    assert (job().state, states()) == ("given_up", ["cancelled"])
    hints.run()
    assert not sandbox.requests(method="POST", path="channels/direct", who="durar")
    with pytest.raises(Refused, match="archived"):
        by_hand.retry_direct_channel(job().pk, actor=ALICE)


def test_another_bot_has_its_own_direct_channels(sandbox, account, carol, hints):
    other = {"id": sandbox.user_id("helper"), "token": sandbox.token("helper")}
    send(account, carol, "of the first")
    hints.run()
    with transaction.atomic():
        tokens.drop_knowledge(account)
    Account.objects.update(bot_user_id=other["id"], bot_token=other["token"])
    effective.bump_version()
    assert not DirectChannel.objects.exists()
    send(account, carol, "of the second")
    hints.run()
    assert [post["message"] for post in sandbox.posts("carol,helper")] == ["of the second"]


def test_a_job_under_way_begins_again_for_another_bot(sandbox, account, carol, hints):
    other = {"id": sandbox.user_id("helper"), "token": sandbox.token("helper")}
    sandbox.fault("answer", status=503, **DIRECT)
    send(account, carol)
    hints.run()
    late = opening._claim(_due_again().pk)
    with transaction.atomic():
        tokens.drop_knowledge(account)
    Account.objects.update(bot_user_id=other["id"], bot_token=other["token"])
    effective.bump_version()
    assert not opening.resolved(late, sandbox.user_id("durar"), sandbox.channel_id("carol,durar"))
    hints.run()
    assert (job().attempt, job().bot_user_id) == (1, other["id"])
    assert [post["message"] for post in sandbox.posts("carol,helper")] == ["hello"]


def _due_again() -> DirectChannel:
    its_time_has_come()
    return job()


def test_an_account_without_a_token_waits_and_uses_no_attempt_up(account, carol, hints):
    send(account, carol)
    Account.objects.update(bot_token="")
    effective.bump_version()
    hints.run()
    assert (job().state, job().attempt) == ("resolving", 0)
    assert "token" in job().error
    assert job().next_attempt_at > timezone.now()


def test_of_many_who_try_at_once_one_does_and_what_is_sent_meanwhile_is_not_left_behind(sandbox, account, carol, hints):
    send(account, carol, "0")
    hints.lose()
    pk = job().pk
    sends = [lambda text=str(number): send(account, carol, text) for number in range(1, 5)]
    results = at_once(*(lambda: opening.attempt(pk) for _ in range(4)), *sends)
    assert not [result for result in results if isinstance(result, Exception)]
    assert len(sandbox.requests(method="POST", path="channels/direct", who="durar")) == 1
    assert not Delivery.objects.filter(channel_id="").exists()
    hints.run()
    in_order = list(Delivery.objects.order_by("pk").values_list("text", flat=True))
    assert said(sandbox) == in_order
    assert sorted(in_order) == ["0", "1", "2", "3", "4"]


def test_two_first_messages_at_once_share_one_job(sandbox, account, carol, hints):
    results = at_once(*(lambda text=text: send(account, carol, text) for text in "ab"))
    assert not [result for result in results if isinstance(result, Exception)]
    assert DirectChannel.objects.count() == 1
    hints.run()
    assert sorted(said(sandbox)) == ["a", "b"]
