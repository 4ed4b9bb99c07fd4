"""Fixtures of the tests of open pages: pages that connect with a session, and changes that reach them."""

from __future__ import annotations

import json
from typing import Any

import pytest
from asgiref.sync import sync_to_async
from asgiref.testing import ApplicationCommunicator
from channels.layers import get_channel_layer
from django.conf import settings
from django.contrib.auth.models import User
from django.db import connections
from django.test import Client

from mattermost_bridge.live.routing import application
from mattermost_bridge.live.teller import group_of
from tests import factories

BACKEND = "django.contrib.auth.backends.ModelBackend"
ORIGIN = "http://localhost"


@pytest.fixture(autouse=True)
def _in_memory(settings):
    settings.CHANNEL_LAYERS = {"default": {"BACKEND": "channels.layers.InMemoryChannelLayer"}}


@pytest.fixture
def mine(db):
    """The account that Bob works on."""
    return factories.AccountFactory()


@pytest.fixture
def other(db):
    """An account that Bob does not see."""
    return factories.AccountFactory()


class Page(ApplicationCommunicator):
    """An open page. (Channels' own for tests needs daphne.)"""

    accepted = False
    closed: int | None = None

    def __init__(self, session: str = "", origin: str | None = ORIGIN, path: str = "/ws/live/") -> None:
        headers = [(b"host", b"localhost")]
        if session:
            headers.append((b"cookie", f"{settings.SESSION_COOKIE_NAME}={session}".encode()))
        if origin is not None:
            headers.append((b"origin", origin.encode()))
        super().__init__(application, {"type": "websocket", "path": path, "headers": headers, "subprotocols": []})

    async def connect(self) -> None:
        """Ask to be let in."""
        await self.send_input({"type": "websocket.connect"})
        self.accepted = (await self.receive_output(10))["type"] == "websocket.accept"
        if self.accepted:
            # As a page does it: who hears the answer hears everything that happens from then on.
            await self.says('{"type": "ping"}')
            self.closed = (await self.receive_output(10)).get("code")

    async def says(self, text: str) -> None:
        """Send a message."""
        await self.send_input({"type": "websocket.receive", "text": text})

    async def hears(self) -> dict[str, Any]:
        """The next message."""
        message = await self.receive_output(10)
        assert message["type"] == "websocket.send", message
        return json.loads(message["text"])

    async def hears_nothing(self) -> bool:
        """Whether everything that was sent so far concerns others: the answer to a ping comes first, and a message
        that was held back would come with it."""
        await self.says('{"type": "ping"}')
        return (await self.hears())["type"] == "pong"

    async def closed_with(self) -> int:
        """The code with which the connection is closed; what comes before that fails the test."""
        if self.closed is None:
            message = await self.receive_output(10)
            assert message["type"] == "websocket.close", message
            self.closed = message["code"]
        return self.closed


class Pages:
    """Opens pages, and closes them at the end."""

    def __init__(self) -> None:
        self._open: list[Page] = []

    async def open(self, user: User | None = None, **how: Any) -> Page:
        """A page that is connected; `user` is who is signed in."""
        page = Page(await sync_to_async(session_of)(user) if user else "", **how)
        await page.connect()
        self._open.append(page)
        return page

    async def close(self) -> None:
        """Close them all."""
        for page in self._open:
            await page.send_input({"type": "websocket.disconnect", "code": 1000})
            await page.wait(10)


def session_of(user: User) -> str:
    """The key of a new session of somebody."""
    client = Client()
    client.force_login(user, backend=BACKEND)
    return client.cookies[settings.SESSION_COOKIE_NAME].value


@pytest.fixture
async def pages():
    """Open pages."""
    pages = Pages()
    yield pages
    await pages.close()
    # The thread in which this loop asks the database keeps its connection, and the test's database is dropped.
    await sync_to_async(connections.close_all)()


def change(account: Any, kind: str, *ids: int) -> dict[str, Any]:
    """A change of an account's records; of none's without account."""
    return {"account": account.pk if account else None, "kind": kind, "ids": list(ids)}


async def happens(*changes: dict[str, Any]) -> None:
    """Tell pages of these changes, all of one account, as the process that made them does."""
    message = {"type": "live.changed", "changes": list(changes)}
    await get_channel_layer().group_send(group_of(changes[0]["account"]), message)
