"""Posts, users, teams and channels as API v4 shows them, as frozen values.

`from_json` takes what a server sent: unknown fields are ignored, missing and null ones become empty. Times are
milliseconds since 1970 by the server's clock; 0 means "never".
"""

from dataclasses import asdict, dataclass, field
from typing import Any, Self

from .shapes import id_of, integer_of, mapping_of, text_of, texts_of


class UnreadableError(ValueError):
    """What the server sent has no readable id, so that it can neither be stored nor asked for again."""


def _id_of(kind: str, value: Any) -> str:
    found = id_of(mapping_of(value).get("id"))
    if not found:
        raise UnreadableError(f"The server sent a {kind} without a readable id.")
    return found


@dataclass(frozen=True, slots=True)
class Reaction:
    """An emoji that somebody put to a post, as it stands there now. `update_at` is 0 on servers that do not say it."""

    user_id: str
    emoji_name: str
    create_at: int = 0
    update_at: int = 0

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """Read a reaction; one without a person or a name has these empty."""
        reaction = mapping_of(value)
        return cls(
            user_id=id_of(reaction.get("user_id")),
            emoji_name=text_of(reaction.get("emoji_name")),
            create_at=integer_of(reaction.get("create_at")),
            update_at=integer_of(reaction.get("update_at")),
        )


@dataclass(frozen=True, slots=True)
class Post:
    """A post. `root_id` is "" for a post that is not in a thread, `delete_at` is 0 for one that was not deleted."""

    id: str
    create_at: int = 0
    update_at: int = 0
    edit_at: int = 0
    delete_at: int = 0
    user_id: str = ""
    channel_id: str = ""
    root_id: str = ""
    message: str = ""
    type: str = ""
    props: dict[str, Any] = field(default_factory=dict, hash=False)
    file_ids: tuple[str, ...] = ()
    pending_post_id: str = ""
    reactions: tuple[Reaction, ...] = ()
    is_pinned: bool = False

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """Read a post; raises UnreadableError when it has no readable id."""
        post_id = _id_of("post", value)
        return cls(
            id=post_id,
            create_at=integer_of(value.get("create_at")),
            update_at=integer_of(value.get("update_at")),
            edit_at=integer_of(value.get("edit_at")),
            delete_at=integer_of(value.get("delete_at")),
            user_id=id_of(value.get("user_id")),
            channel_id=id_of(value.get("channel_id")),
            root_id=id_of(value.get("root_id")),
            message=text_of(value.get("message")),
            type=text_of(value.get("type")),
            props=mapping_of(value.get("props")),
            file_ids=texts_of(value.get("file_ids")),
            pending_post_id=text_of(value.get("pending_post_id")),
            reactions=_reactions_of(mapping_of(value.get("metadata")).get("reactions")),
            is_pinned=value.get("is_pinned") is True,
        )

    def to_json(self) -> dict[str, Any]:
        """Return the post as `from_json` reads it, for storing it, without what changes by itself: reactions, pin."""
        content = {**asdict(self), "file_ids": list(self.file_ids)}
        del content["reactions"], content["is_pinned"]
        return content

    @property
    def from_bot(self) -> bool:
        """Whether the post says that a bot wrote it. Anybody may say so: a guard against loops, never an identity."""
        return self.props.get("from_bot") in ("true", True)

    @property
    def from_webhook(self) -> bool:
        """Whether a webhook or slash command made the post; `user_id` is then a person who did not write it."""
        return self.props.get("from_webhook") in ("true", True)

    @property
    def is_system(self) -> bool:
        """Whether the server wrote the post ("alice joined the channel"); such posts may even mention the bot."""
        return self.type.startswith("system_")


def _reactions_of(value: Any) -> tuple[Reaction, ...]:
    found = [Reaction.from_json(one) for one in value] if isinstance(value, list) else []
    return tuple(one for one in found if one.user_id and one.emoji_name)


