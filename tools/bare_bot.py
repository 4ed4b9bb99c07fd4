"""The least that any bot can do, as a yardstick: WebSocket in, one call of the agent, one POST out, nothing stored.

Started by `tools/bench.py` as a process of its own: `python tools/bare_bot.py BASE_URL TOKEN`. It prints "ready" when
it listens. It keeps no order, looks nothing up and forgets everything; that is the point.
"""

from __future__ import annotations

import asyncio
import json
import sys
from pathlib import Path

import aiohttp

sys.path.insert(0, str(Path(__file__).resolve().parent.parent))

from mattermost_bridge.agents.base import AgentConfig, AgentRequest, Deadline, build


async def answer(session: aiohttp.ClientSession, base_url: str, agent, post: dict, text: str) -> None:
    """Ask the agent and post what it says."""
    said = agent.answer(AgentRequest(text=text), deadline=Deadline(60))
    body = {"channel_id": post["channel_id"], "message": said.text, "root_id": post["root_id"]}
    async with session.post(f"{base_url}/api/v4/posts", json=body) as response:
        response.raise_for_status()


async def main(base_url: str, token: str) -> None:
    """Answer every direct message and every mention, until the process is stopped."""
    agent = build(AgentConfig(backend="echo", name="bare"))
    headers = {"Authorization": f"Bearer {token}"}
    async with aiohttp.ClientSession(headers=headers) as session:
        async with session.get(f"{base_url}/api/v4/users/me") as response:
            me = await response.json()
        tasks: set[asyncio.Task] = set()
        async with session.ws_connect(f"{base_url}/api/v4/websocket", compress=0) as socket:
            print("ready", flush=True)  # noqa: T201  # the parent waits for it
            async for message in socket:
                frame = json.loads(message.data)
                if frame.get("event") != "posted":
                    continue
                post = json.loads(frame["data"]["post"])
                direct = frame["data"]["channel_type"] == "D"
                mention = f"@{me['username']}"
                if post["user_id"] == me["id"] or not (direct or mention in post["message"]):
                    continue
                text = post["message"].replace(mention, "").strip()
                task = asyncio.create_task(answer(session, base_url, agent, post, text))
                tasks.add(task)
                task.add_done_callback(tasks.discard)


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], sys.argv[2]))
