"""What a client asks about the server itself."""

from aiohttp import web

from mattermost_bridge.sandbox.calls import Call, reply, token_in
from mattermost_bridge.sandbox.errors import ApiError
from mattermost_bridge.sandbox.keys import SANDBOX


async def ping(request: web.Request) -> web.Response:
    """GET system/ping: works without a token."""
    return reply({"AndroidLatestVersion": "", "AndroidMinVersion": "", "IosLatestVersion": "", "status": "OK"})


async def client_config(request: web.Request) -> web.Response:
    """GET config/client?format=old: all values are strings; without a token only a few of them."""
    box = request.app[SANDBOX]
    settings = box.settings
    if not settings.modern and request.query.get("format") != "old":
        raise ApiError(501, "api.config.client.old_format.app_error", "New format for the client config is not there.")
    values = {
        "BuildNumber": "sandbox",
        "EnableCustomEmoji": "true",
        "EnableFile": "true",
        "SiteName": "Durar sandbox",
        "SiteURL": str(request.url.origin()),
        "Version": settings.release,
        "WebsocketURL": "",
    }
    if box.state.user_of_token(token_in(request)) is not None:
        values |= {
            "CollapsedThreads": "always_on" if settings.modern else "disabled",
            "EnableBotAccountCreation": "true",
            "EnableCommands": str(settings.enable_commands).lower(),
            "EnableDeveloper": "false",
            "EnableFileAttachments": "true",
            "EnablePostUsernameOverride": "false",
            "EnableUserAccessTokens": "true",
            "MaxFileSize": str(settings.max_file_size),
            "MaxNotificationsPerChannel": "1000",
            "MaxPostSize": "16383",
            "PostEditTimeLimit": "-1",
            "RestrictDirectMessage": "any",
        }
        if not settings.modern:
            values["EnableReliableWebSockets"] = "false"
    return reply(dict(sorted(values.items())))


async def bot(call: Call) -> web.Response:
    """GET bots/{id}: a bot may not even read itself; only administrators may."""
    user = call.box.state.users.get(call.id_in_path("bot_user_id"))
    if user is None or not user.is_bot or not call.user.is_admin:
        raise ApiError(404, "store.sql_bot.get.missing.app_error", "Bot does not exist.")
    return reply({
        "user_id": user.id,
        "username": user.username,
        "display_name": user.first_name,
        "description": user.bot_description,
        "create_at": user.create_at,
        "update_at": user.update_at,
        "delete_at": user.delete_at,
    })  # fmt: skip


OPEN_ROUTES = (("GET", "/system/ping", ping), ("GET", "/config/client", client_config))
ROUTES = (("GET", "/bots/{bot_user_id}", bot),)
