"""Opening a direct channel of a server in trouble: which failures are tried again, and when."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from mattermost_bridge.config import effective
from mattermost_bridge.config.effective import settings_for
from mattermost_bridge.models import Account, Delivery, DirectChannel, OutboxState
from mattermost_bridge.services import accounts, by_hand, direct_channels, opening, outbox
from mattermost_bridge.services.errors import Refused
from mattermost_bridge.services.messages import Target
from tests.services.direct_channels.jobs import ALICE, DIRECT, its_time_has_come, job, said, send, states, sweep_now

pytestmark = pytest.mark.django_db(transaction=True)


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


def test_a_server_without_an_encrypted_connection_is_not_tried_again(sandbox, account, carol, hints):
    Account.objects.update(base_url=sandbox.base_url.replace("http:", "https:"))
    effective.bump_version()
    send(account, carol)
    hints.run()
    assert (job().state, job().attempt, job().error_status) == ("failed", 1, None)
    assert "TLS error" in job().error
    assert states() == ["dead"]


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
