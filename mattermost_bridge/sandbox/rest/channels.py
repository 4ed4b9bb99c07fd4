"""Channels, direct channels and membership."""

from aiohttp import web

from mattermost_bridge.sandbox import membership
from mattermost_bridge.sandbox.calls import Call, ok, reply
from mattermost_bridge.sandbox.errors import ApiError, invalid_body, no_permission
from mattermost_bridge.sandbox.ids import is_valid_id
from mattermost_bridge.sandbox.records import User
from mattermost_bridge.sandbox.world import TEAM_ID


async def get_channel(call: Call) -> web.Response:
    """GET channels/{id}: a public channel is shown to the whole team."""
    channel = call.channel()
    call.require_read(channel, public_for_team=True)
    return reply(channel.as_json())


async def create(call: Call) -> web.Response:
    """POST channels: a plain bot may too."""
    body = await call.body("channel")
    fields = {name: body.get(name, "") for name in ("team_id", "name", "display_name", "type")}
    if not all(isinstance(value, str) for value in fields.values()):
        raise invalid_body("channel")
    if fields["team_id"] != TEAM_ID or call.user.id not in call.box.state.team_members:
        raise no_permission()
    channel = membership.create_channel(call.box, call.user, fields["name"], fields["display_name"], fields["type"])
    return reply(channel.as_json(), 201)


async def direct(call: Call) -> web.Response:
    """POST channels/direct: always 201, also for a channel that exists."""
    channel = membership.open_direct(call.box, call.user, await call.id_list("user_ids"))
    return reply(channel.as_json(), 201)


async def group(call: Call) -> web.Response:
    """POST channels/group: 201, also for a channel that exists; the caller belongs to it without being named."""
    channel = membership.open_group(call.box, call.user, await call.id_list("user_ids"))
    return reply(channel.as_json(), 201)


async def get_member(call: Call) -> web.Response:
    """GET channels/{id}/members/{uid}: the test for membership; 403 for who is none."""
    channel = call.channel()
    user_id = call.id_in_path("user_id")
    call.require_read(channel, public_for_team=False)
    if user_id not in channel.members:
        raise ApiError(404, "app.channel.get_member.missing.app_error", "No channel member found.")
    return reply(channel.member_json(user_id))


async def get_members(call: Call) -> web.Response:
    """GET channels/{id}/members."""
    channel = call.channel()
    call.require_read(channel, public_for_team=False)
    return reply([channel.member_json(user_id) for user_id in channel.members])


def _user(call: Call, user_id: str) -> User:
    user = call.box.state.users.get(user_id)
    if user is None:
        raise ApiError(404, "app.user.missing_account.const", "Unable to find the user.")
    return user


async def add_member(call: Call) -> web.Response:
    """POST channels/{id}/members."""
    user_id = (await call.body("user_id")).get("user_id")
    if not is_valid_id(user_id):
        raise invalid_body("user_id")
    channel = call.channel()
    membership.add_member(call.box, call.user, channel, _user(call, user_id))
    return reply(channel.member_json(user_id), 201)


async def remove_member(call: Call) -> web.Response:
    """DELETE channels/{id}/members/{uid}."""
    channel = call.channel()
    membership.remove_member(call.box, call.user, channel, _user(call, call.id_in_path("user_id")))
    return ok()


async def archive(call: Call) -> web.Response:
    """DELETE channels/{id}: archives it."""
    channel = call.channel()
    call.require_read(channel, public_for_team=False)
    membership.archive(call.box, call.user, channel)
    return ok()


ROUTES = (
    ("POST", "/channels", create),
    ("POST", "/channels/direct", direct),
    ("POST", "/channels/group", group),
    ("GET", "/channels/{channel_id}", get_channel),
    ("DELETE", "/channels/{channel_id}", archive),
    ("GET", "/channels/{channel_id}/members", get_members),
    ("POST", "/channels/{channel_id}/members", add_member),
    ("GET", "/channels/{channel_id}/members/{user_id}", get_member),
    ("DELETE", "/channels/{channel_id}/members/{user_id}", remove_member),
)
