"""Tokens that are revoked, restored and issued; accounts that are disabled; new people and bots."""

import re

from aiohttp import web

from mattermost_bridge.sandbox import commands as roles
from mattermost_bridge.sandbox.calls import ok, reply
from mattermost_bridge.sandbox.control.calls import ControlCall, ControlError
from mattermost_bridge.sandbox.hub import Event
from mattermost_bridge.sandbox.seed import add_bot, add_person
from mattermost_bridge.sandbox.world import TEAM_ID, SandboxPerson

_NAME = re.compile(r"[a-z][a-z0-9._-]{0,63}")


async def revoke(call: ControlCall) -> web.Response:
    """POST tokens/revoke: open sockets stay open."""
    return reply({"revoked": _set_valid(call, valid=False)})


async def restore(call: ControlCall) -> web.Response:
    """POST tokens/restore."""
    return reply({"restored": _set_valid(call, valid=True)})


def _set_valid(call: ControlCall, *, valid: bool) -> int:
    return call.box.state.set_tokens_valid(call.user(), valid=valid, token=call.get("token", "") or None)


async def issue(call: ControlCall) -> web.Response:
    """POST tokens/issue: one more valid token; the old ones stay as they are."""
    return reply({"token": call.box.state.issue_token(call.user())}, 201)


async def disable(call: ControlCall) -> web.Response:
    """POST users/disable: open sockets stay open, silent for ever."""
    user = call.user()
    user.delete_at = user.update_at = call.box.clock.ms()
    for connection in call.box.hub.of(user.id):
        connection.silenced = True
    call.box.state.on_change()
    return ok()


async def enable(call: ControlCall) -> web.Response:
    """POST users/enable."""
    user = call.user()
    user.delete_at, user.update_at = 0, call.box.clock.ms()
    call.box.state.on_change()
    return ok()


def _new_name(call: ControlCall, name: object) -> str:
    if not isinstance(name, str) or not _NAME.fullmatch(name):
        raise ControlError(f"{name!r} is no user name: small letters, digits, dots, hyphens and underscores.")
    if name in call.box.state.users_by_name:
        raise ControlError(f"There is a user {name!r} already.")
    return name


async def add_people(call: ControlCall) -> web.Response:
    """POST users/people: members of the team and of the start channels."""
    wanted: list[object] = call.get("usernames", [])
    names = [_new_name(call, name) for name in wanted]
    people = [SandboxPerson(name, name.capitalize(), "Sandbox") for name in dict.fromkeys(names)]
    for person in people:
        add_person(call.box.state, person)
    return reply({"people": [_person_json(person) for person in people]}, 201)


def _person_json(person: SandboxPerson) -> dict[str, str]:
    return {"id": person.user_id, "username": person.username, "token": person.token}


async def add_one_bot(call: ControlCall) -> web.Response:
    """POST users/bots: a member of the team and of `support`."""
    name = _new_name(call, call.fields.get("username"))
    user = add_bot(call.box.state, name, call.get("display_name", "") or name.capitalize(), "A bot of a test")
    return reply({"id": user.id, "username": name, "token": call.box.state.issue_token(user)}, 201)


async def commands(call: ControlCall) -> web.Response:
    """POST users/commands: who may make slash commands, and how they came to it."""
    state, user_id, how = call.box.state, call.user().id, call.get("how", "")
    if how not in ("", "team_admin", "role"):
        raise ControlError("The field 'how' is team_admin, role or empty.")
    was_admin = user_id in state.team_admins
    state.team_admins.discard(user_id)
    state.command_makers.discard(user_id)
    if how:
        (state.team_admins if how == "team_admin" else state.command_makers).add(user_id)
    state.on_change()
    if was_admin or how == "team_admin":
        roles.say_roles(call.box, user_id)
    return ok()


async def team(call: ControlCall) -> web.Response:
    """POST users/team: let a user leave the team, or come back."""
    state, user = call.box.state, call.user()
    inside = call.get("inside", True)
    if inside:
        state.team_members[user.id] = call.box.clock.ms()
    else:
        state.team_members.pop(user.id, None)
        state.team_admins.discard(user.id)
    state.on_change()
    about = {"team_id": TEAM_ID, "user_id": user.id}
    call.box.hub.publish(Event("added_to_team" if inside else "leave_team", about, user_id=user.id))
    return ok()


ROUTES = (
    ("POST", "/users/team", team),
    ("POST", "/users/commands", commands),
    ("POST", "/tokens/revoke", revoke),
    ("POST", "/tokens/restore", restore),
    ("POST", "/tokens/issue", issue),
    ("POST", "/users/disable", disable),
    ("POST", "/users/enable", enable),
    ("POST", "/users/people", add_people),
    ("POST", "/users/bots", add_one_bot),
)
