"""What `doctor` says about reachability, once Mattermost itself was made to call Durar: whether the call came, and if
it did not, why not, by what the server answered the bot. Error ids are those of Mattermost 5.37 to 11."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

from mattermost_bridge.rules.doctor import Finding, Level
from mattermost_bridge.rules.doctor_callbacks import host_of, is_private, is_same_place
from mattermost_bridge.rules.marking import Filled, joined
from mattermost_bridge.rules.marking import gettext_noop as _

#: What Go's HTTP client says of an answer, in any language of the server: 404 Not Found.
_STATUS = re.compile(r"\b([1-5]\d\d) [A-Z][A-Za-z' -]+")


class Kind(StrEnum):
    """For what Mattermost calls Durar."""

    COMMANDS = "commands"
    BUTTONS = "buttons"


class Why(StrEnum):
    """What came of making Mattermost call Durar."""

    ARRIVED = "arrived"
    ANSWER_LOST = "answer_lost"  # the call came here, and Mattermost did not get our answer
    NOT_CALLED = "not_called"  # Mattermost could not call the address, or does not say why
    OTHER_STATUS = "other_status"  # somebody answered with another status than 200
    ELSEWHERE = "elsewhere"  # somebody else answered 200
    SOURCE_REFUSED = "source_refused"  # we took no call from that address
    TOO_SLOW = "too_slow"
    SWITCHED_OFF = "switched_off"  # by a setting of the server
    FORBIDDEN = "forbidden"  # to the bot
    GONE = "gone"  # the server does not have the command, or the button, any more
    NOT_REGISTERED = "not_registered"  # there is no command to try
    BUSY = "busy"  # another trial is running
    TROUBLE = "trouble"  # it did not come to a call


@dataclass(frozen=True, slots=True)
class Refused:
    """What the server said to the bot instead of doing it: status (None: no answer), error id, and the sentence."""

    status: int | None = None
    error_id: str = ""
    text: str = ""
    timed_out: bool = False


@dataclass(frozen=True, slots=True)
class Result:
    """How a trial ended: `url` is the address that Mattermost was to call, `detail` what the server or Durar said."""

    kind: Kind
    why: Why
    url: str = ""
    detail: str = ""

    @property
    def arrives(self) -> bool:
        """Whether calls come in and are answered."""
        return self.why is Why.ARRIVED


def why(kind: Kind, refused: Refused | None, *, arrived: bool, source_refused: bool = False) -> tuple[Why, str]:
    """What a trial means, with a detail: what the server said (None: it did as it was told), whether our mark came in
    here, and whether we refused a call meanwhile because of where it came from."""
    if refused is None:
        return (Why.ARRIVED, "") if arrived else (Why.ELSEWHERE, "")
    if arrived:
        return Why.ANSWER_LOST, refused.text
    if source_refused:
        return Why.SOURCE_REFUSED, ""
    if refused.timed_out:
        return Why.TOO_SLOW, ""
    return _of_commands(refused) if kind is Kind.COMMANDS else _of_buttons(refused)


def _of_commands(refused: Refused) -> tuple[Why, str]:
    status = _STATUS.search(refused.text.partition(":")[2])
    match refused.status, refused.error_id:
        case _status, "api.command.execute_command.failed_resp.app_error":
            return Why.OTHER_STATUS, status[0].strip() if status else ""
        case _status, "api.command.execute_command.failed.app_error":
            return Why.NOT_CALLED, ""
        case _status, "api.command.disabled.app_error":
            return Why.SWITCHED_OFF, ""
        case 403, _error_id:
            return Why.FORBIDDEN, refused.text
        case 404, _error_id:
            return Why.GONE, ""
    return Why.TROUBLE, refused.text


def _of_buttons(refused: Refused) -> tuple[Why, str]:
    match refused.status, refused.error_id:
        case 400, "api.post.do_action.action_integration.app_error":
            # Also for every other status than 200: only from 11.10 on some of these are passed on.
            return Why.NOT_CALLED, ""
        case (429 | 502 | 503 | 504) as status, error_id if error_id.startswith("api.post.do_action"):
            return Why.OTHER_STATUS, str(status)
        case 403, _error_id:
            return Why.FORBIDDEN, refused.text
        case 404, _error_id:
            return Why.GONE, ""
    return Why.TROUBLE, refused.text


_WHAT: Mapping[Kind, str] = {Kind.COMMANDS: _("slash commands"), Kind.BUTTONS: _("clicks on buttons")}
_SETTING: Mapping[Kind, str] = {Kind.COMMANDS: "commands.callbackUrl", Kind.BUTTONS: "interactions.callbackBaseUrl"}
_IDS: Mapping[Kind, Mapping[Why, str]] = {
    Kind.COMMANDS: {
        Why.ARRIVED: "reachability.commands",
        Why.ANSWER_LOST: "reachability.commands_answer_lost",
        Why.NOT_CALLED: "reachability.commands_not_called",
        Why.OTHER_STATUS: "reachability.commands_other_status",
        Why.ELSEWHERE: "reachability.commands_elsewhere",
        Why.TOO_SLOW: "reachability.commands_too_slow",
        Why.SWITCHED_OFF: "reachability.commands_switched_off",
        Why.FORBIDDEN: "reachability.commands_forbidden",
        Why.GONE: "reachability.commands_gone",
        Why.NOT_REGISTERED: "reachability.commands_not_registered",
        Why.BUSY: "reachability.commands_busy",
        Why.TROUBLE: "reachability.commands_not_tried",
    },
    Kind.BUTTONS: {
        Why.ARRIVED: "reachability.buttons",
        Why.ANSWER_LOST: "reachability.buttons_answer_lost",
        Why.NOT_CALLED: "reachability.buttons_not_called",
        Why.OTHER_STATUS: "reachability.buttons_other_status",
        Why.ELSEWHERE: "reachability.buttons_elsewhere",
        Why.SOURCE_REFUSED: "reachability.buttons_source_refused",
        Why.TOO_SLOW: "reachability.buttons_too_slow",
        Why.FORBIDDEN: "reachability.buttons_forbidden",
        Why.GONE: "reachability.buttons_gone",
        Why.BUSY: "reachability.buttons_busy",
        Why.TROUBLE: "reachability.buttons_not_tried",
    },
}
#: Cause and remedy. {what}, {url}, {host}, {setting} and {detail} are filled in.
_WORDS: Mapping[Why, tuple[str, str]] = {
    Why.ANSWER_LOST: (
        _("Mattermost reaches Durar at {url}, but does not get its answer, so people see an error for {what}."),
        _("Look at the proxy between the two (time limits, rewritten answers) and at Durar's own log."),
    ),
    Why.NOT_CALLED: (
        _("Mattermost could not call {url}, or got no answer that it understands: {what} do not arrive."),
        _("Opened from the Mattermost host, it must answer 405. If it does not, set {setting} or DURAR_PUBLIC_URL."),
    ),
    Why.OTHER_STATUS: (
        _("Whoever answers at {url} said {detail} instead of 200: {what} do not arrive."),
        _("Let that address lead to Durar, through any proxy in front: opened there, it must answer 405."),
    ),
    Why.ELSEWHERE: (
        _("Mattermost called {url} and got an answer, but not from this Durar: {what} end somewhere else."),
        _("Set {setting} or DURAR_PUBLIC_URL to an address of this Durar: another installation may be there."),
    ),
    Why.SOURCE_REFUSED: (
        _("Mattermost reaches Durar, which refuses {what} that come from {detail}."),
        _(
            "Add the address of the Mattermost server to interactions.allowedSourceIps; where a proxy stands in front, "
            "add that one to gateway.trustedProxies."
        ),
    ),
    Why.TOO_SLOW: (
        _("Mattermost called {url} and waited too long: {what} do not arrive."),
        _("Let firewalls between Mattermost and {host} pass the call on or refuse it, and check {setting}."),
    ),
    Why.SWITCHED_OFF: (
        _("Slash commands are switched off in Mattermost (EnableCommands)."),
        _("Let a system administrator set ServiceSettings.EnableCommands to true."),
    ),
    Why.FORBIDDEN: (
        _("The bot may not try {what}: {detail}"),
        _("Give the bot's roles create_post, create_direct_channel and use_slash_commands, and add it to the team."),
    ),
    Why.GONE: (
        _("Mattermost does not have any more what was to be tried for {what}."),
        _("Choose Register commands again, or try once more: somebody removed it in Mattermost."),
    ),
    Why.NOT_REGISTERED: (
        _("No slash command is registered with the address that holds now, so none could be tried."),
        _("Choose Register commands again; a bot needs the permission manage_slash_commands for it."),
    ),
    Why.BUSY: (
        _("Somebody else is trying right now whether {what} arrive."),
        _("Try again in a minute."),
    ),
    Why.TROUBLE: (
        _("Whether {what} arrive could not be tried: {detail}"),
        _("Remove the cause, then try again."),
    ),
}
#: Of a refused token or a registration that is away, Durar itself is at the other end.
_OF_STATUS: Mapping[str, str] = {
    "401": _("If that is this Durar, its registration is stale: choose Register commands again."),
    "503": _("If that is this Durar, no commands are registered there: choose Register commands again."),
}
_INTERNAL = _(
    "{host} is an internal address, so AllowedUntrustedInternalConnections must have it: the host alone, not the full "
    "address."
)
_POST_ACTIONS = _("Where the server has EnablePostActionIntegration, it must be true.")
_MOMENTARY = (Why.BUSY, Why.TROUBLE, Why.FORBIDDEN, Why.NOT_REGISTERED)


def of_results(results: Iterable[Result], *, buttons_matter: bool) -> list[Finding]:
    """The findings of trials, beside those of the records. Buttons that nobody is told of only warn."""
    # Why nothing is registered is a finding of its own there.
    told = (replace(one, detail="") if one.why is Why.NOT_REGISTERED else one for one in results)
    return [finding_of(one, matters=one.kind is Kind.COMMANDS or buttons_matter) for one in told]


def finding_of(result: Result, *, matters: bool = True) -> Finding:
    """The finding of one trial."""
    code = _IDS[result.kind][result.why]
    what = Filled(_WHAT[result.kind])
    if result.arrives:
        words = _("Mattermost was made to call {url}, and the call arrived: {what} reach this Durar.")
        return Finding(code, Level.FINE, Filled(words, url=result.url, what=what))
    cause, remedy = _WORDS[result.why]
    values = {
        "what": what,
        "url": result.url,
        "host": host_of(result.url),
        "setting": _SETTING[result.kind],
        "detail": result.detail or _("something else"),
    }
    more: list[str] = [Filled(remedy, **values)]
    if result.why is Why.NOT_CALLED:
        if is_private(result.url):
            more.append(Filled(_INTERNAL, **values))
        if result.kind is Kind.BUTTONS:
            more.append(_POST_ACTIONS)
    if result.why is Why.OTHER_STATUS and result.kind is Kind.COMMANDS:
        more.append(_OF_STATUS.get(result.detail[:3], ""))
    level = Level.BROKEN if matters and result.why not in _MOMENTARY else Level.WARNING
    # Why none is registered is a sentence of its own.
    said = joined(Filled(cause, **values), result.detail if result.why is Why.NOT_REGISTERED else "")
    return Finding(code, level, said, joined(*more))


#: What is only suspected from an address, and a call that arrived disproves.
_DISPROVED: Mapping[Kind, Sequence[str]] = {
    Kind.COMMANDS: ("commands.loopback", "commands.to_mattermost", "commands.not_allowed", "commands.settings_hidden"),
    Kind.BUTTONS: ("buttons.unreachable", "buttons.to_mattermost", "buttons.not_allowed", "buttons.settings_hidden"),
}


def without_disproved(found: Iterable[Finding], results: Iterable[Result]) -> list[Finding]:
    """The findings without suspicions about an address at which a call arrived."""
    disproved = {code for one in results if one.arrives for code in _DISPROVED[one.kind]}
    return [one for one in found if one.id not in disproved]


def of_button_address(url: str, server_url: str) -> list[Finding]:
    """A warning when clicks are to go to Mattermost itself."""
    if not server_url or not is_same_place(url, server_url):
        return []
    return [
        Finding(
            "buttons.to_mattermost",
            Level.WARNING,
            Filled(_("Clicks on buttons are to go to {url}, which is Mattermost itself, not Durar."), url=url),
            _(
                "Set interactions.callbackBaseUrl or DURAR_PUBLIC_URL to an address of Durar, unless a proxy in front "
                "of Mattermost passes that path on to Durar."
            ),
        )
    ]
