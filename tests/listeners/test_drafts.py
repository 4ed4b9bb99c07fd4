"""What is kept of each thing that Mattermost sends: its key, its person, its place in the order."""

from __future__ import annotations

import pytest

from mattermost_bridge.listeners import drafts
from mattermost_bridge.mattermost.events import parse_frame
from mattermost_bridge.mattermost.frames import Posted, PostEdited, ReactionAdded, ReactionRemoved
from mattermost_bridge.mattermost.types import Post

CHANNEL = "igc1".ljust(26, "x")
ALICE = "sr76".ljust(26, "x")


def posted(sender_name: str = "@alice", **post) -> Posted:
    values = {"id": "p1", "create_at": 1000, "user_id": ALICE, "channel_id": CHANNEL, "message": "hi", **post}
    return Posted(4, Post(**values), CHANNEL, "O", "support", "Support", sender_name, "team")


def test_a_post_has_its_id_as_key():
    draft = drafts.from_posted(posted(root_id="root"), "")

    assert (draft.kind, draft.dedupe_key, draft.post_id, draft.root_id) == ("post", "p1", "p1", "root")
    assert (draft.channel_id, draft.channel_type, draft.user_id) == (CHANNEL, "O", ALICE)
    assert (draft.text, draft.create_at, draft.caught_up) == ("hi", 1000, False)
    assert "message" not in draft.payload, "the text is kept once"


def test_the_payload_says_who_really_wrote_and_what_hangs_on_it():
    draft = drafts.from_posted(posted(props={"from_bot": "true"}, file_ids=("f1",), type="slack_attachment"), "")

    assert draft.payload["from_bot"] is True
    assert draft.payload["from_webhook"] is False
    assert draft.payload["file_ids"] == ["f1"]
    assert draft.payload["type"] == "slack_attachment"


@pytest.mark.parametrize(
    ("sender_name", "post", "expected"),
    [
        ("@alice", {}, "alice"),
        ("@Alice", {}, "alice"),
        ("System", {"type": "system_join_channel"}, ""),
        ("@alice", {"type": "system_join_channel"}, ""),
        ("hooky", {"props": {"from_webhook": "true"}}, ""),
        ("@admin", {"props": {"from_webhook": "true", "override_username": "@admin"}}, ""),
        ("Alice Jones", {}, ""),
        ("", {}, ""),
    ],
)
def test_only_what_is_surely_a_username_counts_as_one(sender_name, post, expected):
    assert drafts.from_posted(posted(sender_name, **post), "").username == expected


def test_the_known_type_of_the_channel_serves_when_the_frame_says_none():
    frame = Posted(4, Post("p1", channel_id=CHANNEL), CHANNEL)

    assert drafts.from_posted(frame, "D").channel_type == "D"


def test_an_edit_is_keyed_by_its_moment_and_stands_there_in_the_order():
    frame = PostEdited(5, Post("p1", create_at=1000, edit_at=2000, user_id=ALICE, message="hey"), CHANNEL)

    draft = drafts.from_edit(frame.post, frame.channel_id, "O")

    assert draft is not None
    assert (draft.kind, draft.dedupe_key, draft.create_at, draft.channel_type) == ("edit", "p1:2000", 2000, "O")


def test_a_pin_is_no_edit():
    assert drafts.from_edit(Post("p1", create_at=1000, edit_at=0), CHANNEL, "O") is None


def test_reactions_and_their_removals_have_keys_of_their_own():
    added = drafts.from_reaction(ReactionAdded(1, ALICE, "p1", "heart", 7, 7, CHANNEL), "O")
    removed = drafts.from_reaction(ReactionRemoved(2, ALICE, "p1", "heart", 0, 7, CHANNEL), "O")

    assert added.dedupe_key == f"p1:heart:{ALICE}:7"
    assert removed.dedupe_key == f"p1:heart:{ALICE}:7:removed"
    assert (added.kind, added.create_at, added.text) == ("reaction", 7, "heart")
    assert removed.payload["removed"] is True


def test_a_key_never_grows_beyond_its_column():
    draft = drafts.from_reaction(ReactionAdded(1, ALICE, "p1", "x" * 5000, 7, 7, CHANNEL), "O")

    assert draft.dedupe_key.startswith("sha256:")
    assert len(draft.dedupe_key) <= drafts.KEY_LENGTH


def test_what_no_database_stores_is_replaced():
    draft = drafts.from_posted(posted(message="a\x00b\ud800", props={"k\x00": "v\x00"}), "")

    assert draft.text == "a\N{REPLACEMENT CHARACTER}b\N{REPLACEMENT CHARACTER}"
    assert draft.payload["props"] == {"k\N{REPLACEMENT CHARACTER}": "v\N{REPLACEMENT CHARACTER}"}


def test_a_frame_as_mattermost_5_37_sends_it_becomes_the_same_key_as_the_post_read_later():
    text = (
        '{"event":"posted","data":{"channel_display_name":"@alice","channel_name":"a__b","channel_type":"D",'
        '"post":"{\\"id\\":\\"gbjd\\",\\"create_at\\":1795344995302,\\"user_id\\":\\"sr76\\",\\"channel_id\\":\\"igc1\\",'
        '\\"message\\":\\"hey\\",\\"props\\":{}}","sender_name":"@alice","team_id":""},'
        '"broadcast":{"channel_id":"igc1"},"seq":4}'
    )
    frame = parse_frame(text)
    assert isinstance(frame, Posted)

    live = drafts.from_posted(frame, "")
    later = drafts.from_caught_up(frame.post, "igc1", "D", "alice")

    assert live.dedupe_key == later.dedupe_key
    assert (live.username, later.username) == ("alice", "alice")
    assert later.caught_up


def test_a_webhooks_post_read_later_names_nobody():
    post = Post("p1", user_id=ALICE, props={"from_webhook": "true"})

    assert drafts.from_caught_up(post, CHANNEL, "O", "alice").username == ""


@pytest.mark.parametrize("props", [{}, {"durar_mark": ""}, {"durar_mark": 5}])
def test_an_own_post_without_a_mark_proves_nothing(props):
    assert drafts.echo_of(Post("p1", props=props)) is None


def test_an_own_post_with_a_mark_is_an_echo():
    echo = drafts.echo_of(Post("p1", create_at=9, props={"durar_mark": "m"}))

    assert echo is not None
    assert (echo.mark, echo.post_id, echo.create_at) == ("m", "p1", 9)