@dataclass(frozen=True, slots=True)
class User:
    """A person or bot. The server sends `is_bot` only when it is true; a bot's display name is its `first_name`."""

    id: str
    username: str = ""
    first_name: str = ""
    last_name: str = ""
    nickname: str = ""
    is_bot: bool = False
    delete_at: int = 0
    roles: str = ""
    locale: str = ""

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """Read a user; raises UnreadableError when it has no readable id."""
        user_id = _id_of("user", value)
        return cls(
            id=user_id,
            username=text_of(value.get("username")),
            first_name=text_of(value.get("first_name")),
            last_name=text_of(value.get("last_name")),
            nickname=text_of(value.get("nickname")),
            is_bot=value.get("is_bot") is True,
            delete_at=integer_of(value.get("delete_at")),
            roles=text_of(value.get("roles")),
            locale=text_of(value.get("locale")),
        )


@dataclass(frozen=True, slots=True)
class Team:
    """A team. `name` stands in addresses, `display_name` is for people."""

    id: str
    name: str = ""
    display_name: str = ""
    delete_at: int = 0

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """Read a team; raises UnreadableError when it has no readable id."""
        team_id = _id_of("team", value)
        return cls(
            id=team_id,
            name=text_of(value.get("name")),
            display_name=text_of(value.get("display_name")),
            delete_at=integer_of(value.get("delete_at")),
        )


@dataclass(frozen=True, slots=True)
class Channel:
    """A channel of type O (public), P (private), D (direct) or G (group); D and G belong to no team.

    The name of a D is both user ids, sorted, with two underscores between. `last_post_at` is raised by edits and pins
    too, so it can say that nothing is new but not that something is.
    """

    id: str
    type: str = ""
    name: str = ""
    display_name: str = ""
    team_id: str = ""
    last_post_at: int = 0
    delete_at: int = 0
    create_at: int = 0

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """Read a channel; raises UnreadableError when it has no readable id."""
        channel_id = _id_of("channel", value)
        return cls(
            id=channel_id,
            type=text_of(value.get("type")),
            name=text_of(value.get("name")),
            display_name=text_of(value.get("display_name")),
            team_id=id_of(value.get("team_id")),
            last_post_at=integer_of(value.get("last_post_at")),
            delete_at=integer_of(value.get("delete_at")),
            create_at=integer_of(value.get("create_at")),
        )


@dataclass(frozen=True, slots=True)
class FileInfo:
    """What a server knows of a file that came with a post. `size` is in bytes; `mime_type` is the server's guess."""

    id: str
    name: str = ""
    extension: str = ""
    size: int = 0
    mime_type: str = ""
    post_id: str = ""
    user_id: str = ""

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """Read what is known of a file; raises UnreadableError when it has no readable id."""
        file_id = _id_of("file", value)
        return cls(
            id=file_id,
            name=text_of(value.get("name")),
            extension=text_of(value.get("extension")),
            size=integer_of(value.get("size")),
            mime_type=text_of(value.get("mime_type")),
            post_id=id_of(value.get("post_id")),
            user_id=id_of(value.get("user_id")),
        )


@dataclass(frozen=True, slots=True)
class Command:
    """A custom slash command as who may manage it sees it. `trigger` has no slash; each call of it has `token`."""

    id: str
    token: str = field(default="", repr=False)
    creator_id: str = ""
    team_id: str = ""
    trigger: str = ""
    url: str = ""
    method: str = ""
    delete_at: int = 0
    auto_complete: bool = False
    auto_complete_desc: str = ""
    auto_complete_hint: str = ""
    description: str = ""
    display_name: str = ""

    @classmethod
    def from_json(cls, value: Any) -> Self:
        """Read a command; raises UnreadableError when it has no readable id."""
        command_id = _id_of("slash command", value)
        return cls(
            id=command_id,
            token=text_of(value.get("token")),
            creator_id=id_of(value.get("creator_id")),
            team_id=id_of(value.get("team_id")),
            trigger=text_of(value.get("trigger")),
            url=text_of(value.get("url")),
            method=text_of(value.get("method")),
            delete_at=integer_of(value.get("delete_at")),
            auto_complete=value.get("auto_complete") is True,
            auto_complete_desc=text_of(value.get("auto_complete_desc")),
            auto_complete_hint=text_of(value.get("auto_complete_hint")),
            description=text_of(value.get("description")),
            display_name=text_of(value.get("display_name")),
        )
