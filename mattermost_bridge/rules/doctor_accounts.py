"""What `doctor` says about one account by its records: its settings, its connection, and why it keeps silent."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from mattermost_bridge.rules import lint
from mattermost_bridge.rules.doctor import Finding, Level
from mattermost_bridge.rules.marking import Filled, joined
from mattermost_bridge.rules.marking import gettext_noop as _
from mattermost_bridge.rules.reasons import Reason

#: Lint that means that the bot answers nobody at all, whoever writes.
_SILENT = (lint.Finding.BRIDGE_OFF, lint.Finding.NO_AGENT, lint.Finding.NOBODY_AT_ALL)


@dataclass(frozen=True, slots=True)
class StandingFacts:
    """What the records say. `missing` is a sentence on what keeps the account from being configured. `unused` names
    variables of the environment that are set and that this account does not use. `phase`, `hears` and `reason` are the
    connection's; `parked` says why nothing is sent. `silent_for` is the one reason for which nobody was answered in
    the last 24 hours; `unmentioned` counts posts in channels that nobody mentioned the bot in, of which none was
    answered."""

    enabled: bool = True
    archived: bool = False
    bridge_on: bool = True
    missing: str = ""
    unused: Sequence[str] = ()
    phase: str = ""
    hears: bool = True
    reason: str = ""
    parked: str = ""
    lint: Sequence[lint.Finding] = ()
    silent_for: Reason | None = None
    unmentioned: int = 0
    chatmode: str = "oncall"


def of_standing(facts: StandingFacts) -> list[Finding]:
    """What the records of an account say."""
    if facts.archived or not facts.enabled or not facts.bridge_on:
        return [_switched_off(facts)]
    found: list[Finding] = []
    if facts.missing:
        found.append(Finding("settings.incomplete", Level.BROKEN, facts.missing, _("Complete the account's settings.")))
        if facts.unused:
            cause = Filled(
                _("{names} in the environment applies to the account default only, and this is another one."),
                names=" and ".join(facts.unused),
            )
            remedy = _(
                "Enter token and address in this account's settings, or name a reference there (env:MATTERMOST_…, "
                "env:DURAR_SECRET_…)."
            )
            found.append(Finding("settings.environment", Level.BROKEN, cause, remedy))
    else:
        found.append(Finding("settings.complete", Level.FINE, _("The account has a token and an address.")))
        found.append(_connection(facts))
    if facts.parked:
        cause = Filled(_("Nothing is sent: {reason}"), reason=facts.parked)
        found.append(Finding("outbox.parked", Level.BROKEN, cause, _("Enter a token that works.")))
    found += _lint(facts)
    found += _silence(facts)
    return found


def _switched_off(facts: StandingFacts) -> Finding:
    if facts.archived:
        cause = _("The account is archived, so its bot is silent.")
        return Finding("account.archived", Level.BROKEN, cause, _("Restore it."))
    if not facts.enabled:
        cause = _("The account is disabled, so its bot neither listens nor answers.")
        return Finding("account.disabled", Level.BROKEN, cause, _("Enable it."))
    rule = lint.Finding.BRIDGE_OFF
    return Finding("settings.bridge_off", Level.BROKEN, rule.sentence, rule.remedy)


def _connection(facts: StandingFacts) -> Finding:
    if facts.hears:
        return Finding("connection.works", Level.FINE, _("A worker listens for the account."))
    cause = joined(
        _("Nobody hears what is said to the bot."), facts.reason or _("No worker listens for the account yet.")
    )
    remedy = {
        "token_refused": _("Make a new token for the bot in Mattermost and enter it; check there that it is enabled."),
        "stopped": _("Start a worker with --listeners (`Durar up` starts one)."),
    }.get(
        facts.phase,
        _("Wait for the next try, or press Reconnect now; what is said about the server names the cause."),
    )
    return Finding("connection.lost", Level.BROKEN, cause, remedy)


def _lint(facts: StandingFacts) -> list[Finding]:
    levels = {lint.Weight.NEEDS_A_HAND: Level.WARNING, lint.Weight.NOTE: Level.FINE}
    return [
        Finding(
            f"settings.{one.value}",
            Level.BROKEN if one in _SILENT else levels[one.weight],
            one.sentence,
            one.remedy,
        )
        for one in facts.lint
    ]


def _silence(facts: StandingFacts) -> list[Finding]:
    if facts.unmentioned:
        words = (
            _(
                "In channels nobody was answered in the last 24 hours, in chatmode onchar: messages that did not begin "
                "with a trigger prefix or mention it: {count}."
            )
            if facts.chatmode == "onchar"
            else _(
                "In channels nobody was answered in the last 24 hours, in chatmode {chatmode}: messages that did not "
                "mention it: {count}."
            )
        )
        cause = Filled(words, count=facts.unmentioned, chatmode=facts.chatmode)
        remedy = _(
            'Mention the bot by its name with @, use a trigger prefix (chatmode "onchar"), or set chatmode to '
            '"onmessage".'
        )
        return [Finding("replies.not_mentioned", Level.WARNING, cause, remedy)]
    if facts.silent_for is None:
        return []
    reason = facts.silent_for
    words = _("Nobody was answered in the last 24 hours, all for one reason: {label}.")
    first = Filled(words, label=Filled(reason.label))
    return [Finding("replies.one_reason", Level.WARNING, joined(first, reason.sentence), reason.remedy)]
