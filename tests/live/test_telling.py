"""The thread that tells: over a real broker, to pages that are open."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import tempfile
from pathlib import Path
from typing import Any

import pytest
import redis
from channels.layers import get_channel_layer

from mattermost_bridge.launcher import broker
from mattermost_bridge.live.teller import MOST_IDS, Teller, group_of
from tests.e2e.processes import wait_for


class Broker:
    """An embedded broker that can be killed and started again."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        """Start it and wait until it answers."""
        broker.prepare(self.path)
        self._process = subprocess.Popen(broker.command(broker.find_server(), self.path), stdout=subprocess.DEVNULL)
        wait_for(lambda: broker.answers(self.path), what="the broker to answer")

    def kill(self) -> None:
        """SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait(10)

    def freeze(self) -> None:
        """It takes connections and answers nobody."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """It goes on."""
        assert self._process is not None
        os.kill(self._process.pid, signal.SIGCONT)

    @property
    def listeners(self) -> int:
        """How many connections are subscribed to something."""
        with redis.Redis(unix_socket_path=str(self.path)) as client:
            return sum(count for _, count in client.pubsub_numsub(*client.pubsub_channels()))


@pytest.fixture
def server():
    """A running broker."""
    with tempfile.TemporaryDirectory(prefix="durar-") as folder:
        one = Broker(Path(folder) / "broker" / "valkey.sock")
        one.start()
        yield one
        one.kill()


@pytest.fixture(autouse=True)
def _over_the_broker(settings, server):
    layer = {"BACKEND": "mattermost_bridge.live.layer.LiveLayer", "CONFIG": {"url": f"unix://{server.path}"}}
    settings.CHANNEL_LAYERS = {"default": layer}


@pytest.fixture
def teller():
    """A process's teller."""
    one = Teller()
    yield one
    one.stay_silent()


class Ear:
    """Listens to an account's group, as a consumer does."""

    def __init__(self) -> None:
        self.layer: Any = get_channel_layer()
        self.gaps = 0

    async def join(self, account_pk: int | None) -> Ear:
        """Begin to listen."""
        self.channel = await self.layer.new_channel()
        await self.layer.group_add(group_of(account_pk), self.channel)
        self.layer.tell_of_gaps(self)
        # What this one sends to itself comes back only when the subscription stands.
        await self.layer.group_send(group_of(account_pk), {"type": "live.changed", "changes": []})
        assert await self.hears() == {}
        return self

    def missed(self) -> None:
        """The layer was away."""
        self.gaps += 1

    async def hears(self, limit: float = 20) -> dict[tuple[int | None, str], list[int]]:
        """The next message, as keys by account and kind."""
        async with asyncio.timeout(limit):
            message = await self.layer.receive(self.channel)
        assert message["type"] == "live.changed"
        return {(one["account"], one["kind"]): one["ids"] for one in message["changes"]}


async def test_what_changes_in_a_moment_is_one_message_for_each_account(teller):
    first, second = await Ear().join(1), await Ear().join(2)
    for pk in (7, 8, 7):
        teller.add(1, "event", [pk])
    teller.add(2, "turn", [1])
    teller.add(1, "delivery", [3])
    assert await first.hears() == {(1, "event"): [7, 8], (1, "delivery"): [3]}
    assert await second.hears() == {(2, "turn"): [1]}
    teller.add(1, "event", [9])
    assert await first.hears() == {(1, "event"): [9]}


async def test_what_belongs_to_no_account_is_told_to_everybody(teller):
    ear = await Ear().join(None)
    teller.add(None, "agent", [4])
    assert await ear.hears() == {(None, "agent"): [4]}


async def test_many_records_are_told_as_any(teller):
    ear = await Ear().join(1)
    teller.add(1, "event", range(MOST_IDS + 1))
    teller.add(1, "event", [1])
    teller.add(1, "turn", [])
    teller.add(1, "turn", [5])
    assert await ear.hears() == {(1, "event"): [], (1, "turn"): []}


async def test_a_process_that_ends_tells_at_once_what_it_has_gathered(teller):
    ear = await Ear().join(1)
    teller.add(1, "event", [7])
    assert await asyncio.to_thread(teller.flush)
    assert await ear.hears() == {(1, "event"): [7]}


async def test_without_a_broker_nobody_waits_and_what_changed_is_told_when_it_is_back(teller, server):
    server.kill()
    teller.add(1, "event", [7])
    assert not await asyncio.to_thread(teller.flush)
    server.start()
    ear = await Ear().join(1)
    teller.add(1, "turn", [5])
    # Which events changed meanwhile nobody keeps, only that some did.
    assert await ear.hears() == {(1, "event"): [], (1, "turn"): [5]}


async def test_a_broker_that_hangs_is_tried_for_a_moment_only(teller, server):
    ear = await Ear().join(1)
    teller.add(1, "event", [1])
    await ear.hears()
    server.freeze()
    try:
        teller.add(1, "event", [7])
        assert not await asyncio.to_thread(teller.flush, 10)
    finally:
        server.thaw()
    assert (1, "event") in await ear.hears()


async def test_pages_learn_that_messages_may_have_been_missed(teller, server):
    ear = await Ear().join(1)
    server.kill()
    server.start()
    async with asyncio.timeout(20):
        while not ear.gaps:
            await asyncio.sleep(0.05)
    teller.add(1, "event", [7])
    assert await ear.hears() == {(1, "event"): [7]}


def test_a_process_that_is_to_be_silent_starts_no_thread(teller):
    teller.stay_silent()
    teller.add(1, "event", [7])
    assert teller.flush()
    assert teller._thread is None
