"""Which posts of a channel to read, and how. Pure, apart from the pages that the caller fetches."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from dataclasses import dataclass

from mattermost_bridge.mattermost.types import Channel, Post

PAGE = 200
#: Milliseconds that are read again. Posts are not visible in the order of their create_at: on Mattermost 5.37 the lag
#: was 16 ms, and a server under load may need longer to save one.
OVERLAP_MS = 10_000
#: So many pages of a channel are kept in memory while its beginning is looked for; others are fetched a second time.
PAGES_KEPT = 10

Fetch = Callable[[str], Awaitable[list[Post]]]


class IncompleteError(Exception):
    """A channel could not be read to its beginning, since posts were removed meanwhile. Reading it again helps."""


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a channel was read: the newest stored create_at, and its last_post_at then (edits and pins raise it)."""

    stored_until: int = 0
    read_last_post_at: int = 0


def needs_reading(channel: Channel, cursor: Cursor | None, proven_until: int) -> bool:
    """Whether something may be missing in a channel.

    So when its last_post_at is beyond what was stored and read, or so young that nothing proves yet that all came.
    """
    if channel.last_post_at > proven_until - OVERLAP_MS:
        return True
    return cursor is not None and channel.last_post_at > max(cursor.stored_until, cursor.read_last_post_at)


def floor_of(cursor: Cursor | None, proven_until: int) -> int:
    """The create_at down to which a channel is read.

    Below the cursor too, as far as nothing is proven: a cursor is moved by the newest post that came, and cannot know
    of one that did not.
    """
    return max(0, min(stored_until(cursor, proven_until), proven_until) - OVERLAP_MS)


def stored_until(cursor: Cursor | None, proven_until: int) -> int:
    """The create_at up to which a channel is known to be stored. Never 0, which would mean its whole history."""
    return cursor.stored_until if cursor is not None and cursor.stored_until > 0 else proven_until


def next_before(page: Sequence[Post], before: str) -> str:
    """The post before which the next page lies: the oldest one that is younger than the page's oldest millisecond.

    The server compares create_at strictly, so behind the page's last post others of its millisecond would be skipped.
    When a whole page is of one millisecond there is no such post; then its last one has to do.
    """
    oldest = page[-1].create_at
    younger = [post.id for post in page if post.create_at > oldest]
    return younger[-1] if younger and younger[-1] != before else page[-1].id


async def backwards(fetch: Fetch, floor: int) -> AsyncIterator[list[Post]]:
    """The posts of a channel from the create_at `floor` on, in pages with the oldest page first, each oldest first.

    `fetch` returns a page before a post ("" for the newest), newest first. Long backlogs are not kept in memory: the
    pages are found going backwards, and fetched again going forwards. A post may be on two pages.
    """
    pages: list[tuple[str, list[Post] | None]] = []
    page: list[Post] = []
    before = ""
    while True:
        last, page = page, await fetch(before)
        if not page and last and last[-1].id != before:
            # It should have held the post that the page before ended with. That one was removed, or the reference was.
            raise IncompleteError(f"The page before the post {before} is empty. The channel is read again.")
        pages.append((before, page))
        if len(pages) > PAGES_KEPT + 1:
            # The newest page stays, since nothing names its place; of the others the younger ones are needed last.
            pages[-PAGES_KEPT - 1] = (pages[-PAGES_KEPT - 1][0], None)
        if len(page) < PAGE or page[-1].create_at < floor:
            break
        before = next_before(page, before)
    for before, kept in reversed(pages):
        page = await fetch(before) if kept is None else kept
        wanted = [post for post in page if post.create_at >= floor and not post.delete_at]
        if wanted:
            yield sorted(wanted, key=lambda post: (post.create_at, post.id))
