"""Every frame that a server sends becomes a typed value, and no frame whatever becomes a crash."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mattermost_bridge.mattermost.events import (
    ChannelChanged,
    DirectAdded,
    Frame,
    FrameError,
    GroupAdded,
    Hello,
    Other,
    PostDeleted,
    Posted,
    PostEdited,
    ReactionAdded,
    ReactionRemoved,
    Reply,
    Unreadable,
    UserAdded,
    UserRemoved,
    parse_frame,
)
from tests.mattermost.samples import (
    ALICE,
    BAD_SEQ,
    CHALLENGE_OK,
    CHANNEL,
    DIRECT,
    HELLO,
    HELLO_11,
    ME,
    PING_DISABLED,
    PING_REVOKED,
    PONG,
    POST,
    ROOT,
    STATUS_CHANGE,
    TEAM,
    TOKEN,
    event,
    post_json,
    posted,
)
from tests.mattermost.test_text import json_values, relaxed


def test_hello_of_an_older_server_cannot_resume():
    assert parse_frame(HELLO) == Hello(0, "", "5.37.0.local.62348ee83ecdab5911e2a725db0be014.false")


def test_hello_of_a_newer_server_names_its_connection():
    hello = parse_frame(HELLO_11)
    assert (hello.seq, hello.connection_id) == (0, "r3tp1u3bqtbnjqn6ytzbsdkajr")
    assert hello.server_version.startswith("11.6.0.")


def test_a_post_in_a_channel_is_read_with_everything_around_it():
    frame = parse_frame(posted())
    assert isinstance(frame, Posted)
    assert (frame.seq, frame.channel_id, frame.channel_type) == (4, CHANNEL, "O")
    assert (frame.channel_name, frame.channel_display_name) == ("incidents", "Incidents")
    assert (frame.sender_name, frame.team_id, frame.mentions_me_ids) == ("@alice", TEAM, (ME,))
    assert (frame.post.id, frame.post.user_id, frame.post.message) == (ROOT, ALICE, "hey @durar please")
    assert frame.raw == post_json()


def test_a_frame_of_a_newer_server_has_blanks_and_no_line_feed():
    frame = parse_frame(json.dumps(json.loads(posted())))
    assert isinstance(frame, Posted)


def test_a_frame_may_be_given_as_bytes():
    assert parse_frame(posted().encode()) == parse_frame(posted())


def test_a_direct_message_mentions_the_other_side_and_has_no_team():
    frame = parse_frame(
        posted(
            post_json(channel_id=DIRECT),
            channel_display_name="@alice",
            channel_name=f"{ME}__{ALICE}",
            channel_type="D",
            team_id="",
        )
    )
    assert (frame.channel_type, frame.channel_id, frame.team_id, frame.mentions_me_ids) == ("D", DIRECT, "", (ME,))


@pytest.mark.parametrize(
    ("mentions", "expected"),
    [
        (None, ()),
        (json.dumps([ME, ALICE]), (ME, ALICE)),
        ([ME], (ME,)),
        ("null", ()),
        ("", ()),
        ("not json", ()),
        ("{}", ()),
        ([None, 5, ME, ""], (ME,)),
        (7, ()),
    ],
)
def test_mentions_are_absent_a_string_or_a_list(mentions, expected):
    assert parse_frame(posted(mentions=mentions)).mentions_me_ids == expected


def test_null_mentions_are_none():
    assert parse_frame(event("posted", {"post": json.dumps(post_json()), "mentions": None})).mentions_me_ids == ()


def test_the_post_may_be_an_object():
    assert parse_frame(posted(post=post_json())).post.id == ROOT


def test_a_thread_reply_names_its_root_with_and_without_parent_id():
    for values in (post_json(id=POST, root_id=ROOT, parent_id=ROOT), post_json(id=POST, root_id=ROOT)):
        assert parse_frame(posted(values)).post.root_id == ROOT


def test_the_echo_of_an_own_post_is_a_post_like_any_other():
    frame = parse_frame(posted(post_json(user_id=ME, props={"from_bot": "true"}), mentions=None, sender_name="@durar"))
    assert frame.post.user_id == ME
    assert frame.post.from_bot


def test_the_invitation_of_the_bot_is_a_system_post_that_mentions_it():
    frame = parse_frame(posted(post_json(type="system_add_to_channel", message="durar added to the channel by alice.")))
    assert frame.post.is_system
    assert frame.mentions_me_ids == (ME,)


def test_a_webhook_speaks_with_a_persons_id():
    props = {"from_webhook": "true", "override_username": "hooky", "webhook_display_name": "h"}
    frame = parse_frame(posted(post_json(props=props, type="slack_attachment"), sender_name="hooky"))
    assert (frame.post.from_webhook, frame.post.user_id, frame.sender_name) == (True, ALICE, "hooky")


def test_files_of_a_post_are_named():
    assert parse_frame(posted(post_json(file_ids=["f1"]), otherFile="true")).post.file_ids == ("f1",)


def test_an_edit_has_a_post_and_nothing_about_mentions():
    frame = parse_frame(
        event(
            "post_edited", {"post": json.dumps(post_json(edit_at=1795345006121, message="hey @durar edited"))}, seq=18
        )
    )
    assert isinstance(frame, PostEdited)
    assert (frame.seq, frame.channel_id, frame.post.edit_at) == (18, CHANNEL, 1795345006121)


def test_a_deletion_brings_the_old_text_and_no_time():
    frame = parse_frame(event("post_deleted", {"post": json.dumps(post_json())}))
    assert isinstance(frame, PostDeleted)
    assert (frame.post.id, frame.post.delete_at, frame.channel_id) == (ROOT, 0, CHANNEL)


@pytest.mark.parametrize(("name", "kind"), [("reaction_added", ReactionAdded), ("reaction_removed", ReactionRemoved)])
def test_reactions_take_their_channel_from_the_broadcast(name, kind):
    reaction = {
        "user_id": ALICE,
        "post_id": POST,
        "emoji_name": "heart",
        "create_at": 1795345007037,
        "update_at": 1795345007038,
        "delete_at": 0,
        "remote_id": "",
    }
    frame = parse_frame(event(name, {"reaction": json.dumps(reaction)}, seq=19))
    assert frame == kind(19, ALICE, POST, "heart", 1795345007037, 1795345007038, CHANNEL)
    assert frame != (ReactionRemoved if kind is ReactionAdded else ReactionAdded)(
        19, ALICE, POST, "heart", 1795345007037, 1795345007038, CHANNEL
    )


def test_a_member_that_was_added_is_named_with_team_and_channel():
    frame = parse_frame(event("user_added", {"team_id": TEAM, "user_id": ME}))
    assert frame == UserAdded(4, ME, TEAM, CHANNEL)


def test_a_newer_server_tells_the_added_bot_itself_too():
    frame = parse_frame(event("user_added", {"team_id": TEAM, "user_id": ME}, user_id=ME))
    assert frame == UserAdded(4, ME, TEAM, CHANNEL)


def test_a_removal_is_told_in_two_shapes():
    to_others = event("user_removed", {"remover_id": ALICE, "user_id": ME})
    to_the_removed = event("user_removed", {"channel_id": CHANNEL, "remover_id": ALICE}, channel_id="", user_id=ME)
    assert parse_frame(to_others) == parse_frame(to_the_removed) == UserRemoved(4, ME, CHANNEL)


def test_new_direct_and_group_channels_stand_in_the_broadcast():
    direct = event("direct_added", {"creator_id": ALICE, "teammate_id": ME}, channel_id=DIRECT)
    group = event("group_added", {"teammate_ids": json.dumps([ME, ALICE])}, channel_id=DIRECT, user_id=ME)
    assert parse_frame(direct) == DirectAdded(4, DIRECT)
    assert parse_frame(group) == GroupAdded(4, DIRECT)


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("channel_created", {"channel_id": CHANNEL, "team_id": TEAM}),
        ("channel_converted", {"channel_id": CHANNEL}),
        ("channel_updated", {"channel": json.dumps({"id": CHANNEL, "type": "P"})}),
        ("channel_deleted", {"channel_id": CHANNEL, "delete_at": 5}),
        ("channel_restored", {"channel_id": CHANNEL}),
    ],
)
def test_changes_of_a_channel_name_it(name, data):
    assert parse_frame(event(name, data, channel_id="", team_id=TEAM)) == ChannelChanged(4, CHANNEL, name)


@pytest.mark.parametrize(
    "name", ["status_change", "typing", "ephemeral_message", "thread_updated", "presence", "x" * 500]
)
def test_events_that_durar_does_not_act_on_keep_their_number(name):
    frame = parse_frame(event(name, {"user": {"id": ALICE}}, seq=9))
    assert isinstance(frame, Other)
    assert (frame.seq, frame.event) == (9, name[:64])


def test_a_verbatim_status_change_is_another_event():
    assert parse_frame(STATUS_CHANGE) == Other(1, "status_change")


def test_the_answer_to_the_challenge_is_a_reply():
    assert parse_frame(CHALLENGE_OK) == Reply(1, ok=True)
    assert parse_frame(CHALLENGE_OK).seq is None


def test_a_pong_tells_the_servers_time():
    reply = parse_frame(PONG)
    assert (reply.seq_reply, reply.ok, reply.server_time_ms) == (2, True, 1795345015655)
    assert parse_frame(CHALLENGE_OK).server_time_ms is None


@pytest.mark.parametrize(
    ("text", "error_id"),
    [
        (PING_REVOKED, "api.context.invalid_token.error"),
        (PING_DISABLED, "api.web_socket_router.not_authenticated.app_error"),
    ],
)
def test_a_failed_ping_says_that_the_session_does_not_count_and_never_the_token(text, error_id):
    reply = parse_frame(text)
    assert (reply.ok, reply.is_unauthorized, reply.error_id) == (False, True, error_id)
    assert TOKEN not in repr(reply)


def test_an_error_id_that_is_none_is_dropped_since_it_could_hold_the_token():
    reply = parse_frame(PING_REVOKED.replace("api.context.invalid_token.error", f"token {TOKEN}"))
    assert TOKEN not in repr(reply)


def test_a_refusal_may_lack_the_number_it_answers():
    assert parse_frame(BAD_SEQ) == Reply(
        None, ok=False, error_id="api.web_socket_router.bad_seq.app_error", status_code=400
    )


@pytest.mark.parametrize("post", ["{", "null", "[]", '{"id":""}', '{"message":"no id"}', 7, None, [], {}, "[" * 5000])
def test_a_post_that_cannot_be_read_keeps_the_channel_that_must_be_read(post):
    frame = parse_frame(event("posted", {"post": post, "channel_type": "O"}, seq=6))
    assert isinstance(frame, Unreadable)
    assert (frame.seq, frame.channel_id, frame.is_gap) == (6, CHANNEL, False)


def test_the_channel_of_an_unreadable_post_is_looked_for_everywhere():
    in_data = event("posted", {"post": "{", "channel_id": CHANNEL}, channel_id="")
    in_post = event("posted", {"post": json.dumps({"channel_id": CHANNEL})}, channel_id="")
    nowhere = event("posted", {"post": "{"}, channel_id="")
    assert parse_frame(in_data).channel_id == parse_frame(in_post).channel_id == CHANNEL
    assert parse_frame(nowhere).is_gap


def test_a_post_with_props_nested_beyond_measure_is_still_read():
    post = json.dumps(post_json())[:-1] + ',"props":{"x":' + "[" * 4000 + "]" * 4000 + "}}"
    frame = parse_frame(event("posted", {"post": post}))
    assert frame.post.message == "hey @durar please"
    json.dumps(frame.raw)


@pytest.mark.parametrize("name", ["post_edited", "post_deleted", "reaction_added", "user_added", "user_removed"])
@pytest.mark.parametrize("data", [None, 5, [], {}, {"post": "{"}, {"reaction": "{}"}, {"user_id": 7}])
def test_other_events_of_an_odd_shape_are_counted_and_not_acted_on(name, data):
    frame = parse_frame(json.dumps({"event": name, "data": data, "broadcast": None, "seq": 3}))
    assert isinstance(frame, Other)
    assert (frame.seq, frame.event) == (3, name)
    assert frame.why


@pytest.mark.parametrize("text", ["", "\n", "not json", '{"event":"posted"', b"\xff\xfe", "[" * 5000])
def test_what_is_no_json_is_a_frame_error_that_quotes_nothing(text):
    with pytest.raises(FrameError) as caught:
        parse_frame(text)
    assert "posted" not in str(caught.value)


@pytest.mark.parametrize(
    "text", ["[]", "null", "7", '"posted"', "{}", '{"seq":5}', '{"event":null}', '{"event":["x"]}']
)
def test_json_of_another_shape_is_skipped(text):
    frame = parse_frame(text)
    assert isinstance(frame, Other)
    assert frame.why


@pytest.mark.parametrize("seq", [None, "4", 4.5, True, -1, 10**30])
def test_a_number_that_is_none_is_missing(seq):
    assert parse_frame(json.dumps({"event": "typing", "data": {}, "seq": seq})).seq is None


@relaxed
@given(json_values)
def test_no_json_value_whatever_crashes_the_reader(value):
    assert isinstance(parse_frame(json.dumps(value)), Frame)


EVENTS = (
    "hello posted post_edited post_deleted reaction_added reaction_removed user_added user_removed direct_added "
    "group_added channel_updated channel_deleted typing"
)
names = st.sampled_from(EVENTS.split())
inner = json_values | json_values.map(json.dumps)
keys = st.sampled_from(
    ["post", "reaction", "channel", "mentions", "user_id", "channel_id", "team_id", "id", "connection_id"]
)


@relaxed
@given(names, st.dictionaries(keys, inner | st.dictionaries(keys, inner).map(json.dumps)), json_values, json_values)
def test_no_content_of_a_known_event_crashes_the_reader(name, data, broadcast, seq):
    frame = parse_frame(json.dumps({"event": name, "data": data, "broadcast": broadcast, "seq": seq}))
    assert isinstance(frame, Frame)


@relaxed
@given(st.text(st.characters(exclude_categories=())) | st.binary())
def test_no_text_whatever_crashes_the_reader(text):
    try:
        frame = parse_frame(text)
    except FrameError:
        return
    assert isinstance(frame, Frame)
