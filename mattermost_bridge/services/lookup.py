"""Looking up whether a post was made: before any attempt that follows an unclear one."""

from __future__ import annotations

from mattermost_bridge.mattermost.errors import MattermostError
from mattermost_bridge.mattermost.rest import MattermostClient
from mattermost_bridge.mattermost.types import Post
from mattermost_bridge.models import Delivery
from mattermost_bridge.services.marks import MARK

#: The server's clock is asked for, yet a little room costs nothing: milliseconds before the first attempt.
ROOM_MS = 5_000
#: Mattermost 5.37 to 11 answer `since` with at most so many rows, any of the changed ones; fewer prove the whole.
SINCE_LIMIT = 1_000
MOST_PAGES = 200


def find_made_post(client: MattermostClient, delivery: Delivery, bot_user_id: str) -> Post | None:
    """The post that carries this delivery's mark, deleted ones too; None when there is none.

    Reads the channel's changes since the first attempt. When the server answered with as many rows as it gives at
    most, that proves nothing, and the channel is read backwards in pages. Raises MattermostError when it cannot look.
    """
    since = max(0, delivery.since_ms - ROOM_MS)
    changed = client.posts_since(delivery.channel_id, since)
    if found := _match(changed, delivery.mark, bot_user_id):
        return found
    if len(changed) < SINCE_LIMIT:
        return None
    before = ""
    for _ in range(MOST_PAGES):
        page = client.posts_before(delivery.channel_id, before=before)
        if found := _match(page, delivery.mark, bot_user_id):
            return found
        if not page or page[-1].create_at < since:
            return None
        oldest = page[-1].create_at
        # Posts of one millisecond may lie on both sides of a page's end: go on from one that is surely younger.
        younger = [post for post in page if post.create_at > oldest]
        following = younger[-1].id if younger else page[-1].id
        if following == before:
            following = page[-1].id
        before = following
    return None


def thread_is_gone(client: MattermostClient, root_id: str) -> bool:
    """Whether a thread's root was deleted."""
    try:
        return client.post(root_id).delete_at > 0
    except MattermostError as error:
        if error.status == 404:
            return True
        raise


def _match(posts: list[Post], mark: str, bot_user_id: str) -> Post | None:
    found = [post for post in posts if post.user_id == bot_user_id and post.props.get(MARK) == mark]
    return min(found, key=lambda post: post.create_at) if found else None
