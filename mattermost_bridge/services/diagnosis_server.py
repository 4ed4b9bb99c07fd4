"""What an account's server says when it is asked for a diagnosis: plain facts, by real calls and a real WebSocket."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import TypeVar

from mattermost_bridge.config.effective import AccountSettings
from mattermost_bridge.mattermost.errors import MattermostError
from mattermost_bridge.mattermost.rest import MattermostClient
from mattermost_bridge.mattermost.shapes import mapping_of, text_of
from mattermost_bridge.mattermost.stream import StreamError, open_stream
from mattermost_bridge.mattermost.types import Channel, Command, Team, User
from mattermost_bridge.rules.doctor_buttons import PostFault, faults_of
from mattermost_bridge.rules.doctor_callbacks import IntegrationSettings
from mattermost_bridge.rules.doctor_server import ServerFacts
from mattermost_bridge.services.probing import problem_of, sentence_of

T = TypeVar("T")

#: Seconds for everything that is asked of one server; a call gets at most the second number of them.
TOTAL_SECONDS = 40.0
CALL_SECONDS = 10.0
SOCKET_SECONDS = 10.0
#: The newest posts of so many channels are looked at for malformed buttons.
CHANNELS_LOOKED_AT = 3
POSTS_LOOKED_AT = 60
TEAMS_LOOKED_AT = 20
_ROLES = ("team_user", "channel_user")
_ADMINISTRATOR = "system_admin"


@dataclass(frozen=True)
class Seen:
    """What the server said: about itself and the bot, its settings for callbacks, and faults in the bot's posts. Where
    the account has slash commands, `commands` are those of each team by the team's id, None for one that does not show
    them. `commands_on` is EnableCommands, None when the server does not say."""

    server: ServerFacts
    settings: IntegrationSettings | None = None
    faults: frozenset[PostFault] | None = None
    bot_id: str = ""
    commands_on: bool | None = None
    commands: Mapping[str, Sequence[Command] | None] = field(default_factory=dict)


@dataclass
class _Asking:
    """One look at a server. What cannot be asked becomes a note, and the rest is asked all the same."""

    account: AccountSettings
    client: MattermostClient
    until: float = field(default_factory=lambda: time.monotonic() + TOTAL_SECONDS)
    notes: list[str] = field(default_factory=list)

    def try_to(self, words: str, ask: Callable[[], T]) -> T | None:
        left = self.until - time.monotonic()
        if left <= 0:
            self.notes.append(f"There was no time left to {words}.")
            return None
        self.client.timeout = (min(5.0, left), min(CALL_SECONDS, left))
        try:
            return ask()
        except MattermostError as error:
            self.notes.append(f"Durar could not {words}: {sentence_of(error)}")
            return None


def look(account: AccountSettings) -> Seen:
    """Ask the server. Takes up to a minute; call it outside of transactions. Failures are facts, not exceptions."""
    client = MattermostClient(account.base_url, account.token, timeout=(5.0, CALL_SECONDS))
    try:
        try:
            me = client.me()
        except MattermostError as error:
            code = trouble_of(error)
            return Seen(ServerFacts(address=account.base_url, trouble=(code, problem_of(error, account.base_url))))
        return _look(_Asking(account, client), me)
    finally:
        client.close()


def trouble_of(error: MattermostError) -> str:
    """The id of the finding that a failed first call is."""
    if error.is_unauthorized:
        if not error.sent:
            return "token.malformed"
        return "token.refused" if error.error_id else "server.not_mattermost"
    if error.kind == "protocol" or (error.status == 404 and not error.error_id):
        return "server.not_mattermost"
    if error.kind in ("network", "timeout", "tls"):
        return "server.unreachable"
    return "server.rate_limited" if error.is_rate_limited else "server.trouble"


def _look(asking: _Asking, me: User) -> Seen:
    client = asking.client
    server_now = client.server_now_ms()
    # An HTTP date has whole seconds and so is half a second early on average.
    clock = None if server_now is None else server_now / 1000 + 0.5 - time.time()
    teams = asking.try_to("read the bot's teams", client.my_teams)
    channels = asking.try_to("read the bot's channels", lambda: _channels(client, teams or []))
    config = asking.try_to("read the server's settings", client.client_config) or {}
    roles = {*me.roles.split(), *_ROLES}
    allowed = asking.try_to("read what the bot's roles permit", lambda: client.permissions_of(roles))
    if _ADMINISTRATOR in roles:
        allowed = None  # may do everything
    faults = asking.try_to("read the bot's newest posts", lambda: _faults(client, me.id, channels or []))
    settings = asking.try_to("read the server's configuration", client.server_config)
    commands_on = {"true": True, "false": False}.get(config.get("EnableCommands", ""))
    commands = _commands(asking, teams or []) if commands_on is not False else {}
    socket_problem = _socket_problem(asking.account)
    server = ServerFacts(
        address=asking.account.base_url,
        username=me.username,
        is_bot=me.is_bot,
        teams=[team.display_name or team.name for team in teams or []],
        rooms=None if channels is None else [one.name for one in channels if one.type in ("O", "P")],
        socket_problem=socket_problem,
        version=config.get("Version", ""),
        allowed=allowed,
        clock=clock,
        limit=client.rate_limit,
        notes=asking.notes,
    )
    return Seen(server, _settings(settings), faults, me.id, commands_on, commands)


def _commands(asking: _Asking, teams: Sequence[Team]) -> dict[str, Sequence[Command] | None]:
    """The commands of the bot's teams; a team that could not be asked is left out, and noted."""
    found: dict[str, Sequence[Command] | None] = {}
    if asking.account.commands.native:
        for team in teams[:TEAMS_LOOKED_AT]:
            name = team.display_name or team.name
            asking.try_to(f"read the slash commands of the team {name}", lambda: found.update(_of_team(asking, team)))  # noqa: B023 - called at once
    return found


