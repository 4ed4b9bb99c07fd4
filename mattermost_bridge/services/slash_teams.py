"""One run of registering slash commands: what is asked of Mattermost, team by team, and what is recorded of it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import structlog
from django.db import transaction

from mattermost_bridge.config.effective import AccountSettings, settings_for
from mattermost_bridge.mattermost.errors import MattermostError
from mattermost_bridge.mattermost.rest import MattermostClient
from mattermost_bridge.mattermost.types import Command, Team
from mattermost_bridge.models import SlashCommand
from mattermost_bridge.models.states import SlashCommandState, SlashRegistrationState
from mattermost_bridge.rules.slash_registration import Kind, Step, Wanted, plan
from mattermost_bridge.services import slash_registration, slash_steps
from mattermost_bridge.services.clients import client_of
from mattermost_bridge.services.slash_registration import Job
from mattermost_bridge.services.slash_steps import delete, existing, named, permission_missing, settle, withdraw

log = structlog.get_logger(__name__)


class _LostError(Exception):
    """Another worker has the job by now."""


def run(account_pk: int) -> str:
    """Register an account's commands: afterwards every team of the bot has exactly those that are wanted.

    Whatever goes wrong is kept as a sentence with the registration or with the command, and tried again later.
    Returns how it went, for the log of tasks.
    """
    job = slash_registration.claim(account_pk)
    if job is None:
        return "done by another worker"
    account = settings_for(account_pk)
    wanted = slash_registration.wanted_of(account)
    found = slash_registration.digest_of(account, wanted)
    try:
        state, error, failed = _Run(account, wanted, job).all_teams()
    except _LostError:
        return "done by another worker"
    except MattermostError as problem:
        log.warning(f"mattermost: failed to register slash commands: {problem}", account=account.account_id)
        state, error, failed = SlashRegistrationState.FAILED, str(problem), True
    job.finish(state, error, found, failed=failed)
    return str(state)


class _Run:
    """The work of one run."""

    def __init__(self, account: AccountSettings, wanted: Sequence[Wanted], job: Job) -> None:
        self._account, self._wanted, self._job = account, wanted, job
        self._team_errors: list[str] = []

    def all_teams(self) -> tuple[str, str, bool]:
        """The state to record, the sentence of what went wrong, and whether to try again. Raises MattermostError."""
        rows = SlashCommand.objects.filter(account_id=self._account.pk)
        if not self._wanted and not rows.exists():
            return SlashRegistrationState.OFF, "", False
        if not self._account.configured:
            withdraw(rows.exclude(state=SlashCommandState.REMOVING), self._account.missing)
            return SlashRegistrationState.FAILED, self._account.missing, False
        if self._wanted:
            self._warn_of_address()
        client = client_of(self._account)
        me = client.me()
        teams = [team for team in client.my_teams() if not team.delete_at]
        for team in teams:
            self._keep_job()
            self._team(client, me.id, team)
        self._leave(client, {team.id for team in teams})
        return self._outcome(teams)

    def _warn_of_address(self) -> None:
        """Say in the log when Mattermost cannot reach the callback address, before anything is registered with it."""
        problem = slash_registration.callback_problem(self._account)
        if problem:
            url = slash_registration.callback_url_of(self._account)
            log.warning(
                f"mattermost: slash command callback resolved to {url}, from where commands may not arrive",
                account=self._account.account_id,
                problem=problem,
            )

    def _outcome(self, teams: Sequence[Team]) -> tuple[str, str, bool]:
        rows = SlashCommand.objects.filter(account_id=self._account.pk)
        registered = rows.filter(state=SlashCommandState.REGISTERED).count()
        open_ones = rows.exclude(state__in=(SlashCommandState.REGISTERED, SlashCommandState.FOREIGN)).count()
        name = self._account.account_id
        if self._team_errors:
            log.warning(
                f"slash command registration completed with {len(self._team_errors)} team error(s)",
                account=name,
                errors=self._team_errors,
            )
        error = " ".join(dict.fromkeys(self._team_errors))
        if not self._wanted:
            return (
                (SlashRegistrationState.PARTIAL, error, True) if open_ones else (SlashRegistrationState.OFF, "", False)
            )
        if not teams:
            error = "The bot is in no team, and slash commands belong to teams. Add the bot to a team in Mattermost."
        if not registered:
            log.warning(
                "mattermost: native slash commands enabled but no commands could be registered; keeping slash "
                "callbacks inactive",
                account=name,
            )
            return SlashRegistrationState.FAILED, error or "No command could be registered; each says why.", True
        url = slash_registration.callback_url_of(self._account)
        counts = f"{registered} commands across {len(teams)} teams, callback={url}"
        log.info(f"mattermost: slash commands registered ({counts})", account=name)
        whole = not open_ones and registered == rows.count()
        return (
            SlashRegistrationState.DONE if whole else SlashRegistrationState.PARTIAL,
            error,
            bool(open_ones),
        )

    def _keep_job(self) -> None:
        if not self._job.renew():
            raise _LostError

    def _team(self, client: MattermostClient, me_id: str, team: Team) -> None:
        rows = self._note_wanted(team)
        if not rows:
            return
        try:
            found = client.commands_of(team.id)
        except MattermostError as error:
            if error.is_server_trouble or error.is_unauthorized or error.is_rate_limited:
                raise
            self._refuse(rows.values(), team, error)
            return
        steps = plan(
            self._wanted,
            [existing(one) for one in found],
            me_id=me_id,
            known=rows.keys(),
            known_ids={row.command_id for row in rows.values() if row.command_id},
        )
        commands = {one.id: one for one in found}
        for step in steps:
            self._keep_job()
            self._do(client, team, step, rows.get(step.trigger), commands)
        # What is on record and was neither there nor is wanted is gone.
        SlashCommand.objects.filter(
            pk__in=[rows[trigger].pk for trigger in rows.keys() - {one.trigger for one in self._wanted}],
            state=SlashCommandState.REMOVING,
            error="",
        ).delete()

    def _note_wanted(self, team: Team) -> dict[str, SlashCommand]:
        """The rows of a team by trigger, with all that is wanted there, before Mattermost is asked for it."""
        with transaction.atomic():
            rows = {
                row.trigger: row
                for row in SlashCommand.objects.filter(account_id=self._account.pk, team_id=team.id).order_by("pk")
            }
            for want in self._wanted:
                row = rows.get(want.trigger)
                if row is None:
                    row = rows[want.trigger] = SlashCommand(
                        account_id=self._account.pk, team_id=team.id, trigger=want.trigger
                    )
                if row.state == SlashCommandState.REMOVING:
                    row.state = SlashCommandState.WANTED
                row.purpose, row.name, row.team_name = want.purpose, want.name, (team.name or team.display_name)[:64]
                row.save()
            for trigger in rows.keys() - {one.trigger for one in self._wanted}:
                rows[trigger].state, rows[trigger].error = SlashCommandState.REMOVING, ""
                rows[trigger].save()
        return rows

    def _do(
        self,
        client: MattermostClient,
        team: Team,
        step: Step,
        row: SlashCommand | None,
        commands: dict[str, Command],
    ) -> None:
        """One step, and what is recorded of it. Raises MattermostError when the whole server is in trouble."""
        try:
            slash_steps.take(client, team, step, row, commands)
        except MattermostError as error:
            if error.is_server_trouble or error.is_unauthorized or error.is_rate_limited:
                raise
            if row is None:
                self._team_errors.append(f"{named(team)}: {error}")
            else:
                self._refuse([row], team, error)
        if step.kind is Kind.SKIP_FOREIGN:
            log.warning(
                f"slash command /{step.trigger} is already used by non-Durar command(s)",
                account=self._account.account_id,
                team=team.name,
            )

    def _refuse(self, rows: Iterable[SlashCommand], team: Team, error: MattermostError) -> None:
        """Keep why these commands of a team could not be registered, or removed."""
        denied = error.status == 403
        sentence = permission_missing(self._account.bot_username, named(team)) if denied else str(error)
        state = SlashCommandState.REFUSED if denied else SlashCommandState.FAILED
        for row in rows:
            removing = row.state == SlashCommandState.REMOVING
            settle(row, SlashCommandState.REMOVING if removing else state, sentence)
        if sentence not in self._team_errors:
            self._team_errors.append(sentence)

    def _leave(self, client: MattermostClient, team_ids: set[str]) -> None:
        """Teams that the bot is no member of any more: remove what it may, and forget what it may not even see."""
        for row in SlashCommand.objects.filter(account_id=self._account.pk).exclude(team_id__in=team_ids):
            self._keep_job()
            if row.state != SlashCommandState.REMOVING:
                settle(row, SlashCommandState.REMOVING, "")
            try:
                if row.command_id:
                    delete(client, row.command_id)
            except MattermostError as error:
                if error.status != 403:
                    raise
                log.warning(
                    "a slash command stays in a team that the bot left: an administrator has to remove it",
                    account=self._account.account_id,
                    team=row.team_name,
                    command=row.trigger,
                )
            row.delete()
