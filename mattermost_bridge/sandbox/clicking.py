"""Clicks on the buttons of posts: what is sent to the integration, and what its answer does."""

import base64
import secrets
from ipaddress import ip_address
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import aiohttp

from mattermost_bridge.sandbox import editing, posting, render, wire
from mattermost_bridge.sandbox.errors import action_missing, integration_failed
from mattermost_bridge.sandbox.ids import new_id
from mattermost_bridge.sandbox.records import Post, User
from mattermost_bridge.sandbox.world import TEAM_NAME

if TYPE_CHECKING:
    from mattermost_bridge.sandbox.app import Sandbox

TIMEOUT = 30.0
"""seconds that an integration has"""
LONGEST_ANSWER = 1_048_576
_AGENT = {"User-Agent": "Mattermost-Bot/1.1", "Content-Type": "application/json", "Accept": "application/json"}
#: An update keeps these of the post's props, whatever props it brings.
_KEPT = ("from_webhook", "override_username", "override_icon_url")


async def click(box: "Sandbox", user: User, post: Post, action_id: str, selected: str) -> str:
    """Click a button as `user`; returns the trigger id. Raises ApiError 404 for no such button, 400 for a failure."""
    action = next((one for one in render.actions_of(post.props) if one.get("id") == action_id), None)
    integration = action.get("integration") if action else None
    if action is None or not isinstance(integration, dict) or not integration.get("url"):
        raise action_missing()
    trigger, trigger_id = new_trigger(box, user)
    request = _request(box, user, post, action, integration.get("context"), selected, trigger_id)
    answer = await _call(box, str(integration["url"]), request)
    _obey(box, user, post, answer)
    return trigger


def may_call(box: "Sandbox", url: str) -> bool:
    """Tell whether the server calls an integration there: private addresses only where that is allowed."""
    host = urlsplit(url).hostname or ""
    try:
        return box.settings.internal_connections or not ip_address(host).is_private
    except ValueError:
        return box.settings.internal_connections or "." in host


def new_trigger(box: "Sandbox", user: User) -> tuple[str, str]:
    """A new id of something that a person set off, and the same as an integration gets it: signed, with the time."""
    trigger = new_id()
    signed = f"{trigger}:{user.id}:{box.state.clock.ms()}"
    return trigger, base64.b64encode(f"{signed}:".encode() + secrets.token_bytes(70)).decode()


def _request(
    box: "Sandbox", user: User, post: Post, action: dict[str, Any], context: Any, selected: str, trigger_id: str
) -> dict[str, Any]:
    """The body for the integration: who clicked where, and the context; nothing that proves any of it."""
    channel = box.state.channels[post.channel_id]
    request: dict[str, Any] = {
        "user_id": user.id,
        "user_name": user.username,
        "channel_id": channel.id,
        "channel_name": channel.name,
        "team_id": channel.team_id,
        "team_domain": TEAM_NAME if channel.team_id else "",
        "post_id": post.id,
        "trigger_id": trigger_id,
        "type": str(action.get("type") or ""),
        "data_source": str(action.get("data_source") or ""),
    }
    if isinstance(context, dict):
        request["context"] = _as_go_writes(context)
    if action.get("type") == "select":
        request["context"] = {**request.get("context", {}), "selected_option": selected}
    return request


def _as_go_writes(value: Any) -> Any:
    """Numbers go through a double on their way, so that 1.0 arrives as 1."""
    if isinstance(value, dict):
        return {key: _as_go_writes(one) for key, one in value.items()}
    if isinstance(value, list):
        return [_as_go_writes(one) for one in value]
    if isinstance(value, int | float) and not isinstance(value, bool):
        number = float(value)
        return int(number) if number.is_integer() and abs(number) < 1e21 else number
    return value


async def _call(box: "Sandbox", url: str, request: dict[str, Any]) -> dict[str, Any]:
    """What the integration answered. Any trouble with it is one and the same error."""
    if not may_call(box, url):
        raise integration_failed()
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT), headers=_AGENT) as session,
            session.post(url, data=wire.dumps(request).encode("utf-8", "replace")) as answer,
        ):
            body = await answer.content.read(LONGEST_ANSWER) if answer.content_length != 0 else b""
            while len(body) < LONGEST_ANSWER and (more := await answer.content.read(LONGEST_ANSWER - len(body))):
                body += more
            if answer.status != 200:
                raise integration_failed()
    except (TimeoutError, aiohttp.ClientError, ValueError, OSError) as error:
        raise integration_failed() from error
    if not body and box.settings.modern:
        return {}
    try:
        found = wire.loads(body)
    except ValueError as error:
        raise integration_failed() from error
    if found is None:
        return {}
    if not isinstance(found, dict) or not isinstance(found.get("update") or {}, dict):
        raise integration_failed()
    return found


def _obey(box: "Sandbox", user: User, post: Post, answer: dict[str, Any]) -> None:
    """Change the post as the answer says, and show its note to who clicked. Raises ApiError for a bad update."""
    update = answer.get("update")
    if isinstance(update, dict):
        # A message that is missing is an empty one, and so are the files; pins and reactions stay as they are.
        props, files = update.get("props"), update.get("file_ids")
        if props is not None:
            props = {**props, **{name: post.props[name] for name in _KEPT if name in post.props}}
        message = str(update.get("message") or "")
        editing.update(box, post, message=message, props=props, file_ids=list(files or []))
    note = answer.get("ephemeral_text")
    if isinstance(note, str) and note:
        draft = posting.Draft(post.channel_id, note, root_id=post.thread_id)
        posting.show_note(box, box.state.users[post.user_id], user, draft)
