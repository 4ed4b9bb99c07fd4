"""The events about posts, and who is mentioned."""

import pytest

from mattermost_bridge.sandbox.mentions import mentioned
from tests.sandbox.ears import Ear, post_in

MEMBERS = {"durar": "ID-D", "alice": "ID-A", "bob": "ID-B"}


def test_posted_in_a_channel_has_all_fields(sandbox):
    with Ear(sandbox) as ear:
        post = sandbox.post("alice", "support", "hey @durar please")
        assert ear.event("status_change")
        event = ear.frame()
    assert list(event) == ["event", "data", "broadcast", "seq"]
    assert list(event["data"]) == [
        "channel_display_name", "channel_name", "channel_type", "mentions", "post", "sender_name", "set_online",
        "team_id",
    ]  # fmt: skip
    data = event["data"]
    assert (data["channel_display_name"], data["channel_name"], data["channel_type"]) == ("Support", "support", "O")
    assert data["mentions"] == f'["{sandbox.user_id("durar")}"]'
    assert (data["sender_name"], data["set_online"], data["team_id"]) == ("@alice", True, sandbox.team_id)
    assert post_in(event) == post
    assert event["broadcast"]["channel_id"] == post["channel_id"]


def test_mentions_is_absent_when_nobody_is_mentioned(sandbox):
    with Ear(sandbox) as ear:
        sandbox.post("alice", "support", "hello all of you")
        assert "mentions" not in ear.event("posted")["data"]


def test_a_direct_post_always_mentions_the_other_side(sandbox):
    with Ear(sandbox) as ear:
        post = sandbox.post("alice", "@durar", "hello")
        event = ear.event("posted")
    data = event["data"]
    assert (data["channel_type"], data["channel_display_name"], data["team_id"]) == ("D", "@alice", "")
    assert data["channel_name"] == "__".join(sorted((sandbox.user_id("alice"), sandbox.user_id("durar"))))
    assert data["mentions"] == f'["{sandbox.user_id("durar")}"]'
    assert event["broadcast"]["channel_id"] == post["channel_id"]


def test_a_thread_reply_to_the_bot_has_no_mention(sandbox):
    body = {"channel_id": sandbox.channel_id("support"), "message": "mine"}
    root = sandbox.api("durar", "POST", "/posts", body)["id"]
    with Ear(sandbox) as ear:
        sandbox.post("alice", "support", "thanks", root_id=root)
        event = ear.event("posted")
    assert post_in(event)["root_id"] == post_in(event)["parent_id"] == root
    assert "mentions" not in event["data"]


def test_own_posts_are_echoed_and_other_channels_are_not_heard(sandbox):
    with Ear(sandbox) as ear:
        sandbox.post("alice", "town-square", "not for bots")
        sandbox.post("durar", "support", "mine")
        (event,) = ear.until_pong()
    assert post_in(event)["user_id"] == sandbox.user_id("durar")


def test_here_reaches_only_who_is_online(sandbox):
    with Ear(sandbox) as ear:
        sandbox.post("alice", "support", "@here")
        assert ear.event("posted")["data"]["mentions"] == f'["{sandbox.user_id("durar")}"]'


@pytest.mark.parametrize(
    "text",
    [
        "@durar",
        "@DURAR:",
        "@durar.",
        "(@durar)",
        "@durar's",
        "@durar_",
        "@durar،",
        "hi @durar!",
        "a\n@durar",
        "x.@durar",
    ],
)
def test_these_mention(text):
    assert mentioned(text, MEMBERS, ()) == ["ID-D"]


@pytest.mark.parametrize(
    "text",
    ["`@durar`", "```\n@durar\n```", "``@durar``", "x@durar", "@durar-x", "Durar", "durar", "@durarx", "", ":@durar:"],
)
def test_these_do_not_mention(text):
    assert mentioned(text, MEMBERS, ()) == []


@pytest.mark.parametrize("word", ["@channel", "@all", "@ALL."])
def test_words_for_everybody(word):
    assert mentioned(f"{word} look", MEMBERS, ()) == ["ID-D", "ID-A", "ID-B"]
    assert mentioned("@here", MEMBERS, ["ID-B"]) == ["ID-B"]


def test_the_text_of_an_attachment_counts(sandbox):
    with Ear(sandbox) as ear:
        sandbox.post("alice", "support", "", props={"attachments": [{"text": "a @durar"}]})
        assert ear.event("posted")["data"]["mentions"] == f'["{sandbox.user_id("durar")}"]'


def test_special_characters_are_escaped_as_go_does(sandbox):
    with Ear(sandbox) as ear:
        sandbox.post("alice", "support", "<a> & ü")
        assert ear.event("status_change")
        text = ear.text()
    assert "\\\\u003ca\\\\u003e \\\\u0026 ü" in text
