"""Clicks on buttons."""

from aiohttp import web

from mattermost_bridge.sandbox import clicking, wire
from mattermost_bridge.sandbox.calls import Call, reply
from mattermost_bridge.sandbox.errors import invalid_body, no_permission, post_missing


async def click(call: Call) -> web.Response:
    """POST posts/{id}/actions/{action id}: who may is looked at before whether the post still exists."""
    post = call.box.state.posts.get(call.id_in_path("post_id"))
    if post is None or post.original_id:
        raise no_permission()
    call.require_read(call.box.state.channels[post.channel_id], public_for_team=call.box.settings.modern)
    body = await call.request.read()
    try:
        fields = wire.loads(body) if body else {}
    except ValueError as error:
        raise invalid_body("body") from error
    if post.delete_at:
        raise post_missing()
    selected = str(fields.get("selected_option") or "") if isinstance(fields, dict) else ""
    trigger = await clicking.click(call.box, call.user, post, call.request.match_info["action_id"], selected)
    return reply({"status": "OK", "trigger_id": trigger})


ROUTES = (
    # The route takes letters and digits only: the click on a button with any other id is a page that does not exist.
    ("POST", "/posts/{post_id}/actions/{action_id:[A-Za-z0-9]+}", click),
)
