"""The one writer of a connection: in order, in batches, bounded; own posts settle deliveries together."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import pytest
from django.db import OperationalError

from mattermost_bridge.listeners import writer as writer_module
from mattermost_bridge.listeners.clock import Clock
from mattermost_bridge.listeners.writer import Holds, Writer
from mattermost_bridge.mattermost.frames import DirectAdded, Posted, PostEdited, Reply, Unreadable, UserAdded
from mattermost_bridge.mattermost.types import Channel, Post
from mattermost_bridge.services import inbox, marks
from mattermost_bridge.services.inbox import CursorMove, Recorded
from tests.listeners.clock import StillClock

BOT, CAROL = "bot", "carol"


class Direct:
    """Threads that are none: calls run in place. `gate` holds them back while it is not set."""

    def __init__(self) -> None:
        self.gate = asyncio.Event()
        self.gate.set()

    async def db(self, call: Callable, *args, **kwargs):
        await self.gate.wait()
        return call(*args, **kwargs)


class Heard:
    """What came out of a writer."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, clock: Clock) -> None:
        self.batches: list[tuple[list[str], set[str], list[CursorMove]]] = []
        self.released: list[tuple[str, CursorMove | None]] = []
        self.settled: list[list[str]] = []
        self.troubles: list[Exception] = []
        self.replies: list[tuple[int | None, int]] = []
        self.to_read: list[tuple[str, bool]] = []
        self.channels: list[Channel] = []
        self.threads = Direct()
        monkeypatch.setattr(inbox, "record", self._record)
        monkeypatch.setattr(inbox, "release", lambda _pk, channel, move: self.released.append((channel, move)))
        monkeypatch.setattr(marks, "settle_echoes", lambda _pk, rows: self.settled.append([row.mark for row in rows]))
        self.writer = Writer(
            1,
            BOT,
            threads=self.threads,  # type: ignore[arg-type]
            clock=clock,
            types={"dm": "D"},
            on_trouble=self.troubles.append,
            on_reply=lambda reply: self.replies.append((reply.seq_reply, len(self.batches))),
            wants_reading=lambda channel, joined: self.to_read.append((channel, joined)),
            channel_seen=self.channels.append,
        )
        self.writer.holds.everything = False

    def _record(self, _pk: int, drafts, *, held=(), moves=()) -> Recorded:
        self.batches.append(([draft.dedupe_key for draft in drafts], set(held), list(moves)))
        return Recorded(len(drafts), 0)


@pytest.fixture
async def heard(monkeypatch) -> Heard:
    return Heard(monkeypatch, StillClock())


def posted(post_id: str, at: int, *, channel: str = "dm", by: str = CAROL, mark: str = "") -> Posted:
    props = {"durar_mark": mark} if mark else {}
    return Posted(1, Post(post_id, at, user_id=by, channel_id=channel, props=props), channel, "D", "a__b", "@carol")


async def test_what_waits_is_kept_in_one_batch_in_its_order(heard):
    heard.threads.gate.clear()
    for number in range(5):
        assert heard.writer.put(posted(f"p{number}", 100 + number))
    heard.threads.gate.set()
    await heard.writer.finish()

    assert [key for keys, _, _ in heard.batches for key in keys] == ["p0", "p1", "p2", "p3", "p4"]
    assert heard.batches[-1][2] == [CursorMove("dm", "D", 104)]


async def test_a_cursor_is_moved_by_own_posts_and_never_by_one_without_a_time(heard):
    heard.writer.put(posted("own", 300, by=BOT))
    heard.writer.put(posted("odd", 0, channel="other"))
    await heard.writer.finish()

    assert heard.batches == [(["odd"], set(), [CursorMove("dm", "D", 300)])]


async def test_a_reply_is_passed_on_only_after_what_came_before_it_is_kept(heard):
    heard.writer.put(posted("p1", 1))
    heard.writer.put(Reply(7, ok=True))
    await heard.writer.finish()

    assert heard.replies == [(7, 1)]


async def test_a_full_queue_refuses(heard, monkeypatch):
    monkeypatch.setattr(writer_module, "QUEUE", 3)
    heard.threads.gate.clear()

    taken = [heard.writer.put(posted(f"p{number}", number)) for number in range(5)]

    assert taken == [True, True, True, False, False]
    heard.threads.gate.set()
    await heard.writer.finish()


