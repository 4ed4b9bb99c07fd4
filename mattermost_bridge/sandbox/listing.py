"""Reading the posts of a channel and of a thread, with what the server's queries really return."""

import itertools
from collections.abc import Iterator
from typing import Any

from mattermost_bridge.sandbox.records import Post
from mattermost_bridge.sandbox.render import list_json
from mattermost_bridge.sandbox.state import State

SINCE_LIMIT = 1000


def changed_since(state: State, channel_id: str, since: int, *, modern: bool) -> dict[str, Any]:
    """Return the posts changed after `since` (ms), newest first.

    Deleted posts, old revisions and roots of new replies are among them. At most 1,000 rows come, the oldest ones
    of the table, and nothing says that there are more. Roots of those rows that did not change themselves are in
    `posts` only.
    """
    rows = (post for post in state.posts_of[channel_id] if post.update_at > since)
    found = sorted(rows, key=lambda post: post.row)[:SINCE_LIMIT]
    ids = {post.id for post in found}
    roots = {post.root_id: state.posts[post.root_id] for post in found if post.root_id and post.root_id not in ids}
    changed_roots = [root for root in roots.values() if root.update_at > since]
    order = sorted((*found, *changed_roots), key=lambda post: (post.create_at, post.row), reverse=True)
    return list_json(state, order, (root for root in roots.values() if root.update_at <= since), modern=modern)


def latest(state: State, channel_id: str, page: int, per_page: int, *, modern: bool) -> dict[str, Any]:
    """Return a page of the channel, newest first."""
    order = _page(state.newest_first(channel_id), page, per_page)
    return _with_neighbours(state, channel_id, order, modern=modern)


def before(state: State, channel_id: str, post_id: str, page: int, per_page: int, *, modern: bool) -> dict[str, Any]:
    """Return the posts made before another one, newest first; those of its own millisecond are left out."""
    anchor = state.posts.get(post_id)
    older = state.newest_first(channel_id, before=anchor.create_at) if anchor else iter(())
    return _with_neighbours(state, channel_id, _page(older, page, per_page), modern=modern, newer=post_id)


def after(state: State, channel_id: str, post_id: str, page: int, per_page: int, *, modern: bool) -> dict[str, Any]:
    """Return the posts made after another one: page 0 has the oldest of them, each page is newest first."""
    anchor = state.posts.get(post_id)
    newer = state.oldest_first(channel_id, after=anchor.create_at) if anchor else iter(())
    order = _page(newer, page, per_page)[::-1]
    return _with_neighbours(state, channel_id, order, modern=modern, older=post_id)


def thread(state: State, asked: Post, *, modern: bool) -> dict[str, Any]:
    """Return a thread; before 9 the post that was asked for stands in `order` twice."""
    root = state.posts[asked.thread_id]
    whole = [post for post in (*reversed(state.replies(root.id)), root) if not post.delete_at]
    others = [post for post in whole if post is not asked] if modern else whole
    data = list_json(state, [asked, *others], modern=modern)
    if modern:
        data["has_next"] = False
    return data


def _page(posts: Iterator[Post], page: int, per_page: int) -> list[Post]:
    return list(itertools.islice(posts, page * per_page, (page + 1) * per_page))


def _with_neighbours(
    state: State, channel_id: str, order: list[Post], *, modern: bool, newer: str = "", older: str = ""
) -> dict[str, Any]:
    """Add the ids of the neighbours, and to `posts` the threads that the page touches (they are not in `order`)."""
    shown = {post.id for post in order}
    threads = dict.fromkeys(post.root_id for post in order if post.root_id)
    extra = [
        post
        for root_id in threads
        for post in (state.posts[root_id], *state.replies(root_id))
        if post.id not in shown and not post.delete_at
    ]
    if order:
        following = next(state.oldest_first(channel_id, after=order[0].create_at), None)
        previous = next(state.newest_first(channel_id, before=order[-1].create_at), None)
        newer = following.id if following else ""
        older = previous.id if previous else ""
    return list_json(state, order, extra, modern=modern, next_post_id=newer, prev_post_id=older)
