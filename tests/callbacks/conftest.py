"""What tests of callbacks share: the guard on a port, as uvicorn serves it, and an account on the sandbox."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import pytest
import requests
import uvicorn
from django.db import transaction

from mattermost_bridge.callbacks.buttons import ButtonClicks
from mattermost_bridge.callbacks.commands import SlashCommands
from mattermost_bridge.callbacks.guard import Guard
from mattermost_bridge.callbacks.send import SendByKey
from mattermost_bridge.models import Account, Delivery, InboundEvent, Turn
from mattermost_bridge.rules.signatures import button_secret, sign
from mattermost_bridge.sandbox.client import wait_for
from mattermost_bridge.services import buttons
from tests.bridge import collected_hints, make_account


@dataclass
class Web:
    """The guard on a port. What is no callback reaches an application that answers 418."""

    base_url: str
    clicks: ButtonClicks

    @property
    def port(self) -> int:
        return int(self.base_url.rpartition(":")[2])

    def post(self, payload: Any, account_id: str = "default", **options: Any) -> requests.Response:
        """Call as Mattermost does."""
        url = f"{self.base_url}/mattermost/interactions/{account_id}"
        body = {"data": payload} if isinstance(payload, bytes) else {"json": payload}
        return requests.post(url, timeout=30, **body, **options)


async def _teapot(scope: Any, receive: Any, send: Any) -> None:
    await send({"type": "http.response.start", "status": 418, "headers": []})
    await send({"type": "http.response.body", "body": b""})


@pytest.fixture(scope="session")
def _web() -> Iterator[Web]:
    clicks = ButtonClicks()
    config = uvicorn.Config(
        Guard(_teapot, [clicks, SendByKey(), SlashCommands()]),
        port=0,
        log_config=None,
        lifespan="off",
        proxy_headers=False,
    )
    server = uvicorn.Server(config)
    thread = threading.Thread(target=server.run, daemon=True)
    thread.start()
    wait_for(lambda: server.started, what="the web server")
    port = server.servers[0].sockets[0].getsockname()[1]
    yield Web(f"http://127.0.0.1:{port}", clicks)
    server.should_exit = True
    thread.join(20)


@pytest.fixture
def web(_web: Web, transactional_db: None) -> Web:
    """The callbacks of this process, over real HTTP; other threads see what a test saved."""
    return _web


@pytest.fixture
def hints() -> Iterator[Any]:
    """Hints are collected and run on demand."""
    with collected_hints() as hints:
        yield hints


@pytest.fixture
def account(sandbox: Any, web: Web, hints: Any) -> Account:
    """The sandbox's bot, with an agent that repeats; everybody may use it in channels."""
    return make_account(
        base_url=sandbox.base_url,
        bot_token=sandbox.token("durar"),
        bot_user_id=sandbox.user_id("durar"),
        group_policy="open",
        interactions_callback_base_url=web.base_url,
    )


YES_NO = [[{"text": "Yes", "callback_data": "y-es", "style": "primary"}, {"text": "No", "callback_data": "no"}]]


@pytest.fixture
def offered(sandbox: Any, account: Account, hints: Any) -> Any:
    """Offer buttons in a channel and return the post that people see."""

    def offer(channel: str = "support", text: str = "Deploy?", rows: Any = YES_NO, **values: Any) -> dict[str, Any]:
        channel_id = sandbox.channel_id(channel)
        with transaction.atomic():
            made = buttons.offer(account_pk=account.pk, channel_id=channel_id, text=text, buttons=rows, **values)
        hints.run()
        post_id = Delivery.objects.get(pk=made[-1].pk).post_id
        return dict(sandbox.api("durar", "GET", f"/posts/{post_id}"))

    return offer


def click(sandbox: Any, post: dict[str, Any], action: str = "yes", who: str = "alice") -> requests.Response:
    """Click a button of a post as somebody."""
    return sandbox.raw(who, "POST", f"/posts/{post['id']}/actions/{action}", {})


def signed(context: dict[str, Any], token: str) -> dict[str, Any]:
    """A context with its signature by the bot's token."""
    return {**context, "_token": sign(context, button_secret(token))}


def counts() -> tuple[int, int, int]:
    """How many events, turns and deliveries there are."""
    return InboundEvent.objects.count(), Turn.objects.count(), Delivery.objects.count()
