"""Making posts: who may, what is refused, what is stored and who hears of it."""

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

from mattermost_bridge.sandbox import filing, render, wire
from mattermost_bridge.sandbox.errors import ApiError, invalid_body, no_permission
from mattermost_bridge.sandbox.hub import Event
from mattermost_bridge.sandbox.ids import new_id
from mattermost_bridge.sandbox.mentions import mentioned, searched_texts
from mattermost_bridge.sandbox.records import DIRECT, GROUP, Channel, Post, User

if TYPE_CHECKING:
    from mattermost_bridge.sandbox.app import Sandbox

MAX_MESSAGE = 16383
"""code points"""
MAX_PROPS = 8000
MAX_PROPS_MODERN = 800_000
_HASHTAG = re.compile(r"(?<!\w)#[^\W\d_][\w.-]+\b")
_TYPES = ("", "me", "slack_attachment")


@dataclass(slots=True)
class Draft:
    """What a client asks to post."""

    channel_id: str
    message: str = ""
    root_id: str = ""
    type: str = ""
    props: dict[str, Any] = field(default_factory=dict)
    pending_post_id: str = ""
    create_at: int = 0
    file_ids: list[str] = field(default_factory=list)

    @classmethod
    def from_json(cls, body: Any) -> "Draft":
        """Read a request body; a value of the wrong JSON type is as bad as no JSON at all."""
        if not isinstance(body, dict):
            raise invalid_body("post")
        values = {name: body[name] for name in cls.__slots__ if body.get(name) is not None}
        for name, value in values.items():
            wanted = {"props": dict, "create_at": int, "file_ids": list}.get(name, str)
            if not isinstance(value, wanted) or isinstance(value, bool):
                raise invalid_body("post")
        if not all(isinstance(file_id, str) for file_id in values.get("file_ids", [])):
            raise invalid_body("post")
        values.setdefault("channel_id", "")
        return cls(**values)


def check_allowed(box: "Sandbox", author: User, draft: Draft) -> Channel:
    """Return the channel when the author may post there; raise what the server says before it looks at the text."""
    if not box.state.is_member(author.id, draft.channel_id):
        raise no_permission()  # also for a channel that does not exist
    if draft.type.startswith("system_"):
        raise ApiError(400, "api.context.invalid_param.app_error", "Invalid post.type parameter.")
    channel = box.state.channels[draft.channel_id]
    if channel.delete_at:
        raise ApiError(400, "api.post.create_post.can_not_post_to_deleted.error", "Can not post to deleted channel.")
    return channel


def save(box: "Sandbox", author: User, draft: Draft, *, file_ids: Iterable[str] = ()) -> Post:
    """Validate and store a post, without telling anybody. Raises ApiError."""
    _check_root(box, draft)
    props = {key: value for key, value in draft.props.items() if key != "add_channel_member"}
    if author.is_bot:
        props["from_bot"] = "true"
    for action in render.actions_of(props):
        action.setdefault("id", new_id())
    check_content(box, draft.message, props)
    if draft.type not in _TYPES and not draft.type.startswith("custom_"):
        raise ApiError(400, "model.post.is_valid.type.app_error", "Invalid type.")
    now = draft.create_at if draft.create_at and author.is_admin else box.state.clock.ms()
    post = Post(new_id(), now, now, author.id, draft.channel_id, draft.message, root_id=draft.root_id,
                type=draft.type, props=props, hashtags=hashtags(draft.message),
                file_ids=[*file_ids, *filing.attachable(box, author, draft.file_ids)])  # fmt: skip
    filing.attach(box.state, post)
    return store(box, post)


def _check_root(box: "Sandbox", draft: Draft) -> None:
    if not draft.root_id:
        return
    root = box.state.live_post(draft.root_id)
    if root is None or root.root_id:
        raise ApiError(400, "api.post.create_post.root_id.app_error", "Invalid RootId parameter.")
    if root.channel_id != draft.channel_id:
        raise ApiError(400, "api.post.create_post.channel_root_id.app_error", "Invalid ChannelId for RootId parameter.")


