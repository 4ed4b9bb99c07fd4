"""Adding and removing reactions."""

import re
from typing import TYPE_CHECKING, Any

from mattermost_bridge.sandbox import wire
from mattermost_bridge.sandbox.errors import ApiError, no_permission
from mattermost_bridge.sandbox.hub import Event
from mattermost_bridge.sandbox.ids import is_valid_id
from mattermost_bridge.sandbox.records import Post, Reaction, User

if TYPE_CHECKING:
    from mattermost_bridge.sandbox.app import Sandbox

_NAME = re.compile(r"[a-zA-Z0-9\-+_]{1,64}")


def add(box: "Sandbox", user: User, body: Any) -> Reaction:
    """Add a reaction; a repeat is as good as the first, and an unknown emoji name is stored. Raises ApiError."""
    fields = body if isinstance(body, dict) else {}
    user_id, post_id, name = (str(fields.get(key) or "") for key in ("user_id", "post_id", "emoji_name"))
    if not (is_valid_id(user_id) and is_valid_id(post_id) and name):
        raise ApiError(400, "api.reaction.save_reaction.invalid.app_error", "Reaction is not valid.")
    if user_id != user.id:
        raise ApiError(
            403, "api.reaction.save_reaction.user_id.app_error", "You cannot save reaction for the other user."
        )
    post = _post(box, user, post_id)
    if not _NAME.fullmatch(name):
        raise ApiError(400, "model.reaction.is_valid.emoji_name.app_error", "Invalid emoji name.")
    now = box.state.clock.ms()
    per_post = box.state.reactions.setdefault(post.id, {})
    reaction = per_post.get((user.id, name)) or Reaction(user.id, post.id, name, now, now, post.channel_id)
    reaction.update_at = now
    per_post[user.id, name] = reaction
    _touch(box, post, now)
    _tell(box, "reaction_added", reaction)
    return reaction


def remove(box: "Sandbox", user: User, post_id: str, name: str) -> None:
    """Remove a reaction of one's own; that there was none is no error."""
    post = _post(box, user, post_id)
    per_post = box.state.reactions.get(post.id, {})
    per_post.pop((user.id, name), None)
    if not per_post:
        box.state.reactions.pop(post.id, None)
    now = box.state.clock.ms()
    _touch(box, post, now)
    _tell(box, "reaction_removed", Reaction(user.id, post.id, name, 0, now, post.channel_id))


def _post(box: "Sandbox", user: User, post_id: str) -> Post:
    post = box.state.live_post(post_id)
    if post is None or not box.state.is_member(user.id, post.channel_id):
        raise no_permission()
    return post


def _touch(box: "Sandbox", post: Post, now: int) -> None:
    """A reaction changes its post's `update_at`, not the channel's `last_post_at`."""
    post.update_at = max(post.update_at, now)
    box.state.on_change()


def _tell(box: "Sandbox", name: str, reaction: Reaction) -> None:
    encoded = wire.dumps(reaction.as_json(modern=box.settings.modern))
    box.hub.publish(Event(name, {"reaction": encoded}, reaction.channel_id))
