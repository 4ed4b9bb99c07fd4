"""Posts: writing, reading, changing, deleting, and notes that only one person sees."""

import asyncio
from typing import Any

from aiohttp import web

from mattermost_bridge.sandbox import editing, listing, posting, render
from mattermost_bridge.sandbox.calls import Call, ok, reply
from mattermost_bridge.sandbox.errors import ApiError, invalid_body, no_permission, post_missing
from mattermost_bridge.sandbox.ids import is_valid_id
from mattermost_bridge.sandbox.middleware import current_fault
from mattermost_bridge.sandbox.records import Post, User

DEFAULT_PER_PAGE, MAX_PER_PAGE = 60, 200
AFTER_ECHO = 0.02
"""seconds from the answer to the event, when the echo is set to come after it"""


async def create(call: Call) -> web.Response:
    """POST posts, with the dedupe by `pending_post_id`; the author's sockets hear of the post before the answer."""
    box = call.box
    draft = posting.Draft.from_json(await call.body("post"))
    posting.check_allowed(box, call.user, draft)
    window = box.settings.dedupe_window
    first = box.pending.begin(draft.pending_post_id, window)
    if first is not None and _may_have(call, first):
        return _first_again(call, first)
    try:
        if fault := current_fault(call.request):
            await fault.at("saving")
        post = posting.save(box, call.user, draft)
    except BaseException:
        box.pending.settle(draft.pending_post_id, None, window)
        raise
    box.pending.settle(draft.pending_post_id, post.id, window)
    answer = render.post_json(
        box.state, post, modern=box.settings.modern, pending_post_id=draft.pending_post_id, stored=False
    )
    if box.settings.echo == "after":
        asyncio.get_running_loop().call_later(AFTER_ECHO, _announce, call, post, draft.pending_post_id)
    else:
        _announce(call, post, draft.pending_post_id)
        await box.hub.settle()
    return reply(answer, 201)


def _announce(call: Call, post: Post, pending_post_id: str) -> None:
    posting.announce(call.box, call.user, post, pending_post_id=pending_post_id)


def _may_have(call: Call, first: str) -> bool:
    """5.37 gives the first post to anybody; newer servers make a new one for who cannot read the first's channel."""
    post = call.box.state.posts[first]
    return not call.box.settings.modern or call.box.state.is_member(call.user.id, post.channel_id)


def _first_again(call: Call, first: str) -> web.Response:
    post = call.box.state.live_post(first)
    if post is None:
        raise ApiError(500, "api.post.error_get_post_id.pending", "Unable to get the pending post.")
    return reply(render.post_json(call.box.state, post, modern=call.box.settings.modern), 201)


async def ephemeral(call: Call) -> web.Response:
    """POST posts/ephemeral: for system administrators only, so never for a plain bot."""
    if not call.user.is_admin:
        raise no_permission()
    body = await call.body("body")
    user = call.box.state.users.get(str(body.get("user_id")))
    if user is None:
        raise invalid_body("user_id")
    draft = posting.Draft.from_json(body.get("post"))
    return reply(send_ephemeral(call.box, call.user, user, draft), 201)


def send_ephemeral(box: Any, author: User, reader: User, draft: posting.Draft) -> dict[str, Any]:
    """Show a note to one reader in a channel; it is stored nowhere. Raises ApiError 403 for a foreign channel."""
    if not box.state.is_member(reader.id, draft.channel_id):
        raise no_permission()
    return posting.show_note(box, author, reader, draft)


async def of_channel(call: Call) -> web.Response:
    """GET channels/{id}/posts with since, before, after, or a page of the newest."""
    channel = call.channel()
    call.require_read(channel, public_for_team=call.box.settings.modern)
    query, state, modern = call.request.query, call.box.state, call.box.settings.modern
    since = query.get("since", "")
    if since and not since.lstrip("-").isdecimal():
        raise invalid_body("since")
    for name in ("before", "after"):
        if query.get(name) and not is_valid_id(query[name]):
            raise invalid_body(name)
    if since and int(since) > 0:
        return reply(listing.changed_since(state, channel.id, int(since), modern=modern))
    per_page = min(call.number("per_page", DEFAULT_PER_PAGE) or DEFAULT_PER_PAGE, MAX_PER_PAGE)
    page = call.number("page", 0)
    if anchor := query.get("after"):
        return reply(listing.after(state, channel.id, anchor, page, per_page, modern=modern))
    if anchor := query.get("before"):
        return reply(listing.before(state, channel.id, anchor, page, per_page, modern=modern))
    return reply(listing.latest(state, channel.id, page, per_page, modern=modern))


def readable_post(call: Call) -> Post:
    """Return the live post of the path if the caller may read it. Raises ApiError 404 or 403."""
    post = call.box.state.live_post(call.id_in_path("post_id"))
    if post is None:
        raise post_missing()
    call.require_read(call.box.state.channels[post.channel_id], public_for_team=True)
    return post


async def get(call: Call) -> web.Response:
    """GET posts/{id}."""
    return reply(render.post_json(call.box.state, readable_post(call), modern=call.box.settings.modern))


async def get_thread(call: Call) -> web.Response:
    """GET posts/{id}/thread."""
    return reply(listing.thread(call.box.state, readable_post(call), modern=call.box.settings.modern))


async def patch(call: Call) -> web.Response:
    """PUT posts/{id}/patch: what is sent is replaced, props as a whole."""
    return await _changed(call, await call.body("post"), whole=False)


async def put(call: Call) -> web.Response:
    """PUT posts/{id}: what is not sent becomes empty."""
    post_id = call.id_in_path("post_id")
    body = await call.body("post")
    if body.get("id") != post_id:
        raise invalid_body("id")
    return await _changed(call, body, whole=True)


async def _changed(call: Call, body: dict[str, Any], *, whole: bool) -> web.Response:
    message, props, pinned = (body.get(name) for name in ("message", "props", "is_pinned"))
    kinds = ((message, str), (props, dict), (pinned, bool))
    if any(value is not None and not isinstance(value, kind) for value, kind in kinds):
        raise invalid_body("post")
    post = editing.own_post(call.box, call.user, call.id_in_path("post_id"))
    if whole:
        message, props, pinned = message or "", props or {}, bool(pinned)
    editing.update(call.box, post, message=message, props=props, is_pinned=pinned)
    await call.box.hub.settle()
    return reply(render.post_json(call.box.state, post, modern=call.box.settings.modern))


async def delete(call: Call) -> web.Response:
    """DELETE posts/{id}."""
    editing.delete(call.box, call.user, call.id_in_path("post_id"))
    return ok()


async def pin(call: Call) -> web.Response:
    """POST posts/{id}/pin."""
    editing.pin(call.box, call.user, call.id_in_path("post_id"), pinned=True)
    return ok()


async def unpin(call: Call) -> web.Response:
    """POST posts/{id}/unpin."""
    editing.pin(call.box, call.user, call.id_in_path("post_id"), pinned=False)
    return ok()


ROUTES = (
    ("POST", "/posts", create),
    ("POST", "/posts/ephemeral", ephemeral),
    ("GET", "/channels/{channel_id}/posts", of_channel),
    ("GET", "/posts/{post_id}", get),
    ("GET", "/posts/{post_id}/thread", get_thread),
    ("PUT", "/posts/{post_id}", put),
    ("PUT", "/posts/{post_id}/patch", patch),
    ("DELETE", "/posts/{post_id}", delete),
    ("POST", "/posts/{post_id}/pin", pin),
    ("POST", "/posts/{post_id}/unpin", unpin),
)