def _of_team(asking: _Asking, team: Team) -> dict[str, Sequence[Command] | None]:
    try:
        return {team.id: asking.client.commands_of(team.id)}
    except MattermostError as error:
        if error.status != 403:
            raise
        return {team.id: None}


def _channels(client: MattermostClient, teams: list[Team]) -> list[Channel]:
    found = client.my_channels()
    if found is None:  # before 6.5
        found = [one for team in teams for one in client.team_channels(team.id)]
    return [one for one in {one.id: one for one in found}.values() if not one.delete_at]


def _faults(client: MattermostClient, bot_id: str, channels: list[Channel]) -> frozenset[PostFault]:
    newest = sorted(channels, key=lambda one: -one.last_post_at)[:CHANNELS_LOOKED_AT]
    posts = [post for one in newest for post in client.posts_before(one.id, per_page=POSTS_LOOKED_AT)]
    return frozenset(fault for post in posts if post.user_id == bot_id for fault in faults_of(post.props))


def _settings(config: dict[str, object] | None) -> IntegrationSettings | None:
    service = mapping_of((config or {}).get("ServiceSettings"))
    if not service:
        return None
    return IntegrationSettings(
        # A server that does not have the setting always calls integrations.
        post_actions=service.get("EnablePostActionIntegration") is not False,
        allowed_connections=text_of(service.get("AllowedUntrustedInternalConnections")),
    )


def _socket_problem(account: AccountSettings) -> str:
    """A sentence when the WebSocket cannot be opened, takes no token or says no hello."""
    try:
        asyncio.run(_hello(account))
    except (MattermostError, StreamError) as problem:
        return sentence_of(problem)
    return ""


async def _hello(account: AccountSettings) -> None:
    seconds = SOCKET_SECONDS
    async with open_stream(account.base_url, account.token, open_timeout=seconds, auth_timeout=seconds) as stream:
        await stream.authenticate()
