"""What a look for alerts sees: plain facts from the records, in a number of queries that does not grow with them."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

from django.db.models import Count, Max, Min, Q

from mattermost_bridge.models import (
    Account,
    BridgeDefaults,
    ConnectionChange,
    Delivery,
    InboundEvent,
    ListenerLease,
    OutboxState,
    PairingRequest,
)
from mattermost_bridge.models.states import (
    LISTENING,
    ConnectionPhase,
    DeliveryKind,
    DeliveryState,
    EventOutcome,
    EventState,
    PairingState,
)
from mattermost_bridge.rules.alerts import QUIET_SECONDS, AccountFacts, Facts, Kind, OpenAlert, PairingFacts
from mattermost_bridge.rules.reasons import Reason

#: What waits for an agent is counted no further than this: the sentence needs no more.
MOST_COUNTED = 1000


def gather(open_alerts: Iterable[OpenAlert], watched_since: datetime, now: datetime) -> Facts:
    """Look at everything that can be alarming, and at what the open alerts are about."""
    alerts = list(open_alerts)
    accounts = _accounts(alerts, now)
    return Facts(watched_since=watched_since, accounts=accounts, pairings=_pairings(alerts))


def _accounts(alerts: list[OpenAlert], now: datetime) -> dict[int, AccountFacts]:
    bridge_is_on = BridgeDefaults.objects.filter(pk=1).values_list("enabled", flat=True).first() is not False
    # Put-away accounts only while something about them is open, to end it.
    open_about = {alert.account_pk for alert in alerts}
    rows: list[Any] = list(
        Account.objects.filter(Q(archived_at=None) | Q(pk__in=open_about)).values(
            "pk", "account_id", "name", "enabled", "archived_at", "bot_user_id"
        )
    )
    leases: dict[int, Any] = {row["pk"]: row for row in ListenerLease.objects.values("pk", "phase", "reason", "since")}
    parked = dict(OutboxState.objects.exclude(parked_since=None).values_list("pk", "parked_reason"))
    silent = [
        pk
        for pk, lease in leases.items()
        if lease["phase"] not in LISTENING
        and not any(a.account_pk == pk and a.kind == Kind.ACCOUNT_DOWN for a in alerts)
    ]
    began = _down_since(silent)
    dead = _dead(alerts, now)
    agentless = _agentless()
    found = {}
    for row in rows:
        pk = row["pk"]
        lease = leases.get(pk)
        phase = lease["phase"] if lease else ConnectionPhase.STOPPED
        found[pk] = AccountFacts(
            pk=pk,
            account_id=row["account_id"],
            name=row["name"],
            expected=bool(bridge_is_on and row["enabled"] and row["archived_at"] is None),
            archived=row["archived_at"] is not None,
            phase=phase,
            reason=lease["reason"] if lease else "",
            hears=phase in LISTENING,
            ready_since=lease["since"] if lease and phase == ConnectionPhase.READY else None,
            down_since=_since(row, lease, began.get(pk)),
            refused=_refused(lease, parked.get(pk)),
            agentless=agentless.get(pk, 0),
            **dead.get(pk, {}),
        )
    return found


def _since(row: dict[str, Any], lease: dict[str, Any] | None, began: datetime | None) -> datetime | None:
    """Since when an account is without a connection that it should have; None when that worries nobody.

    *Disabled* of an account that is switched on says that no worker has looked at it since; one that was never
    connected and is not configured is still being set up.
    """
    if lease is None or lease["phase"] == ConnectionPhase.DISABLED:
        return None
    if lease["phase"] == ConnectionPhase.NOT_CONFIGURED and not row["bot_user_id"]:
        return None
    return began or lease["since"]


def _refused(lease: dict[str, Any] | None, parked_reason: str | None) -> str:
    if lease and lease["phase"] == ConnectionPhase.TOKEN_REFUSED:
        return lease["reason"] or "The server refuses the bot's token."
    return "" if parked_reason is None else parked_reason or "The server refuses the bot's token."


def _down_since(account_pks: list[int]) -> dict[int, datetime]:
    """When each was last ready, or began to be wanted; without such a change, the first one that is known."""
    if not account_pks:
        return {}
    wanted = Q(old__in=(ConnectionPhase.READY, ConnectionPhase.DISABLED))
    changes = ConnectionChange.objects.filter(account__in=account_pks).order_by()
    rows: Iterable[Any] = changes.values("account").annotate(last=Max("at", filter=wanted), first=Min("at"))
    return {row["account"]: row["last"] or row["first"] for row in rows}


def _dead(alerts: list[OpenAlert], now: datetime) -> dict[int, dict[str, Any]]:
    """Messages that died lately, by account, and for open alerts all that are still dead.

    Posts of alerts are left out: that an alert did not arrive is said where alerts are, never by another alert.
    """
    dead = Delivery.objects.filter(state=DeliveryState.DEAD).exclude(kind=DeliveryKind.ALERT).order_by()
    lately = Q(settled_at__gt=now - timedelta(seconds=QUIET_SECONDS))
    open_about = {alert.account_pk for alert in alerts if alert.kind == Kind.DELIVERIES_DEAD}
    rows: Iterable[Any] = (
        dead.filter(lately | Q(account__in=open_about))
        .values("account")
        .annotate(recent=Count("pk", filter=lately), all=Count("pk"))
    )
    found: dict[int, dict[str, Any]] = {
        row["account"]: {"dead": row["recent"], "undelivered": row["all"], "last_error": ""} for row in rows
    }
    new = [pk for pk in found if pk not in open_about]
    if new:
        newest = dead.filter(lately, account__in=new).values("account").annotate(newest=Max("pk")).values("newest")
        for account_pk, error in Delivery.objects.filter(pk__in=newest).values_list("account_id", "error"):
            found[account_pk]["last_error"] = error
    return found


def _agentless() -> dict[int, int]:
    waiting = InboundEvent.objects.filter(
        state=EventState.WAITING, outcome=EventOutcome.ADMITTED, reason=Reason.NO_AGENT
    )
    counts: dict[int, int] = {}
    for account_pk in waiting.order_by("pk").values_list("account_id", flat=True)[:MOST_COUNTED]:
        counts[account_pk] = counts.get(account_pk, 0) + 1
    return counts


def _pairings(alerts: list[OpenAlert]) -> list[PairingFacts]:
    asked_about = [int(alert.subject) for alert in alerts if alert.kind == Kind.PAIRING_WAITING]
    rows = PairingRequest.objects.filter(Q(state=PairingState.PENDING) | Q(pk__in=asked_about)).order_by("pk")
    return [
        PairingFacts(
            pk=row["pk"],
            account_pk=row["account_id"],
            person=row["username"] or row["user_id"],
            state=row["state"],
            expires_at=row["expires_at"],
            decided_by=row["decided_by_name"],
        )
        for row in rows.values("pk", "account_id", "username", "user_id", "state", "expires_at", "decided_by_name")
    ]
