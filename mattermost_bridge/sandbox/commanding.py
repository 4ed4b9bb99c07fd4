"""Slash commands at work: what is sent to the integration, and what its answer, now or later, does."""

import re
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import aiohttp

from mattermost_bridge.sandbox import commands, posting, wire
from mattermost_bridge.sandbox.clicking import LONGEST_ANSWER, TIMEOUT, may_call, new_trigger
from mattermost_bridge.sandbox.commands import BUILT_IN
from mattermost_bridge.sandbox.errors import ApiError, invalid_body, no_permission
from mattermost_bridge.sandbox.ids import new_id
from mattermost_bridge.sandbox.records import Channel, Command, User
from mattermost_bridge.sandbox.world import TEAM_ID, TEAM_NAME

if TYPE_CHECKING:
    from mattermost_bridge.sandbox.app import Sandbox

USES, MINUTES = 5, 30
"""of a response URL"""
_AGENT = {"User-Agent": "Mattermost-Bot/1.1", "Accept": "application/json"}
_SLACK_LINK = re.compile(r"<(https?://[^|>\s]+)\|([^>]+)>")


@dataclass(slots=True)
class Typed:
    """A command that somebody typed, and where."""

    user: User
    channel: Channel
    team_id: str
    root_id: str
    command: Command
    text: str


@dataclass(slots=True)
class Hook:
    """A response URL: what was typed, how often it was used, and until when it works (monotonic seconds)."""

    typed: Typed
    ends: float
    used: int = 0


async def execute(box: "Sandbox", user: User, fields: dict[str, Any], base_url: str) -> dict[str, Any]:
    """Run what a user typed and return the answer that the client gets. Raises ApiError."""
    line, channel_id = fields.get("command"), fields.get("channel_id")
    root_id = fields.get("root_id") or ""
    if not isinstance(line, str) or len(line) < 2 or not line.startswith("/"):
        raise invalid_body("command")
    if not isinstance(channel_id, str) or not box.state.is_member(user.id, channel_id):
        raise no_permission()
    channel = box.state.channels[channel_id]
    team_id = channel.team_id or str(fields.get("team_id") or "")
    if team_id != TEAM_ID or user.id not in box.state.team_members:
        raise no_permission()
    word, _, rest = re.sub(r"^(\S+)\s", r"\1 ", line, count=1).partition(" ")
    trigger = word[1:].lower()
    commands.require_enabled(box)
    found = [one for one in box.state.commands.values() if one.trigger == trigger]
    if not found:
        raise _unknown(trigger)
    # Of several with one trigger the server takes the last that it finds.
    typed = Typed(user, channel, team_id, str(root_id), found[-1], rest)
    hook_id = new_id()
    _forget_old(box)
    box.command_hooks[hook_id] = Hook(typed, time.monotonic() + MINUTES * 60)
    trigger_client, trigger_id = new_trigger(box, user)
    form = _form(box, typed, f"{base_url}/hooks/commands/{hook_id}", trigger_id)
    if not may_call(box, typed.command.url):
        raise _failed(typed.command)
    answer = await _call(typed.command, form)
    obey(box, typed, answer)
    return {**answer, "trigger_id": trigger_client}


def respond(box: "Sandbox", hook_id: str, answer: Any) -> None:
    """Do what was posted to a response URL. Raises ApiError."""
    hook = box.command_hooks.get(hook_id)
    modern = box.settings.modern
    if hook is None or hook.ends < time.monotonic():
        unknown = "web.command_webhook.general.app_error" if modern else "app.command_webhook.get.missing"
        raise ApiError(404, unknown, "Unable to get the webhook.")
    if hook.used >= USES:
        used_up = "web.command_webhook.general.app_error" if modern else "app.command_webhook.try_use.invalid"
        raise ApiError(400, used_up, "Invalid webhook.")
    hook.used += 1
    if not isinstance(answer, dict):
        raise ApiError(400, "web.command_webhook.parse.app_error", "Unable to parse incoming data.")
    obey(box, hook.typed, answer)


def obey(box: "Sandbox", typed: Typed, answer: dict[str, Any]) -> None:
    """Post or show the texts of an answer, in the name of who typed the command. Raises ApiError."""
    more = answer.get("extra_responses")
    for one in (answer, *(more if isinstance(more, list) else ())):
        if isinstance(one, dict):
            _show(box, typed, one)


