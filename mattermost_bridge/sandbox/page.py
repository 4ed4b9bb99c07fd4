"""The chat page at `/`: its files, who may be chosen, and the sign-in without a password."""

from pathlib import Path

from aiohttp import web

from mattermost_bridge.sandbox.calls import reply
from mattermost_bridge.sandbox.control.calls import ControlCall, ControlError, controlled
from mattermost_bridge.sandbox.keys import SANDBOX
from mattermost_bridge.sandbox.world import ADMIN, TEAM_DISPLAY_NAME, TEAM_ID, token_of

STATIC = Path(__file__).parent / "static"
_HEADERS = {
    "Cache-Control": "no-cache",
    "Content-Security-Policy": "default-src 'self'; img-src 'self' data: blob:; frame-ancestors 'self'",
    "X-Content-Type-Options": "nosniff",
}
_KINDS = {".css": "text/css", ".js": "text/javascript", ".svg": "image/svg+xml", ".html": "text/html"}


def _file(name: str) -> web.Response:
    path = STATIC / name
    headers = _HEADERS | {"Content-Type": f"{_KINDS[path.suffix]}; charset=utf-8"}
    return web.Response(body=path.read_bytes(), headers=headers)


async def index(request: web.Request) -> web.Response:
    """GET /."""
    return _file("index.html")


async def static(request: web.Request) -> web.Response:
    """GET /sandbox/static/{name}: one of the page's own files."""
    name = request.match_info["name"]
    if name not in {path.name for path in STATIC.iterdir() if path.suffix in _KINDS}:
        raise web.HTTPNotFound
    return _file(name)


async def cast(request: web.Request) -> web.Response:
    """GET /sandbox/page/cast: whom one may be on the page, and whom one meets there."""
    box = request.app[SANDBOX]
    users = [user for user in box.state.users.values() if user.username != ADMIN.username]
    shown = [
        {
            "id": user.id,
            "username": user.username,
            "name": " ".join(filter(None, (user.first_name, user.last_name))),
            "is_bot": user.is_bot,
        }
        for user in users
    ]
    return reply({
        "team": {"id": TEAM_ID, "name": TEAM_DISPLAY_NAME},
        "version": box.settings.release,
        "people": [user for user in shown if not user["is_bot"]],
        "bots": [user for user in shown if user["is_bot"]],
    })  # fmt: skip


async def login(call: ControlCall) -> web.Response:
    """POST /sandbox/page/login {"username"}: a person's token. Bots do not sign in here."""
    user = call.user("username")
    if user.is_bot or user.username == ADMIN.username:
        raise ControlError(f"{user.username} is nobody one can be on this page.", 404)
    return reply({"token": token_of(user.username), "user": user.as_json(own=True)})


def add_routes(app: web.Application) -> None:
    """Put the page's routes into the application."""
    app.router.add_get("/", index)
    app.router.add_get("/sandbox/static/{name}", static)
    app.router.add_get("/sandbox/page/cast", cast)
    app.router.add_post("/sandbox/page/login", controlled(login))
