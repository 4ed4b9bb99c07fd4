"""Roles and what they permit, and the server's configuration."""

from typing import Any

from aiohttp import web

from mattermost_bridge.sandbox.calls import Call, reply
from mattermost_bridge.sandbox.errors import no_permission
from mattermost_bridge.sandbox.ids import fixed_id

#: The built-in roles that bots and people have, with what of their permissions a bridge uses.
PERMISSIONS = {
    "system_user": ("create_direct_channel", "create_group_channel", "list_public_teams", "view_members"),
    "team_user": ("list_team_channels", "join_public_channels", "read_public_channel", "create_public_channel"),
    "channel_user": (
        *("read_channel", "create_post", "add_reaction", "remove_reaction", "upload_file"),
        *("use_channel_mentions", "use_slash_commands", "edit_post", "delete_post"),
    ),
}


async def roles_by_names(call: Call) -> web.Response:
    """POST roles/names: those of the roles that exist. Whoever is signed in may ask."""
    names = await call.id_list("rolenames")
    return reply([_role(name) for name in dict.fromkeys(names) if name in PERMISSIONS])


def _role(name: str) -> dict[str, Any]:
    return {
        "id": fixed_id(f"role:{name}"),
        "name": name,
        "display_name": f"authentication.roles.{name}.name",
        "description": f"authentication.roles.{name}.description",
        "create_at": 0,
        "update_at": 0,
        "delete_at": 0,
        "permissions": list(PERMISSIONS[name]),
        "scheme_managed": True,
        "built_in": True,
    }


async def server_config(call: Call) -> web.Response:
    """GET config: for system administrators only."""
    if not call.user.is_admin:
        raise no_permission()
    return reply(
        {"ServiceSettings": {"EnablePostActionIntegration": True, "AllowedUntrustedInternalConnections": "127.0.0.1"}}
    )


ROUTES = (("POST", "/roles/names", roles_by_names), ("GET", "/config", server_config))
