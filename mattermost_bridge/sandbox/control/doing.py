"""Things that people do, done for a test: posts by the thousand, notes, channels and members."""

import asyncio
from typing import Any

from aiohttp import web

from mattermost_bridge.sandbox import membership, posting, render
from mattermost_bridge.sandbox.calls import ok, reply
from mattermost_bridge.sandbox.control.calls import ControlCall, ControlError
from mattermost_bridge.sandbox.rest.posts import send_ephemeral

MAX_POSTS = 100_000


async def post(call: ControlCall) -> web.Response:
    """POST posts: one or many, as one person, to one place."""
    box = call.box
    author = call.user()
    channel = call.channel(call.need("to"), author)
    draft = posting.Draft(channel.id, root_id=call.get("root_id", ""), props=call.get("props", {}))
    ids_only = call.get("ids_only", False)
    file_ids: list[str] = call.get("file_ids", [])
    made: list[Any] = []
    for message in _messages(call):
        draft.message = message
        one = posting.create(box, author, draft, file_ids=file_ids)
        made.append(one.id if ids_only else render.post_json(box.state, one, modern=box.settings.modern))
        # Sockets are written to between posts, or a thousand of them would look like a slow reader.
        await asyncio.sleep(0)
    return reply({"channel_id": channel.id, "posts": made}, 201)


def _messages(call: ControlCall) -> list[str]:
    messages: list[Any] = call.get("messages", [])
    if messages:
        if not all(isinstance(message, str) for message in messages):
            raise ControlError("The field 'messages' must be a list of texts.")
        return messages
    count, template = call.get("count", 1), call.get("message", "")
    if not 1 <= count <= MAX_POSTS:
        raise ControlError(f"The field 'count' must be between 1 and {MAX_POSTS}.")
    if count == 1:
        return [template]
    return [template.replace("{n}", str(number)) for number in range(1, count + 1)]


async def ephemeral(call: ControlCall) -> web.Response:
    """POST ephemeral: a note that only the reader sees."""
    author = call.user()
    channel = call.channel(call.need("to"), author)
    draft = posting.Draft(channel.id, call.need("message"), root_id=call.get("root_id", ""))
    return reply(send_ephemeral(call.box, author, call.user("reader"), draft), 201)


async def create_channel(call: ControlCall) -> web.Response:
    """POST channels."""
    kind = call.get("type", "O")
    name = call.need("name")
    channel = membership.create_channel(call.box, call.user(), name, call.get("display_name", ""), kind)
    return reply(channel.as_json(), 201)


async def add_member(call: ControlCall) -> web.Response:
    """POST members/add."""
    membership.add_member(call.box, call.user(), call.channel(call.need("channel")), call.user("user"))
    return ok()


async def remove_member(call: ControlCall) -> web.Response:
    """POST members/remove."""
    membership.remove_member(call.box, call.user(), call.channel(call.need("channel")), call.user("user"))
    return ok()


ROUTES = (
    ("POST", "/posts", post),
    ("POST", "/ephemeral", ephemeral),
    ("POST", "/channels", create_channel),
    ("POST", "/members/add", add_member),
    ("POST", "/members/remove", remove_member),
)
