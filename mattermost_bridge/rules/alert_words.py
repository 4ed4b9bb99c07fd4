"""The words of alerts: what operators read when something needs a hand, and when it is over. Times are UTC."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

_KEEPS_TRYING = (
    "Check that the server answers and that this host may reach it. Durar keeps trying, and what is written meanwhile "
    "is answered later."
)
_REMEDIES = {
    "stopped": "Check that a worker with listeners runs (Durar up starts one).",
    "not_configured": "Complete the account's connection and test it.",
}
_LONGEST_REASON = 400


@dataclass(frozen=True, slots=True)
class Said:
    """What happened, and what to do about it."""

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
        return f"{seconds} s"
    if seconds < 3600:
        return f"{seconds // 60} min"
    if seconds < 86400:
        return f"{seconds // 3600} h"
    return f"{seconds // 86400} day" + ("s" if seconds >= 2 * 86400 else "")


def down(title: str, phase: str, since: datetime, now: datetime, reason: str) -> Said:
    """An account is without its connection."""
    sentence = f"The account {title} has not been connected for {length(now - since)}, since {moment(since)}."
    return Said(_because(sentence, reason), _REMEDIES.get(phase, _KEEPS_TRYING))


def connected_again(title: str, told: timedelta) -> str:
    """Its connection is back; `told` is how long the alert was open."""
    return f"The account {title} is connected again, {length(told)} after the alert."


def put_away(title: str, *, archived: bool) -> str:
    """Nobody expects the account to work any more."""
    return f"The account {title} was {'archived' if archived else 'switched off'}, so nobody listens for it."


def token_refused(title: str, reason: str) -> Said:
    """The server does not take the bot's token; `reason` is the sentence that says so."""
    return Said(
        _because(f"The account {title} hears and says nothing.", reason),
        "Make a new token for the bot in Mattermost and enter it in the panel; check in Mattermost that the bot is "
        "enabled.",
    )


def token_works(title: str, told: timedelta) -> str:
    """The server takes the token again."""
    return f"The server takes the bot token of the account {title} again, {length(told)} after the alert."


def lost(title: str, count: int, last_error: str) -> Said:
    """Messages could not be delivered."""
    what = "A message" if count == 1 else f"{count} messages"
    return Said(
        _because(f"{what} of the account {title} could not be delivered.", last_error),
        "Remove the cause, then send what was not delivered again.",
    )


def all_taken_care_of(title: str) -> str:
    """Nothing is left undelivered."""
    return f"No message of the account {title} is undelivered any more: each was sent again or taken away."


def no_more_lost(title: str, left: int, quiet: float) -> str:
    """Nothing more was lost for `quiet` seconds, though some messages still are."""
    still = "one is" if left == 1 else f"{left} are"
    return (
        f"No further message of the account {title} was lost for {length(timedelta(seconds=quiet))}; "
        f"{still} still undelivered, for somebody to send again."
    )


def no_agent(title: str, count: int) -> Said:
    """Messages wait because nobody answers."""
    what = "A message waits" if count == 1 else f"{count} messages wait"
    return Said(
        f"{what} at the account {title}, since no agent answers for it.",
        "Choose an agent for the account, or one in the defaults; what waits is answered then.",
    )


def agent_found(title: str) -> str:
    """Nothing waits for an agent."""
    return f"No message waits for an agent at the account {title} any more."


def pairing_waits(person: str, title: str, expires_at: datetime) -> Said:
    """Somebody asks to be paired. The code is not said: it is for those who may approve."""
    return Said(
        f"{_line(person)} asks to be paired with the account {title}.",
        f"Approve, reject or block in the panel; the request expires at {moment(expires_at)}.",
    )


def pairing_ended(person: str, title: str, state: str, by: str) -> str:
    """What became of a pairing request: approved, rejected or expired."""
    name = f" by {_line(by)}" if by else ""
    became = {"approved": f"was approved{name}", "rejected": f"was rejected{name}", "expired": "expired"}
    return f"The pairing request of {_line(person)} at the account {title} {became.get(state, f'is {state}')}."


def gone(title: str) -> str:
    """What the alert was about does not exist any more."""
    return f"What this alert of the account {title} was about does not exist any more."


def _because(sentence: str, reason: str) -> str:
    reason = _line(reason)
    if len(reason) > _LONGEST_REASON:
        reason = reason[: _LONGEST_REASON - 1] + "…"
    return f"{sentence} {reason}" if reason else sentence


def _line(text: str) -> str:
    """A text on one line, without control characters."""
    return "".join(letter for letter in " ".join(text.split()) if letter.isprintable())
