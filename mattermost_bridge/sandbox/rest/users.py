"""Users: who am I, who is that, and what the caller belongs to."""

import re

from aiohttp import web

from mattermost_bridge.sandbox import searching
from mattermost_bridge.sandbox.actions import tell_typing
from mattermost_bridge.sandbox.calls import Call, ok, reply
from mattermost_bridge.sandbox.errors import ApiError, invalid_body, no_permission
from mattermost_bridge.sandbox.records import User
from mattermost_bridge.sandbox.rest.teams import require_team, team_json
from mattermost_bridge.sandbox.world import TEAM_ID

_USERNAME = re.compile(r"[a-z0-9._-]{1,64}")
SEARCH_LIMIT, MOST_FOUND = 100, 1000
DEFAULT_PER_PAGE, MAX_PER_PAGE = 60, 200


def _shown(call: Call, user: User) -> web.Response:
    etag = f"{call.box.settings.release}.{user.id}.{user.update_at}.{user.delete_at}"
    if call.request.headers.get("If-None-Match") == etag:
        return web.Response(status=304, headers={"Etag": etag})
    response = reply(user.as_json(own=user.id == call.user.id))
    response.headers["Etag"] = etag
    return response


async def get_user(call: Call) -> web.Response:
    """GET users/{id} and users/me."""
    user = call.box.state.users.get(call.id_in_path("user_id"))
    if user is None:
        raise ApiError(404, "app.user.missing_account.const", "Unable to find the user.")
    return _shown(call, user)


async def get_by_username(call: Call) -> web.Response:
    """GET users/username/{name}: upper case is not looked up but refused."""
    name = call.request.match_info["username"]
    if not _USERNAME.fullmatch(name):
        raise invalid_body("username")
    user = call.box.state.users_by_name.get(name)
    if user is None:
        raise ApiError(404, "app.user.get_by_username.app_error", "Unable to find an existing account.")
    return _shown(call, user)


async def by_ids(call: Call) -> web.Response:
    """POST users/ids: those that exist; the others are left out without a word."""
    ids = await call.id_list("user_ids")
    found = [call.box.state.users[user_id] for user_id in dict.fromkeys(ids) if user_id in call.box.state.users]
    return reply([user.as_json(own=user.id == call.user.id) for user in found])


async def by_usernames(call: Call) -> web.Response:
    """POST users/usernames: those that exist; the others are left out without a word."""
    names = await call.id_list("usernames")
    by_name = call.box.state.users_by_name
    found = [by_name[name] for name in dict.fromkeys(names) if name in by_name]
    return reply([user.as_json(own=user.id == call.user.id) for user in found])


async def search(call: Call) -> web.Response:
    """POST users/search: by the beginning of names, over the whole server or (`team_id`) one team; no pages."""
    body = await call.body("props")
    term, team_id, limit = body.get("term") or "", body.get("team_id") or "", body.get("limit") or SEARCH_LIMIT
    if not isinstance(term, str) or not term:
        raise invalid_body("term")
    if team_id and not _sees_team(call, team_id):
        raise no_permission()
    if not isinstance(limit, int) or not 0 < limit <= MOST_FOUND:
        raise invalid_body("limit")
    inactive = bool(body.get("allow_inactive"))
    found = searching.find_people(call.box.state, term, team_id, limit, inactive=inactive)
    return reply([user.as_json(own=user.id == call.user.id) for user in found])


async def of_server(call: Call) -> web.Response:
    """GET users: pages of everybody, or with `in_team` of a team, by username; those switched off are among them."""
    state, team_id = call.box.state, call.request.query.get("in_team", "")
    if team_id and not _sees_team(call, team_id):
        raise no_permission()
    per_page = min(call.number("per_page", DEFAULT_PER_PAGE) or DEFAULT_PER_PAGE, MAX_PER_PAGE)
    start = call.number("page", 0) * per_page
    active = call.request.query.get("active") == "true"
    users = [user for user in state.users.values() if (not team_id or user.id in state.team_members)]
    shown = searching.by_username(user for user in users if not (active and user.disabled))[start : start + per_page]
    return reply([user.as_json(own=user.id == call.user.id) for user in shown])


def _sees_team(call: Call, team_id: object) -> bool:
    return team_id == TEAM_ID and call.user.id in call.box.state.team_members


async def teams_of(call: Call) -> web.Response:
    """GET users/{id}/teams: of the caller only."""
    user_id = call.only_self()
    return reply([team_json(call.box.state)] if user_id in call.box.state.team_members else [])


async def channels_in_team(call: Call) -> web.Response:
    """GET users/{id}/teams/{tid}/channels: the team's and, with an empty `team_id`, all direct ones."""
    user_id = call.only_self()
    team_id = require_team(call)
    found = [channel.as_json() for channel in call.box.state.channels_with(user_id) if channel.team_id in ("", team_id)]
    if not found:
        raise ApiError(404, "app.channel.get_channels.not_found.app_error", "No channels were found.")
    return reply(sorted(found, key=lambda channel: channel["display_name"]))


async def channels_of(call: Call) -> web.Response:
    """GET users/me/channels: exists since 6.5; an older server does not know the route."""
    if not call.box.settings.modern:
        raise web.HTTPNotFound
    user_id = call.only_self()
    return reply([channel.as_json() for channel in call.box.state.channels_with(user_id)])


async def typing(call: Call) -> web.Response:
    """POST users/{id}/typing."""
    user_id = call.only_self()
    body = await call.body("channel_id")
    channel_id = body.get("channel_id")
    if not isinstance(channel_id, str) or not call.box.state.is_member(user_id, channel_id):
        raise no_permission()
    tell_typing(call.box, call.box.state.users[user_id], channel_id, str(body.get("parent_id") or ""))
    return ok()


async def create_token(call: Call) -> web.Response:
    """POST users/{id}/tokens: not for bots, and nobody needs it in a sandbox."""
    call.id_in_path("user_id")
    raise no_permission()


ROUTES = (
    ("GET", "/users/username/{username}", get_by_username),
    ("GET", "/users", of_server),
    ("POST", "/users/search", search),
    ("POST", "/users/ids", by_ids),
    ("POST", "/users/usernames", by_usernames),
    ("GET", "/users/{user_id}", get_user),
    ("GET", "/users/{user_id}/teams", teams_of),
    ("GET", "/users/{user_id}/teams/{team_id}/channels", channels_in_team),
    ("GET", "/users/{user_id}/channels", channels_of),
    ("POST", "/users/{user_id}/typing", typing),
    ("POST", "/users/{user_id}/tokens", create_token),
)
