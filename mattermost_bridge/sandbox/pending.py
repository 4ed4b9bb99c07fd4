"""The memory behind `pending_post_id`: a repeated create gives the first post again."""

import time

from mattermost_bridge.sandbox.errors import ApiError

_SAVING = ""
_PURGE_ABOVE = 5000


class PendingPosts:
    """Pending ids with the post that each made, kept for the dedupe window. The key is global, not per user."""

    def __init__(self) -> None:
        self._known: dict[str, tuple[str, float]] = {}

    def begin(self, pending_post_id: str, window: float) -> str | None:
        """Reserve an id; return the post that it already made, or None. `window` is in seconds, 0 switches it off.

        Raises ApiError 500 while the first create is still being saved.
        """
        if not pending_post_id or window <= 0:
            return None
        now = time.monotonic()
        if len(self._known) > _PURGE_ABOVE:
            self._known = {key: entry for key, entry in self._known.items() if entry[1] > now}
        post_id, expires = self._known.get(pending_post_id, (_SAVING, now))
        if expires <= now:
            self._known[pending_post_id] = (_SAVING, now + window)
            return None
        if post_id == _SAVING:
            raise ApiError(
                500,
                "api.post.deduplicate_create_post.pending",
                "Rejected post since another client is making the same request.",
            )
        return post_id

    def settle(self, pending_post_id: str, post_id: str | None, window: float) -> None:
        """Note the post that a create made, or forget its id when it failed (None)."""
        if post_id is None:
            self._known.pop(pending_post_id, None)
        elif pending_post_id and window > 0:
            self._known[pending_post_id] = (post_id, time.monotonic() + window)

    def clear(self) -> None:
        """Forget everything, as a restart of the server does."""
        self._known.clear()
