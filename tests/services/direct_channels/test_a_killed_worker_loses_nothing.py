"""Workers that die and hints that are lost while a direct channel is opened."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from mattermost_bridge.models import DirectChannel
from mattermost_bridge.services import direct_channels, opening
from tests.services.direct_channels.jobs import DIRECT, its_worker_died, job, said, send, states, sweep_now

pytestmark = pytest.mark.django_db(transaction=True)


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
