"""The actions a client may send over its WebSocket, and their answers."""

from typing import TYPE_CHECKING, Any

from mattermost_bridge.sandbox.errors import ApiError
from mattermost_bridge.sandbox.hub import Connection, Event
from mattermost_bridge.sandbox.records import User

if TYPE_CHECKING:
    from mattermost_bridge.sandbox.app import Sandbox


def answer_action(box: "Sandbox", connection: Connection, frame: dict[str, Any]) -> dict[str, Any]:
    """Return the reply to an action of an authenticated connection."""
    seq = frame.get("seq", 0)
    try:
        data = _perform(box, connection, frame)
    except ApiError as error:
        reply: dict[str, Any] = {"status": "FAIL"}
        if seq > 0:
            reply["seq_reply"] = seq
        return reply | {"error": error.as_frame()}
    reply = {"status": "OK", "seq_reply": seq}
    return reply | {"data": data} if data else reply


def _perform(box: "Sandbox", connection: Connection, frame: dict[str, Any]) -> dict[str, Any]:
    action = frame.get("action", "")
    if not action:
        raise ApiError(400, "api.web_socket_router.no_action.app_error", "No websocket action.")
    if frame.get("seq", 0) <= 0:
        raise ApiError(400, "api.web_socket_router.bad_seq.app_error", "Invalid sequence for WebSocket message.")
    user = _session(box, connection)
    if action == "ping":
        return {"node_id": "", "server_time": box.clock.ms(), "text": "pong", "version": box.settings.release}
    if action == "user_typing":
        _typing(box, user, frame.get("data"))
        return {}
    if action == "get_statuses":
        online = box.hub.online()
        return {user_id: "online" if user_id in online else "offline" for user_id in box.state.users}
    raise ApiError(500, "api.web_socket_router.bad_action.app_error", "Unknown WebSocket action.")


def _session(box: "Sandbox", connection: Connection) -> User:
    """Return the connection's user while the session holds; an open socket proves nothing by itself."""
    user = connection.user
    if user is None or connection.silenced or user.disabled:
        raise _not_authenticated()
    if box.state.user_of_token(connection.token) is None:
        if box.settings.modern:
            connection.silenced = True
            raise _not_authenticated()
        # The message really contains the token.
        text = f"Invalid session token={connection.token}, err="
        raise ApiError(401, "api.context.invalid_token.error", text)
    return user


def _not_authenticated() -> ApiError:
    return ApiError(
        401,
        "api.web_socket_router.not_authenticated.app_error",
        "WebSocket connection is not authenticated.",
    )


def _typing(box: "Sandbox", user: User, data: Any) -> None:
    channel_id = data.get("channel_id") if isinstance(data, dict) else None
    if not isinstance(channel_id, str) or not box.state.is_member(user.id, channel_id):
        raise ApiError(400, "api.websocket_handler.invalid_param.app_error", "Invalid channel_id parameter.")
    tell_typing(box, user, channel_id, str(data.get("parent_id") or ""))


def tell_typing(box: "Sandbox", user: User, channel_id: str, parent_id: str) -> None:
    """Tell everybody in the channel but the typist."""
    data = {"parent_id": parent_id, "user_id": user.id}
    box.hub.publish(Event("typing", data, channel_id, omit_user=user.id))
