"""Threads on one database: however many look at once, each thing is opened, closed and told once."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from threading import Barrier

import pytest
from django.db import connection

from mattermost_bridge.models import Alert, AlertNotice
from mattermost_bridge.services import alert_notices, alerts
from tests import factories
from tests.mattermost.servers import answer, scripted_server

pytestmark = pytest.mark.django_db(transaction=True)


def at_once(*calls: Callable[[], object]) -> list[object]:
    """Run the calls in threads that begin together."""
    start = Barrier(len(calls))

    def one(call: Callable[[], object]) -> object:
        try:
            start.wait(10)
            return call()
        finally:
            connection.close()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(one, calls))


@pytest.mark.parametrize("first_ever", [True, False])
def test_two_looks_open_and_close_once(watch, account, target, first_ever):
    from mattermost_bridge.models import Tick

    target("one")
    target("two")
    watch.phase(account, "token_refused")
    factories.PairingRequestFactory(account=account)
    if first_ever:
        Tick.objects.all().delete()
    looks = at_once(*[watch.look] * 4)
    assert sum(look.raised for look in looks) == 2
    assert (Alert.objects.count(), AlertNotice.objects.count()) == (2, 4)
    AlertNotice.objects.update(state="sent")
    watch.phase(account, "ready")
    watch.now += alerts.timedelta(seconds=29)
    looks = at_once(*[watch.look] * 4)
    watch.now += alerts.timedelta(seconds=5)
    looks += at_once(*[watch.look] * 4)
    assert sum(look.over for look in looks) == 1
    assert AlertNotice.objects.filter(about="recovered").count() == 2


def test_two_workers_tell_a_target_once(watch, account, target):
    with scripted_server(answer(204)) as server:
        told = target(url=server.url)
        for _ in range(5):
            factories.PairingRequestFactory(account=account)
        watch.look()
        sent = at_once(*[lambda: alert_notices.send_due(told.pk)] * 4)
    # Who came while another worker told it left it alone, or found nothing more to do.
    assert sum(sent) == 5
    assert len(server.requests) == 5
    assert set(AlertNotice.objects.values_list("state", flat=True)) == {"sent"}
