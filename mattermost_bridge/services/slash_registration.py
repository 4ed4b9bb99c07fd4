"""Registering slash commands: a job for each account that can run again at any time and ends in the same state.

What is wanted follows from settings and skills alone. `look` notices that it changed, that a run is due again, or that
a night has passed, and starts `run`, which makes every team of the bot have exactly these commands. The records are
written before Mattermost is asked, so that whatever an interrupted run left there is known as ours by the next one.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

import structlog
from django.conf import settings as django_settings
from django.db import IntegrityError, transaction
from django.db.models import F, Q
from django.utils import timezone

from mattermost_bridge.config.effective import AccountSettings, settings_for
from mattermost_bridge.live import messages as live
from mattermost_bridge.models import Account, Skill, SlashCommand, SlashRegistration
from mattermost_bridge.models.states import CommandPurpose, SlashRegistrationState
from mattermost_bridge.rules.callback_urls import callback_base, command_url, unreachable
from mattermost_bridge.rules.doctor_reachability import Kind
from mattermost_bridge.rules.slash_registration import Offered, Wanted, digest, wanted_commands
from mattermost_bridge.services import audit, hints, probes
from mattermost_bridge.services.audit import Actor
from mattermost_bridge.services.buttons import port
from mattermost_bridge.services.records import locked

log = structlog.get_logger(__name__)

RUN = "durar.upkeep.register_commands"
DOUBT = "durar.upkeep.doubt_commands"
#: So long, in seconds, a wrong token of an account's command starts no further look at what Mattermost has: who sends
#: wrong tokens may be a stranger, who is to move nothing by it.
DOUBT_EVERY = 60.0
#: The setting that says where Mattermost reaches Durar with slash commands.
CALLBACK_SETTING = "channels.mattermost.commands.callbackUrl"
#: So long, in seconds, a worker holds the job between two signs of life; then another may take it.
CLAIM_SECONDS = 90.0
#: Hour of the day, by the server's time zone, after which every registration is looked through.
NIGHT_HOUR = 3
_FIRST_PAUSE, _LONGEST_PAUSE = 30.0, 3600.0
#: News of teams come several together, as when somebody leaves.
_SOON = timedelta(seconds=20)
#: When this process last doubted the commands of an account, in monotonic seconds.
_doubted: dict[int, float] = {}


def callback_url_of(account: AccountSettings) -> str:
    """Where Mattermost sends this account's slash commands: `commands.callbackUrl`, else the callback path on
    DURAR_PUBLIC_URL, `gateway.customBindHost` or localhost."""
    base = callback_base(
        public_url=django_settings.PUBLIC_URL, bind_host=account.gateway.custom_bind_host, port=port(account)
    )
    return command_url(base, account.commands.callback_path, account.commands.callback_url)


def callback_problem(account: AccountSettings) -> str:
    """A sentence when the account's server cannot reach the callback address; "" when nothing speaks against it, or
    when a call arrived there lately."""
    url = callback_url_of(account)
    problem = unreachable(url, account.base_url, CALLBACK_SETTING)
    return "" if problem and probes.is_proven(account.pk, Kind.COMMANDS, url) else problem


def skills_of(account_pk: int) -> list[Skill]:
    """The skills in use that an account offers, by name."""
    mine = Q(accounts=None) | Q(accounts=account_pk)
    return list(Skill.objects.filter(mine, enabled=True).distinct().order_by("name"))


def _skills_of_all() -> Callable[[int], list[Skill]]:
    """As `skills_of`, with all skills read at once, for many accounts."""
    skills = list(Skill.objects.filter(enabled=True).order_by("name"))
    chosen: dict[int, set[int]] = {}
    for skill_pk, account_pk in Skill.accounts.through.objects.values_list("skill", "account"):
        chosen.setdefault(skill_pk, set()).add(account_pk)
    return lambda account_pk: [one for one in skills if account_pk in chosen.get(one.pk, {account_pk})]


def wanted_of(account: AccountSettings, skills_of: Callable[[int], list[Skill]] = skills_of) -> tuple[Wanted, ...]:
    """The commands that the account should have in each team; none when they are off, or the account is."""
    if not account.commands.native or not account.enabled or account.archived:
        return ()
    skills = skills_of(account.pk) if account.commands.native_skills else []
    offered = [Offered(CommandPurpose.SKILL, one.name, one.description, one.hint) for one in skills]
    return wanted_commands(account.commands.prefix, offered, callback_url_of(account))


def digest_of(account: AccountSettings, wanted: Iterable[Wanted]) -> str:
    """What changes when another run is needed: the commands, the server, the bot, and whether there is a token."""
    commands = [(one.trigger, one.purpose, one.name, one.fields) for one in wanted]
    return digest([commands, account.base_url, account.bot_user_id, account.configured])


def ask_for(account_pk: int) -> None:
    """Have an account's commands registered (again) now, inside the caller's transaction."""
    row, _ = SlashRegistration.objects.get_or_create(account_id=account_pk)
    SlashRegistration.objects.filter(pk=row.pk).update(
        due_at=timezone.now(), attempts=0, state=SlashRegistrationState.DUE
    )
    hints.task_after_commit(RUN, account_pk)
    live.changed(account_pk, "account", [account_pk])


def register_again(account_pk: int, *, actor: Actor) -> None:
    """An operator wants it tried now. Raises NotFound."""
    with transaction.atomic():
        account = locked(account_pk)
        ask_for(account_pk)
        audit.record(
            actor=actor,
            verb="account.register_commands",
            account=account,
            target=account,
            summary=f"The slash commands of the account {account.account_id} are registered again.",
        )


def look_soon(account_pk: int) -> None:
    """Something happened that may need a run, as somebody (perhaps the bot) came into a team or left one: run soon,
    once for all that happens until then."""
    soon = timezone.now() + _SOON
    SlashRegistration.objects.filter(
        Q(due_at=None) | Q(due_at__gt=soon), account_id=account_pk, account__enabled=True
    ).exclude(state=SlashRegistrationState.OFF).update(due_at=soon)


def doubt(account_pks: Iterable[int]) -> None:
    """A wrong token came for a registered command of these accounts: perhaps Mattermost has another one by now.

    A worker looks soon. No row changes here, and of many such calls one a minute counts for each account and process.
    """
    now = time.monotonic()
    for account_pk in account_pks:
        if now - _doubted.get(account_pk, -DOUBT_EVERY) >= DOUBT_EVERY:
            _doubted[account_pk] = now
            hints.task_after_commit(DOUBT, account_pk)


def look() -> int:
    """By the clock: start a run for every account that needs one; returns how many."""
    now = timezone.now()
    started = 0
    rows = {row.account_id: row for row in SlashRegistration.objects.all()}
    skills = _skills_of_all()
    for account_pk in Account.objects.order_by("pk").values_list("pk", flat=True):
        row = rows.get(account_pk)
        account = settings_for(account_pk)
        if row is None and not account.commands.native:
            continue
        wanted = wanted_of(account, skills)
        if row is None and not wanted:
            continue
        if row is None or _is_due(row, digest_of(account, wanted), now):
            hints.task_after_commit(RUN, account_pk)
            started += 1
    return started


def _is_due(row: SlashRegistration, wanted: str, now: datetime) -> bool:
    if row.claimed_until is not None and row.claimed_until > now:
        return False
    if row.wanted != wanted or (row.due_at is not None and row.due_at <= now):
        return True
    if row.state == SlashRegistrationState.OFF:
        return False
    here = timezone.localtime(now)
    night = here.replace(hour=NIGHT_HOUR, minute=0, second=0, microsecond=0)
    night = night if night <= here else night - timedelta(days=1)
    # A claim that ran out is the trace of a worker that died.
    return row.claimed_until is not None or row.finished_at is None or row.finished_at < night


class Job:
    """The claim on one account's registration; while it holds, no other worker registers for the account."""

    def __init__(self, row: SlashRegistration, until: datetime) -> None:
        self.row, self._until = row, until

    def renew(self) -> bool:
        """Hold it a while longer; False when somebody else has it by now."""
        until = timezone.now() + timedelta(seconds=CLAIM_SECONDS)
        rows = SlashRegistration.objects.filter(pk=self.row.pk, claimed_until=self._until)
        if not rows.update(claimed_until=until):
            return False
        self._until = until
        return True

    def finish(self, state: str, error: str, wanted: str, *, failed: bool) -> None:
        """Say how it went and give the claim back. After a failure it is due again, later each time."""
        now = timezone.now()
        rows = SlashRegistration.objects.filter(pk=self.row.pk, claimed_until=self._until)
        pause = min(_FIRST_PAUSE * 2 ** min(self.row.attempts, 10), _LONGEST_PAUSE)
        attempts = F("attempts") + 1 if failed else 0
        done = rows.update(
            state=state, error=error, wanted=wanted, attempts=attempts, claimed_until=None, finished_at=now
        )
        if done:
            # Whoever asked for a run meanwhile gets one.
            again = now + timedelta(seconds=pause) if failed else None
            SlashRegistration.objects.filter(pk=self.row.pk, due_at=self.row.due_at).update(due_at=again)
            live.changed(self.row.account_id, "account", [self.row.account_id])


