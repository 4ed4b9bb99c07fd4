"""Facts about an account's slash commands for `doctor`, *Diagnose* and the tab *Commands*: what the records say, and
how it compares with what Mattermost has."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from django.db.models import TextField
from django.db.models.functions import Cast
from django.utils import timezone

from mattermost_bridge.config.effective import AccountSettings
from mattermost_bridge.mattermost.types import Command
from mattermost_bridge.models import BridgeDefaults, SlashCommand, SlashRegistration
from mattermost_bridge.models.fields import WrongKeyError, decrypt
from mattermost_bridge.models.states import SlashCommandState
from mattermost_bridge.rules.doctor_callbacks import IntegrationSettings
from mattermost_bridge.rules.doctor_commands import CommandFacts, CommandTrouble, OneCommand, Registration, Where
from mattermost_bridge.rules.doctor_commands_server import CommandsThere
from mattermost_bridge.services import call_troubles, slash_tokens
from mattermost_bridge.services.slash_registration import callback_url_of, commands_of

_WHERE = {
    SlashCommandState.REGISTERED: Where.REGISTERED,
    SlashCommandState.REFUSED: Where.REFUSED,
    SlashCommandState.FOREIGN: Where.FOREIGN,
    SlashCommandState.REMOVING: Where.REMOVING,
}
_ON = "on"


def of_records(account: AccountSettings) -> CommandFacts:
    """What is on record. Costs the same few queries for one command and for hundreds; no server is asked."""
    registration = SlashRegistration.objects.filter(account_id=account.pk).first()
    rows = commands_of(account.pk)
    theirs = _of_our_other_accounts(account.pk, rows)
    state = registration.state if registration else None
    skills, url = slash_tokens.offered(account), callback_url_of(account)
    by_default = BridgeDefaults.objects.filter(pk=1).values_list("commands_native", flat=True).first()
    return CommandFacts(
        native=account.commands.native,
        source=dict(account.policy.sources).get("commands_native", ""),
        on_by_default=by_default == _ON,
        skills=account.commands.native_skills,
        url=url,
        explicit=bool(account.commands.callback_url.strip()),
        server_url=account.base_url,
        registration=_registration(registration),
        commands=[_command(row, why=_stale(row, account, url, state, skills), theirs=theirs) for row in rows],
        shared=_shared(account.pk),
        troubles=call_troubles.recent(account.pk, CommandTrouble),
    )


def _registration(row: SlashRegistration | None) -> Registration | None:
    if row is None:
        return None
    now = timezone.now()
    # A worker that holds the job is at it; one that died gave it back by now.
    works = row.claimed_until is not None and row.claimed_until > now
    since = row.due_at or row.claimed_until
    waits = (now - since).total_seconds() if since and not works else 0.0
    return Registration(row.state, row.error, max(0.0, waits))


def _command(row: SlashCommand, *, why: str, theirs: Mapping[tuple[str, str], str]) -> OneCommand:
    where = _WHERE.get(SlashCommandState(row.state), Where.OPEN)
    return OneCommand(
        trigger=row.trigger,
        team=row.team_name or row.team_id,
        where=where,
        error=row.error,
        stale=why,
        theirs=theirs.get((row.team_id, row.trigger), "") if where is Where.FOREIGN else "",
    )


def _stale(row: SlashCommand, account: AccountSettings, url: str, state: str | None, skills: frozenset[str]) -> str:
    is_registered = row.state == SlashCommandState.REGISTERED
    return slash_tokens.stale(row, account, url, state, skills) if is_registered else ""


def _of_our_other_accounts(account_pk: int, rows: Sequence[SlashCommand]) -> dict[tuple[str, str], str]:
    """Which other account has a command of the same name in the same team."""
    taken = [row for row in rows if row.state == SlashCommandState.FOREIGN]
    if not taken:
        return {}
    others = (
        SlashCommand.objects.filter(team_id__in={row.team_id for row in taken}, state=SlashCommandState.REGISTERED)
        .exclude(account_id=account_pk)
        .values_list("team_id", "trigger", "account__account_id")
    )
    return {(team_id, trigger): account_id for team_id, trigger, account_id in others}


def _shared(account_pk: int) -> dict[str, str]:
    """The commands whose token another account's command has, too, with that account."""
    mine = slash_tokens.registered().filter(account_id=account_pk).exclude(token_digest="")
    triggers = dict(mine.values_list("token_digest", "trigger"))
    others = slash_tokens.registered().filter(token_digest__in=mine.values("token_digest"))
    pairs = others.exclude(account_id=account_pk).values_list("token_digest", "account__account_id")
    return {triggers[digest]: account_id for digest, account_id in pairs if digest in triggers}


def of_server(
    account: AccountSettings,
    there: Mapping[str, Sequence[Command] | None],
    *,
    bot_id: str,
    enabled: bool | None,
    settings: IntegrationSettings | None,
) -> CommandsThere:
    """How the commands that Mattermost has compare with those on record. `there` has each team's by the team's id, None
    for a team that does not show them; teams that were not asked are missing in it."""
    rows = [row for row in _with_tokens(account.pk) if there.get(row.team_id) is not None]
    by_id = {one.id: one for commands in there.values() for one in commands or ()}
    url = callback_url_of(account)
    known = {row.command_id for row in rows}
    present = [(row, by_id[row.command_id]) for row in rows if row.command_id in by_id]
    on_record = SlashCommand.objects.filter(account_id=account.pk)
    names = dict(on_record.values_list("team_id", "team_name"))
    # That they are refused is on record, and said.
    said = set(on_record.filter(state=SlashCommandState.REFUSED).values_list("team_id", flat=True))
    refused = [team_id for team_id, commands in there.items() if commands is None and team_id not in said]
    return CommandsThere(
        enabled=enabled,
        url=url,
        settings=settings,
        gone=[row.trigger for row in rows if row.command_id not in by_id],
        changed=[row.trigger for row, command in present if command.token and not _is_same(row, command.token)],
        elsewhere=[(row.trigger, command.url) for row, command in present if command.url != url],
        leftover=[
            (one.trigger, one.url)
            for one in by_id.values()
            if one.creator_id == bot_id and one.id not in known and one.trigger.startswith(account.commands.prefix)
        ],
        refused=sorted(names.get(team_id) or team_id for team_id in refused),
        looked=bool(rows),
    )


def _with_tokens(account_pk: int) -> list[SlashCommand]:
    """The registered commands; each has `stored`, its token as it stands in the database."""
    rows = slash_tokens.registered().filter(account_id=account_pk).defer("token")
    return list(rows.annotate(stored=Cast("token", TextField())).order_by("trigger"))


def _is_same(row: SlashCommand, token: str) -> bool:
    try:
        return decrypt(row.stored) == token  # type: ignore[attr-defined]
    except WrongKeyError:
        return False
