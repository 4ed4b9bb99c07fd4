"""Threads on one database: of two decisions one wins, and the cap of waiting requests holds."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from threading import Barrier

import pytest
from django.db import connection, transaction
from django.utils import timezone

from mattermost_bridge.models import AccessEntry, AuditEntry, Delivery, PairingRequest
from mattermost_bridge.rules.reasons import Reason
from mattermost_bridge.services import pairing
from mattermost_bridge.services.audit import Actor
from mattermost_bridge.services.errors import AlreadyDecided
from tests.bridge import make_account

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture(autouse=True)
def hints(hinted):
    """No hint leaves the process."""
    return hinted


def at_once(*calls: Callable[[], object]) -> list[object]:
    """Run the calls in threads that begin together; results, or the exceptions they ended with."""
    start = Barrier(len(calls))

    def one(call: Callable[[], object]) -> object:
        try:
            start.wait(10)
            return call()
        except Exception as error:
            return error
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(one, calls))


def request_of(account) -> PairingRequest:
    return PairingRequest.objects.create(
        account=account,
        user_id="carol".ljust(26, "u"),
        channel_id="dm".ljust(26, "x"),
        code="ABCD2345",
        expires_at=timezone.now() + timedelta(hours=1),
    )


@pytest.mark.parametrize("second", [pairing.approve, pairing.reject, pairing.block])
def test_one_wins_and_the_other_is_told(second):
    request = request_of(make_account())
    results = at_once(
        lambda: pairing.approve(request_id=request.pk, actor=Actor("alice", "panel")),
        lambda: second(request_id=request.pk, actor=Actor("bob", "panel")),
    )
    losers = [each for each in results if isinstance(each, AlreadyDecided)]
    assert len(losers) == 1, results
    request.refresh_from_db()
    assert losers[0].by == request.decided_by_name
    approved = request.state == "approved"
    assert AccessEntry.objects.filter(source="pairing").count() == int(approved)
    assert Delivery.objects.count() == int(approved)
    assert AuditEntry.objects.filter(verb__in=["pairing.approve", "pairing.reject"]).count() == 1


def test_no_more_than_three_wait_however_many_write_at_once():
    account = make_account()

    def ask(name: str):
        with transaction.atomic():
            return pairing.challenge(
                account_pk=account.pk,
                user_id=name.ljust(26, "u"),
                username=name,
                channel_id=f"dm{name}".ljust(26, "x"),
                trigger_ms=1,
            ).reason

    results = at_once(*(lambda name=name: ask(name) for name in ("a", "b", "c", "d", "e", "f")))
    assert sorted(map(str, results)) == [Reason.PAIRING_QUEUE_FULL] * 3 + [Reason.PAIRING_REQUIRED] * 3
    assert PairingRequest.objects.filter(state="pending").count() == 3


def test_one_person_who_writes_twice_at_once_has_one_request():
    account = make_account()

    def ask():
        with transaction.atomic():
            return pairing.challenge(
                account_pk=account.pk, user_id="c".ljust(26, "u"), username="c", channel_id="dm", trigger_ms=1
            ).reason

    assert sorted(map(str, at_once(ask, ask))) == [Reason.PAIRING_REPEATED, Reason.PAIRING_REQUIRED]
    assert PairingRequest.objects.count() == 1
    assert Delivery.objects.count() == 1