def _show(box: "Sandbox", typed: Typed, answer: dict[str, Any]) -> None:
    text = str(answer.get("text") or "")
    attachments = answer.get("attachments")
    if not text and not attachments:
        return
    if not answer.get("skip_slack_parsing"):
        text = _SLACK_LINK.sub(r"[\2](\1)", text)
    given = answer.get("props")
    props: dict[str, Any] = {**(given if isinstance(given, dict) else {}), "from_webhook": "true"}
    if name := typed.command.username or str(answer.get("username") or ""):
        props["override_username"] = name
    if isinstance(attachments, list):
        props["attachments"] = attachments
    channel_id = typed.channel.id
    other = str(answer.get("channel_id") or "")
    if other and box.state.is_member(typed.user.id, other):
        channel_id = other
    root_id = typed.root_id if channel_id == typed.channel.id else ""
    draft = posting.Draft(channel_id, text, root_id=root_id, props=props)
    if answer.get("response_type") == "in_channel":
        if len(text) > posting.MAX_MESSAGE:
            raise ApiError(
                500, "api.command.execute_command.create_post_failed.app_error", "Unable to create the response."
            )
        posting.announce(box, typed.user, posting.save(box, typed.user, draft))
    else:
        posting.show_note(box, typed.user, typed.user, draft)


def _form(box: "Sandbox", typed: Typed, response_url: str, trigger_id: str) -> dict[str, str]:
    form = {
        "channel_id": typed.channel.id,
        "channel_name": typed.channel.name,
        "command": f"/{typed.command.trigger}",
        "response_url": response_url,
        "team_domain": TEAM_NAME,
        "team_id": typed.team_id,
        "text": typed.text,
        "token": typed.command.token,
        "trigger_id": trigger_id,
        "user_id": typed.user.id,
        "user_name": typed.user.username,
    }
    if box.settings.modern:
        form["root_id"] = typed.root_id
    known = box.state.users_by_name
    people = [name for name in dict.fromkeys(re.findall(r"@([a-z0-9._-]+)", typed.text)) if name in known]
    if people:
        form["user_mentions"] = " ".join(people)
        form["user_mentions_ids"] = " ".join(known[name].id for name in people)
    channels = box.state.channels_by_name
    places = [name for name in dict.fromkeys(re.findall(r"~([a-z0-9_-]+)", typed.text)) if name in channels]
    if places:
        form["channel_mentions"] = " ".join(places)
        form["channel_mentions_ids"] = " ".join(channels[name].id for name in places)
    return dict(sorted(form.items()))


async def _call(command: Command, form: dict[str, str]) -> dict[str, Any]:
    """What the integration answered, read as a server reads it. Raises ApiError 500."""
    headers = {**_AGENT, "Authorization": f"Token {command.token}"}
    ask = {"params": form} if command.method == "G" else {"data": form}
    try:
        async with (
            aiohttp.ClientSession(timeout=aiohttp.ClientTimeout(total=TIMEOUT), headers=headers) as session,
            session.request("GET" if command.method == "G" else "POST", command.url, **ask) as response,  # type: ignore[arg-type]
        ):
            body = await response.content.read(LONGEST_ANSWER)
            while len(body) < LONGEST_ANSWER and (part := await response.content.read(LONGEST_ANSWER - len(body))):
                body += part
            if response.status != 200:
                raise ApiError(
                    500,
                    "api.command.execute_command.failed_resp.app_error",
                    f"Command with a trigger of '{command.trigger}' returned response "
                    f"{response.status} {response.reason}.",
                )
            is_json = response.headers.get("Content-Type", "").partition(";")[0].strip() == "application/json"
    except (TimeoutError, aiohttp.ClientError, ValueError, OSError) as error:
        raise _failed(command) from error
    if not is_json:
        return {"response_type": "ephemeral", "text": body.decode("utf-8", "replace")} if body else {}
    try:
        answer = wire.loads(body)
    except ValueError as error:
        raise _failed(command) from error
    if not isinstance(answer, dict):
        raise _failed(command)
    return answer


def _forget_old(box: "Sandbox") -> None:
    now = time.monotonic()
    for hook_id in [hook_id for hook_id, hook in box.command_hooks.items() if hook.ends < now]:
        del box.command_hooks[hook_id]


def _unknown(trigger: str) -> ApiError:
    if trigger in BUILT_IN:
        return ApiError(501, "sandbox.built_in_command", f"The sandbox does not have Mattermost's own /{trigger}.")
    return ApiError(
        404,
        "api.command.execute_command.not_found.app_error",
        f"Command with a trigger of '/{trigger}' not found. To send a message beginning with \"/\" try adding an empty "
        "space at the beginning of the message.",
    )


def _failed(command: Command) -> ApiError:
    return ApiError(
        500,
        "api.command.execute_command.failed.app_error",
        f"Command with a trigger of '{command.trigger}' failed.",
    )