async def test_a_database_that_is_away_ends_the_connection(heard, monkeypatch):
    def away(*_: object, **__: object) -> None:
        raise OperationalError("gone")

    monkeypatch.setattr(inbox, "record", away)
    heard.writer.put(posted("p1", 1))
    heard.writer.put(posted("own", 2, by=BOT, mark="m"))
    await heard.writer.finish()

    assert [str(error) for error in heard.troubles] == ["gone"]
    assert heard.settled == [], "a database that is away is not asked again"


async def test_own_posts_with_a_mark_settle_together_after_two_seconds(monkeypatch):
    clock = StillClock()
    heard = Heard(monkeypatch, clock)
    heard.writer.put(posted("own1", 1, by=BOT, mark="one"))
    heard.writer.put(posted("own2", 2, by=BOT, mark="two"))
    heard.writer.put(posted("own3", 3, by=BOT))
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    clock.advance(1.9)
    await asyncio.sleep(0)
    assert heard.settled == []

    clock.advance(0.2)
    async with asyncio.timeout(10):
        while not heard.settled:
            await asyncio.sleep(0)
    assert heard.settled == [["one", "two"]]
    await heard.writer.finish()
    assert heard.settled == [["one", "two"]]


async def test_the_end_of_a_connection_settles_what_its_own_posts_proved(heard):
    heard.writer.put(posted("own", 1, by=BOT, mark="one"))
    await heard.writer.finish()

    assert heard.settled == [["one"]]


async def test_while_a_channel_is_caught_up_its_events_wait_and_its_cursor_stands_still(heard):
    heard.writer.holds.reading.add("dm")
    heard.writer.put(posted("p1", 50))
    heard.writer.put(posted("p2", 60, channel="other"))
    await heard.writer.finish()

    assert heard.batches == [(["p1", "p2"], {"dm"}, [CursorMove("other", "D", 60)])]
    await heard.writer.release("dm", CursorMove("dm", "D", 40, 45))
    assert heard.released == [("dm", CursorMove("dm", "D", 50, 45))], "once, as far as everything is stored"
    heard.writer.put(posted("p3", 70))
    await heard.writer.finish()
    assert heard.batches[-1] == (["p3"], set(), [CursorMove("dm", "D", 70)])


async def test_a_post_that_cannot_be_read_makes_its_channel_be_read(heard):
    heard.writer.put(Unreadable(3, "dm", "no id"))
    heard.writer.put(posted("p2", 60))
    await heard.writer.finish()

    assert heard.to_read == [("dm", False)]
    assert heard.batches[0][1] == {"dm"}, "later posts wait until it was read"


async def test_a_channel_that_the_bot_comes_into_is_read(heard):
    heard.writer.put(UserAdded(3, BOT, "team", "newroom"))
    heard.writer.put(UserAdded(4, CAROL, "team", "dm"))
    await heard.writer.finish()

    assert heard.to_read == [("newroom", True)]


async def test_channels_are_remembered_when_they_are_first_heard_of(heard):
    heard.writer.put(DirectAdded(2, "fresh"))
    heard.writer.put(posted("p1", 1, channel="fresh"))
    heard.writer.put(posted("p2", 2, channel="fresh"))
    heard.writer.put(PostEdited(5, Post("p1", 1, edit_at=9, user_id=CAROL), "fresh"))
    await heard.writer.finish()

    assert [(channel.id, channel.type, channel.display_name) for channel in heard.channels] == [
        ("fresh", "D", ""),
        ("fresh", "D", "@carol"),
    ]


async def test_the_bots_own_edits_are_no_events(heard):
    heard.writer.put(PostEdited(5, Post("p1", 1, edit_at=9, user_id=BOT), "dm"))
    await heard.writer.finish()

    assert heard.batches == []


@pytest.mark.parametrize(
    ("holds", "held"),
    [
        (Holds(), True),
        (Holds(done={"c"}), False),
        (Holds(done={"c"}, reading={"c"}), True),
        (Holds(everything=False), False),
        (Holds(everything=False, reading={"c"}), True),
    ],
)
def test_a_channel_is_held_until_it_was_caught_up(holds, held):
    assert ("c" in holds) is held
