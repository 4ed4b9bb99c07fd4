"""Everything the sandbox remembers, with the indexes that keep reading fast."""

import bisect
import hashlib
from collections.abc import Callable, Iterable, Iterator

from mattermost_bridge.sandbox.ids import fixed_id, new_id
from mattermost_bridge.sandbox.records import DIRECT, GROUP, Channel, Clock, Command, Post, Reaction, StoredFile, User


def _age(post: Post) -> tuple[int, int]:
    """Order posts by time, and posts of one millisecond by their row."""
    return post.create_at, post.row


class State:
    """The tables of the server. Only the subject modules (posting, membership, ...) change it."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.users: dict[str, User] = {}
        self.users_by_name: dict[str, User] = {}
        self.tokens: dict[str, tuple[str, bool]] = {}
        """token -> (user id, valid); a revoked token stays, so that its owner can be named in counts"""
        self.team_members: dict[str, int] = {}
        self.channels: dict[str, Channel] = {}
        self.channels_by_name: dict[str, Channel] = {}
        self.posts: dict[str, Post] = {}
        self.posts_of: dict[str, list[Post]] = {}
        """channel id -> all its rows, oldest first, with deleted posts and old revisions"""
        self.thread_of: dict[str, list[Post]] = {}
        """root id -> the replies of the thread, deleted ones too"""
        self.reactions: dict[str, dict[tuple[str, str], Reaction]] = {}
        self.files: dict[str, StoredFile] = {}
        self.commands: dict[str, Command] = {}
        """slash commands by id, in the order they were made; deleted ones are gone"""
        self.team_admins: set[str] = set()
        self.command_makers: set[str] = set()
        """who may make and change slash commands of their own without being team administrators"""
        self.last_row = 0
        self.on_change: Callable[[], None] = lambda: None

    # People and tokens

    def add_user(self, user: User, token: str) -> User:
        """Keep a user and make `token` one of its valid tokens."""
        self.users[user.id] = user
        self.users_by_name[user.username] = user
        self.tokens[token] = (user.id, True)
        self.on_change()
        return user

    def user_of_token(self, token: str) -> User | None:
        """Return whom a token signs in, or None for a bad or revoked token and for a disabled account."""
        user_id, valid = self.tokens.get(token, ("", False))
        user = self.users.get(user_id)
        return user if valid and user is not None and not user.disabled else None

    def owner_of_token(self, token: str) -> str:
        """Return the name of whom a token belongs or belonged to, or "" for an unknown one."""
        user = self.users.get(self.tokens.get(token, ("", False))[0])
        return user.username if user else ""

    def issue_token(self, user: User) -> str:
        """Make one more valid token for `user`."""
        token = new_id()
        self.tokens[token] = (user.id, True)
        self.on_change()
        return token

    def set_tokens_valid(self, user: User, *, valid: bool, token: str | None = None) -> int:
        """Revoke or restore the tokens of `user`, or only `token`; return how many there were."""
        mine = [known for known, (owner, _) in self.tokens.items() if owner == user.id and token in (None, known)]
        for known in mine:
            self.tokens[known] = (user.id, valid)
        self.on_change()
        return len(mine)

    # Channels

    def add_channel(self, channel: Channel) -> Channel:
        """Keep a channel."""
        self.channels[channel.id] = channel
        self.channels_by_name[channel.name] = channel
        self.posts_of.setdefault(channel.id, [])
        self.on_change()
        return channel

    def direct_channel(self, one: str, other: str) -> Channel | None:
        """Return the direct channel of two user ids if it exists."""
        return self.channels_by_name.get(direct_name(one, other))

    def channels_with(self, user_id: str) -> Iterator[Channel]:
        """Yield every channel that the user is a member of, archived ones left out."""
        return (channel for channel in self.channels.values() if user_id in channel.members and not channel.delete_at)

    def is_member(self, user_id: str, channel_id: str) -> bool:
        """Tell whether the user is a member of the channel; False for a channel that does not exist."""
        channel = self.channels.get(channel_id)
        return channel is not None and user_id in channel.members

    # Posts

    def add_post(self, post: Post) -> Post:
        """Append a row to the posts table."""
        self.last_row += 1
        post.row = self.last_row
        self.posts[post.id] = post
        bisect.insort(self.posts_of[post.channel_id], post, key=_age)
        if post.root_id and not post.original_id:
            bisect.insort(self.thread_of.setdefault(post.root_id, []), post, key=_age)
        self.on_change()
        return post

    def live_post(self, post_id: str) -> Post | None:
        """Return a post that is neither deleted nor an old revision."""
        post = self.posts.get(post_id)
        return post if post is not None and not post.delete_at else None

    def replies(self, root_id: str) -> list[Post]:
        """Return the live replies of a thread, oldest first."""
        return [post for post in self.thread_of.get(root_id, []) if not post.delete_at]

    def newest_first(self, channel_id: str, *, before: int | None = None) -> Iterator[Post]:
        """Yield the live posts of a channel, newest first, only those made before `before` (ms, exclusive)."""
        rows = self.posts_of[channel_id]
        end = len(rows) if before is None else bisect.bisect_left(rows, (before, 0), key=_age)
        return (rows[index] for index in range(end - 1, -1, -1) if not rows[index].delete_at)

    def oldest_first(self, channel_id: str, *, after: int) -> Iterator[Post]:
        """Yield the live posts of a channel made after `after` (ms, exclusive), oldest first."""
        rows = self.posts_of[channel_id]
        start = bisect.bisect_left(rows, (after + 1, 0), key=_age)
        return (rows[index] for index in range(start, len(rows)) if not rows[index].delete_at)

    def reactions_to(self, post_id: str) -> list[Reaction]:
        """Return the reactions to a post in the order they were made."""
        return list(self.reactions.get(post_id, {}).values())


def direct_name(one: str, other: str) -> str:
    """Return the name of a direct channel: both ids, sorted."""
    return "__".join(sorted((one, other)))


def new_direct_channel(state: State, creator_id: str, other_id: str) -> Channel:
    """Make the direct channel of two users, with an id that depends on them alone."""
    now = state.clock.ms()
    name = direct_name(creator_id, other_id)
    channel = Channel(fixed_id(f"channel:{name}"), DIRECT, name, "", "", creator_id, now, now)
    channel.members = dict.fromkeys((creator_id, other_id), now)
    return state.add_channel(channel)


def group_name(ids: Iterable[str]) -> str:
    """Return the name of a group channel: it depends on its members alone."""
    return hashlib.sha1("".join(sorted(ids)).encode(), usedforsecurity=False).hexdigest()


def new_group_channel(state: State, creator_id: str, ids: Iterable[str]) -> Channel:
    """Make the group channel of some users; people read its members' names."""
    members = sorted(set(ids))
    now, name = state.clock.ms(), group_name(members)
    shown = ", ".join(sorted(state.users[user_id].username for user_id in members))
    channel = Channel(fixed_id(f"channel:{name}"), GROUP, name, shown, "", creator_id, now, now)
    channel.members = dict.fromkeys(members, now)
    return state.add_channel(channel)
