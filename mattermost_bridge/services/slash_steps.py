"""One step of registering slash commands: what is asked of Mattermost for one command, and what is recorded of it."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import structlog
from django.utils import timezone

from mattermost_bridge.mattermost.commands import DUPLICATE
from mattermost_bridge.mattermost.errors import MattermostError
from mattermost_bridge.mattermost.rest import MattermostClient
from mattermost_bridge.mattermost.types import Command, Team
from mattermost_bridge.models import SlashCommand
from mattermost_bridge.models.states import SlashCommandState
from mattermost_bridge.rules.doctor_commands import CommandTrouble
from mattermost_bridge.rules.slash_registration import Existing, Kind, Step, Wanted
from mattermost_bridge.services import call_troubles

log = structlog.get_logger(__name__)

FOREIGN = "Another command that Durar did not make has this name already. Remove that one, or choose another prefix."


def take(
    client: MattermostClient, team: Team, step: Step, row: SlashCommand | None, commands: Mapping[str, Command]
) -> None:
    """Do one step with a command of a team; `row` is its record, `commands` are those that the team has, by id.

    Raises MattermostError, but for a name that is somebody else's, which is recorded.
    """
    want = step.wanted
    if step.kind is Kind.DELETE:
        delete(client, step.command_id)
    if row is None or want is None:
        return
    try:
        match step.kind:
            case Kind.SKIP_FOREIGN:
                settle(row, SlashCommandState.FOREIGN, FOREIGN)
            case Kind.REUSE:
                _registered(row, commands[step.command_id], want)
            case Kind.UPDATE:
                _registered(row, _changed(client, team, row, step.command_id, want), want)
            case Kind.CREATE:
                _registered(row, client.create_command(team.id, step.trigger, want.fields), want)
    except MattermostError as error:
        if error.error_id != DUPLICATE:
            raise
        settle(row, SlashCommandState.FOREIGN, FOREIGN)


def permission_missing(bot: str, team: str) -> str:
    """What to grant so that the bot may register commands, and how (Mattermost 5.37; the name changed in 11.2)."""
    who = f"@{bot}" if bot else "The bot"
    return (
        f"{who} may not manage slash commands in the team {team}: Mattermost answers 403. It needs the permission "
        "manage_slash_commands (from Mattermost 11.2 on: manage_own_slash_commands). Make the bot an administrator of "
        "that team (team menu, Manage Members, Team Admin), or let a system administrator add the permission to its "
        "role; then choose Register commands again."
    )


def _changed(client: MattermostClient, team: Team, row: SlashCommand, command_id: str, wanted: Wanted) -> Command:
    """Change a command; where that is refused, replace it."""
    try:
        return client.update_command(command_id, team.id, wanted.trigger, wanted.fields)
    except MattermostError as error:
        if error.is_unclear or error.is_unauthorized or error.is_rate_limited or error.status == 403:
            raise
        log.info("a slash command is made anew, since it could not be changed", command=row.trigger, error=str(error))
    row.command_id, row.token = "", ""  # the token of a command that is gone counts no more
    settle(row, SlashCommandState.WANTED, "")
    delete(client, command_id)
    return client.create_command(team.id, wanted.trigger, wanted.fields)


def delete(client: MattermostClient, command_id: str) -> None:
    """Remove a command; one that is gone already is as good. Raises MattermostError."""
    try:
        client.delete_command(command_id)
    except MattermostError as error:
        if error.status != 404:
            raise
        log.info("a slash command was gone already", command_id=command_id)


def _registered(row: SlashCommand, command: Command, wanted: Wanted) -> None:
    if row.command_id != command.id or row.registered_at is None:
        row.registered_at = timezone.now()
    if row.token and row.token != command.token:
        # So calls were refused that Mattermost made with the other one.
        call_troubles.is_cured(row.account_id, CommandTrouble.WRONG_TOKEN)
    row.command_id, row.token = command.id, command.token
    row.callback_url, row.fingerprint = command.url or wanted.url, wanted.fingerprint
    settle(row, SlashCommandState.REGISTERED, "")


def settle(row: SlashCommand, state: str, error: str) -> None:
    """Record how a command stands, with what is wrong as a sentence, and what Mattermost has of it."""
    row.state, row.error = state, error
    # When it was used is written by others.
    row.save(
        update_fields=[
            *("state", "error", "command_id", "token", "token_digest"),
            *("callback_url", "fingerprint", "registered_at", "updated_at"),
        ]
    )


def withdraw(rows: Iterable[SlashCommand], error: str) -> None:
    """Let none of these commands count any more, for one reason."""
    for row in rows:
        settle(row, SlashCommandState.FAILED, error)


def existing(command: Command) -> Existing:
    """A command that a team has, as the rules compare it with what is wanted."""
    return Existing(
        command.id,
        command.trigger,
        command.creator_id,
        {
            "method": command.method,
            "url": command.url,
            "description": command.description,
            "auto_complete": command.auto_complete,
            "auto_complete_desc": command.auto_complete_desc,
            "auto_complete_hint": command.auto_complete_hint,
        },
    )


def named(team: Team) -> str:
    """A team as people know it."""
    return team.display_name or team.name or team.id
