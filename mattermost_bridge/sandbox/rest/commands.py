"""Slash commands: making, changing and running them, and the addresses for late answers."""

from typing import Any

from aiohttp import web

from mattermost_bridge.sandbox import commanding, commands, wire
from mattermost_bridge.sandbox.calls import Call, ok, reply
from mattermost_bridge.sandbox.errors import ApiError, invalid_body, no_permission
from mattermost_bridge.sandbox.ids import new_id
from mattermost_bridge.sandbox.keys import SANDBOX
from mattermost_bridge.sandbox.world import TEAM_ID


def _built_in(trigger: str) -> dict[str, Any]:
    return {"id": "", "token": "", "trigger": trigger, "method": "", "creator_id": "", "team_id": "", "url": "",
            "auto_complete": True, "auto_complete_desc": "", "auto_complete_hint": "", "display_name": trigger,
            "description": "", "delete_at": 0}  # fmt: skip


async def list_commands(call: Call) -> web.Response:
    """GET commands: with `custom_only` for those with the permission; else the server's own too, for everybody."""
    team_id = call.request.query.get("team_id", "")
    if not team_id:
        raise invalid_body("team_id")
    if call.request.query.get("custom_only") == "true":
        return reply([one.as_json() for one in commands.of_team(call.box, call.user, team_id)])
    if team_id != TEAM_ID or call.user.id not in call.box.state.team_members:
        raise no_permission()
    shown = [one.as_json() for one in call.box.state.commands.values() if one.auto_complete]
    if not commands.may_manage(call.box, call.user):
        shown = [one | {"token": "", "url": ""} for one in shown]
    return reply([_built_in(trigger) for trigger in commands.BUILT_IN] + shown)


async def create(call: Call) -> web.Response:
    """POST commands."""
    return reply(commands.create(call.box, call.user, await call.body("command")).as_json(), 201)


async def get(call: Call) -> web.Response:
    """GET commands/{id}."""
    return reply(commands.get(call.box, call.user, call.id_in_path("command_id")).as_json())


async def put(call: Call) -> web.Response:
    """PUT commands/{id}."""
    fields = await call.body("command")
    return reply(commands.update(call.box, call.user, call.id_in_path("command_id"), fields).as_json())


async def delete(call: Call) -> web.Response:
    """DELETE commands/{id}."""
    commands.delete(call.box, call.user, call.id_in_path("command_id"))
    return ok()


async def regenerate(call: Call) -> web.Response:
    """PUT commands/{id}/regen_token."""
    return reply({"token": commands.new_token(call.box, call.user, call.id_in_path("command_id"))})


async def execute(call: Call) -> web.Response:
    """POST commands/execute: what a person typed into the box."""
    base_url = f"{call.request.scheme}://{call.request.host}"
    answer = await commanding.execute(call.box, call.user, await call.body("command_args"), base_url)
    await call.box.hub.settle()
    return reply(answer)


async def scheme_roles(call: Call) -> web.Response:
    """PUT teams/{id}/members/{user id}/schemeRoles: administrators make somebody administrator of the team, or not."""
    user_id = call.request.match_info["user_id"]
    fields = await call.body("scheme_roles")
    if call.request.match_info["team_id"] != TEAM_ID or not commands.may_manage_others(call.box, call.user):
        raise no_permission()
    if user_id not in call.box.state.team_members:
        raise ApiError(404, "app.team.get_member.missing.app_error", "No team member found for that user ID.")
    admins = call.box.state.team_admins
    (admins.add if fields.get("scheme_admin") is True else admins.discard)(user_id)
    call.box.state.on_change()
    commands.say_roles(call.box, user_id)
    return ok()


async def respond(request: web.Request) -> web.Response:
    """POST /hooks/commands/{id}: an answer that comes later; no token is asked for."""
    try:
        try:
            answer = wire.loads(await request.read())
        except ValueError:
            answer = None
        commanding.respond(request.app[SANDBOX], request.match_info["hook_id"], answer)
    except ApiError as error:
        return reply(error.as_rest(new_id()), error.status)
    return web.Response(text="ok")


ROUTES = (
    ("GET", "/commands", list_commands),
    ("POST", "/commands", create),
    ("POST", "/commands/execute", execute),
    ("GET", "/commands/{command_id}", get),
    ("PUT", "/commands/{command_id}", put),
    ("DELETE", "/commands/{command_id}", delete),
    ("PUT", "/commands/{command_id}/regen_token", regenerate),
    ("PUT", "/teams/{team_id}/members/{user_id}/schemeRoles", scheme_roles),
)
HOOKS = (("POST", "/hooks/commands/{hook_id}", respond),)
