"""Threads and files as a real server sends them: the client, the sandbox's API and the agent's answer in one piece."""

from __future__ import annotations

import pytest

from mattermost_bridge.listeners import drafts
from mattermost_bridge.mattermost.rest import close_clients
from mattermost_bridge.mattermost.types import Post
from mattermost_bridge.models import AccessEntry, Agent, KnownPerson, Turn
from mattermost_bridge.services import context, inbox
from tests.bridge import make_account

pytestmark = pytest.mark.django_db(transaction=True)

PNG = b"\x89PNG\r\n\x1a\n" + b"\x00" * 60


@pytest.fixture
def account(sandbox):
    agent = Agent.objects.create(slug="sees", backend="echo", takes_images=True)
    account = make_account(
        dm_policy="open", group_policy="open", own_allow_from=True, agent=agent,
        base_url=sandbox.base_url, bot_token=sandbox.token("durar"), bot_user_id=sandbox.user_id("durar"),
    )  # fmt: skip
    AccessEntry.objects.create(account=account, list="dm", value="*")
    context.threads.forget()
    yield account
    close_clients()


def hear(account, hinted, post: dict, channel_type: str, who: str = "alice") -> None:
    """The bot hears of this post, and of nothing that was before."""
    draft = drafts.from_caught_up(Post.from_json(post), post["channel_id"], channel_type, who)
    inbox.record(account.pk, [draft])
    hinted.run()


def answers(sandbox, channel: str) -> list[str]:
    bot = sandbox.user_id("durar")
    return [post["message"] for post in sandbox.posts(channel) if post["user_id"] == bot]


@pytest.mark.parametrize("version", ["5.37", "11"])
def test_a_thread_is_read_with_its_authors_names(sandbox, account, hinted, version):
    sandbox.control("POST", "settings", version=version)
    root = sandbox.post("bob", "support", "the build broke")
    sandbox.post("carol", "support", "since noon", root_id=root["id"])
    sandbox.react("carol", root["id"], "eyes")
    asked = sandbox.post("alice", "support", "@durar context", root_id=root["id"])
    # Of posts of one millisecond the id says which is later.
    while sandbox.post("bob", "support", "much later", root_id=root["id"])["create_at"] == asked["create_at"]:
        sandbox.delete("bob", sandbox.posts("support")[-1]["id"])
    hear(account, hinted, asked, "O")
    said = answers(sandbox, "support")[0]
    assert "the build broke" in said
    assert "since noon" in said
    assert "] bob, 20" in said
    assert "] carol, 20" in said
    assert "much later" not in said
    assert set(KnownPerson.objects.values_list("username", flat=True)) == {"bob", "carol"}
    read = sandbox.requests(path="/thread$", who="durar")
    assert len(read) == 1
    assert "perPage=51" in read[0]["query"]
    assert Turn.objects.get().given == {"posts": 2, "in_thread": True}


def test_a_thread_that_the_server_does_not_give_is_said_and_the_answer_comes(sandbox, account, hinted):
    root = sandbox.post("bob", "support", "the build broke")
    asked = sandbox.post("alice", "support", "@durar context", root_id=root["id"])
    sandbox.control("POST", "faults", kind="answer", path="/thread$", status=500)
    hear(account, hinted, asked, "O")
    assert "could not be read from Mattermost: Mattermost API 500" in answers(sandbox, "support")[0]


def test_files_are_read_and_told(sandbox, account, hinted):
    channel = sandbox.channel_id("alice,durar")
    ids = [
        sandbox.upload("alice", channel, "notes.txt", "grüße".encode())["id"],
        sandbox.upload("alice", channel, "shot.png", PNG)["id"],
        sandbox.upload("alice", channel, "big.txt", b"x" * (9 * 2**20))["id"],
        sandbox.upload("alice", channel, "all.zip", b"PK")["id"],
    ]
    hear(account, hinted, sandbox.post_with_files("alice", channel, "look", *ids), "D")
    assert answers(sandbox, "alice,durar")[0].splitlines() == [
        "You said: look",
        "",
        "With it came:",
        '- "notes.txt" (text/plain, 7 bytes, given as text)',
        '- "shot.png" (image/png, 68 bytes, given as an image)',
        '- "big.txt" (text/plain, 9 MiB, could not be read: it is larger than the 8 MiB that this '
        "account reads (mediaMaxMb))",
        '- "all.zip" (application/zip, 2 bytes, only named: only images and text files are read)',
    ]
    fetched = [request["path"] for request in sandbox.requests(path="/files/", who="durar", method="GET")]
    assert len(fetched) == 4 + 2  # four are asked about, and two are small enough and of use


def test_a_file_that_is_gone_is_said(sandbox, account, hinted):
    channel = sandbox.channel_id("alice,durar")
    file = sandbox.upload("alice", channel, "notes.txt", b"hello")
    post = sandbox.post_with_files("alice", channel, "look", file["id"])
    sandbox.control("POST", "faults", kind="answer", path=f"/files/{file['id']}$", status=404)
    hear(account, hinted, post, "D")
    said = '"notes.txt" (text/plain, 5 bytes, could not be read: it is not there any more)'
    assert answers(sandbox, "alice,durar") == [f"You said: look\n\nWith it came:\n- {said}"]
    assert Turn.objects.get().given == {"files": [said]}


def test_a_message_without_files_and_outside_of_threads_costs_the_server_nothing_more(sandbox, account, hinted):
    hear(account, hinted, sandbox.post("alice", "@durar", "hello"), "D")
    hear(account, hinted, sandbox.post("alice", "support", "@durar hello"), "O")
    assert [(one["method"], one["path"]) for one in sandbox.requests(who="durar")] == [("POST", "/api/v4/posts")] * 2
