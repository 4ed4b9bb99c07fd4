"""Changing and deleting posts, with the old revisions that an edit leaves in the table."""

import dataclasses
from typing import TYPE_CHECKING, Any

from mattermost_bridge.sandbox import filing, render, wire
from mattermost_bridge.sandbox.errors import ApiError, ServerPanic, no_permission, post_missing
from mattermost_bridge.sandbox.hub import Event
from mattermost_bridge.sandbox.ids import new_id
from mattermost_bridge.sandbox.posting import check_content, hashtags
from mattermost_bridge.sandbox.records import Post, User

if TYPE_CHECKING:
    from mattermost_bridge.sandbox.app import Sandbox


def own_post(box: "Sandbox", user: User, post_id: str) -> Post:
    """Return a post that `user` may change; an unknown, deleted or foreign one is 403 alike."""
    post = box.state.live_post(post_id)
    if post is None or not box.state.is_member(user.id, post.channel_id):
        raise no_permission()
    if post.user_id != user.id and not user.is_admin:
        raise no_permission()
    return post


def update(
    box: "Sandbox",
    post: Post,
    *,
    message: str | None = None,
    props: dict[str, Any] | None = None,
    is_pinned: bool | None = None,
    file_ids: list[str] | None = None,
) -> Post:
    """Change a post and tell the channel. Props are replaced whole; only a new text moves `edit_at`."""
    if post.type.startswith("system_"):
        raise ApiError(400, "api.post.update_post.system_message.app_error", "Unable to update system message.")
    new_message = post.message if message is None else message
    new_props = post.props if props is None else props
    if props is not None and not box.settings.modern:
        _panic_without_integration(props)
    check_content(box, new_message, new_props, updating=True)
    state = box.state
    now = max(state.clock.ms(), post.update_at)
    old = dataclasses.replace(post, id=new_id(), original_id=post.id, update_at=now, delete_at=now)
    state.add_post(old)
    if new_message != post.message:
        post.edit_at = now
    post.message, post.props, post.update_at = new_message, new_props, now
    post.hashtags = hashtags(new_message)
    if is_pinned is not None:
        post.is_pinned = is_pinned
    if file_ids is not None:
        post.file_ids = file_ids
    channel = state.channels[post.channel_id]
    channel.last_post_at = max(channel.last_post_at, now)
    _tell(box, "post_edited", post)
    return post


def _panic_without_integration(props: dict[str, Any]) -> None:
    if any("integration" not in action for action in render.actions_of(props)):
        raise ServerPanic("5.37 crashes on an action without its integration")


def pin(box: "Sandbox", user: User, post_id: str, *, pinned: bool) -> Post:
    """Pin or unpin a post of any author: an update that leaves `edit_at` alone."""
    post = box.state.live_post(post_id)
    if post is None:
        raise post_missing()
    if not box.state.is_member(user.id, post.channel_id):
        raise no_permission()
    return update(box, post, is_pinned=pinned)


def delete(box: "Sandbox", user: User, post_id: str) -> None:
    """Delete a post, and with a root its replies; there is one event, for the post itself."""
    if box.settings.modern and box.state.live_post(post_id) is None:
        raise post_missing()
    post = own_post(box, user, post_id)
    _tell(box, "post_deleted", post)  # the event shows the text and delete_at 0
    now = box.state.clock.ms()
    for row in (post, *box.state.replies(post.id)):
        row.delete_at = row.update_at = now
        filing.drop(box.state, row)
    box.state.on_change()


def _tell(box: "Sandbox", name: str, post: Post) -> None:
    shown = render.post_json(box.state, post, modern=box.settings.modern, stored=False)
    box.hub.publish(Event(name, {"post": wire.dumps(shown)}, post.channel_id))
