"""Reading a channel backwards: every post from the floor on, whatever the milliseconds, the pages and the deletions."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mattermost_bridge.listeners import paging
from mattermost_bridge.listeners.paging import Cursor, backwards, floor_of, needs_reading, next_before, stored_until
from mattermost_bridge.mattermost.types import Channel, Post


class Server:
    """A channel as Mattermost 5.37 pages it: `before` compares create_at strictly, deleted posts are not shown."""

    def __init__(self, posts: list[Post]) -> None:
        self.posts = sorted(posts, key=lambda post: (post.create_at, post.id), reverse=True)
        self.calls: list[str] = []

    async def page(self, before: str) -> list[Post]:
        self.calls.append(before)
        at = next((post.create_at for post in self.posts if post.id == before), None)
        shown = [post for post in self.posts if not post.delete_at and (at is None or post.create_at < at)]
        return shown[: paging.PAGE]


def read(server: Server, floor: int) -> list[list[Post]]:
    async def collect() -> list[list[Post]]:
        return [page async for page in backwards(server.page, floor)]

    return asyncio.run(collect())


def posts_at(times: list[int], deleted: frozenset[int] = frozenset()) -> list[Post]:
    return [
        Post(id=f"post{number:06}", create_at=at, delete_at=at + 1 if number in deleted else 0)
        for number, at in enumerate(times)
    ]


@given(
    gaps=st.lists(st.sampled_from([0, 0, 0, 1, 7, 5000]), max_size=80),
    floor=st.integers(0, 60_000),
    page=st.integers(2, 9),
    kept=st.integers(1, 4),
    deleted=st.frozensets(st.integers(0, 80), max_size=20),
)
@settings(max_examples=300, deadline=None)
def test_no_post_is_left_out_while_fewer_than_a_page_share_a_millisecond(gaps, floor, page, kept, deleted):
    times, at, same = [], 1000, 0
    for gap in gaps:
        # A page of one single millisecond cannot be read past on any server; people do not write so fast.
        same = same + 1 if gap == 0 else 0
        at += 1 if gap == 0 and same >= page - 1 else gap
        same = 0 if gap == 0 and same >= page - 1 else same
        times.append(at)
    everything = posts_at(times, deleted)
    server = Server(everything)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(paging, "PAGE", page)
        patch.setattr(paging, "PAGES_KEPT", kept)
        pages = read(server, floor)

    got = {post.id for one in pages for post in one}
    assert got == {post.id for post in everything if post.create_at >= floor and not post.delete_at}
    for one in pages:
        assert one == sorted(one, key=lambda post: (post.create_at, post.id))
    assert [one[0].create_at for one in pages] == sorted(one[0].create_at for one in pages), "oldest pages come first"


def test_more_than_a_thousand_posts_are_read_in_their_order_without_keeping_all_pages(monkeypatch):
    monkeypatch.setattr(paging, "PAGES_KEPT", 2)
    server = Server(posts_at(list(range(10_000, 11_500))))

    pages = read(server, 0)

    seen = list(dict.fromkeys(post.id for page in pages for post in page))
    assert seen == [f"post{number:06}" for number in range(1500)]
    assert len(server.calls) > 8, "pages that were not kept are fetched a second time"


def test_reading_stops_at_the_floor():
    server = Server(posts_at(list(range(10_000, 11_500))))

    pages = read(server, 11_450)

    assert [post.create_at for page in pages for post in page] == list(range(11_450, 11_500))
    assert server.calls == [""]


def test_a_page_of_one_millisecond_is_passed():
    server = Server(posts_at([5] * 3 + [9] * 400))

    pages = read(server, 0)

    assert {post.create_at for page in pages for post in page} == {5, 9}


def test_an_empty_page_where_posts_must_be_is_no_end():
    class Forgetful(Server):
        async def page(self, before: str) -> list[Post]:
            return [] if before else await super().page(before)

    with pytest.raises(paging.IncompleteError, match="read again"):
        read(Forgetful(posts_at(list(range(1000, 1400)))), 0)


@pytest.mark.parametrize(
    ("times", "before", "expected"),
    [
        ([9, 8, 7], "", "post000001"),
        ([9, 8, 7, 7], "", "post000001"),
        ([9, 7, 7, 7], "", "post000000"),
        ([7, 7, 7], "", "post000002"),
        ([9, 7, 7], "post000000", "post000002"),
    ],
)
def test_the_next_page_lies_before_the_oldest_post_that_is_younger_than_the_oldest_millisecond(times, before, expected):
    assert next_before(posts_at(times), before) == expected


PROVEN = 1_000_000


@pytest.mark.parametrize(
    ("last_post_at", "cursor", "expected"),
    [
        (PROVEN - 20_000, None, False),  # quiet since long before
        (PROVEN - 5_000, None, True),  # too young to be proven
        (PROVEN + 1, None, True),
        (PROVEN - 20_000, Cursor(PROVEN - 20_000, 0), False),
        (PROVEN - 20_000, Cursor(PROVEN - 30_000, 0), True),  # something came after what is stored
        (PROVEN - 20_000, Cursor(PROVEN - 30_000, PROVEN - 20_000), False),  # an edit raised it, and was read
        (PROVEN + 5, Cursor(PROVEN + 5, PROVEN + 5), True),  # stored, but not proven that nothing else came
    ],
)
def test_a_channel_is_read_when_its_last_post_is_beyond_cursor_or_proof(last_post_at, cursor, expected):
    assert needs_reading(Channel("c", last_post_at=last_post_at), cursor, PROVEN) is expected


@pytest.mark.parametrize(
    ("cursor", "expected"),
    [
        (None, PROVEN - 10_000),
        (Cursor(PROVEN - 50_000), PROVEN - 60_000),
        (Cursor(PROVEN + 90_000), PROVEN - 10_000),  # the newest post says nothing about those before it
        (Cursor(0, 5), PROVEN - 10_000),  # no post was ever stored: that is no reason to read all history
    ],
)
def test_it_is_read_down_to_what_is_stored_and_proven_minus_ten_seconds(cursor, expected):
    assert floor_of(cursor, PROVEN) == expected
    assert stored_until(cursor, PROVEN) > 0
