"""What arrives on a Mattermost WebSocket, as frozen values: one class for each kind of frame that Durar acts on.

`seq` is the server's number of an event on this connection: 0 for hello, then one more each; None when it is missing.
A reply to one of our own actions has no `seq` of its own, it names ours.
"""

from dataclasses import dataclass, field
from typing import Any, ClassVar

from .types import Post


class Frame:
    """The base of everything that `parse_frame` returns."""

    __slots__ = ()
    seq: int | None


@dataclass(frozen=True, slots=True)
class Hello(Frame):
    """The connection is authenticated. `connection_id` is "" where the server cannot resume (5.37 by default)."""

    seq: int | None
    connection_id: str = ""
    server_version: str = ""


@dataclass(frozen=True, slots=True)
class Posted(Frame):
    """A new post, the bot's own included. `raw` is the post as sent (cleaned), for keeping.

    `mentions_me_ids` are the ids that the server says are mentioned (newer servers name only the bot, 5.37 everybody).
    `sender_name` is for people: "System", or whatever name a webhook chose.
    """

    seq: int | None
    post: Post
    channel_id: str = ""
    channel_type: str = ""
    channel_name: str = ""
    channel_display_name: str = ""
    sender_name: str = ""
    team_id: str = ""
    mentions_me_ids: tuple[str, ...] = ()
    raw: dict[str, Any] = field(default_factory=dict, hash=False)


@dataclass(frozen=True, slots=True)
class PostEdited(Frame):
    """A post as it is now. Pinning sends this too, with an `edit_at` of 0; mentions and channel type are not sent."""

    seq: int | None
    post: Post
    channel_id: str = ""


@dataclass(frozen=True, slots=True)
class PostDeleted(Frame):
    """A post that is gone, with its last text; its `delete_at` is still 0. For a thread only the root is named."""

    seq: int | None
    post: Post
    channel_id: str = ""


@dataclass(frozen=True, slots=True)
class _Reaction(Frame):
    seq: int | None
    user_id: str
    post_id: str
    emoji_name: str
    create_at: int = 0
    update_at: int = 0
    channel_id: str = ""


@dataclass(frozen=True, slots=True)
class ReactionAdded(_Reaction):
    """Somebody reacted to a post, the bot itself included."""


@dataclass(frozen=True, slots=True)
class ReactionRemoved(_Reaction):
    """Somebody took a reaction back; `create_at` is 0."""


@dataclass(frozen=True, slots=True)
class UserAdded(Frame):
    """Somebody, perhaps the bot, became a member of a channel."""

    seq: int | None
    user_id: str
    team_id: str = ""
    channel_id: str = ""


@dataclass(frozen=True, slots=True)
class UserRemoved(Frame):
    """Somebody, perhaps the bot, is no member of a channel any more."""

    seq: int | None
    user_id: str
    channel_id: str = ""


@dataclass(frozen=True, slots=True)
class DirectAdded(Frame):
    """A direct channel with the bot was made. Who made it is not said."""

    seq: int | None
    channel_id: str


@dataclass(frozen=True, slots=True)
class GroupAdded(Frame):
    """A group channel with the bot was made."""

    seq: int | None
    channel_id: str


@dataclass(frozen=True, slots=True)
class ChannelChanged(Frame):
    """A channel was created, converted, updated, archived or restored: what is known of it is out of date."""

    seq: int | None
    channel_id: str
    event: str = ""


@dataclass(frozen=True, slots=True)
class Reply(Frame):
    """The answer to one of our actions. The server's message is not kept: 5.37 writes the token into it."""

    seq: ClassVar[None] = None  # type: ignore[assignment, misc]

    seq_reply: int | None
    ok: bool
    data: dict[str, Any] = field(default_factory=dict, hash=False)
    error_id: str = ""
    status_code: int = 0

    @property
    def is_unauthorized(self) -> bool:
        """Whether the server does not accept the session (any more): close, and look at the token by REST."""
        return self.status_code == 401

    @property
    def server_time_ms(self) -> int | None:
        """The server's time in a pong, milliseconds since 1970; None in other replies."""
        value = self.data.get("server_time")
        return value if isinstance(value, int) and not isinstance(value, bool) and value > 0 else None


@dataclass(frozen=True, slots=True)
class Other(Frame):
    """A frame that Durar does not act on: an unknown event, or one of another shape (`why` says what is odd)."""

    seq: int | None
    event: str
    why: str = ""


@dataclass(frozen=True, slots=True)
class Unreadable(Frame):
    """Something was said that cannot be read. The channel has to be read by REST; without a channel id, all of them."""

    seq: int | None
    channel_id: str
    why: str

    @property
    def is_gap(self) -> bool:
        """Whether it is unknown which channel is concerned, so that the frame counts as a gap in the events."""
        return not self.channel_id
