"""From the text of a WebSocket frame to a typed value (`frames`). Never raises anything but FrameError."""

import re
from collections.abc import Callable
from typing import Any

from .frames import (
    ChannelChanged,
    DirectAdded,
    Frame,
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
)
from .shapes import embedded, id_of, integer_of, mapping_of, sequence_of, text_of, texts_of
from .text import loads
from .types import Post, UnreadableError

__all__ = [
    "ChannelChanged",
    "DirectAdded",
    "Frame",
    "FrameError",
    "GroupAdded",
    "Hello",
    "Other",
    "PostDeleted",
    "PostEdited",
    "Posted",
    "ReactionAdded",
    "ReactionRemoved",
    "Reply",
    "Unreadable",
    "UserAdded",
    "UserRemoved",
    "parse_frame",
]

MAX_EVENT_NAME = 64
_ERROR_ID = re.compile(r"[a-z][a-z0-9_]*(\.[a-z0-9_]+)+")


class FrameError(ValueError):
    """A frame that is no JSON: what it said is lost, which is a gap. The text names no content."""


def parse_frame(text: str | bytes) -> Frame:
    """Return what a frame says; raises FrameError when it is no JSON.

    JSON of a shape that Mattermost does not send becomes `Other`; a `posted` whose post has no readable id becomes
    `Unreadable`, because a post must not be lost for it.
    """
    try:
        content = loads(text)
    except ValueError:
        raise FrameError(f"A WebSocket frame of {len(text)} characters is no JSON.") from None
    if not isinstance(content, dict):
        return Other(None, "", why=f"a JSON {type(content).__name__} is no frame")
    event = text_of(content.get("event"))
    if event:
        return _event(event, content)
    if "seq_reply" in content or "status" in content:
        return _reply(content)
    return Other(sequence_of(content.get("seq")), "", why="neither an event nor a reply")


def _event(event: str, content: dict[str, Any]) -> Frame:
    name = event[:MAX_EVENT_NAME]
    seq = sequence_of(content.get("seq"))
    read = _READERS.get(event)
    if read is None:
        return Other(seq, name)
    data = mapping_of(embedded(content.get("data")))
    broadcast = mapping_of(embedded(content.get("broadcast")))
    return read(name, seq, data, broadcast)


def _reply(content: dict[str, Any]) -> Reply:
    ok = content.get("status") == "OK"
    error = mapping_of(content.get("error"))
    error_id = text_of(error.get("id"))
    return Reply(
        seq_reply=sequence_of(content.get("seq_reply")),
        ok=ok,
        data=mapping_of(content.get("data")) if ok else {},
        error_id=error_id if len(error_id) <= 128 and _ERROR_ID.fullmatch(error_id) else "",
        status_code=integer_of(error.get("status_code")),
    )


def _channel_id(data: dict[str, Any], broadcast: dict[str, Any]) -> str:
    return id_of(broadcast.get("channel_id")) or id_of(data.get("channel_id"))


def _hello(_name: str, seq: int | None, data: dict[str, Any], _broadcast: dict[str, Any]) -> Frame:
    return Hello(seq, text_of(data.get("connection_id")), text_of(data.get("server_version")))


def _posted(_name: str, seq: int | None, data: dict[str, Any], broadcast: dict[str, Any]) -> Frame:
    raw = embedded(data.get("post"))
    channel_id = _channel_id(data, broadcast)
    try:
        post = Post.from_json(raw)
    except UnreadableError as error:
        return Unreadable(seq, channel_id or id_of(mapping_of(raw).get("channel_id")), str(error))
    return Posted(
        seq=seq,
        post=post,
        channel_id=post.channel_id or channel_id,
        channel_type=text_of(data.get("channel_type")),
        channel_name=text_of(data.get("channel_name")),
        channel_display_name=text_of(data.get("channel_display_name")),
        sender_name=text_of(data.get("sender_name")),
        team_id=id_of(data.get("team_id")) or id_of(broadcast.get("team_id")),
        mentions_me_ids=texts_of(embedded(data.get("mentions"))),
        raw=raw,
    )