def check_content(box: "Sandbox", message: str, props: dict[str, Any], *, updating: bool = False) -> None:
    """Raise what the server says about a text or props that it does not store."""
    modern = box.settings.modern
    if len(message) > MAX_MESSAGE:
        part = "message_length" if modern else "msg"
        raise ApiError(400, f"model.post.is_valid.{part}.app_error", "Invalid message.")
    encoded = wire.dumps(props)
    if len(encoded) > (MAX_PROPS_MODERN if modern else MAX_PROPS):
        raise ApiError(400, "model.post.is_valid.props.app_error", "Invalid props.")
    if "\0" in message or (modern and "\\u0000" in encoded):  # PostgreSQL stores no NUL in text, nor in jsonb
        step = "update" if updating else "save"
        raise ApiError(500, f"app.post.{step}.app_error", f"Unable to {step} the Post.")


def hashtags(message: str) -> str:
    """Return the hashtags of a text, separated by blanks."""
    return " ".join(_HASHTAG.findall(message))


def store(box: "Sandbox", post: Post) -> Post:
    """Add a row and move what depends on it: the channel's counters and time, and the root's `update_at`."""
    state = box.state
    channel = state.channels[post.channel_id]
    state.add_post(post)
    channel.last_post_at = max(channel.last_post_at, post.create_at)
    channel.total_msg_count += 1
    if post.root_id:
        root = state.posts[post.root_id]
        root.update_at = max(root.update_at, post.create_at)
    else:
        channel.total_msg_count_root += 1
    return post


def announce(box: "Sandbox", author: User, post: Post, *, pending_post_id: str = "", added: str = "") -> None:
    """Send `posted` to the channel; `added` is the user whom a system post is about, who counts as mentioned."""
    state = box.state
    channel = state.channels[post.channel_id]
    sender = "System" if post.type.startswith("system_") else f"@{author.username}"
    data = {
        "channel_display_name": f"@{author.username}" if channel.type == DIRECT else channel.display_name,
        "channel_name": channel.name,
        "channel_type": channel.type,
        "post": wire.dumps(
            render.post_json(state, post, modern=box.settings.modern, pending_post_id=pending_post_id, stored=False)
        ),
        "sender_name": sender,
        "set_online": True,
        "team_id": channel.team_id,
    }
    if post.file_ids:
        data["otherFile"] = "true"
        if any(file["mime_type"].startswith("image/") for file in filing.infos(state, post, modern=False)):
            data["image"] = "true"
    mentions = (added,) if added else tuple(mentions_of(box, author, channel, post))
    box.hub.publish(Event("posted", data, channel.id, mentions=mentions))


def mentions_of(box: "Sandbox", author: User, channel: Channel, post: Post) -> list[str]:
    """Return whom a post mentions: in a direct channel always the other side, never the author."""
    if post.type.startswith("system_"):
        return []
    if channel.type == DIRECT:
        return [user_id for user_id in channel.members if user_id != author.id]
    if channel.type == GROUP and box.settings.modern:  # since 9.1 every post mentions every member
        return [user_id for user_id in channel.members if user_id != author.id]
    texts = searched_texts(post.message, post.props, fields=box.settings.modern)
    if not any("@" in text for text in texts):
        return []
    members = {box.state.users[user_id].username: user_id for user_id in channel.members}
    return [user_id for user_id in mentioned("\n".join(texts), members, box.hub.online()) if user_id != author.id]


def show_note(box: "Sandbox", author: User, reader: User, draft: Draft) -> dict[str, Any]:
    """Show a note to one reader in a channel; it is stored nowhere."""
    now = box.state.clock.ms()
    note = Post(new_id(), now, now, author.id, draft.channel_id, draft.message, root_id=draft.root_id,
                type="system_ephemeral", props=draft.props)  # fmt: skip
    shown = render.post_json(box.state, note, modern=box.settings.modern, stored=False)
    box.hub.publish(Event("ephemeral_message", {"post": wire.dumps(shown)}, draft.channel_id, user_id=reader.id))
    return shown


def create(box: "Sandbox", author: User, draft: Draft, *, file_ids: Iterable[str] = ()) -> Post:
    """Check, store and announce a post in one step, without the dedupe of the REST endpoint."""
    check_allowed(box, author, draft)
    post = save(box, author, draft, file_ids=file_ids)
    announce(box, author, post)
    return post


def system_post(
    box: "Sandbox",
    actor: User,
    channel: Channel,
    kind: str,
    message: str,
    *,
    about: Iterable[tuple[str, str]] = (),
    added: str = "",
) -> Post:
    """Store and announce a post of a `system_` type; its author is who acted, its sender name "System"."""
    now = box.state.clock.ms()
    props = {"username": actor.username, **dict(about)}
    post = store(box, Post(new_id(), now, now, actor.id, channel.id, message, type=kind, props=props))
    announce(box, actor, post, added=added)
    return post