def claim(account_pk: int) -> Job | None:
    """Take the job of an account; None when another worker has it, or the account is gone."""
    now = timezone.now()
    until = now + timedelta(seconds=CLAIM_SECONDS)
    if not SlashRegistration.objects.filter(account_id=account_pk).exists():
        try:
            with transaction.atomic():
                SlashRegistration.objects.create(account_id=account_pk)
        except IntegrityError:
            log.info("the registration of slash commands began elsewhere, or its account is gone", account=account_pk)
    free = SlashRegistration.objects.filter(Q(claimed_until=None) | Q(claimed_until__lte=now), account_id=account_pk)
    if not free.update(claimed_until=until, state=SlashRegistrationState.RUNNING):
        return None
    return Job(SlashRegistration.objects.get(account_id=account_pk), until)


def waits(account_pk: int) -> bool:
    """Whether a run is to come anyway, as after a failure."""
    return SlashRegistration.objects.filter(account_id=account_pk).exclude(due_at=None).exists()


def commands_of(account_pk: int) -> list[SlashCommand]:
    """The commands on record of an account, by team and name."""
    # Without the tokens, which nobody looks at and one of which may be unreadable.
    rows = SlashCommand.objects.filter(account_id=account_pk).defer("token")
    return list(rows.order_by("team_name", "team_id", "trigger"))
