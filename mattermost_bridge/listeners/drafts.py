"""From what Mattermost sent to what the inbox keeps. Pure: everything that others did is kept, the rules decide."""

from __future__ import annotations

import hashlib
from typing import Any

from mattermost_bridge.mattermost.frames import Posted, ReactionAdded, ReactionRemoved
from mattermost_bridge.mattermost.text import clean
from mattermost_bridge.mattermost.types import Post, Reaction
from mattermost_bridge.services.inbox import Draft
from mattermost_bridge.services.marks import MARK, Echo

KEY_LENGTH = 200


def from_posted(frame: Posted, channel_type: str) -> Draft:
    """A new post. `channel_type` is what is known when the frame does not say it ("" for unknown)."""
    return _of_post(
        frame.post,
        kind="post",
        key=frame.post.id,
        channel_id=frame.channel_id,
        channel_type=frame.channel_type or channel_type,
        username=sender_username(frame.post, frame.sender_name),
        extra={"sender_name": frame.sender_name, "mentions": list(frame.mentions_me_ids)},
    )


def from_caught_up(post: Post, channel_id: str, channel_type: str, username: str, *, ignored_reason: str = "") -> Draft:
    """A post that catch-up read. `username` is its author's, looked up by id, "" when not known."""
    return _of_post(
        post,
        kind="post",
        key=post.id,
        channel_id=channel_id,
        channel_type=channel_type,
        username=username if names_its_author(post) else "",
        caught_up=True,
        ignored_reason=ignored_reason,
    )


def from_edit(post: Post, channel_id: str, channel_type: str, *, caught_up: bool = False) -> Draft | None:
    """An edit; None for what is sent as one although nobody edited (a pin: `edit_at` is 0).

    It happened when it was edited, so that is its place in the channel's order.
    """
    if not post.edit_at:
        return None
    return _of_post(
        post,
        kind="edit",
        key=_key(post.id, str(post.edit_at)),
        channel_id=channel_id,
        channel_type=channel_type,
        username="",
        create_at=post.edit_at,
        caught_up=caught_up,
    )


def from_reaction(frame: ReactionAdded | ReactionRemoved, channel_type: str) -> Draft:
    """A reaction, or its removal."""
    reaction = Reaction(frame.user_id, frame.emoji_name, frame.create_at, frame.update_at)
    removed = isinstance(frame, ReactionRemoved)
    return of_reaction(reaction, frame.post_id, frame.channel_id, channel_type, removed=removed)


def of_reaction(
    reaction: Reaction,
    post_id: str,
    channel_id: str,
    channel_type: str,
    *,
    removed: bool = False,
    caught_up: bool = False,
) -> Draft:
    """A reaction to a post, or its removal, at the time that it says."""
    at = reaction.update_at or reaction.create_at
    parts = [post_id, reaction.emoji_name, reaction.user_id, str(at), *(["removed"] if removed else [])]
    return Draft(
        kind="reaction",
        dedupe_key=_key(*parts),
        channel_id=channel_id,
        channel_type=channel_type,
        post_id=post_id,
        user_id=reaction.user_id,
        text=clean(reaction.emoji_name),
        create_at=at,
        payload=clean({"emoji_name": reaction.emoji_name, "removed": removed}),
        caught_up=caught_up,
    )


def echo_of(post: Post) -> Echo | None:
    """What an own post proves to the outbox; None when it carries no mark."""
    mark = post.props.get(MARK)
    return Echo(mark, post.id, post.create_at) if isinstance(mark, str) and mark else None


def sender_username(post: Post, sender_name: str) -> str:
    """The author's username, in lower case, from what the server shows as the sender; "" when that is not one.

    "@alice" is a username; "System", and whatever name a webhook chose, are not (Mattermost 5.37 to 11).
    """
    if not names_its_author(post) or not sender_name.startswith("@"):
        return ""
    return clean(sender_name[1:]).lower()


def names_its_author(post: Post) -> bool:
    """Whether `user_id` is who wrote the post: not so for system posts, webhooks and slash commands."""
    return not post.is_system and not post.from_webhook


def _of_post(
    post: Post,
    *,
    kind: str,
    key: str,
    channel_id: str,
    channel_type: str,
    username: str,
    create_at: int = 0,
    caught_up: bool = False,
    ignored_reason: str = "",
    extra: dict[str, Any] | None = None,
) -> Draft:
    content = post.to_json()
    del content["message"]  # it is the event's text
    content |= {"from_bot": post.from_bot, "from_webhook": post.from_webhook, **(extra or {})}
    return Draft(
        kind=kind,
        dedupe_key=key,
        channel_id=channel_id,
        channel_type=channel_type,
        post_id=post.id,
        root_id=post.root_id,
        user_id=post.user_id,
        username=username,
        text=clean(post.message),
        create_at=create_at or post.create_at,
        payload=clean(content),
        caught_up=caught_up,
        ignored_reason=ignored_reason,
    )


def _key(*parts: str) -> str:
    """The parts with colons between; a hash of them where that is longer than the inbox's column."""
    key = clean(":".join(parts))
    return key if len(key) <= KEY_LENGTH else "sha256:" + hashlib.sha256(key.encode()).hexdigest()
