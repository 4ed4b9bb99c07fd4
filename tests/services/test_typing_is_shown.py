"""While the agent works the bot types, in the thread of its answer; it stops when the agent is done or has failed."""

from __future__ import annotations

import threading

import pytest

from mattermost_bridge.agents.base import AgentAnswer, AgentError, ErrorKind
from mattermost_bridge.listeners import drafts
from mattermost_bridge.mattermost.rest import close_clients
from mattermost_bridge.mattermost.types import Post
from mattermost_bridge.models import Turn
from mattermost_bridge.sandbox.client import wait_for
from mattermost_bridge.services import inbox, turn_runner
from tests.bridge import make_account
from tests.sandbox.ears import Ear

pytestmark = pytest.mark.django_db(transaction=True)


def timers() -> set[threading.Thread]:
    return {thread for thread in threading.enumerate() if isinstance(thread, threading.Timer)}


@pytest.mark.parametrize(
    ("outcome", "state"),
    [
        (AgentAnswer(text="Yes."), "done"),
        (AgentError(ErrorKind.TIMEOUT, "It took too long."), "failed"),
        (RuntimeError("a defect"), "failed"),
    ],
)
def test_the_bot_types_until_its_agent_is_done_or_has_failed(sandbox, hinted, monkeypatch, outcome, state):
    account = make_account(
        group_policy="open",
        base_url=sandbox.base_url,
        bot_token=sandbox.token("durar"),
        bot_user_id=sandbox.user_id("durar"),
    )
    monkeypatch.setattr(turn_runner, "TYPING_AFTER", 0.0)
    monkeypatch.setattr(turn_runner, "TYPING_EVERY", 0.01)
    before = timers()
    seen = []
    with Ear(sandbox, "alice") as alice:

        class Slow:
            """Works until people have seen it type, and go on seeing it."""

            def answer(self, request, *, deadline):
                seen.extend(alice.event("typing") for _ in range(3))
                if isinstance(outcome, Exception):
                    raise outcome
                return outcome

        monkeypatch.setattr(turn_runner, "build", lambda config: Slow())
        root = sandbox.post("alice", "support", "a thread")["id"]
        post = sandbox.post("alice", "support", "@durar?", root_id=root)
        inbox.record(account.pk, [drafts.from_caught_up(Post.from_json(post), post["channel_id"], "O", "alice")])
        hinted.run()
        wait_for(lambda: not timers() - before, what="the typing to end")
        alice.until_pong()
        assert "typing" not in [event["event"] for event in alice.until_pong()]
    assert {(one["data"]["user_id"], one["data"]["parent_id"]) for one in seen} == {(sandbox.user_id("durar"), root)}
    assert Turn.objects.get().state == state
    close_clients()
