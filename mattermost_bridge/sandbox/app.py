"""The sandbox as one object, and the aiohttp application that serves it."""

import asyncio
from dataclasses import replace
from pathlib import Path
from typing import Protocol

from aiohttp import web

from mattermost_bridge.sandbox import control, page, rest
from mattermost_bridge.sandbox.commanding import Hook
from mattermost_bridge.sandbox.faults import Faults
from mattermost_bridge.sandbox.hub import Hub
from mattermost_bridge.sandbox.journal import Journal
from mattermost_bridge.sandbox.keys import SANDBOX
from mattermost_bridge.sandbox.middleware import serve_api
from mattermost_bridge.sandbox.pending import PendingPosts
from mattermost_bridge.sandbox.ratelimit import RateLimiter
from mattermost_bridge.sandbox.records import Clock
from mattermost_bridge.sandbox.seed import add_person, seeded_state
from mattermost_bridge.sandbox.settings import Settings
from mattermost_bridge.sandbox.snapshot import Snapshot
from mattermost_bridge.sandbox.state import State
from mattermost_bridge.sandbox.websocket import serve_websocket
from mattermost_bridge.sandbox.world import SandboxPerson

MAX_BODY = 104_857_600
ROOM_FOR_FORM = 1024 * 1024
"""bytes around the largest file in the form that uploads it"""


class Network(Protocol):
    """The sandbox's port, as far as a fault may close it."""

    async def go_away(self, seconds: float | None, spare: asyncio.BaseTransport | None) -> None:
        """Stop listening and cut every connection except `spare`; come back after `seconds`, or when told."""

    async def come_back(self) -> None:
        """Listen again."""


class Sandbox:
    """State, connections, faults and settings of one small Mattermost."""

    def __init__(self, settings: Settings | None = None, *, state_file: Path | None = None, people: int = 0) -> None:
        """Load the state file or make a fresh world with `people` more persons. Raises SnapshotError."""
        self._start_settings = settings or Settings()
        self._people = people
        self.settings = replace(self._start_settings)
        self.clock = Clock()
        self.snapshot = Snapshot(state_file)
        self.snapshot.check_writable()
        self.state = self._watched(self.snapshot.load(self.clock) or self._fresh())
        self.hub = Hub(self.settings, lambda: self.state)
        self.faults = Faults()
        self.journal = Journal()
        self.limiter = RateLimiter()
        self.pending = PendingPosts()
        self.command_hooks: dict[str, Hook] = {}
        """the response URLs of slash commands, by their ids"""
        self.network: Network | None = None
        """the listening port; set by whoever serves the sandbox"""

    def _fresh(self) -> State:
        state = seeded_state(self.clock)
        for number in range(1, self._people + 1):
            add_person(state, SandboxPerson(f"person{number:02d}", f"Person {number}", "Sandbox"))
        return state

    def _watched(self, state: State) -> State:
        state.on_change = lambda: self.snapshot.schedule(state)
        return state

    def reset(self) -> None:
        """Go back to the start: fresh world, start settings, no faults, no connections, nothing remembered."""
        self.faults.clear()
        for connection in self.hub.all():
            connection.cut()
        for name in Settings.__slots__:
            setattr(self.settings, name, getattr(self._start_settings, name))
        self.clock.offset_ms = 0
        self.limiter = RateLimiter()
        self.pending.clear()
        self.command_hooks.clear()
        self.journal.clear()
        self.state.on_change = lambda: None
        self.state = self._watched(self._fresh())
        self.state.on_change()


def build_application(sandbox: Sandbox) -> web.Application:
    """Return the application: API v4 with its WebSocket, the control interface and the chat page."""
    app = web.Application(middlewares=[serve_api], client_max_size=MAX_BODY + ROOM_FOR_FORM)
    app[SANDBOX] = sandbox
    app.router.add_get("/api/v4/websocket", serve_websocket)
    rest.add_routes(app)
    control.add_routes(app)
    page.add_routes(app)
    return app
