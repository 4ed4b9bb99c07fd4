"""One authenticated API call: who calls, what the path and body say, and how the answer is written."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from aiohttp import web

from mattermost_bridge.sandbox import wire
from mattermost_bridge.sandbox.errors import (
    ApiError,
    channel_missing,
    invalid_body,
    invalid_url,
    no_permission,
    session_expired,
)
from mattermost_bridge.sandbox.ids import is_valid_id
from mattermost_bridge.sandbox.keys import SANDBOX
from mattermost_bridge.sandbox.records import OPEN, Channel, User

if TYPE_CHECKING:
    from mattermost_bridge.sandbox.app import Sandbox

Handler = Callable[["Call"], Awaitable[web.Response]]


def token_in(request: web.Request) -> str:
    """Return the token of a request: `Bearer` or `Token` in any case, or the cookie of a signed-in browser."""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() in ("bearer", "token"):
        return token.strip()
    return request.cookies.get("MMAUTHTOKEN", "") if request.method == "GET" else ""


def reply(data: Any, status: int = 200) -> web.Response:
    """Answer with JSON; the content type carries no charset, as with the real server."""
    body = wire.dumps(data).encode("utf-8", "replace")
    return web.Response(status=status, body=body, headers={"Content-Type": "application/json"})


def ok() -> web.Response:
    """Answer that it was done."""
    return reply({"status": "OK"})


@dataclass(slots=True)
class Call:
    """A request whose token was good."""

    box: "Sandbox"
    request: web.Request
    user: User

    def id_in_path(self, name: str) -> str:
        """Return an id of the path, with `me` read as the caller. Raises ApiError 400 for a malformed one."""
        value = self.request.match_info[name]
        if value == "me" and name == "user_id":
            return self.user.id
        if not is_valid_id(value):
            raise invalid_url(name)
        return value

    def only_self(self) -> str:
        """Return the user id of the path, which must be the caller's own. Raises ApiError 400 or 403."""
        user_id = self.id_in_path("user_id")
        if user_id != self.user.id and not self.user.is_admin:
            raise no_permission()
        return user_id

    async def body(self, name: str, kind: type = dict) -> Any:
        """Return the JSON body. Raises ApiError 400 that names `name` when it is not of that kind."""
        try:
            value = wire.loads(await self.request.read())
        except ValueError as error:
            raise invalid_body(name) from error
        if not isinstance(value, kind):
            raise invalid_body(name)
        return value

    async def id_list(self, name: str) -> list[str]:
        """Return a body that is a list of strings, not an empty one."""
        values = await self.body(name, list)
        if not values or not all(isinstance(value, str) for value in values):
            raise invalid_body(name)
        return values

    def number(self, name: str, default: int) -> int:
        """Return a number of the query; nonsense and negative ones count as absent, as in the server."""
        value = self.request.query.get(name, "")
        return int(value) if value.isdecimal() else default

    def channel(self) -> Channel:
        """Return the channel of the path, whoever may see it. Raises ApiError 400 or 404."""
        channel = self.box.state.channels.get(self.id_in_path("channel_id"))
        if channel is None:
            raise channel_missing()
        return channel

    def require_read(self, channel: Channel, *, public_for_team: bool) -> None:
        """Raise ApiError 403 unless the caller may read the channel's content."""
        if self.user.id in channel.members or self.user.is_admin:
            return
        in_team = self.user.id in self.box.state.team_members
        if not (public_for_team and channel.type == OPEN and in_team):
            raise no_permission()


def authenticated(handler: Handler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Wrap a handler so that it is called with a `Call`, or not at all (401)."""

    async def serve(request: web.Request) -> web.StreamResponse:
        box = request.app[SANDBOX]
        if "access_token" in request.query:
            raise ApiError(
                401,
                "api.context.token_provided.app_error",
                "Session is not OAuth but a token was in the query.",
            )
        user = box.state.user_of_token(token_in(request))
        if user is None:
            raise session_expired()
        return await handler(Call(box, request, user))

    return serve
