"""The direct channel is opened first, once, with the values in force; the messages follow in order."""

from __future__ import annotations

import pytest

from mattermost_bridge.config import effective
from mattermost_bridge.models import Account, Delivery, DirectChannel, KnownChannel
from mattermost_bridge.services import opening, outbox
from mattermost_bridge.services.errors import Refused
from tests.services.direct_channels.jobs import DIRECT, its_time_has_come, job, said, send, states
from tests.services.test_two_operators_at_once import at_once

pytestmark = pytest.mark.django_db(transaction=True)


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


def test_the_bot_may_not_be_known_yet(sandbox, account, carol, hints):
    Account.objects.update(bot_user_id="")
    effective.bump_version()
    send(account, carol)
    hints.run()
    assert job().bot_user_id == sandbox.user_id("durar")
    assert said(sandbox) == ["hello"]


def test_the_values_of_the_account_hold_for_the_job_and_a_call_overrides_field_by_field(account, carol):
    Account.objects.update(dm_retry_max_retries=0, dm_retry_max_delay_ms=5000)
    effective.bump_version()
    send(account, carol, overrides={"timeout_ms": 6000})
    row = job()
    assert (row.max_retries, row.initial_delay_ms, row.max_delay_ms, row.timeout_ms) == (0, 1000, 5000, 6000)
    send(account, carol, overrides={"max_retries": 7})
    row = job()
    assert (row.max_retries, row.initial_delay_ms, row.max_delay_ms, row.timeout_ms) == (7, 1000, 5000, 6000)


def test_values_that_come_while_an_attempt_is_under_way_hold_for_its_end(sandbox, account, carol, monkeypatch):
    sandbox.fault("answer", status=503, **DIRECT)
    send(account, carol, overrides={"max_retries": 0})

    def meanwhile(account_settings, row, call=opening._call):
        send(account, carol, "another", overrides={"max_retries": 1})
        return call(account_settings, row)

    monkeypatch.setattr(opening, "_call", meanwhile)
    opening.attempt(job().pk)
    assert (job().state, job().attempt, job().attempts) == ("resolving", 1, 2)
    assert states() == ["queued", "queued"]


def test_values_out_of_bounds_are_refused_and_nothing_is_sent(account, carol):
    with pytest.raises(Refused, match=r"dmChannelRetry\.timeoutMs must be a whole number from 5000 to 120000"):
        send(account, carol, overrides={"timeout_ms": 1})
    assert not Delivery.objects.exists()
    assert not DirectChannel.objects.exists()


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
