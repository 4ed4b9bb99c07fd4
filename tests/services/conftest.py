"""Fixtures of the services' tests."""

from __future__ import annotations

import pytest

from mattermost_bridge.agents.base import AgentAnswer
from mattermost_bridge.services import clients, turn_runner, turns
from tests.bridge import BOT_ID, collected_hints
from tests.services.fake_server import FakeServer


@pytest.fixture
def hinted():
    """Hints are collected; a test runs or loses them."""
    with collected_hints() as hints:
        yield hints


@pytest.fixture
def server(monkeypatch):
    """A Mattermost at the client's seam."""
    fake = FakeServer(BOT_ID)
    monkeypatch.setattr(clients, "client_for", fake.client_for)
    return fake


@pytest.fixture
def asked(monkeypatch):
    """Every request that an agent got, in order; the agent answers "Yes."."""
    requests = []

    class Listener:
        def answer(self, request, *, deadline):
            requests.append(request)
            return AgentAnswer(text="Yes.")

    monkeypatch.setattr(turn_runner, "build", lambda config: Listener())
    return requests


@pytest.fixture(autouse=True)
def _room_for_all(monkeypatch):
    """Tests take turns and let their worker die; in a real process the places go with it."""
    monkeypatch.setattr(turns, "room", turns.Room(slots=100))
