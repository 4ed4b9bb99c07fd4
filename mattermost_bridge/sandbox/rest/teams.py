"""The one team of the sandbox."""

from typing import Any

from aiohttp import web

from mattermost_bridge.sandbox import searching
from mattermost_bridge.sandbox.calls import Call, reply
from mattermost_bridge.sandbox.errors import ApiError, invalid_body, no_permission
from mattermost_bridge.sandbox.state import State
from mattermost_bridge.sandbox.world import TEAM_DISPLAY_NAME, TEAM_ID, TEAM_NAME


def team_json(state: State) -> dict[str, Any]:
    """Return the team as the API shows it."""
    created = min(state.team_members.values(), default=0)
    return {
        "id": TEAM_ID,
        "create_at": created,
        "update_at": created,
        "delete_at": 0,
        "display_name": TEAM_DISPLAY_NAME,
        "name": TEAM_NAME,
        "description": "",
        "email": "",
        "type": "O",
        "company_name": "",
        "allowed_domains": "",
        "invite_id": "",
        "allow_open_invite": True,
        "scheme_id": None,
        "group_constrained": None,
        "policy_id": None,
    }


def require_team(call: Call) -> str:
    """Return the team id of the path. Raises ApiError 403 unless the caller is in that team."""
    team_id = call.id_in_path("team_id")
    if team_id != TEAM_ID or call.user.id not in call.box.state.team_members:
        raise no_permission()
    return team_id


async def get_team(call: Call) -> web.Response:
    """GET teams/{id}."""
    require_team(call)
    return reply(team_json(call.box.state))


async def team_by_name(call: Call) -> web.Response:
    """GET teams/name/{name}."""
    if call.request.match_info["name"] != TEAM_NAME:
        raise ApiError(404, "app.team.get_by_name.missing.app_error", "Unable to find the existing team.")
    if call.user.id not in call.box.state.team_members:
        raise no_permission()
    return reply(team_json(call.box.state))


async def channel_by_name(call: Call) -> web.Response:
    """GET teams/{id}/channels/name/{name}."""
    team_id = require_team(call)
    channel = call.box.state.channels_by_name.get(call.request.match_info["name"].lower())
    if channel is None or channel.team_id != team_id or channel.delete_at:
        raise ApiError(404, "app.channel.get_by_name.missing.app_error", "Channel does not exist.")
    call.require_read(channel, public_for_team=True)
    return reply(channel.as_json())


DEFAULT_PER_PAGE, MAX_PER_PAGE = 60, 200


async def public_channels(call: Call) -> web.Response:
    """GET teams/{id}/channels: pages of the public channels, joined or not."""
    team_id = require_team(call)
    per_page = min(call.number("per_page", DEFAULT_PER_PAGE) or DEFAULT_PER_PAGE, MAX_PER_PAGE)
    start = call.number("page", 0) * per_page
    shown = searching.public_channels(call.box.state, team_id)[start : start + per_page]
    return reply([channel.as_json() for channel in shown])


async def search_channels(call: Call) -> web.Response:
    """POST teams/{id}/channels/search: public channels, joined or not; who is not in the team gets 404 here."""
    team_id = call.id_in_path("team_id")
    body = await call.body("channel_search")
    if team_id != TEAM_ID or call.user.id not in call.box.state.team_members:
        raise ApiError(404, "app.team.get_member.missing.app_error", "No team member found for that user ID.")
    term = body.get("term") or ""
    if not isinstance(term, str):
        raise invalid_body("channel_search")
    return reply([channel.as_json() for channel in searching.find_channels(call.box.state, term, team_id)])


ROUTES = (
    ("GET", "/teams/name/{name}", team_by_name),
    ("GET", "/teams/{team_id}", get_team),
    ("GET", "/teams/{team_id}/channels", public_channels),
    ("POST", "/teams/{team_id}/channels/search", search_channels),
    ("GET", "/teams/{team_id}/channels/name/{name}", channel_by_name),
)
