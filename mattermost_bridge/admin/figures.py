"""The numbers of the last 24 hours: counted by the database over indexed ranges, and kept for a moment.

An open page asks for them again whenever something changed; that must not cost more than looking once.
"""

from __future__ import annotations

import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Any

from django.core.cache import cache
from django.db.models import CharField, Count, F, Q, QuerySet, Window
from django.db.models.functions import Cast, RowNumber, Substr
from django.utils import timezone

from mattermost_bridge.models import Delivery, InboundEvent
from mattermost_bridge.models.states import DeliveryKind, DeliveryState, EventOutcome, EventState
from mattermost_bridge.rules.reasons import Reason
from mattermost_bridge.services import rights

HOURS = 24
#: So many seconds numbers are shown again before they are counted anew.
KEPT = 15
#: What became of a message, best first; an event is counted once.
FAILED = "failed"
RESULTS = ("answered", "waiting", "challenged", "refused", "failed", "ignored")


@dataclass(frozen=True)
class Times:
    """How long people waited for their answers, in milliseconds, and how many answers there were."""

    median: int
    slow: int
    answers: int


@dataclass(frozen=True)
class Figures:
    """The last 24 hours of the accounts that somebody may see. `hours` are the beginnings of the hours counted."""

    hours: tuple[datetime, ...]
    results: dict[datetime, Counter[str]] = field(default_factory=dict)
    silence: Counter[str] = field(default_factory=Counter)
    heard: dict[int, int] = field(default_factory=dict)
    sent: dict[int, int] = field(default_factory=dict)
    times: dict[datetime, Times] = field(default_factory=dict)
    all_times: Times | None = None

    @property
    def heard_in_all(self) -> int:
        """How many messages came in."""
        return sum(self.heard.values())

    @property
    def sent_in_all(self) -> int:
        """How many posts went out."""
        return sum(self.sent.values())


def figures_for(user: rights.Person) -> Figures:
    """The numbers for a person; at most `KEPT` seconds old."""
    key = f"durar-figures-{_whose(user)}"
    known: Figures | None = cache.get(key)
    if known is None:
        known = _count(user)
        cache.set(key, known, KEPT)
    return known


def reasons_for(user: rights.Person, account_pk: int | None = None) -> Counter[str]:
    """How many events of the last 24 hours have each reason, of one account or of all that a person may see; at most
    `KEPT` seconds old. What has no reason yet is left out."""
    key = f"durar-reasons-{_whose(user)}-{account_pk or 'all'}"
    known: Counter[str] | None = cache.get(key)
    if known is None:
        since = timezone.now() - timedelta(hours=HOURS)
        events = InboundEvent.objects.filter(received_at__gte=since).exclude(reason="").order_by()
        if account_pk:
            events = events.filter(account=account_pk)
        counted = rights.visible_to(user, events).values_list("reason").annotate(Count("pk"))
        known = Counter(dict(counted))
        cache.set(key, known, KEPT)
    return known


def _whose(user: rights.Person) -> str:
    accounts = rights.reach_of(user).accounts
    return "all" if accounts is None else hashlib.sha256(repr(sorted(accounts)).encode()).hexdigest()


def _count(user: rights.Person) -> Figures:
    this_hour = timezone.now().astimezone(UTC).replace(minute=0, second=0, microsecond=0)
    hours = tuple(this_hour - timedelta(hours=number) for number in reversed(range(HOURS)))
    events = rights.visible_to(user, InboundEvent.objects.filter(received_at__gte=hours[0]).order_by())
    # The bot's own posts come back to it; they are nobody's messages.
    events = events.exclude(reason=Reason.OWN_POST)
    results: defaultdict[datetime, Counter[str]] = defaultdict(Counter)
    silence: Counter[str] = Counter()
    rows = events.values_list(_hour("received_at"), "state", "outcome", "reason").annotate(Count("pk"))
    for hour, state, outcome, reason, count in rows.iterator():
        result = _result(state, outcome)
        results[_moment(hour)][result] += count
        if result == "failed":
            silence[FAILED] += count
        elif reason and (result not in ("answered", "waiting") or state == EventState.WAITING):
            silence[reason] += count
    sent = Delivery.objects.filter(state=DeliveryState.SENT, settled_at__gte=hours[0]).order_by()
    sent = rights.visible_to(user, sent)
    return Figures(
        hours=hours,
        results=dict(results),
        silence=silence,
        heard=_by_account(events),
        sent=_by_account(sent),
        **_times(sent),
    )


def _by_account(rows: QuerySet[Any]) -> dict[int, int]:
    # The sum keeps SQLite from walking the whole table by account, which spares it the sorting of a few rows.
    counted = rows.annotate(whose=F("account_id") + 0).values_list("whose").annotate(Count("pk"))
    return dict(counted)


def _hour(column: str) -> Substr:
    """The hour of a time in UTC, as text: databases and Django store times so that it is the beginning of it.

    A function of the database, since SQLite would call Python for each row of Django's own.
    """
    return Substr(Cast(column, CharField()), 1, 13)


def _moment(hour: str) -> datetime:
    return datetime.strptime(hour.replace("T", " "), "%Y-%m-%d %H").replace(tzinfo=UTC)


def _result(state: str, outcome: str) -> str:
    if state == EventState.ANSWERED:
        return "answered"
    if state == EventState.FAILED:
        return "failed"
    if state == EventState.DECIDED and outcome not in ("", EventOutcome.ADMITTED):
        return outcome
    return "waiting"


def _times(sent: QuerySet[Delivery]) -> dict[str, Any]:
    """Medians and 95th percentiles, found by the database: it hands over two rows for each hour."""
    answers = sent.filter(kind=DeliveryKind.ANSWER, part=1, since_ms__gt=0, posted_at_ms__gte=F("since_ms")).annotate(
        hour=_hour("settled_at"), waited=F("posted_at_ms") - F("since_ms")
    )
    by_hour = {_moment(hour): times for hour, times in _percentiles(answers, [F("hour")])}
    in_all = next((times for _hour, times in _percentiles(answers, None)), None)
    return {"times": by_hour, "all_times": in_all}


def _percentiles(answers: QuerySet[Delivery], partition: list[Any] | None) -> Iterator[tuple[str, Times]]:
    ranked = answers.annotate(
        rank=Window(RowNumber(), partition_by=partition, order_by=F("waited").asc()),
        of=Window(Count("pk"), partition_by=partition),
    )
    # Whole numbers: the rank of the middle one, and of the one that 95 in a hundred do not exceed.
    middle, slow = (F("of") + 1) / 2, (F("of") * 95 + 99) / 100
    chosen = ranked.filter(Q(rank=middle) | Q(rank=slow))
    group = "" if partition is None else "hour"
    found: defaultdict[str, list[tuple[int, int]]] = defaultdict(list)
    for hour, waited, of in chosen.values_list("hour", "waited", "of"):
        found[hour if group else ""].append((waited, of))
    for hour, pairs in found.items():
        waits = sorted(waited for waited, _of in pairs)
        yield hour, Times(waits[0], waits[-1], pairs[0][1])
