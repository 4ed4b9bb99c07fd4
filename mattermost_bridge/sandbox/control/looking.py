"""What tests look at: the rows of a channel, the requests seen, the sockets and their authentications."""

import re
from dataclasses import asdict

from aiohttp import web

from mattermost_bridge.sandbox import world
from mattermost_bridge.sandbox.calls import ok, reply
from mattermost_bridge.sandbox.control.calls import ControlCall, ControlError
from mattermost_bridge.sandbox.records import DIRECT, Channel


async def posts(call: ControlCall) -> web.Response:
    """GET posts: every row of a channel as it is stored, oldest first."""
    channel = _asked_channel(call)
    rows = call.box.state.posts_of[channel.id] if channel else []
    return reply({"channel_id": channel.id if channel else "", "posts": [asdict(row) for row in rows]})


def _asked_channel(call: ControlCall) -> Channel | None:
    query = call.request.query
    if "between" not in query:
        return call.channel(query.get("channel", ""))
    names = query["between"].split(",")
    if len(names) != 2:
        raise ControlError("'between' takes two user names with a comma.")
    one, other = (call.named_user(name) for name in names)
    return call.box.state.direct_channel(one.id, other.id)


async def requests(call: ControlCall) -> web.Response:
    """GET requests."""
    query = call.request.query
    try:
        found = call.box.journal.requests(
            method=query.get("method", ""), path=query.get("path", ""), who=query.get("who")
        )
    except re.error as error:
        raise ControlError(f"{error.pattern!r} is no regular expression: {error}.") from error
    return reply({"count": len(found), "requests": found})


async def forget_requests(call: ControlCall) -> web.Response:
    """DELETE requests: forgets the authentications too."""
    call.box.journal.clear()
    return ok()


async def authentications(call: ControlCall) -> web.Response:
    """GET authentications."""
    journal = call.box.journal
    entries = [asdict(entry) for entry in journal.authentications]
    return reply({"by_name": journal.authentications_by_name(), "entries": entries})


async def sockets(call: ControlCall) -> web.Response:
    """GET sockets: how many each user has open, and how many have not authenticated."""
    hub = call.box.hub
    users = call.box.state.users
    counts = {users[user_id].username: len(found) for user_id, found in hub.connections.items() if user_id in users}
    return reply({"by_name": counts, "unauthenticated": len(hub.unauthenticated)})


async def get_world(call: ControlCall) -> web.Response:
    """GET world."""
    state = call.box.state
    named = [{"id": user.id, "username": user.username, "is_bot": user.is_bot} for user in state.users.values()]
    shared = [channel for channel in state.channels.values() if channel.type != DIRECT]
    return reply({
        "team_id": world.TEAM_ID,
        "channels": {channel.name: channel.id for channel in shared},
        "people": {user["username"]: user["id"] for user in named if not user["is_bot"]},
        "bots": {user["username"]: user["id"] for user in named if user["is_bot"]},
    })  # fmt: skip


ROUTES = (
    ("GET", "/posts", posts),
    ("GET", "/requests", requests),
    ("DELETE", "/requests", forget_requests),
    ("GET", "/authentications", authentications),
    ("GET", "/sockets", sockets),
    ("GET", "/world", get_world),
)
