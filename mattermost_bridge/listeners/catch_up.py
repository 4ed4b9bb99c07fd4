"""Reading what was missed: after every connection, and every few minutes on a live one to prove that it is not deaf."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass
from typing import ParamSpec, TypeVar

import structlog

from mattermost_bridge.listeners import drafts
from mattermost_bridge.listeners.changes import missed
from mattermost_bridge.listeners.clock import Clock
from mattermost_bridge.listeners.paging import OVERLAP_MS, Cursor, backwards, floor_of, needs_reading, stored_until
from mattermost_bridge.listeners.threads import Threads
from mattermost_bridge.listeners.writer import Writer
from mattermost_bridge.mattermost.errors import MattermostError
from mattermost_bridge.mattermost.rest import MattermostClient
from mattermost_bridge.mattermost.types import Channel, Post
from mattermost_bridge.rules.reasons import Reason
from mattermost_bridge.services import reading
from mattermost_bridge.services.inbox import CursorMove

log = structlog.get_logger(__name__)

DIRECT = ("D", "G")
#: What a server answers for a channel that the bot left, or that is gone.
NOT_MINE = (400, 403, 404)
RATE_LIMIT_TRIES = 20
NO_TEAM = (
    "The bot is in no team. On this server, direct messages that strangers open while the bot is away cannot be found "
    "then. Add the bot to a team in Mattermost."
)

P = ParamSpec("P")
T = TypeVar("T")


@dataclass
class Found:
    """What a reading came to: posts that the inbox lacked, and those of them that were not young any more."""

    missing: int = 0
    old: int = 0


class CatchUp:
    """Reads the channels of one connection. One reading at a time; the connection's writer stores and releases."""

    def __init__(
        self, account_pk: int, bot_id: str, client: MattermostClient, writer: Writer, *, threads: Threads, clock: Clock
    ) -> None:
        self._account_pk, self._bot_id = account_pk, bot_id
        self._client, self._writer = client, writer
        self._threads, self._clock = threads, clock
        self._usernames: dict[str, str] = {}
        self.warning = ""

    async def after_connecting(self, now_ms: int) -> None:
        """Store what came while nobody listened, and let go what was held meanwhile.

        `now_ms` is the server's time of a pong on this connection. The first connection ever starts there: what is
        older is history. Raises MattermostError, and Django's errors when the database is away.
        """
        db = self._threads.db
        proven = await db(reading.proven_until, self._account_pk)
        first = not proven
        proven = proven or now_ms
        cursors = await db(reading.cursors, self._account_pk)
        held = await db(reading.held_channels, self._account_pk)
        talked_in = set() if first else await db(reading.talked_in, self._account_pk)
        for channel in await self._channels():
            cursor = _cursor(cursors, channel.id)
            reads = needs_reading(channel, cursor, proven)
            # An edit raises the channel's last_post_at; a reaction does not.
            changes = channel.id in talked_in or (reads and cursor is not None)
            changed_since = proven - OVERLAP_MS if changes else None
            if reads:
                start_ms = now_ms if first else _start(channel, cursor, proven)
                await self._read(channel, cursor, proven, start_ms=start_ms, changed_since=changed_since)
                continue
            if changed_since is not None:
                await self._read_changes(channel, changed_since, ())
            if channel.id in held or channel.id in self._writer.heard_held:
                await self._writer.release(channel.id, None)
            else:
                self._writer.holds.done.add(channel.id)
        self._writer.holds.everything = False
        # Channels that are in no list (any more), or were made a moment ago.
        for channel_id in {*self._writer.heard_held, *await db(reading.held_channels, self._account_pk)}:
            if channel_id not in self._writer.holds.reading:
                await self._writer.release(channel_id, None)

    async def compare(self, now_ms: int) -> Found:
        """Compare the inbox with the server while the connection lives, and store what it lacks."""
        proven = await self._threads.db(reading.proven_until, self._account_pk) or now_ms
        cursors = await self._threads.db(reading.cursors, self._account_pk)
        found = Found()
        for channel in await self._channels():
            cursor = _cursor(cursors, channel.id)
            if needs_reading(channel, cursor, proven):
                start = _start(channel, cursor, proven)
                lacking = await self._read(channel, cursor, proven, start_ms=start)
                found.missing += len(lacking)
                found.old += sum(post.create_at < now_ms - OVERLAP_MS for post in lacking)
        return found

    async def read_channel(self, channel_id: str, *, joined: bool) -> None:
        """Read one channel of which something could not be read; with `joined`, one that the bot has just come into.

        The bot was not there for what was said before it came: that is history, kept but not answered.
        """
        try:
            channel = await self._call(self._client.channel, channel_id)
        except MattermostError as error:
            if error.status not in NOT_MINE:
                raise
            await self._writer.release(channel_id, None)
            return
        await self._know([channel])
        proven = await self._threads.db(reading.proven_until, self._account_pk)
        cursor, start_ms = None, 0
        if joined:
            start_ms = await self._joined_at(channel_id)
        else:
            cursor = _cursor(await self._threads.db(reading.cursors, self._account_pk), channel_id)
        await self._read(channel, cursor, proven, start_ms=start_ms)

    async def _joined_at(self, channel_id: str) -> int:
        """When the bot came into a channel that it is in since a moment ago, by the server's clock."""
        newest = await self._call(self._client.posts_before, channel_id)
        said = max((_came_at(post, self._bot_id) for post in newest), default=0)
        # Where no post says so: a second before now, so that nothing that was said after it counts as history.
        return said or (self._client.server_now_ms() or 0) - 1000

    async def _read(
        self, channel: Channel, cursor: Cursor | None, proven: int, *, start_ms: int, changed_since: int | None = None
    ) -> list[Post]:
        """Store a channel's posts to its end; those that the inbox lacked and that are no history.

        Posts up to `start_ms` are history. With `changed_since`, edits and reactions since then are stored, too.
        """
        self._writer.holds.reading.add(channel.id)
        newest = stored_until(cursor, proven)
        lacking: list[Post] = []

        async def page(before: str) -> list[Post]:
            return await self._call(self._client.posts_before, channel.id, before=before)

        try:
            async for posts in backwards(page, floor_of(cursor, proven)):
                newest = max(newest, posts[-1].create_at)
                lacking += await self._store(channel, posts, start_ms)
            if changed_since is not None:
                await self._read_changes(channel, changed_since, {post.id for post in lacking})
        except MattermostError as error:
            if error.status not in NOT_MINE:
                raise
            log.info("a channel cannot be read any more", account=self._account_pk, channel=channel.id, why=str(error))
            await self._writer.release(channel.id, None)
        else:
            move = CursorMove(channel.id, channel.type, newest, channel.last_post_at)
            await self._writer.release(channel.id, move)
        return [post for post in lacking if post.create_at > start_ms]

    async def _read_changes(self, channel: Channel, since_ms: int, new: Collection[str]) -> None:
        """Store what happened to older posts since `since_ms`; posts in `new` were stored as they are now."""
        try:
            changed = await self._call(self._client.posts_since, channel.id, since_ms)
        except MattermostError as error:
            if error.status not in NOT_MINE:
                raise
            return
        if not changed:
            return
        db, ids = self._threads.db, [post.id for post in changed]
        standing = await db(reading.standing_reactions, self._account_pk, channel.id, ids)
        found = missed(channel, changed, standing, bot_id=self._bot_id, since_ms=since_ms, new=new)
        keys = await db(reading.missing, self._account_pk, [draft.dedupe_key for draft in found])
        if keys:
            await self._writer.keep_caught_up([draft for draft in found if draft.dedupe_key in keys])

    async def _store(self, channel: Channel, posts: list[Post], start_ms: int) -> list[Post]:
        """Keep those of the posts that the inbox lacks, in their order, and return them; own posts only prove what
        they prove."""
        for post in posts:
            if post.user_id == self._bot_id:
                self._writer.take_echo(drafts.echo_of(post))
        others = [post for post in posts if post.user_id != self._bot_id]
        keys = await self._threads.db(reading.missing, self._account_pk, [post.id for post in others])
        lacking = [post for post in others if post.id in keys]
        if not lacking:
            return []
        await self._learn_names(lacking)
        await self._writer.keep_caught_up(
            [
                drafts.from_caught_up(
                    post,
                    channel.id,
                    channel.type,
                    self._usernames.get(post.user_id, ""),
                    ignored_reason=str(Reason.BEFORE_LISTENING) if post.create_at <= start_ms else "",
                )
                for post in lacking
            ]
        )
        return lacking

    async def _channels(self) -> list[Channel]:
        """All channels of the bot, direct ones first: its lists, and by id the direct ones that no list has."""
        channels = await self._call(self._client.my_channels)
        if channels is None:
            teams = await self._call(self._client.my_teams)
            self.warning = "" if teams else NO_TEAM
            channels = [one for team in teams for one in await self._call(self._client.team_channels, team.id)]
        listed = {channel.id: channel for channel in channels}
        for channel_id in await self._threads.db(reading.direct_channels, self._account_pk) - set(listed):
            try:
                listed[channel_id] = await self._call(self._client.channel, channel_id)
            except MattermostError as error:
                if error.status not in NOT_MINE:
                    raise
        await self._know(listed.values())
        return sorted(listed.values(), key=lambda channel: (channel.type not in DIRECT, channel.last_post_at))

    async def _know(self, channels: Iterable[Channel]) -> None:
        channels = list(channels)
        self._writer.types.update({channel.id: channel.type for channel in channels if channel.type})
        await self._threads.db(reading.remember_channels, self._account_pk, channels)

    async def _learn_names(self, posts: list[Post]) -> None:
        """Look up the authors' usernames: pages of posts do not say them, and lists may hold names."""
        authors = {post.user_id for post in posts if post.user_id and drafts.names_its_author(post)}
        unknown = sorted(authors - set(self._usernames))
        if unknown:
            people = await self._call(self._client.users_by_ids, unknown)
            self._usernames |= dict.fromkeys(unknown, "") | {user.id: user.username.lower() for user in people}
            await self._threads.db(reading.remember_people, self._account_pk, people)

    async def _call(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Ask the server; when it asks for fewer calls, wait as long as it says and ask again."""
        for _ in range(RATE_LIMIT_TRIES):
            try:
                return await self._threads.http(call, *args, **kwargs)
            except MattermostError as error:
                if not error.is_rate_limited:
                    raise
                await self._clock.sleep(max(1.0, error.retry_after or 0.0))
        return await self._threads.http(call, *args, **kwargs)


def _cursor(cursors: dict[str, tuple[int, int]], channel_id: str) -> Cursor | None:
    return Cursor(*cursors[channel_id]) if channel_id in cursors else None


def _start(channel: Channel, cursor: Cursor | None, proven: int) -> int:
    """Up to when a channel's posts are history: a channel that the bot came into while it was away starts at what is
    proven. A direct one has no history before the bot; of one with a cursor all was wanted."""
    return proven if cursor is None and channel.type not in DIRECT else 0


def _came_at(post: Post, bot_id: str) -> int:
    """When this post says that the bot came into the channel; 0 when it says something else.

    Mattermost posts `system_add_to_channel` with the added user's id in the props, or `system_join_channel` by who
    joins (5.37 to 11).
    """
    if post.type == "system_add_to_channel" and post.props.get("addedUserId") == bot_id:
        return post.create_at
    if post.type == "system_join_channel" and post.user_id == bot_id:
        return post.create_at
    return 0
