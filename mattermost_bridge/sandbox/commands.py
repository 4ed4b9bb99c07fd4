"""Slash commands as records: who may make and change them, and what is refused."""

import re
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from mattermost_bridge.sandbox import wire
from mattermost_bridge.sandbox.errors import ApiError, invalid_body, no_permission
from mattermost_bridge.sandbox.hub import Event
from mattermost_bridge.sandbox.ids import new_id
from mattermost_bridge.sandbox.records import Command, User
from mattermost_bridge.sandbox.world import TEAM_ID

if TYPE_CHECKING:
    from mattermost_bridge.sandbox.app import Sandbox

#: The server's own commands; the sandbox knows their names only.
BUILT_IN = (
    *("away", "code", "collapse", "dnd", "echo", "expand", "groupmsg", "header", "help", "invite", "invite_people"),
    *("join", "kick", "leave", "logout", "me", "msg", "mute", "offline", "online", "open", "purpose", "remove"),
    *("rename", "search", "settings", "shortcuts", "shrug", "status"),
)
_MODERN_TRIGGER = re.compile(r"[A-Za-z0-9_./-]+")
_TEXTS = {
    "trigger": 128,
    "url": 1024,
    "method": 1024,
    "username": 64,
    "icon_url": 1024,
    "auto_complete_desc": 1024,
    "auto_complete_hint": 1024,
    "display_name": 64,
    "description": 128,
}
"""the texts of a command, with the bytes that each may have"""


def may_manage(box: "Sandbox", user: User) -> bool:
    """Tell whether a user may make commands: administrators, and whom a role allows it."""
    return may_manage_others(box, user) or user.id in box.state.command_makers


def may_manage_others(box: "Sandbox", user: User) -> bool:
    """Tell whether a user may change commands of others too."""
    return user.is_admin or user.id in box.state.team_admins


def say_roles(box: "Sandbox", user_id: str) -> None:
    """Tell a user that their part in the team changed."""
    is_admin = user_id in box.state.team_admins
    member = {"team_id": TEAM_ID, "user_id": user_id, "roles": "", "delete_at": 0, "scheme_user": True,
              "scheme_admin": is_admin, "explicit_roles": ""}  # fmt: skip
    box.hub.publish(Event("memberrole_updated", {"member": wire.dumps(member)}, user_id=user_id))


def require_enabled(box: "Sandbox") -> None:
    """Raise ApiError 501 where EnableCommands is off."""
    if not box.settings.enable_commands:
        raise ApiError(501, "api.command.disabled.app_error", "Commands have been disabled by the system admin.")


def of_team(box: "Sandbox", user: User, team_id: str) -> list[Command]:
    """Return the custom commands that a user is shown. Raises ApiError 403 without the permission."""
    if team_id != TEAM_ID or not may_manage(box, user):
        raise no_permission()
    require_enabled(box)
    all_of_them = not box.settings.modern or may_manage_others(box, user)
    return [one for one in box.state.commands.values() if all_of_them or one.creator_id == user.id]


def get(box: "Sandbox", user: User, command_id: str, *, change: bool = False) -> Command:
    """Return a command that a user may look at, or change. Raises ApiError 404, or 403 for somebody else's."""
    command = box.state.commands.get(command_id) if box.settings.enable_commands else None
    if command is None or not may_manage(box, user):
        raise ApiError(404, "store.sql_command.save.get.app_error", "Unable to get the command.")
    if command.creator_id != user.id and not may_manage_others(box, user):
        if box.settings.modern and not change:
            raise ApiError(404, "store.sql_command.save.get.app_error", "Unable to get the command.")
        if change:
            raise no_permission()
    return command


def create(box: "Sandbox", user: User, fields: dict[str, Any]) -> Command:
    """Make a command. Raises ApiError."""
    if fields.get("team_id") != TEAM_ID or not may_manage(box, user):
        raise no_permission()
    require_enabled(box)
    now = box.state.clock.ms()
    command = Command(new_id(), new_id(), now, now, user.id, TEAM_ID, "", "")
    _fill(box, command, fields)
    _check_free(box, command)
    box.state.commands[command.id] = command
    box.state.on_change()
    return command


def update(box: "Sandbox", user: User, command_id: str, fields: dict[str, Any]) -> Command:
    """Change a command as a whole; token, creator and time of making stay. Raises ApiError."""
    if fields.get("id") != command_id:
        raise invalid_body("command")
    old = get(box, user, command_id, change=True)
    if fields.get("team_id") != old.team_id:
        raise ApiError(400, "api.command.team_mismatch.app_error", "Cannot update commands across teams.")
    command = Command(old.id, old.token, old.create_at, box.state.clock.ms(), old.creator_id, old.team_id, "", "")
    _fill(box, command, fields)
    if box.settings.modern:  # 5.37 does not look: two commands with one trigger are possible
        _check_free(box, command)
    box.state.commands[command.id] = command
    box.state.on_change()
    return command


def delete(box: "Sandbox", user: User, command_id: str) -> None:
    """Take a command away. Raises ApiError."""
    del box.state.commands[get(box, user, command_id, change=True).id]
    box.state.on_change()


def new_token(box: "Sandbox", user: User, command_id: str) -> str:
    """Give a command another token. Raises ApiError."""
    command = replace(get(box, user, command_id, change=True), token=new_id(), update_at=box.state.clock.ms())
    box.state.commands[command.id] = command
    box.state.on_change()
    return command.token


def _fill(box: "Sandbox", command: Command, fields: dict[str, Any]) -> None:
    for name, longest in _TEXTS.items():
        value = fields.get(name)
        if value is not None and not isinstance(value, str):
            raise invalid_body("command")
        if len((value or "").encode()) > longest:
            raise _invalid(name)
        setattr(command, name, value or "")
    command.auto_complete = fields.get("auto_complete") is True
    command.trigger = command.trigger.lower()
    modern = box.settings.modern
    bad = not command.trigger or command.trigger.startswith("/") or " " in command.trigger
    if bad or (modern and not _MODERN_TRIGGER.fullmatch(command.trigger)):
        raise _invalid("trigger")
    if not re.match(r"https?://.", command.url):
        raise _invalid("url_http")
    if command.method not in ("P", "G"):
        raise _invalid("method")


def _check_free(box: "Sandbox", command: Command) -> None:
    others = (one.trigger for one in box.state.commands.values() if one.id != command.id)
    if command.trigger in BUILT_IN or command.trigger in others:
        raise ApiError(
            400,
            "api.command.duplicate_trigger.app_error",
            "This trigger word is already in use. Please choose another word.",
        )


def _invalid(what: str) -> ApiError:
    return ApiError(400, f"model.command.is_valid.{what}.app_error", f"Invalid {what}.")
