"""One call of the control interface: its JSON, whom and what it names, and its errors as sentences."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, TypeVar, cast
from urllib.parse import urlsplit

from aiohttp import web

from mattermost_bridge.sandbox import membership, wire
from mattermost_bridge.sandbox.calls import reply
from mattermost_bridge.sandbox.errors import ApiError
from mattermost_bridge.sandbox.keys import SANDBOX
from mattermost_bridge.sandbox.records import Channel, User

if TYPE_CHECKING:
    from mattermost_bridge.sandbox.app import Sandbox

T = TypeVar("T")


class ControlError(Exception):
    """A control call that cannot be done; the text says why."""

    def __init__(self, sentence: str, status: int = 400) -> None:
        super().__init__(sentence)
        self.status = status


@dataclass(slots=True)
class ControlCall:
    """A control request with its JSON object."""

    box: "Sandbox"
    request: web.Request
    fields: dict[str, Any]

    def get(self, name: str, default: T) -> T:
        """Return a field of the same type as `default`. Raises ControlError for another type."""
        value: Any = self.fields.get(name)
        if value is None:
            return default
        wanted: Any = (int, float) if isinstance(default, float) else type(default)
        if not isinstance(value, wanted) or (isinstance(value, bool) and not isinstance(default, bool)):
            raise ControlError(f"The field {name!r} cannot be {value!r}.")
        return cast("T", value)

    def need(self, name: str) -> str:
        """Return a text that must be there."""
        value = self.get(name, "")
        if not value:
            raise ControlError(f"The field {name!r} is missing.")
        return value

    def user(self, name: str = "who") -> User:
        """Return the user whom a field names."""
        return self.named_user(self.need(name))

    def named_user(self, username: str) -> User:
        """Return the user of that name. Raises ControlError."""
        user = self.box.state.users_by_name.get(username)
        if user is None:
            known = ", ".join(self.box.state.users_by_name)
            raise ControlError(f"There is no user {username!r}; there are {known}.", 404)
        return user

    def user_id_or_all(self) -> str | None:
        """Return the id of the user in `who`, or None for everybody."""
        return self.user().id if self.fields.get("who") else None

    def channel(self, target: str, speaker: User | None = None) -> Channel:
        """Return a channel by name or id, or the direct channel of `speaker` with `@user`. Raises ControlError."""
        state = self.box.state
        if target.startswith("@") and speaker is not None:
            other = self.named_user(target[1:])
            return membership.open_direct(self.box, speaker, [speaker.id, other.id])
        channel = state.channels.get(target) or state.channels_by_name.get(target)
        if channel is None:
            raise ControlError(f"There is no channel {target!r}.", 404)
        return channel


ControlHandler = Callable[[ControlCall], Awaitable[web.StreamResponse]]


def controlled(handler: ControlHandler) -> Callable[[web.Request], Awaitable[web.StreamResponse]]:
    """Wrap a handler: read the JSON, write errors as sentences, refuse pages of other hosts."""

    async def serve(request: web.Request) -> web.StreamResponse:
        origin = request.headers.get("Origin")
        if origin is not None and urlsplit(origin).netloc.lower() != request.host.lower():
            return reply({"error": "Pages of other hosts may not control this sandbox."}, 403)
        try:
            body = await request.read()
            fields = wire.loads(body) if body else {}
            if not isinstance(fields, dict):
                raise ControlError("The body must be a JSON object.")
            return await handler(ControlCall(request.app[SANDBOX], request, fields))
        except ControlError as error:
            return reply({"error": str(error)}, error.status)
        except ValueError as error:
            return reply({"error": str(error) or "The body is no JSON."}, 400)
        except ApiError as error:
            return reply({"error": f"{error.message} ({error.status} {error.error_id})"}, 400)

    return serve
