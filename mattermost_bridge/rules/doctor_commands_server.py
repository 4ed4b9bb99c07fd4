"""What the server says about an account's slash commands: whether they are switched on there, and whether it has the
commands that are on record."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mattermost_bridge.rules.doctor import Finding, Level
from mattermost_bridge.rules.doctor_callbacks import COMMANDS, IntegrationSettings, host_of, is_private, of_allowed
from mattermost_bridge.rules.doctor_commands import REGISTER_AGAIN, limited
from mattermost_bridge.rules.marking import Filled
from mattermost_bridge.rules.marking import gettext_noop as _


@dataclass(frozen=True, slots=True)
class CommandsThere:
    """What the server said. `enabled` is its EnableCommands, None when it does not say. `settings` is None when it does
    not show them. Of the commands on record: `gone` are not there any more, `changed` have another token there,
    `elsewhere` call another address (each with it). `leftover` are the bot's own with our prefix that are on no record,
    with their addresses. `refused` are teams whose commands the bot may not read. `looked`: there was a command to
    compare."""

    enabled: bool | None = None
    url: str = ""
    settings: IntegrationSettings | None = None
    gone: Sequence[str] = ()
    changed: Sequence[str] = ()
    elsewhere: Sequence[tuple[str, str]] = ()
    leftover: Sequence[tuple[str, str]] = ()
    refused: Sequence[str] = ()
    looked: bool = False


def of_server(facts: CommandsThere) -> list[Finding]:
    """What the server says about the slash commands of an account that has them switched on."""
    if facts.enabled is False:
        cause = _("EnableCommands is off in Mattermost: nobody can register or use slash commands of integrations.")
        remedy = _("Set ServiceSettings.EnableCommands to true (System Console, Integration Management).")
        return [Finding("commands.server_off", Level.BROKEN, cause, remedy)]
    found = [*_allowed(facts), *_there(facts)]
    if facts.looked and not any(one.level is Level.BROKEN for one in found):
        found.append(Finding("commands.there", Level.FINE, _("Mattermost has the commands as they are on record.")))
    return found


def _allowed(facts: CommandsThere) -> list[Finding]:
    if facts.settings is not None:
        allowed = of_allowed(COMMANDS, facts.url, facts.settings)
        return allowed or [
            Finding("commands.allowed", Level.FINE, _("Mattermost's settings let calls of slash commands through."))
        ]
    if not is_private(facts.url):
        return []
    cause = _(
        "The callback address is an internal one. AllowedUntrustedInternalConnections, which must have its host, is "
        "shown to system administrators only, so Durar cannot look at it."
    )
    remedy = Filled(
        _(
            "If commands do not arrive, let an administrator add {host} to "
            "ServiceSettings.AllowedUntrustedInternalConnections: the host alone, not the full address."
        ),
        host=host_of(facts.url),
    )
    return [Finding("commands.settings_hidden", Level.WARNING, cause, remedy)]


def _there(facts: CommandsThere) -> list[Finding]:
    found: list[Finding] = []
    if facts.refused:
        words = Filled(
            _("The bot may not read the slash commands of these teams: {teams}."), teams=", ".join(facts.refused)
        )
        remedy = _(
            "Give it manage_slash_commands (from Mattermost 11.2 on manage_own_slash_commands) there, or make it an "
            "administrator of the team."
        )
        found.append(Finding("commands.not_shown", Level.WARNING, words, remedy))
    if facts.gone:
        words = Filled(_("Mattermost does not have these commands any more: {names}."), names=_triggers(facts.gone))
        found.append(Finding("commands.gone", Level.BROKEN, words, REGISTER_AGAIN))
    if facts.changed:
        words = Filled(
            _("These commands have another token in Mattermost, so their calls are refused: {names}."),
            names=_triggers(facts.changed),
        )
        found.append(Finding("commands.token_changed", Level.BROKEN, words, REGISTER_AGAIN))
    if facts.elsewhere:
        words = Filled(
            _("These commands call another address than this Durar's: {names}."), names=_with_urls(facts.elsewhere)
        )
        found.append(Finding("commands.elsewhere", Level.BROKEN, words, REGISTER_AGAIN))
    if facts.leftover:
        words = Filled(
            _("The bot has old commands in Mattermost that this Durar did not register: {names}."),
            names=_with_urls(facts.leftover),
        )
        remedy = _("Remove them in Mattermost (Integrations, Slash Commands), unless another installation uses them.")
        found.append(Finding("commands.leftover", Level.WARNING, words, remedy))
    return found


def _with_urls(commands: Sequence[tuple[str, str]]) -> str:
    return limited([f"/{trigger} ({url})" for trigger, url in commands])


def _triggers(triggers: Sequence[str]) -> str:
    return limited([f"/{one}" for one in triggers])
