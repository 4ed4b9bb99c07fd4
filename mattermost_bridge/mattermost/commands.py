"""Custom slash commands of a team: which there are, making, changing and removing them, and running one."""

from collections.abc import Mapping
from typing import Any

from .answers import ReadingCalls
from .shapes import mapping_of
from .types import Command

DUPLICATE = "api.command.duplicate_trigger.app_error"
"""The error id (status 400) for a trigger that somebody else's command, or one of the server's own, has."""


class CommandCalls(ReadingCalls):
    """The calls for slash commands. All but running one need a permission that a plain bot does not have: 403.

    It is `manage_slash_commands`, from 11.2 on `manage_own_slash_commands`, and administrators of a team have it.
    """

    def commands_of(self, team_id: str) -> list[Command]:
        """Return the custom commands of a team, with their tokens; newer servers show only the bot's own."""
        params: dict[str, str | int] = {"team_id": team_id, "custom_only": "true"}
        found = self._many(Command, self._request("GET", "commands", params=params))
        return [command for command in found if not command.delete_at]

    def command(self, command_id: str) -> Command:
        """Return a command with its token; 404 when there is none, or without the permission."""
        return self._one(Command, self._request("GET", "commands", command_id))

    def create_command(self, team_id: str, trigger: str, fields: Mapping[str, Any]) -> Command:
        """Make a command and return it; 400 with the id DUPLICATE when the trigger is taken."""
        payload = {**fields, "team_id": team_id, "trigger": trigger}
        return self._one(Command, self._request("POST", "commands", payload=payload))

    def update_command(self, command_id: str, team_id: str, trigger: str, fields: Mapping[str, Any]) -> Command:
        """Change a command as a whole and return it; its token and its creator stay. 404 when there is none."""
        payload = {**fields, "id": command_id, "team_id": team_id, "trigger": trigger}
        return self._one(Command, self._request("PUT", "commands", command_id, payload=payload))

    def delete_command(self, command_id: str) -> None:
        """Remove a command; 404 when there is none (or without the permission), 403 for somebody else's."""
        self._request("DELETE", "commands", command_id)

    def execute_command(self, channel_id: str, team_id: str, line: str) -> dict[str, Any]:
        """Run a line such as `/oc_status` as the bot, in one of its channels; return the integration's answer.

        500 when the integration cannot be reached or answers with another status than 200.
        """
        payload = {"command": line, "channel_id": channel_id, "team_id": team_id}
        return mapping_of(self._request("POST", "commands", "execute", payload=payload))
