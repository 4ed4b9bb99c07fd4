"""Posts and lists of posts as JSON, in the order of the real server's fields."""

import copy
from collections.abc import Iterable
from typing import Any

from mattermost_bridge.sandbox.filing import infos
from mattermost_bridge.sandbox.records import Post
from mattermost_bridge.sandbox.state import State


def post_json(
    state: State, post: Post, *, modern: bool, pending_post_id: str = "", stored: bool = True
) -> dict[str, Any]:
    """Return one post.

    A stored post counts its thread and loses its text when deleted; the answer to a create, and what events carry,
    show it as it was made (`stored=False`).
    """
    data: dict[str, Any] = {
        "id": post.id,
        "create_at": post.create_at,
        "update_at": post.update_at,
        "edit_at": post.edit_at,
        "delete_at": post.delete_at,
        "is_pinned": post.is_pinned,
        "user_id": post.user_id,
        "channel_id": post.channel_id,
        "root_id": post.root_id,
        "parent_id": post.root_id,
        "original_id": post.original_id,
        "message": "" if stored and post.delete_at else post.message,
        "type": post.type,
        "props": without_integrations(post.props),
        "hashtags": post.hashtags,
        "pending_post_id": pending_post_id,
        "reply_count": len(state.replies(post.thread_id)) if stored and not post.original_id else 0,
        "last_reply_at": 0,
        "participants": None,
        "metadata": _metadata(state, post, modern=modern),
    }
    if modern:  # parent_id went away in 6.0; file_ids is always there
        del data["parent_id"]
    if modern or post.file_ids:
        data["file_ids"] = list(post.file_ids)
    if not modern and post.id in state.reactions:
        data["has_reactions"] = True
    return data


def _metadata(state: State, post: Post, *, modern: bool) -> dict[str, Any]:
    metadata: dict[str, Any] = {}
    if post.props.get("attachments"):
        metadata["embeds"] = [{"type": "message_attachment"}]
    if files := infos(state, post, modern=modern):
        metadata["files"] = files
    if reactions := state.reactions_to(post.id):
        metadata["reactions"] = [reaction.as_json(modern=modern) for reaction in reactions]
    return metadata


def without_integrations(props: dict[str, Any]) -> dict[str, Any]:
    """Return props as readers see them: the address and context behind a button are shown to nobody."""
    if not any(True for _ in actions_of(props)):
        return props
    shown = copy.deepcopy(props)
    for action in actions_of(shown):
        action.pop("integration", None)
    return shown


def actions_of(props: dict[str, Any]) -> Iterable[dict[str, Any]]:
    """Yield the actions of all attachments in a post's props, whatever else is in there."""
    attachments = props.get("attachments")
    for attachment in attachments if isinstance(attachments, list) else []:
        actions = attachment.get("actions") if isinstance(attachment, dict) else None
        yield from (action for action in actions or [] if isinstance(action, dict))


def list_json(
    state: State,
    order: list[Post],
    extra: Iterable[Post] = (),
    *,
    modern: bool,
    next_post_id: str = "",
    prev_post_id: str = "",
) -> dict[str, Any]:
    """Return a list of posts; `extra` ones are in `posts` but not in `order`."""
    data: dict[str, Any] = {
        "order": [post.id for post in order],
        "posts": {post.id: post_json(state, post, modern=modern) for post in (*order, *extra)},
        "next_post_id": next_post_id,
        "prev_post_id": prev_post_id,
    }
    if modern:
        data["first_inaccessible_post_time"] = 0
    return data
