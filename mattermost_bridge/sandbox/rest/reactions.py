"""Reactions to posts."""

from aiohttp import web

from mattermost_bridge.sandbox import reacting
from mattermost_bridge.sandbox.calls import Call, ok, reply
from mattermost_bridge.sandbox.errors import no_permission
from mattermost_bridge.sandbox.rest.posts import readable_post


async def add(call: Call) -> web.Response:
    """POST reactions: 200, not 201."""
    reaction = reacting.add(call.box, call.user, await call.body("reaction"))
    return reply(reaction.as_json(modern=call.box.settings.modern))


async def remove(call: Call) -> web.Response:
    """DELETE users/{uid}/posts/{pid}/reactions/{name}: of the caller only."""
    user_id, post_id = call.id_in_path("user_id"), call.id_in_path("post_id")
    if user_id != call.user.id:
        raise no_permission()
    reacting.remove(call.box, call.user, post_id, call.request.match_info["name"])
    return ok()


async def of_post(call: Call) -> web.Response:
    """GET posts/{id}/reactions."""
    post = readable_post(call)
    modern = call.box.settings.modern
    return reply([reaction.as_json(modern=modern) for reaction in call.box.state.reactions_to(post.id)])


ROUTES = (
    ("POST", "/reactions", add),
    ("DELETE", "/users/{user_id}/posts/{post_id}/reactions/{name}", remove),
    ("GET", "/posts/{post_id}/reactions", of_post),
)
