"""An agent offers buttons with its tool; the click comes back as its next message."""

from __future__ import annotations

import pytest

from mattermost_bridge.listeners import drafts
from mattermost_bridge.mattermost.types import Post
from mattermost_bridge.models import Agent, Conversation, Turn
from mattermost_bridge.services import inbox
from tests.agents.openai_server import OpenAIServer, asks, in_rounds, says
from tests.callbacks.conftest import YES_NO, click


@pytest.mark.parametrize("in_thread", [False, True])
def test_the_click_comes_to_the_agent_as_its_next_message(sandbox, account, hints, in_thread):
    with OpenAIServer() as model:
        account.agent = Agent.objects.create(
            slug="hands", backend="openai_compatible", base_url=model.base_url, model="m", takes_tools=True
        )
        account.capabilities = ["inlineButtons"]
        account.save()
        root = sandbox.post("bob", "support", "a thread")["id"] if in_thread else ""
        asked = sandbox.post("alice", "support", "@durar deploy", root_id=root)
        inbox.record(account.pk, [drafts.from_caught_up(Post.from_json(asked), asked["channel_id"], "O", "alice")])
        model.reply(in_rounds(asks({"action": "buttons", "message": "Deploy?", "buttons": YES_NO}), says("Choose.")))
        hints.run()
        post = next(one for one in sandbox.posts("support") if one["message"] == "Deploy?")
        assert post["root_id"] == root
        model.reply(says("Deploying."))
        assert click(sandbox, post).status_code == 200
        hints.run()
        messages = model.requests[-1].messages
    assert messages[-1]["content"].endswith('[Button click: user @alice selected "Yes"]')
    assert {"role": "assistant", "content": "Deploy?\n[Buttons]\n\nChoose."} in messages
    assert Conversation.objects.count() == 1
    assert [turn.answer for turn in Turn.objects.order_by("pk")] == ["Choose.", "Deploying."]
    assert sandbox.posts("support")[-1]["message"] == "Deploying."
