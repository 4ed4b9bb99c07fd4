"""Fixtures of the alerts' tests: a clock that a test moves, targets of each way, and hints that run on demand."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
from django.utils import timezone

from mattermost_bridge.models import AlertTarget, ConnectionChange, ListenerLease
from mattermost_bridge.models.states import AlertKind
from mattermost_bridge.services import alerts
from mattermost_bridge.tasks.alerts import send_notes
from tests import bridge


@pytest.fixture(autouse=True)
def hinted(monkeypatch):
    """Hints are collected; a test runs or loses them."""
    monkeypatch.setitem(bridge.TASKS, send_notes.name, send_notes)
    with bridge.collected_hints() as hints:
        yield hints


class Watch:
    """Looks every ten seconds on a clock of its own, which starts at the real time."""

    def __init__(self) -> None:
        self.now = timezone.now()

    def look(self) -> alerts.Looked:
        """One look now."""
        return alerts.look(self.now)

    def after(self, seconds: float) -> alerts.Looked:
        """Let time pass, looking all the while (in long times once a minute); what all those looks did."""
        raised = over = 0
        step = min(seconds, 10 if seconds <= 600 else 60)
        for _ in range(max(1, round(seconds / step))):
            self.now += timedelta(seconds=step)
            found = self.look()
            raised, over = raised + found.raised, over + found.over
        return alerts.Looked(raised, over)

    def phase(self, account, phase: str, reason: str = "") -> None:
        """The account's connection changes now."""
        lease = ListenerLease.objects.get(account=account)
        change = ConnectionChange.objects.create(account=account, old=lease.phase, new=phase, reason=reason)
        ConnectionChange.objects.filter(pk=change.pk).update(at=self.now)
        ListenerLease.objects.filter(account=account).update(phase=phase, reason=reason, since=self.now)


@pytest.fixture
def watch(db) -> Watch:
    """A watch that has been looking for a while."""
    watch = Watch()
    watch.look()
    return watch


@pytest.fixture
def account(db):
    """An account that is ready."""
    account = bridge.make_account("support", name="Support")
    ListenerLease.objects.filter(account=account).update(phase="ready", since=timezone.now() - timedelta(hours=1))
    return account


@pytest.fixture
def target(db) -> Callable[..., AlertTarget]:
    """Makes targets that are told of everything."""

    def make(name: str = "On call", **values) -> AlertTarget:
        values.setdefault("kind", "webhook")
        if values["kind"] == "webhook":
            values = {"url": "http://127.0.0.1:9/hooks/very-secret-path", "signing_secret": "s" * 43, **values}
        values.setdefault("kinds", AlertKind.values)
        return AlertTarget.objects.create(name=name, **values)

    return make
