"""People who ask a bot and measure the answer, and what a process tree costs. Used by the bench."""

from __future__ import annotations

import asyncio
import json
import os
import time
from pathlib import Path

import aiohttp


class Person:
    """Somebody in Mattermost with a socket of their own; asks, and hears the bot's answers there."""

    def __init__(self, base_url: str, name: str, token: str) -> None:
        self.name = name
        self._base_url, self._headers = base_url, {"Authorization": f"Bearer {token}"}
        self._heard: asyncio.Queue[tuple[float, dict]] = asyncio.Queue()

    async def connect(self) -> None:
        """Open the socket and listen."""
        self._session = aiohttp.ClientSession(headers=self._headers)
        async with self._session.get(f"{self._base_url}/api/v4/users/me") as response:
            self._id = (await response.json())["id"]
        self._socket = await self._session.ws_connect(f"{self._base_url}/api/v4/websocket", compress=0)
        self._listening = asyncio.create_task(self._listen())

    async def close(self) -> None:
        """Close everything."""
        self._listening.cancel()
        await self._socket.close()
        await self._session.close()

    async def _listen(self) -> None:
        async for message in self._socket:
            now = time.monotonic()
            frame = json.loads(message.data)
            if frame.get("event") == "posted":
                self._heard.put_nowait((now, json.loads(frame["data"]["post"])))

    async def post(self, channel_id: str, text: str, root_id: str = "") -> dict:
        """Make a post."""
        body = {"channel_id": channel_id, "message": text, "root_id": root_id}
        async with self._session.post(f"{self._base_url}/api/v4/posts", json=body) as response:
            response.raise_for_status()
            return await response.json()

    async def ask(self, channel_id: str, text: str, *, root_id: str = "", limit: float = 60.0) -> float:
        """Post and wait for the bot's answer in the same place; the seconds between the two. Raises TimeoutError."""
        while not self._heard.empty():
            self._heard.get_nowait()
        begun = time.monotonic()
        async with asyncio.timeout(limit):
            await self.post(channel_id, text, root_id)
            while True:
                at, post = await self._heard.get()
                if post["channel_id"] == channel_id and post["user_id"] != self._id:
                    return at - begun


def process_tree(pid: int) -> list[int]:
    """A process and everything below it."""
    children: dict[int, list[int]] = {}
    for entry in os.scandir("/proc"):
        if entry.name.isdigit():
            try:
                parent = int(Path(entry.path, "stat").read_text().rpartition(")")[2].split()[1])
            except (FileNotFoundError, ProcessLookupError):
                continue
            children.setdefault(parent, []).append(int(entry.name))
    tree, waiting = [], [pid]
    while waiting:
        tree.append(waiting.pop())
        waiting += children.get(tree[-1], [])
    return tree


def memory_mib(pids: list[int]) -> float:
    """Proportional memory of these processes: what they share is counted once."""
    total = 0
    for pid in pids:
        for line in Path(f"/proc/{pid}/smaps_rollup").read_text().splitlines():
            if line.startswith("Pss:"):
                total += int(line.split()[1])
    return total / 1024


def cpu_seconds(pids: list[int]) -> float:
    """Processor time that these processes have used so far."""
    ticks = 0
    for pid in pids:
        fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
        ticks += int(fields[11]) + int(fields[12])
    return ticks / os.sysconf("SC_CLK_TCK")
