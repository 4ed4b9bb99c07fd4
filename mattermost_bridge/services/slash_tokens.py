"""Whether a slash command that comes in is one of ours: its token, bound to account, team and trigger.

Whatever is not registered as it should be now is refused: nothing of it is kept in memory, so every process says the
same, before and after a restart.
"""

from __future__ import annotations

import hmac
from collections.abc import Collection

import structlog
from django.db.models import QuerySet, TextField
from django.db.models.functions import Cast

from mattermost_bridge.config.effective import AccountSettings, settings_for
from mattermost_bridge.models import Skill, SlashCommand, SlashRegistration
from mattermost_bridge.models.fields import WrongKeyError, decrypt, digests
from mattermost_bridge.models.states import CommandPurpose, SlashCommandState, SlashRegistrationState
from mattermost_bridge.rules import slash_payload as rules
from mattermost_bridge.rules.doctor_commands import CommandTrouble
from mattermost_bridge.rules.marking import gettext_noop as _
from mattermost_bridge.rules.slash_payload import Refusal, SlashCall
from mattermost_bridge.rules.slash_registration import trigger_of
from mattermost_bridge.services import call_troubles, slash_registration
from mattermost_bridge.services.slash_registration import callback_url_of, skills_of

log = structlog.get_logger(__name__)


def is_ready() -> bool:
    """Whether any account has a command of which calls are taken."""
    return (
        registered()
        .filter(account__enabled=True, account__archived_at=None)
        .exclude(account__slash_registration__state=SlashRegistrationState.OFF)
        .exists()
    )


def authenticate(call: SlashCall) -> tuple[SlashCommand, AccountSettings]:
    """The command whose token came, and its account.

    Raises Refusal: 401 unless token, team and trigger belong together, 409 when another account has the same token.

    Nothing is taken of a command that is not registered as it should be now: switched off, of another prefix, with
    another address, or of a skill that is gone.
    """
    same = _with_token(call.token)
    found = next((one for one in same if (one.team_id, one.trigger) == (call.team_id, call.trigger)), None)
    if found is None:
        # In the words that whoever typed the command reads, so that the log is found by them.
        log.warning(
            f"mattermost: slash command refused: {rules.WRONG_TOKEN}", trigger=call.trigger, team_id=call.team_id
        )
        _note(call)
        here = registered().filter(team_id=call.team_id, trigger=call.trigger)
        slash_registration.doubt(here.values_list("account_id", flat=True))
        raise Refusal(401, rules.WRONG_TOKEN)
    if any(one.account_id != found.account_id for one in same):
        log.error("two accounts have the same command token; register their commands again", trigger=call.trigger)
        raise Refusal(409, rules.SHARED_TOKEN)
    account = settings_for(found.account_id)
    if problem := _stale(found, account):
        log.warning("a slash command is not taken", account=account.account_id, trigger=call.trigger, problem=problem)
        raise Refusal(401, rules.WRONG_TOKEN)
    return found, account


def _note(call: SlashCall) -> None:
    """Remember for `doctor` whose command was called with a wrong token."""
    named = SlashCommand.objects.filter(team_id=call.team_id, trigger=call.trigger)
    states = list(named.values_list("account_id", "state"))
    # Two accounts may want one name; it is meant for whoever has it.
    having = {pk for pk, state in states if state == SlashCommandState.REGISTERED}
    for pk in having or {pk for pk, _state in states} or {call_troubles.NO_ACCOUNT}:
        call_troubles.note(pk, CommandTrouble.WRONG_TOKEN)


def registered() -> QuerySet[SlashCommand]:
    """The commands of which calls may be taken, whosever they are."""
    return SlashCommand.objects.filter(state=SlashCommandState.REGISTERED).exclude(command_id="")


def _with_token(token: str) -> list[SlashCommand]:
    """The commands of any account that have this token.

    They are found by keyed digests, which nobody without a key can aim at, and then compared in constant time.
    """
    found: list[SlashCommand] = []
    rows = registered().filter(token_digest__in=digests(token))
    # As it is stored: one row that no key reads must not hide the others.
    for row in rows.defer("token").annotate(stored=Cast("token", TextField())).order_by("pk"):
        try:
            stored = decrypt(row.stored)
        except WrongKeyError:
            log.warning("the token of a slash command cannot be read with our keys", command=row.pk)
            continue
        if stored and hmac.compare_digest(stored.encode(), token.encode("utf-8", "replace")):
            found.append(row)
    return found


def _stale(command: SlashCommand, account: AccountSettings) -> str:
    state = SlashRegistration.objects.filter(account=account.pk).values_list("state", flat=True).first()
    is_skill = command.purpose == CommandPurpose.SKILL
    skills = offered(account) if is_skill else ()
    return stale(command, account, callback_url_of(account), state, skills)


def stale(command: SlashCommand, account: AccountSettings, url: str, state: str | None, skills: Collection[str]) -> str:
    """Why calls of a registered command are refused all the same; "" when they are taken.

    `url` is the callback address and `skills` are the names of skills that hold now; `state` is that of the account's
    registration, None without one.
    """
    if state in (None, SlashRegistrationState.OFF):
        return _("the account's commands are not registered")
    if not account.listens:
        return _("the account is switched off or not configured")
    if not account.commands.native:
        return _("slash commands are switched off")
    if command.callback_url != url:
        return _("it was registered with another callback address")
    if command.trigger != trigger_of(account.commands.prefix, command.name):
        return _("it was registered with another prefix")
    if command.purpose == CommandPurpose.SKILL and command.name not in skills:
        return _("its skill is gone or switched off")
    return ""


def offered(account: AccountSettings) -> frozenset[str]:
    """The names of the skills for which the account has commands."""
    return frozenset(skill.name for skill in skills_of(account.pk)) if account.commands.native_skills else frozenset()


def skill_of(command: SlashCommand, account: AccountSettings) -> Skill | None:
    """The skill that a command is for; None when the account does not offer it (any more)."""
    if not account.commands.native_skills:
        return None
    return next((skill for skill in skills_of(account.pk) if skill.name == command.name), None)
