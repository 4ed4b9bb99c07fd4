"""The model's server, the account whose agent takes tools, and a way to be heard by it."""

from __future__ import annotations

import pytest

from mattermost_bridge.listeners import drafts
from mattermost_bridge.mattermost.rest import close_clients
from mattermost_bridge.mattermost.types import Post
from mattermost_bridge.models import AccessEntry, Agent
from mattermost_bridge.services import inbox, targets
from tests.agents.openai_server import OpenAIServer
from tests.bridge import make_account


@pytest.fixture
def model():
    with OpenAIServer() as running:
        yield running


@pytest.fixture
def account(sandbox, model):
    agent = Agent.objects.create(
        slug="hands", backend="openai_compatible", base_url=model.base_url, model="test-model", takes_tools=True,
        total_time=30,
    )  # fmt: skip
    account = make_account(
        dm_policy="open", group_policy="open", own_allow_from=True, agent=agent, agent_targets=["#off-topic", "@bob"],
        capabilities=["inlineButtons"], base_url=sandbox.base_url, bot_token=sandbox.token("durar"),
        bot_user_id=sandbox.user_id("durar"),
    )  # fmt: skip
    AccessEntry.objects.create(account=account, list="dm", value="*")
    targets.forget()
    yield account
    close_clients()


@pytest.fixture
def ops(sandbox):
    """A channel where the bot is a member, beside the one in which it is asked."""
    channel_id = sandbox.channel_id("off-topic")
    sandbox.api("alice", "POST", f"/channels/{channel_id}/members", {"user_id": sandbox.user_id("durar")})
    return channel_id


@pytest.fixture
def hear(sandbox, account, hinted):
    """alice writes to the bot in the channel support; the bot answers."""

    def ask(text: str = "@durar do it", *, run: bool = True, root_id: str = "") -> dict:
        post = sandbox.post("alice", "support", text, root_id=root_id)
        inbox.record(account.pk, [drafts.from_caught_up(Post.from_json(post), post["channel_id"], "O", "alice")])
        if run:
            hinted.run()
        return post

    return ask
