"""The words of alerts: what operators read when something needs a hand, and when it is over. Times are UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from mattermost_bridge.rules.marking import Filled, joined
from mattermost_bridge.rules.marking import gettext_noop as _

_KEEPS_TRYING = _(
    "Check that the server answers and that this host may reach it. Durar keeps trying, and what is written meanwhile "
    "is answered later."
)
_REMEDIES = {
    "stopped": _("Check that a worker with listeners runs (Durar up starts one)."),
    "not_configured": _("Complete the account's connection and test it."),
}
_LONGEST_REASON = 400


@dataclass(frozen=True, slots=True)
class Said:
    """What happened, and what to do about it; both can be translated (`rules.marking`)."""

    sentence: str
    remedy: str


def account(account_id: str, name: str) -> str:
    """How an account is named in a sentence."""
    return f'"{_line(name)}" ({account_id})' if name and name != account_id else f'"{account_id}"'


def moment(at: datetime) -> str:
    """A time as a reader in any zone understands it."""
    return f"{at.astimezone(UTC):%Y-%m-%d %H:%M} UTC"


def length(span: timedelta) -> str:
    """A length of time in one unit, whole and rounded down: 40 s, 3 min, 5 h, 12 days."""
    seconds = max(int(span.total_seconds()), 0)
    if seconds < 60:
        return Filled(_("{count} s"), count=seconds)
    if seconds < 3600:
        return Filled(_("{count} min"), count=seconds // 60)
    if seconds < 86400:
        return Filled(_("{count} h"), count=seconds // 3600)
    return Filled(_("{count} days") if seconds >= 2 * 86400 else _("{count} day"), count=seconds // 86400)


def down(title: str, phase: str, since: datetime, now: datetime, reason: str) -> Said:
    """An account is without its connection."""
    sentence = Filled(
        _("The account {title} has not been connected for {length}, since {moment}."),
        title=title,
        length=length(now - since),
        moment=moment(since),
    )
    return Said(_because(sentence, reason), _REMEDIES.get(phase, _KEEPS_TRYING))


def connected_again(title: str, told: timedelta) -> str:
    """Its connection is back; `told` is how long the alert was open."""
    words = _("The account {title} is connected again, {length} after the alert.")
    return Filled(words, title=title, length=length(told))


def put_away(title: str, *, archived: bool) -> str:
    """Nobody expects the account to work any more."""
    words = (
        _("The account {title} was archived, so nobody listens for it.")
        if archived
        else _("The account {title} was switched off, so nobody listens for it.")
    )
    return Filled(words, title=title)


def token_refused(title: str, reason: str) -> Said:
    """The server does not take the bot's token; `reason` is the sentence that says so."""
    return Said(
        _because(Filled(_("The account {title} hears and says nothing."), title=title), reason),
        _(
            "Make a new token for the bot in Mattermost and enter it in the panel; check in Mattermost that the bot is "
            "enabled."
        ),
    )


def token_works(title: str, told: timedelta) -> str:
    """The server takes the token again."""
    words = _("The server takes the bot token of the account {title} again, {length} after the alert.")
    return Filled(words, title=title, length=length(told))


def lost(title: str, count: int, last_error: str) -> Said:
    """Messages could not be delivered."""
    words = (
        _("A message of the account {title} could not be delivered.")
        if count == 1
        else _("{count} messages of the account {title} could not be delivered.")
    )
    return Said(
        _because(Filled(words, count=count, title=title), last_error),
        _("Remove the cause, then send what was not delivered again."),
    )


def all_taken_care_of(title: str) -> str:
    """Nothing is left undelivered."""
    words = _("No message of the account {title} is undelivered any more: each was sent again or taken away.")
    return Filled(words, title=title)


def no_more_lost(title: str, left: int, quiet: float) -> str:
    """Nothing more was lost for `quiet` seconds, though some messages still are."""
    words = (
        _(
            "No further message of the account {title} was lost for {length}; one is still undelivered, for somebody "
            "to send again."
        )
        if left == 1
        else _(
            "No further message of the account {title} was lost for {length}; {count} are still undelivered, for "
            "somebody to send again."
        )
    )
    return Filled(words, title=title, length=length(timedelta(seconds=quiet)), count=left)


def no_agent(title: str, count: int) -> Said:
    """Messages wait because nobody answers."""
    words = (
        _("A message waits at the account {title}, since no agent answers for it.")
        if count == 1
        else _("{count} messages wait at the account {title}, since no agent answers for it.")
    )
    return Said(
        Filled(words, count=count, title=title),
        _("Choose an agent for the account, or one in the defaults; what waits is answered then."),
    )


def agent_found(title: str) -> str:
    """Nothing waits for an agent."""
    return Filled(_("No message waits for an agent at the account {title} any more."), title=title)


def pairing_waits(person: str, title: str, expires_at: datetime) -> Said:
    """Somebody asks to be paired. The code is not said: it is for those who may approve."""
    return Said(
        Filled(_("{person} asks to be paired with the account {title}."), person=_line(person), title=title),
        Filled(_("Approve, reject or block in the panel; the request expires at {moment}."), moment=moment(expires_at)),
    )


def pairing_ended(person: str, title: str, state: str, by: str) -> str:
    """What became of a pairing request: approved, rejected or expired."""
    words = {
        ("approved", True): _("The pairing request of {person} at the account {title} was approved by {by}."),
        ("approved", False): _("The pairing request of {person} at the account {title} was approved."),
        ("rejected", True): _("The pairing request of {person} at the account {title} was rejected by {by}."),
        ("rejected", False): _("The pairing request of {person} at the account {title} was rejected."),
        ("expired", True): _("The pairing request of {person} at the account {title} expired."),
        ("expired", False): _("The pairing request of {person} at the account {title} expired."),
    }.get((state, bool(by)), _("The pairing request of {person} at the account {title} is {state}."))
    return Filled(words, person=_line(person), title=title, by=_line(by), state=state)


def gone(title: str) -> str:
    """What the alert was about does not exist any more."""
    return Filled(_("What this alert of the account {title} was about does not exist any more."), title=title)


def _because(sentence: str, reason: str) -> str:
    reason = _line(reason)
    if len(reason) > _LONGEST_REASON:
        reason = reason[: _LONGEST_REASON - 1] + "…"
    return joined(sentence, reason)


def _line(text: str) -> str:
    """A text on one line, without control characters."""
    return "".join(letter for letter in " ".join(text.split()) if letter.isprintable())