def _post_changed(kind: type[PostEdited] | type[PostDeleted]) -> "Reader":
    def read(name: str, seq: int | None, data: dict[str, Any], broadcast: dict[str, Any]) -> Frame:
        try:
            post = Post.from_json(embedded(data.get("post")))
        except UnreadableError as error:
            return Other(seq, name, why=str(error))
        return kind(seq, post, post.channel_id or _channel_id(data, broadcast))

    return read


def _reaction(kind: type[ReactionAdded] | type[ReactionRemoved]) -> "Reader":
    def read(name: str, seq: int | None, data: dict[str, Any], broadcast: dict[str, Any]) -> Frame:
        reaction = mapping_of(embedded(data.get("reaction")))
        user_id, post_id = id_of(reaction.get("user_id")), id_of(reaction.get("post_id"))
        emoji_name = text_of(reaction.get("emoji_name"))
        if not (user_id and post_id and emoji_name):
            return Other(seq, name, why="the reaction lacks its user, post or emoji")
        return kind(
            seq=seq,
            user_id=user_id,
            post_id=post_id,
            emoji_name=emoji_name,
            create_at=integer_of(reaction.get("create_at")),
            update_at=integer_of(reaction.get("update_at")),
            channel_id=id_of(reaction.get("channel_id")) or _channel_id(data, broadcast),
        )

    return read


def _user_added(name: str, seq: int | None, data: dict[str, Any], broadcast: dict[str, Any]) -> Frame:
    user_id, channel_id = id_of(data.get("user_id")), _channel_id(data, broadcast)
    if not (user_id and channel_id):
        return Other(seq, name, why="the event lacks its user or channel")
    return UserAdded(seq, user_id, id_of(data.get("team_id")) or id_of(broadcast.get("team_id")), channel_id)


def _user_removed(name: str, seq: int | None, data: dict[str, Any], broadcast: dict[str, Any]) -> Frame:
    # The others are told the user in `data` and the channel in `broadcast`; the one removed, the other way round.
    user_id = id_of(data.get("user_id")) or id_of(broadcast.get("user_id"))
    channel_id = _channel_id(data, broadcast)
    if not (user_id and channel_id):
        return Other(seq, name, why="the event lacks its user or channel")
    return UserRemoved(seq, user_id, channel_id)


def _channel_added(kind: type[DirectAdded] | type[GroupAdded]) -> "Reader":
    def read(name: str, seq: int | None, data: dict[str, Any], broadcast: dict[str, Any]) -> Frame:
        channel_id = _channel_id(data, broadcast)
        return kind(seq, channel_id) if channel_id else Other(seq, name, why="the event lacks its channel")

    return read


def _channel_changed(name: str, seq: int | None, data: dict[str, Any], broadcast: dict[str, Any]) -> Frame:
    channel = mapping_of(embedded(data.get("channel")))
    channel_id = id_of(channel.get("id")) or _channel_id(data, broadcast)
    return ChannelChanged(seq, channel_id, name) if channel_id else Other(seq, name, why="the event lacks its channel")


Reader = Callable[[str, int | None, dict[str, Any], dict[str, Any]], Frame]

_READERS: dict[str, Reader] = {
    "hello": _hello,
    "posted": _posted,
    "post_edited": _post_changed(PostEdited),
    "post_deleted": _post_changed(PostDeleted),
    "reaction_added": _reaction(ReactionAdded),
    "reaction_removed": _reaction(ReactionRemoved),
    "user_added": _user_added,
    "user_removed": _user_removed,
    "direct_added": _channel_added(DirectAdded),
    "group_added": _channel_added(GroupAdded),
    "channel_created": _channel_changed,
    "channel_converted": _channel_changed,
    "channel_updated": _channel_changed,
    "channel_deleted": _channel_changed,
    "channel_restored": _channel_changed,
}
