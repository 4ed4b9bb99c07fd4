"""Who listens for an account, and where its connection stands.

A lease is a row that one worker holds for some seconds, by the database's clock; it is claimed and renewed by
conditional UPDATEs. Every change of a connection's phase leaves a `ConnectionChange`.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.conf import settings as django_settings
from django.db import transaction
from django.db.models import Q
from django.db.models.expressions import CombinedExpression
from django.db.models.functions import Now
from django.utils import timezone

from mattermost_bridge.config.effective import AccountSettings
from mattermost_bridge.live import messages as live
from mattermost_bridge.models import Account, BridgeDefaults, ConnectionChange, ListenerLease
from mattermost_bridge.models.states import ConnectionPhase
from mattermost_bridge.services import audit, tokens
from mattermost_bridge.services.errors import Refused
from mattermost_bridge.services.records import reconnect

log = structlog.get_logger(__name__)

ABANDONED = "The worker that listened is gone, and no other one took over. Start a worker with --listeners."
TAKEN_OVER = "The worker that listened was gone; another one took over."
#: Phases in which nobody has to listen; a worker that is gone changes nothing there.
QUIET = (ConnectionPhase.STOPPED, ConnectionPhase.DISABLED, ConnectionPhase.NOT_CONFIGURED)


@dataclass(frozen=True, slots=True)
class Survey:
    """What a worker sees when it looks around: the version of all settings, its own leases with their generation,
    and the accounts that nobody listens for, with theirs."""

    version: int
    mine: dict[int, int]
    free: dict[int, int]


def survey(holder: str, known_version: int = -1) -> Survey:
    """Look at all leases that `holder` holds or could claim. When settings changed since `known_version`, accounts
    that have no row yet get one."""
    version = BridgeDefaults.objects.filter(pk=1).values_list("settings_version", flat=True).first() or 0
    if version != known_version:
        new = Account.objects.filter(listener_lease=None).values_list("pk", flat=True)
        ListenerLease.objects.bulk_create([ListenerLease(account_id=pk) for pk in new], ignore_conflicts=True)
    mine: dict[int, int] = {}
    free: dict[int, int] = {}
    rows = ListenerLease.objects.filter(Q(holder=holder) | _unheld()).order_by("pk")
    for pk, owner, generation in rows.values_list("pk", "holder", "generation"):
        (mine if owner == holder else free)[pk] = generation
    return Survey(version, mine, free)


def claim(account_pk: int, holder: str) -> bool:
    """Take the account's lease if nobody holds it. Condition and time are the database's, so one worker wins.

    A worker that died has noted nothing, so what it left unsaid is noted here: since its last sign of life nobody heard
    what was said.
    """
    with transaction.atomic():
        lease = ListenerLease.objects.select_for_update().filter(_unheld(), pk=account_pk).first()
        if lease is None:
            return False
        if lease.holder and lease.expires_at is not None and lease.phase not in QUIET:
            set_phase(account_pk, ConnectionPhase.STOPPED, TAKEN_OVER, holder="", at=last_sign_of_life(lease))
        taken = ListenerLease.objects.filter(_unheld(), pk=account_pk).update(holder=holder, expires_at=_lease_end())
    return bool(taken)


def last_sign_of_life(lease: ListenerLease) -> datetime:
    """When the holder of a lease last renewed it."""
    assert lease.expires_at is not None
    return lease.expires_at - timedelta(seconds=django_settings.TIMES["listener_lease"])


def renew(holder: str, account_pks: Collection[int]) -> set[int]:
    """Renew these leases of `holder` in one UPDATE; those that are still its own."""
    if not account_pks:
        return set()
    own = ListenerLease.objects.filter(holder=holder, pk__in=account_pks)
    if own.update(expires_at=_lease_end()) == len(account_pks):
        return set(account_pks)
    return set(own.values_list("pk", flat=True))


def give_back(holder: str, account_pks: Iterable[int], reason: str) -> None:
    """Give these leases of `holder` up, so that another worker may claim them at once."""
    for pk in account_pks:
        with transaction.atomic():
            if set_phase(pk, ConnectionPhase.STOPPED, reason, holder=holder):
                ListenerLease.objects.filter(pk=pk, holder=holder).update(holder="", expires_at=None)


def rest(account_pk: int, phase: str, reason: str, holder: str) -> None:
    """Nobody listens for the account, and nobody should: say why, and free its lease. `holder` as in `set_phase`."""
    with transaction.atomic():
        if set_phase(account_pk, phase, reason, holder=holder, failures=0):
            ListenerLease.objects.filter(pk=account_pk).update(holder="", expires_at=None)


def set_phase(
    account_pk: int,
    phase: str,
    reason: str = "",
    next_try_at: datetime | None = None,
    *,
    holder: str | None = None,
    failures: int | None = None,
    at: datetime | None = None,
) -> bool:
    """Note where an account's connection stands, and its change, if it is one.

    With `holder`, only while that worker holds the lease ("" stands for nobody, or for one whose time is over).
    `since` is the moment the phase began; a new reason for the same phase leaves it. `at` is when it happened, if not
    now; never before what was noted last. Returns False when the lease is not the holder's.
    """
    with transaction.atomic():
        rows = ListenerLease.objects.select_for_update().filter(pk=account_pk)
        if holder is not None:
            rows = rows.filter(Q(holder=holder) if holder else _unheld())
        lease = rows.first()
        if lease is None:
            return False
        changed = (lease.phase, lease.reason) != (phase, reason)
        same = not changed and lease.next_try_at == next_try_at and failures in (None, lease.failures)
        if same:
            return True
        when = timezone.now() if at is None else max(at, lease.since)
        if changed:
            ConnectionChange.objects.create(
                account_id=account_pk, at=when, old=lease.phase, new=phase, reason=reason, holder=lease.holder
            )
        if lease.phase != phase:
            lease.since = when
        lease.phase, lease.reason, lease.next_try_at = phase, reason, next_try_at
        lease.failures = lease.failures if failures is None else failures
        lease.save(update_fields=["phase", "reason", "since", "next_try_at", "failures"])
        live.changed(account_pk, "connection", [account_pk])
    log.info("connection", account=account_pk, phase=str(phase), reason=reason)
    return True


def request_reconnect(account: Account, actor: audit.Actor) -> None:
    """Let the worker that listens for the account close its connection and open a new one, with the settings of now."""
    with transaction.atomic():
        reconnect(account)
        audit.record(
            actor=actor,
            verb="account.reconnect",
            summary=f"Asked for a new connection of {account}.",
            account=account,
            target=account,
        )


def resting_phase(settings: AccountSettings) -> tuple[ConnectionPhase, str] | None:
    """Phase and reason of an account that nobody should listen for; None when somebody should."""
    if settings.archived:
        return ConnectionPhase.DISABLED, "The account is archived."
    if not settings.enabled:
        return ConnectionPhase.DISABLED, "The account, or the bridge as a whole, is switched off."
    if not settings.configured:
        return ConnectionPhase.NOT_CONFIGURED, settings.missing
    return None


def note_abandoned() -> int:
    """Say of connections whose worker died, and that nobody took over, that they stopped. For the sweep."""
    late = Now() - timedelta(seconds=django_settings.TIMES["listener_lease"])
    lost = ListenerLease.objects.exclude(phase__in=QUIET).filter(Q(holder="") | Q(expires_at__lte=late))
    return sum(
        set_phase(
            lease.pk,
            ConnectionPhase.STOPPED,
            ABANDONED,
            holder="",
            at=last_sign_of_life(lease) if lease.expires_at else None,
        )
        for lease in lost.only("pk", "expires_at")
    )


def learn_bot(account_pk: int, user_id: str, username: str) -> str:
    """Compare the bot that a token belongs to with the one the account is for; learn it when that is not known yet.

    Returns a sentence when the account must not run with this token, else "". An account never posts as another bot
    than the one it was set up for, unless an operator has confirmed the other one.
    """
    try:
        tokens.identify(account_pk, user_id, username)
    except Refused as refused:
        return str(refused)
    return ""


def note_server(account_pk: int, *, version: str) -> None:
    """Note the server's version, as it says it in its greeting."""
    ListenerLease.objects.filter(pk=account_pk).update(server_version=version[:40])


def note_warning(account_pk: int, warning: str) -> None:
    """Note what an operator should know about a connection that works; "" for nothing."""
    if ListenerLease.objects.filter(pk=account_pk).exclude(warning=warning).update(warning=warning):
        live.changed(account_pk, "connection", [account_pk])


def note_heard(account_pks: Collection[int]) -> None:
    """Note that something was heard for these accounts just now."""
    ListenerLease.objects.filter(pk__in=account_pks).update(last_event_at=Now())


def _unheld() -> Q:
    return Q(holder="") | Q(expires_at=None) | Q(expires_at__lte=Now())


def _lease_end() -> CombinedExpression:
    return Now() + timedelta(seconds=django_settings.TIMES["listener_lease"])
