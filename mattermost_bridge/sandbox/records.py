"""The records of the sandbox and their JSON, field by field in the order of the real server."""

import time
from dataclasses import asdict, dataclass, field
from typing import Any

OPEN, PRIVATE, DIRECT, GROUP = "O", "P", "D", "G"


class Clock:
    """The server's time in milliseconds; an offset lets tests give it a clock unlike their own."""

    def __init__(self) -> None:
        self.offset_ms = 0

    def ms(self) -> int:
        """Return the server's time in milliseconds since 1970; neighbouring calls may well be equal."""
        return time.time_ns() // 1_000_000 + self.offset_ms


@dataclass(slots=True)
class User:
    """A person or a bot account. `delete_at` above 0 means disabled."""

    id: str
    username: str
    first_name: str
    last_name: str
    create_at: int
    update_at: int
    delete_at: int = 0
    roles: str = "system_user"
    is_bot: bool = False
    bot_description: str = ""

    @property
    def disabled(self) -> bool:
        """Tell whether the account was switched off."""
        return self.delete_at > 0

    @property
    def is_admin(self) -> bool:
        """Tell whether this is a system administrator."""
        return "system_admin" in self.roles.split()

    def as_json(self, *, own: bool) -> dict[str, Any]:
        """Return the user as the API shows it; `own` adds what only the user may see of itself."""
        data: dict[str, Any] = {
            "id": self.id,
            "create_at": self.create_at,
            "update_at": self.update_at,
            "delete_at": self.delete_at,
            "username": self.username,
            "auth_data": "",
            "auth_service": "",
            "email": f"{self.username}@localhost",
            "nickname": "",
            "first_name": self.first_name,
            "last_name": self.last_name,
            "position": "",
            "roles": self.roles,
        }
        if own:
            data["notify_props"] = {
                "channel": "true",
                "comments": "never",
                "desktop": "mention",
                "desktop_sound": "true",
                "email": "true",
                "first_name": "false",
                "mention_keys": "",
                "push": "mention",
                "push_status": "away",
            }
        data["locale"] = "en"
        data["timezone"] = {"automaticTimezone": "", "manualTimezone": "", "useAutomaticTimezone": "true"}
        if self.is_bot:  # absent for people
            data["is_bot"] = True
            data["bot_description"] = self.bot_description
        data["disable_welcome_email"] = False
        return data


@dataclass(slots=True)
class Channel:
    """A public, private, direct or group channel, with its members and the time each joined."""

    id: str
    type: str
    name: str
    display_name: str
    team_id: str
    creator_id: str
    create_at: int
    update_at: int
    delete_at: int = 0
    last_post_at: int = 0
    total_msg_count: int = 0
    total_msg_count_root: int = 0
    members: dict[str, int] = field(default_factory=dict)

    def as_json(self) -> dict[str, Any]:
        """Return the channel as the API shows it."""
        return {
            "id": self.id,
            "create_at": self.create_at,
            "update_at": self.update_at,
            "delete_at": self.delete_at,
            "team_id": self.team_id,
            "type": self.type,
            "display_name": self.display_name,
            "name": self.name,
            "header": "",
            "purpose": "",
            "last_post_at": self.last_post_at,
            "total_msg_count": self.total_msg_count,
            "extra_update_at": 0,
            "creator_id": self.creator_id,
            "scheme_id": None,
            "props": None,
            "group_constrained": None,
            "shared": None,
            "total_msg_count_root": self.total_msg_count_root,
            "policy_id": None,
        }

    def member_json(self, user_id: str) -> dict[str, Any]:
        """Return the membership of one user."""
        return {
            "channel_id": self.id,
            "user_id": user_id,
            "roles": "channel_user",
            "last_viewed_at": 0,
            "msg_count": 0,
            "mention_count": 0,
            "mention_count_root": 0,
            "msg_count_root": 0,
            "notify_props": {
                "desktop": "default",
                "email": "default",
                "ignore_channel_mentions": "default",
                "mark_unread": "all",
                "push": "default",
            },
            "last_update_at": self.members[user_id],
            "scheme_guest": False,
            "scheme_user": True,
            "scheme_admin": False,
            "explicit_roles": "",
        }


@dataclass(slots=True)
class Post:
    """A row of the posts table. `row` is its place in the table; an old revision has `original_id`."""

    id: str
    create_at: int
    update_at: int
    user_id: str
    channel_id: str
    message: str
    edit_at: int = 0
    delete_at: int = 0
    is_pinned: bool = False
    root_id: str = ""
    original_id: str = ""
    type: str = ""
    props: dict[str, Any] = field(default_factory=dict)
    hashtags: str = ""
    row: int = 0
    file_ids: list[str] = field(default_factory=list)

    @property
    def thread_id(self) -> str:
        """Return the id of the thread's root, which is the post itself at top level."""
        return self.root_id or self.id


@dataclass(slots=True)
class Reaction:
    """One emoji of one user on one post."""

    user_id: str
    post_id: str
    emoji_name: str
    create_at: int
    update_at: int
    channel_id: str

    def as_json(self, *, modern: bool) -> dict[str, Any]:
        """Return the reaction; newer servers (9 to 11) add the channel."""
        data = asdict(self)
        channel_id = data.pop("channel_id")
        data |= {"delete_at": 0, "remote_id": ""}
        if modern:
            data["channel_id"] = channel_id
        return data


@dataclass(slots=True)
class StoredFile:
    """An uploaded file; `post_id` is "" until a post carries it, `delete_at` above 0 once that post is deleted."""

    id: str
    user_id: str
    channel_id: str
    post_id: str
    create_at: int
    update_at: int
    name: str
    extension: str
    mime_type: str
    content: bytes
    delete_at: int = 0

    def as_json(self, *, modern: bool) -> dict[str, Any]:
        """Return the file as the API shows it; newer servers add the channel, and whether it was archived."""
        data: dict[str, Any] = {"id": self.id, "user_id": self.user_id}
        if self.post_id:
            data["post_id"] = self.post_id
        if modern:
            data["channel_id"] = self.channel_id
        data |= {
            "create_at": self.create_at,
            "update_at": self.update_at,
            "delete_at": self.delete_at,
            "name": self.name,
            "extension": self.extension,
            "size": len(self.content),
            "mime_type": self.mime_type,
            "mini_preview": None,
            "remote_id": "",
        }
        if modern:
            data["archived"] = False
        return data


@dataclass(slots=True)
class Command:
    """A slash command that somebody made."""

    id: str
    token: str
    create_at: int
    update_at: int
    creator_id: str
    team_id: str
    trigger: str
    url: str
    delete_at: int = 0
    method: str = "P"
    username: str = ""
    icon_url: str = ""
    auto_complete: bool = False
    auto_complete_desc: str = ""
    auto_complete_hint: str = ""
    display_name: str = ""
    description: str = ""

    def as_json(self) -> dict[str, Any]:
        """Return the command as who may manage it sees it, with its token."""
        return {**asdict(self), "plugin_id": ""}
