"""The one writer of a connection: it takes frames from a bounded queue and keeps them, in batches, in their order."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass, field

import structlog

from mattermost_bridge.listeners import drafts
from mattermost_bridge.listeners.clock import Clock, Timer
from mattermost_bridge.listeners.threads import Threads
from mattermost_bridge.mattermost.frames import (
    DirectAdded,
    Frame,
    GroupAdded,
    Posted,
    PostEdited,
    ReactionAdded,
    ReactionRemoved,
    Reply,
    Unreadable,
    UserAdded,
)
from mattermost_bridge.mattermost.types import Channel
from mattermost_bridge.services import inbox, marks
from mattermost_bridge.services.inbox import CursorMove, Draft

log = structlog.get_logger(__name__)

#: Frames that may wait to be kept. The server's own queue for a slow reader holds 256, so this is a burst of bursts.
QUEUE = 2000
BATCH = 200
#: Seconds for which own posts are collected before they settle their deliveries, most of which are settled by then.
ECHO_SECONDS = 2.0


@dataclass
class Holds:
    """Which channels are being caught up. Their live events are kept and wait, and their cursors stand still."""

    everything: bool = True
    done: set[str] = field(default_factory=set)
    reading: set[str] = field(default_factory=set)

    def __contains__(self, channel_id: object) -> bool:
        return channel_id in self.reading or (self.everything and channel_id not in self.done)


@dataclass
class Batch:
    """What a run of frames comes to."""

    drafts: list[Draft] = field(default_factory=list)
    held: set[str] = field(default_factory=set)
    moves: dict[str, CursorMove] = field(default_factory=dict)
    channels: list[Channel] = field(default_factory=list)


class Writer:
    """Keeps what one connection hears. It has a task only while there is something to keep.

    `on_trouble` is told what kept it from keeping; `on_reply`, in their place between the events, of the server's
    replies; `wants_reading` of channels of which something could not be read, or that the bot has just come into.
    """

    def __init__(
        self,
        account_pk: int,
        bot_id: str,
        *,
        threads: Threads,
        clock: Clock,
        types: dict[str, str],
        on_trouble: Callable[[Exception], None],
        on_reply: Callable[[Reply], None],
        wants_reading: Callable[..., None],
        channel_seen: Callable[[Channel], None],
    ) -> None:
        self.account_pk, self.bot_id, self.types = account_pk, bot_id, types
        self._named = set(types)
        self.holds = Holds()
        self.heard_held: dict[str, int] = {}
        self._threads, self._clock = threads, clock
        self._on_trouble, self._on_reply = on_trouble, on_reply
        self._wants_reading, self._channel_seen = wants_reading, channel_seen
        self._queue: deque[Frame] = deque()
        self._task: asyncio.Task[None] | None = None
        self._keeping = asyncio.Lock()
        self._echoes: list[marks.Echo] = []
        self._echo_timer: Timer | None = None
        self._settling: asyncio.Task[None] | None = None
        self._broken = False

    def put(self, frame: Frame) -> bool:
        """Queue a frame; False when the queue is full, so that the frame is lost."""
        if len(self._queue) >= QUEUE:
            return False
        self._queue.append(frame)
        if self._task is None or self._task.done():
            self._task = asyncio.create_task(self._drain())
        return True

    async def finish(self) -> None:
        """The connection is over: keep what was heard, and settle what own posts proved."""
        if self._task is not None:
            await self._task
        if self._echo_timer is not None:
            self._echo_timer.cancel()
        if self._settling is not None:
            await self._settling
        if not self._broken:
            await self._settle_echoes()

    async def keep_caught_up(self, rows: list[Draft]) -> inbox.Recorded:
        """Keep posts that were read from a channel; they do not wait, and move no cursor."""
        async with self._keeping:
            return await self._threads.db(inbox.record, self.account_pk, rows)

    async def release(self, channel_id: str, move: CursorMove | None) -> None:
        """A channel's backlog is stored to its end: what was heard meanwhile goes on, and the cursor moves, once."""
        async with self._keeping:
            self.holds.reading.discard(channel_id)
            self.holds.done.add(channel_id)
            heard = self.heard_held.pop(channel_id, 0)
            if move is not None and heard > move.stored_until:
                move = CursorMove(channel_id, move.channel_type, heard, move.read_last_post_at)
            await self._threads.db(inbox.release, self.account_pk, channel_id, move)

    def take_echo(self, echo: marks.Echo | None) -> None:
        """Hold an own post for a moment, then let it settle its delivery together with others."""
        if echo is None:
            return
        self._echoes.append(echo)
        if self._echo_timer is None:
            self._echo_timer = self._clock.call_later(ECHO_SECONDS, self._echoes_due)

    async def _drain(self) -> None:
        try:
            while self._queue:
                frames = [self._queue.popleft() for _ in range(min(BATCH, len(self._queue)))]
                await self._keep(frames)
        except Exception as error:
            # Whatever it is, it is the connection's end: it closes, says why, and catch-up brings what is missing.
            self._queue.clear()
            self._broken = True
            self._on_trouble(error)

    async def _keep(self, frames: list[Frame]) -> None:
        async with self._keeping:
            batch = Batch()
            replies: list[Reply] = []
            for frame in frames:
                if isinstance(frame, Reply):
                    replies.append(frame)
                else:
                    self._add(batch, frame)
            if batch.drafts or batch.moves:
                moves = list(batch.moves.values())
                await self._threads.db(inbox.record, self.account_pk, batch.drafts, held=batch.held, moves=moves)
        for channel in batch.channels:
            self._channel_seen(channel)
        # Only now: a reply proves that all events before it are kept.
        for reply in replies:
            self._on_reply(reply)

    def _add(self, batch: Batch, frame: Frame) -> None:
        if isinstance(frame, Posted):
            self._add_post(batch, frame)
        elif isinstance(frame, PostEdited):
            edit = drafts.from_edit(frame.post, frame.channel_id, self.types.get(frame.channel_id, ""))
            if edit is not None and frame.post.user_id != self.bot_id:
                self._add_draft(batch, edit)
        elif isinstance(frame, ReactionAdded | ReactionRemoved):
            if frame.user_id != self.bot_id:
                self._add_draft(batch, drafts.from_reaction(frame, self.types.get(frame.channel_id, "")))
        elif isinstance(frame, Unreadable) and frame.channel_id:
            self.holds.reading.add(frame.channel_id)
            self._wants_reading(frame.channel_id, joined=False)
        elif isinstance(frame, UserAdded) and frame.user_id == self.bot_id:
            self.holds.reading.add(frame.channel_id)
            self._wants_reading(frame.channel_id, joined=True)
        elif isinstance(frame, DirectAdded | GroupAdded):
            channel_type = "D" if isinstance(frame, DirectAdded) else "G"
            self.types[frame.channel_id] = channel_type
            batch.channels.append(Channel(frame.channel_id, channel_type))

    def _add_post(self, batch: Batch, frame: Posted) -> None:
        channel_id, post = frame.channel_id, frame.post
        known = self.types.get(channel_id, "")
        if frame.channel_type and (frame.channel_type != known or channel_id not in self._named):
            self.types[channel_id] = known = frame.channel_type
            self._named.add(channel_id)
            batch.channels.append(
                Channel(channel_id, known, frame.channel_name, frame.channel_display_name, frame.team_id)
            )
        if post.user_id == self.bot_id:
            self.take_echo(drafts.echo_of(post))
        else:
            self._add_draft(batch, drafts.from_posted(frame, known))
        if channel_id in self.holds:
            self.heard_held[channel_id] = max(post.create_at, self.heard_held.get(channel_id, 0))
        elif post.create_at > 0:
            before = batch.moves.get(channel_id)
            until = max(post.create_at, before.stored_until if before else 0)
            batch.moves[channel_id] = CursorMove(channel_id, known, until)

    def _add_draft(self, batch: Batch, draft: Draft) -> None:
        batch.drafts.append(draft)
        if draft.channel_id in self.holds:
            batch.held.add(draft.channel_id)
            self.heard_held.setdefault(draft.channel_id, 0)

    def _echoes_due(self) -> None:
        self._echo_timer = None
        self._settling = asyncio.create_task(self._settle_or_say())

    async def _settle_or_say(self) -> None:
        try:
            await self._settle_echoes()
        except Exception as error:
            self._broken = True
            self._on_trouble(error)

    async def _settle_echoes(self) -> None:
        echoes, self._echoes = self._echoes, []
        if echoes:
            await self._threads.db(marks.settle_echoes, self.account_pk, echoes)
