"""The tab *Commands* of an account's page: which slash commands Mattermost has, team by team, and what is wrong."""

from __future__ import annotations

from itertools import groupby
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _

from mattermost_bridge.admin import looks
from mattermost_bridge.admin.tabs import tab_of
from mattermost_bridge.config.effective import AccountSettings, settings_for
from mattermost_bridge.models import Account, Skill, SlashCommand, SlashRegistration
from mattermost_bridge.models.states import SlashCommandState, SlashRegistrationState
from mattermost_bridge.rules.doctor import Level
from mattermost_bridge.rules.doctor_commands import of_records
from mattermost_bridge.services import diagnosis_commands, rights, slash_registration

#: What this page shows as the registration's state and at each command.
_SHOWN = {"commands.failed", "commands.partial", "commands.permission_missing", "commands.name_taken"}


def commands(request: HttpRequest, account: Account) -> dict[str, Any]:
    """How the registration stands, where Mattermost calls, and every team's commands."""
    settings = settings_for(account.pk)
    registration = SlashRegistration.objects.filter(account=account).first()
    rows = slash_registration.commands_of(account.pk)
    on = settings.commands.native
    teams = [_team(list(found)) for _id, found in groupby(rows, key=lambda row: row.team_id)]
    error = registration.error if registration else ""
    for team in teams:
        if team["error"]:  # what is said of a team is not said twice
            error = error.replace(team["error"], "").strip()
    may_change = rights.may(request.user, "change_account", account)
    return {
        "on": on,
        "state": looks.state(
            SlashRegistrationState, registration.state if registration else SlashRegistrationState.OFF
        ),
        "error": error,
        "finished": looks.moment(registration.finished_at if registration else None),
        "next": looks.moment(registration.due_at if registration else None) if _is_later(registration) else "",
        "address": looks.code(slash_registration.callback_url_of(settings)),
        "problems": _problems(settings),
        "prefix": looks.code(settings.commands.prefix),
        "teams": teams,
        "settings": f"{tab_of(account, 'settings')}#id_commands_native" if may_change else "",
        "skills": looks.list_of(Skill) if rights.may(request.user, "view_skill") else "",
    }


def _problems(settings: AccountSettings) -> list[tuple[str, str]]:
    """Causes and remedies, as `doctor` says them."""
    found = of_records(diagnosis_commands.of_records(settings))
    return [
        (looks.translated(one.cause), looks.translated(one.remedy))
        for one in found
        if one.level is not Level.FINE and one.id not in _SHOWN
    ]


def _is_later(registration: SlashRegistration | None) -> bool:
    failed = (SlashRegistrationState.FAILED, SlashRegistrationState.PARTIAL)
    return registration is not None and registration.state in failed and registration.due_at is not None


def _team(rows: list[SlashCommand]) -> dict[str, Any]:
    # A team that refuses says the same of every command: once is enough.
    errors = {row.error for row in rows if row.error}
    one = errors.pop() if len(errors) == 1 and all(row.error for row in rows) else ""
    return {
        "name": rows[0].team_name or rows[0].team_id,
        "error": one,
        "rows": [
            (
                looks.code(f"/{row.trigger}"),
                row.get_purpose_display(),
                looks.state(SlashCommandState, row.state),
                # One that was never registered has no times.
                looks.moment(row.registered_at) if row.registered_at else "",
                looks.moment(row.last_used_at) if row.last_used_at else _("never"),
                "" if one else row.error,
            )
            for row in rows
        ],
    }
