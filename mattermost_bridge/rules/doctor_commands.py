"""What the records of an account say about its slash commands: whether they are on, where Mattermost calls, how
registering them went, and which calls were refused. `doctor`, *Diagnose* and the tab *Commands* say the same by it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum

from mattermost_bridge.rules import slash_payload
from mattermost_bridge.rules.callback_urls import is_loopback
from mattermost_bridge.rules.doctor import Finding, Level
from mattermost_bridge.rules.doctor_callbacks import is_same_place
from mattermost_bridge.rules.marking import Filled, joined
from mattermost_bridge.rules.marking import gettext_noop as _

#: So many seconds a registration that is due may wait for a worker.
MAY_WAIT = 120.0
#: So many commands are named in a sentence.
_NAMED = 5
#: The remedy that heals most of it.
REGISTER_AGAIN = _("Choose Register commands again on the account's tab Commands.")
_MEANT = _("an address of Durar that the Mattermost server can reach")


class CommandTrouble(StrEnum):
    """What was wrong with calls of commands that came in; the value is what people read."""

    WRONG_TOKEN = slash_payload.WRONG_TOKEN


class Where(StrEnum):
    """How one command stands."""

    REGISTERED = "registered"
    REFUSED = "refused"
    FOREIGN = "foreign"
    REMOVING = "removing"
    OPEN = "open"


@dataclass(frozen=True, slots=True)
class OneCommand:
    """A command on record: `error` is what went wrong with it, `stale` why calls of it are refused though it is
    registered, `theirs` the account of ours that has its name in this team."""

    trigger: str
    team: str
    where: Where = Where.REGISTERED
    error: str = ""
    stale: str = ""
    theirs: str = ""


@dataclass(frozen=True, slots=True)
class Registration:
    """How registering went: its state as it is stored, its sentence, and the seconds that it waits for a worker."""

    state: str = "done"
    error: str = ""
    waits: float = 0.0


@dataclass(frozen=True, slots=True)
class CommandFacts:
    """What the records say. `native` is whether commands are on and `source` what says so; `on_by_default` whether the
    defaults switch them on. `explicit`: the address is `commands.callbackUrl`. `registration` is None where there never
    was one. `shared` names, for commands, other accounts that have the same token. `troubles` are those of calls in the
    last 24 hours with their moments."""

    native: bool = False
    source: str = "built-in"
    on_by_default: bool = False
    skills: bool = False
    url: str = ""
    explicit: bool = False
    server_url: str = ""
    registration: Registration | None = None
    commands: Sequence[OneCommand] = ()
    shared: Mapping[str, str] | None = None
    troubles: Mapping[CommandTrouble, str] | None = None


def of_records(facts: CommandFacts) -> list[Finding]:
    """What the records say about the slash commands of an account that is in use."""
    if not facts.native:
        return _off(facts)
    found = [*_address(facts), *_single(facts), *_registration(facts), *_calls(facts)]
    registered = [one for one in facts.commands if one.where is Where.REGISTERED and not one.stale]
    if registered and not any(one.level is Level.BROKEN for one in found):
        teams = len({one.team for one in registered})
        words = Filled(_("Registered commands: {count}, teams: {teams}."), count=len(registered), teams=teams)
        found.append(Finding("commands.registered", Level.FINE, words))
    return found


def _off(facts: CommandFacts) -> list[Finding]:
    if facts.source == "account" and facts.on_by_default:
        cause = _(
            "Slash commands are off: this account's own commands.native overrides the defaults, which have it on."
        )
        found = [Finding("commands.off", Level.WARNING, cause, _("Set commands.native to true for this account."))]
    else:
        cause = _('Slash commands are off: commands.native is not true, and "auto", the built-in value, counts as off.')
        remedy = _("If people should have them, set commands.native to true, for the account or in the defaults.")
        found = [Finding("commands.off", Level.FINE, cause, remedy)]
    if facts.skills:
        cause = _("commands.nativeSkills is on, but commands.native is not: skills have no slash commands.")
        remedy = _("Set commands.native to true as well.")
        found.append(Finding("commands.skills_alone", Level.WARNING, cause, remedy))
    left = [one for one in facts.commands if one.where is Where.REMOVING]
    if left:
        words = Filled(_("Commands could not be removed from Mattermost: {names}."), names=_names(left))
        remedy = _("Remove them in Mattermost (Integrations, Slash Commands), or give the bot back its permission.")
        found.append(Finding("commands.not_removed", Level.WARNING, joined(words, _first_error(left)), remedy))
    return found


def _address(facts: CommandFacts) -> list[Finding]:
    url, server = facts.url, facts.server_url
    if server and is_same_place(url, server):
        cause = Filled(_("commands.callbackUrl ({url}) leads to Mattermost itself, not to Durar."), url=url)
        remedy = Filled(
            _("Set it to {meant}, unless a proxy in front of Mattermost passes that path on to Durar."),
            meant=Filled(_MEANT),
        )
        return [Finding("commands.to_mattermost", Level.WARNING, cause, remedy)]
    if server and is_loopback(url) and not is_loopback(server):
        if facts.explicit:
            cause = Filled(
                _(
                    "commands.callbackUrl is {url}: for Mattermost at {server} that is its own machine, so commands do "
                    "not arrive unless it runs on the same host as Durar."
                ),
                url=url,
                server=server,
            )
            remedy = Filled(_("Set commands.callbackUrl to {meant}."), meant=Filled(_MEANT))
        else:
            cause = Filled(
                _(
                    "commands.callbackUrl is not set, so the callback resolved to {url}, which Mattermost at {server} "
                    "can only reach when it runs on the same host as Durar."
                ),
                url=url,
                server=server,
            )
            remedy = Filled(_("Set commands.callbackUrl, or DURAR_PUBLIC_URL, to {meant}."), meant=Filled(_MEANT))
        return [Finding("commands.loopback", Level.BROKEN, cause, remedy)]
    if facts.explicit:
        words = Filled(_("Slash commands come to {url}, as commands.callbackUrl says."), url=url)
    else:
        words = Filled(_("Slash commands come to {url}, made of Durar's address and commands.callbackPath."), url=url)
    return [Finding("commands.address", Level.FINE, words)]


def _registration(facts: CommandFacts) -> list[Finding]:
    registration = facts.registration
    if registration is None:
        cause = _("Commands were never registered with Mattermost, so every call is refused.")
        remedy = _("Check that the scheduler and a worker for the queue upkeep run (`Durar up` starts both).")
        return [Finding("commands.never_registered", Level.BROKEN, cause, joined(remedy, REGISTER_AGAIN))]
    if registration.waits > MAY_WAIT:
        words = Filled(
            _("Registering commands has been due for {seconds:.0f} s, and no worker does it."),
            seconds=registration.waits,
        )
        remedy = _("Start the scheduler and a worker for the queue upkeep (`Durar up` starts both).")
        return [Finding("commands.waiting", Level.BROKEN, words, remedy)]
    counted = [one for one in facts.commands if one.where is Where.REGISTERED]
    if registration.state == "failed":
        cause = (
            _("Registering commands failed; those registered before stay as they were.")
            if counted
            else _("No command could be registered, so every call is refused.")
        )
        # A missing permission and a taken name have findings of their own.
        told = any(one.where in (Where.REFUSED, Where.FOREIGN) for one in facts.commands)
        said = joined(cause, "" if told else registration.error)
        remedy = _(
            "Remove the cause. Durar tries again by itself, and Register commands again (tab Commands) does it at once."
        )
        return [Finding("commands.failed", Level.BROKEN, said, remedy)]
    if registration.state == "partial":
        rest = [one for one in facts.commands if one.where is not Where.REGISTERED]
        words = Filled(
            _("Only some commands could be registered; calls of the others are refused: {names}."), names=_names(rest)
        )
        remedy = joined(_("The tab Commands says of each why."), REGISTER_AGAIN)
        error = "" if any(one.where is Where.REFUSED for one in rest) else _first_error(rest)
        return [Finding("commands.partial", Level.WARNING, joined(words, error), remedy)]
    return []


def _single(facts: CommandFacts) -> list[Finding]:
    found: list[Finding] = []
    refused = [one for one in facts.commands if one.where is Where.REFUSED]
    if refused:
        teams = ", ".join(sorted({one.team for one in refused}))
        words = Filled(_("The bot may not manage slash commands in these teams: {teams}."), teams=teams)
        remedy = _(
            "Make it an administrator of the team (Manage Members, Team Admin), or let a system administrator add "
            "manage_slash_commands (from Mattermost 11.2 on manage_own_slash_commands) to its role; then choose "
            "Register commands again."
        )
        found.append(Finding("commands.permission_missing", Level.BROKEN, words, remedy))
    ours = [one for one in facts.commands if one.where is Where.FOREIGN and one.theirs]
    if ours:
        accounts = ", ".join(sorted({one.theirs for one in ours}))
        words = Filled(
            _("The account {accounts} has commands of the same names in the same team: {names}."),
            accounts=accounts,
            names=_names(ours),
        )
        remedy = _("Give each account a prefix of its own (durar.commandPrefix).")
        found.append(Finding("commands.prefix_clash", Level.WARNING, words, remedy))
    taken = [one for one in facts.commands if one.where is Where.FOREIGN and not one.theirs]
    if taken:
        words = Filled(
            _("Somebody else's commands have these names: {names}. They stay untouched."), names=_names(taken)
        )
        remedy = _("Remove those in Mattermost, or choose another prefix (durar.commandPrefix).")
        found.append(Finding("commands.name_taken", Level.WARNING, words, remedy))
    stale = [one for one in facts.commands if one.where is Where.REGISTERED and one.stale]
    for why in dict.fromkeys(one.stale for one in stale):
        words = Filled(
            _("Mattermost has commands of an earlier registration, and their calls are refused: {names}: {why}."),
            names=_names([one for one in stale if one.stale == why]),
            why=Filled(why),
        )
        found.append(Finding("commands.stale", Level.BROKEN, words, REGISTER_AGAIN))
    if facts.shared:
        words = Filled(
            _("Commands have the token of another account's, so their calls are refused (409): {names}."),
            names=limited([f"/{trigger} ({account})" for trigger, account in facts.shared.items()]),
        )
        remedy = _("Let only one account use this bot, then choose Register commands again for both.")
        found.append(Finding("commands.token_shared", Level.BROKEN, words, remedy))
    return found


def _calls(facts: CommandFacts) -> list[Finding]:
    at = (facts.troubles or {}).get(CommandTrouble.WRONG_TOKEN)
    if not at:
        return []
    words = Filled(
        _(
            'A call was refused with "{said}": its token is not that of the command as it is registered now. Last seen '
            "{at}."
        ),
        said=CommandTrouble.WRONG_TOKEN.value,
        at=at,
    )
    remedy = _(
        "Choose Register commands again. If it stays so, look in Mattermost (Integrations, Slash Commands) for an old "
        "command of that name, and check that the callback address leads to this Durar and not to another one."
    )
    return [Finding("commands.wrong_token", Level.WARNING, words, remedy)]


def of_strangers(at: str) -> list[Finding]:
    """What is to be said of the installation when a call came that belongs to no account; `at` is when, "" if never."""
    if not at:
        return []
    words = Filled(
        _(
            'A slash command was refused with "{said}" because no account has a command of that name in that team. '
            "Last seen {at}."
        ),
        said=CommandTrouble.WRONG_TOKEN.value,
        at=at,
    )
    remedy = _(
        "Look in Mattermost (Integrations, Slash Commands) which command calls this address: it is left over from a "
        "previous installation, or meant for another Durar. Remove it there, or correct its address."
    )
    return [Finding("commands.of_no_account", Level.WARNING, words, remedy)]


def _first_error(commands: Sequence[OneCommand]) -> str:
    return next((one.error for one in commands if one.error), "")


def _names(commands: Sequence[OneCommand]) -> str:
    return limited(sorted({f"/{one.trigger}" for one in commands}))


def limited(words: Sequence[str]) -> str:
    """The words in one line, the first of them when they are many."""
    more = len(words) - _NAMED
    return ", ".join(words[:_NAMED]) + (f" (+{more})" if more > 0 else "")
