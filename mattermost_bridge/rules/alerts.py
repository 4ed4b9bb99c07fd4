"""What operators are alerted of, and when it is over: decided from plain facts. Times are aware, lengths in seconds.

An alert is open once for its kind, account and subject. What only lasts a moment raises none: a connection has a grace
time, and one that came back must have held for a moment before that counts.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum

from mattermost_bridge.rules import alert_words as words


class Kind(StrEnum):
    """What an alert is about; the values are those of `AlertKind` in the records."""

    ACCOUNT_DOWN = "account_down"
    TOKEN_REFUSED = "token_refused"  # noqa: S105 - no password
    PAIRING_WAITING = "pairing_waiting"
    DELIVERIES_DEAD = "deliveries_dead"
    NO_AGENT = "no_agent"


#: So long after the last death the loss of messages counts as over, so that the next one is told again.
QUIET_SECONDS = 3600.0
#: A connection must have held for so long (never longer than the grace time) before a recovery is told.
STEADY_SECONDS = 30.0


@dataclass(frozen=True, slots=True)
class Limits:
    """`grace`: so many seconds an account may be without its connection before anybody is told."""

    grace: float = 60.0

    @property
    def steady(self) -> float:
        """So many seconds a connection must have held before that is told."""
        return min(self.grace, STEADY_SECONDS)


@dataclass(frozen=True, slots=True)
class AccountFacts:
    """What is known of one account.

    `expected`: somebody should listen for it. `ready_since`: set while its connection is ready. `down_since`: when it
    was last ready, or began to be wanted; None when nothing is known that should worry anybody. `hears`: what people
    write arrives now. `refused`: why the server does not take the bot's token, "" when it does. `dead` counts the
    messages that died within `QUIET_SECONDS`, `undelivered` all that are still dead. `agentless`: messages that wait
    because no agent answers.
    """

    pk: int
    account_id: str
    name: str = ""
    expected: bool = True
    archived: bool = False
    phase: str = "ready"
    reason: str = ""
    hears: bool = True
    ready_since: datetime | None = None
    down_since: datetime | None = None
    refused: str = ""
    dead: int = 0
    undelivered: int = 0
    last_error: str = ""
    agentless: int = 0

    @property
    def title(self) -> str:
        """How sentences name it."""
        return words.account(self.account_id, self.name)


@dataclass(frozen=True, slots=True)
class PairingFacts:
    """A pairing request: pending, or what became of it. `person` is a username or, without one, a user id."""

    pk: int
    account_pk: int
    person: str
    state: str
    expires_at: datetime
    decided_by: str = ""


@dataclass(frozen=True, slots=True)
class Facts:
    """Everything that is looked at. `watched_since`: since when somebody has been looking without a gap."""

    watched_since: datetime
    accounts: Mapping[int, AccountFacts] = field(default_factory=dict)
    pairings: Sequence[PairingFacts] = ()


@dataclass(frozen=True, slots=True)
class OpenAlert:
    """An alert that is open."""

    pk: int
    kind: str
    account_pk: int
    subject: str
    raised_at: datetime


@dataclass(frozen=True, slots=True)
class Raise:
    """Open an alert. `page` is the path in the panel where something can be done about it."""

    kind: Kind
    account_pk: int
    subject: str
    sentence: str
    remedy: str
    page: str


@dataclass(frozen=True, slots=True)
class Over:
    """Close an alert: `sentence` says how it ended."""

    alert_pk: int
    sentence: str


@dataclass(frozen=True, slots=True)
class Changes:
    """What a look leads to."""

    raised: tuple[Raise, ...] = ()
    over: tuple[Over, ...] = ()


def decide(facts: Facts, open_alerts: Iterable[OpenAlert], limits: Limits, now: datetime) -> Changes:
    """Compare the facts with the alerts that are open: which ones to open and which are over."""
    known = {(alert.kind, alert.account_pk, alert.subject): alert for alert in open_alerts}
    verdicts: list[Raise | Over | None] = []
    for account in facts.accounts.values():
        refused = known.get((Kind.TOKEN_REFUSED, account.pk, ""))
        down = known.get((Kind.ACCOUNT_DOWN, account.pk, ""))
        verdicts += [
            _token(account, refused, limits, now),
            _down(account, down, facts.watched_since, limits, now, refused=refused is not None),
            _dead(account, known.get((Kind.DELIVERIES_DEAD, account.pk, ""))),
            _agentless(account, known.get((Kind.NO_AGENT, account.pk, ""))),
        ]
    for pairing in facts.pairings:
        alert = known.get((Kind.PAIRING_WAITING, pairing.account_pk, str(pairing.pk)))
        verdicts.append(_pairing(pairing, facts.accounts.get(pairing.account_pk), alert, now))
    requests = {str(pairing.pk) for pairing in facts.pairings}
    verdicts += [
        Over(alert.pk, words.gone(facts.accounts[alert.account_pk].title))
        for alert in known.values()
        if alert.kind == Kind.PAIRING_WAITING and alert.subject not in requests and alert.account_pk in facts.accounts
    ]
    return Changes(
        tuple(one for one in verdicts if isinstance(one, Raise)),
        tuple(one for one in verdicts if isinstance(one, Over)),
    )


def _away(account: AccountFacts) -> str:
    return words.put_away(account.title, archived=account.archived)


def _is_steady(account: AccountFacts, limits: Limits, now: datetime) -> bool:
    return account.ready_since is not None and now - account.ready_since >= timedelta(seconds=limits.steady)


def _token(account: AccountFacts, alert: OpenAlert | None, limits: Limits, now: datetime) -> Raise | Over | None:
    if alert is not None:
        if not account.expected:
            return Over(alert.pk, _away(account))
        if not account.refused and _is_steady(account, limits, now):
            return Over(alert.pk, words.token_works(account.title, now - alert.raised_at))
        return None
    if not account.expected or not account.refused:
        return None
    return _raise(Kind.TOKEN_REFUSED, account, words.token_refused(account.title, account.refused))


def _down(
    account: AccountFacts,
    alert: OpenAlert | None,
    watched_since: datetime,
    limits: Limits,
    now: datetime,
    *,
    refused: bool,
) -> Raise | Over | None:
    if alert is not None:
        if not account.expected:
            return Over(alert.pk, _away(account))
        if _is_steady(account, limits, now):
            return Over(alert.pk, words.connected_again(account.title, now - alert.raised_at))
        return None
    # A refused token is the reason and has an alert of its own.
    if not account.expected or account.hears or account.refused or refused or account.down_since is None:
        return None
    # Who was not looking cannot know: after Durar itself was away, everybody gets the grace time anew.
    if now - max(account.down_since, watched_since) < timedelta(seconds=limits.grace):
        return None
    return _raise(
        Kind.ACCOUNT_DOWN, account, words.down(account.title, account.phase, account.down_since, now, account.reason)
    )


def _dead(account: AccountFacts, alert: OpenAlert | None) -> Raise | Over | None:
    if alert is not None:
        if account.undelivered == 0:
            return Over(alert.pk, words.all_taken_care_of(account.title))
        if account.dead == 0:
            return Over(alert.pk, words.no_more_lost(account.title, account.undelivered, QUIET_SECONDS))
        return None
    if account.dead == 0:
        return None
    return _raise(Kind.DELIVERIES_DEAD, account, words.lost(account.title, account.dead, account.last_error))


def _agentless(account: AccountFacts, alert: OpenAlert | None) -> Raise | Over | None:
    if alert is not None:
        if account.agentless and account.expected:
            return None
        return Over(alert.pk, words.agent_found(account.title) if account.expected else _away(account))
    if not account.agentless or not account.expected:
        return None
    return _raise(Kind.NO_AGENT, account, words.no_agent(account.title, account.agentless))


def _pairing(
    pairing: PairingFacts, account: AccountFacts | None, alert: OpenAlert | None, now: datetime
) -> Raise | Over | None:
    title = account.title if account else words.account("", "")
    waits = pairing.state == "pending" and pairing.expires_at > now
    if alert is not None:
        if waits:
            return None
        state = "expired" if pairing.state == "pending" else pairing.state
        return Over(alert.pk, words.pairing_ended(pairing.person, title, state, pairing.decided_by))
    if not waits or account is None or account.archived:
        return None
    said = words.pairing_waits(pairing.person, title, pairing.expires_at)
    return _raise(Kind.PAIRING_WAITING, account, said, subject=str(pairing.pk))


def _raise(kind: Kind, account: AccountFacts, said: words.Said, subject: str = "") -> Raise:
    return Raise(kind, account.pk, subject, said.sentence, said.remedy, page(kind, account.pk, subject))


def page(kind: Kind, account_pk: int, subject: str = "") -> str:
    """The path in the panel where something can be done about an alert of this kind."""
    root = "/mattermost_bridge"
    match kind:
        case Kind.PAIRING_WAITING:
            return f"{root}/pairingrequest/{subject}/change/"
        case Kind.DELIVERIES_DEAD:
            return f"{root}/delivery/?question=dead&account={account_pk}"
        case _:
            return f"{root}/account/{account_pk}/change/"


def concerns(kind: str, account_pk: int, *, kinds: Iterable[str], accounts: Iterable[int] | None) -> bool:
    """Whether a target that wants `kinds` of `accounts` (None: of all) is told of an alert."""
    return kind in kinds and (accounts is None or account_pk in accounts)


#: A note that cannot be brought is given up after so many seconds; one that only waits, for its account or for a mail
#: server to be named, after longer.
TRIED_FOR = 12 * 3600.0
WAITED_FOR = 72 * 3600.0
_FIRST, _LONGEST, _JITTER = 5.0, 300.0, 0.2
_LONGEST_ASKED = 3600.0


def notice_delay(attempt: int, rnd: float, retry_after: float | None = None) -> float:
    """Seconds until a note is tried again after its failed attempt number `attempt` (from 1); `rnd` is in [0, 1).

    5 s, doubling to 300 s, each ±20 %; longer when the receiver asks for it, up to an hour.
    """
    delay = min(_LONGEST, _FIRST * 2.0 ** min(attempt - 1, 16)) * (1 - _JITTER + 2 * _JITTER * rnd)
    return delay if retry_after is None else max(delay, min(retry_after, _LONGEST_ASKED))
