"""Alerts: every few seconds somebody looks at what needs a hand; each thing is told once, and once that it is over.

A look and what it opens and closes are one transaction, and looks wait for each other: any number of schedulers, and
any restart, tells everything once. Telling itself happens afterwards, in `alert_notices`, outside of transactions.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.utils import timezone

from mattermost_bridge.live import messages as live
from mattermost_bridge.models import Alert, AlertNotice, AlertTarget, Tick
from mattermost_bridge.models.states import NoticeAbout, NoticeState
from mattermost_bridge.rules import alerts as rules
from mattermost_bridge.rules.marking import packed
from mattermost_bridge.services import alert_facts, alert_notices
from mattermost_bridge.services.sweep import claim_tick

log = structlog.get_logger(__name__)

EVERY = 10.0
#: After a pause of so many looks nobody knows what happened meanwhile, and everything gets its grace time anew.
MISSED_LOOKS = 3
LAST_LOOK, WATCHED = "alerts-last-look", "alerts-watched-since"
_NOTICE = ("pk", "alert", "target", "state")
OVER_UNTOLD = "It was over before this could be told; the recovery note says both."


@dataclass(frozen=True, slots=True)
class Looked:
    """How many alerts a look opened and closed."""

    raised: int = 0
    over: int = 0


def tick() -> Looked | None:
    """One look, unless another scheduler has just had it looked at: then None."""
    return look() if claim_tick("alerts", EVERY) else None


def look(now: datetime | None = None) -> Looked:
    """Compare what is with what is open: open and close alerts, queue their notes, and have due ones sent."""
    now = now or timezone.now()
    with transaction.atomic():
        watched_since = _watched_since(now)
        open_alerts = [
            rules.OpenAlert(*row)
            for row in Alert.objects.filter(resolved_at=None).values_list(
                "pk", "kind", "account_id", "subject", "raised_at"
            )
        ]
        facts = alert_facts.gather(open_alerts, watched_since, now)
        limits = rules.Limits(grace=settings.TIMES["alert_grace"])
        changes = rules.decide(facts, open_alerts, limits, now)
        if changes.raised:
            _open(changes.raised, now)
        if changes.over:
            _close(changes.over, now)
        _queue_beginnings(now)
        alert_notices.settle_posted(now)
        alert_notices.hint_due(now)
    return Looked(len(changes.raised), len(changes.over))


def _watched_since(now: datetime) -> datetime:
    """Since when looks have followed each other without a gap. Locks, so that looks happen one after the other."""
    last, _ = Tick.objects.select_for_update().get_or_create(pk=LAST_LOOK, defaults={"at": now})
    since, made = Tick.objects.get_or_create(pk=WATCHED, defaults={"at": now})
    if not made and now - last.at > timedelta(seconds=EVERY * MISSED_LOOKS):
        since.at = now
        since.save(update_fields=["at"])
    last.at = max(now, last.at)
    last.save(update_fields=["at"])
    return since.at


def _open(raised: Iterable[rules.Raise], now: datetime) -> None:
    for one in raised:
        alert = Alert.objects.create(
            kind=one.kind,
            account_id=one.account_pk,
            subject=one.subject,
            raised_at=now,
            sentence=one.sentence,
            remedy=one.remedy,
            page=one.page,
            words={"sentence": packed(one.sentence), "remedy": packed(one.remedy)},
        )
        live.changed(one.account_pk, "alert", [alert.pk])
        log.warning("alert", kind=str(one.kind), account_pk=one.account_pk, alert_id=alert.pk)


def _queue_beginnings(now: datetime) -> None:
    """Every target is told of every open alert that concerns it, once: at the look that opens it, or, for a target that
    was added, switched on or given more to hear of since, at the next one. What was called off while a target was
    switched off is told when it is on again."""
    targets = _targets()
    open_alerts = Alert.objects.filter(resolved_at=None)
    about = list(open_alerts.order_by("pk").values_list("pk", "kind", "account_id")) if targets else []
    if not about:
        return
    notices = AlertNotice.objects.filter(alert__in=open_alerts, about=NoticeAbout.RAISED).exclude(target=None)
    known = {(alert, target): (pk, state) for pk, alert, target, state in notices.values_list(*_NOTICE)}
    new, again = [], []
    for alert_pk, kind, account_pk in about:
        for target, kinds, accounts in targets:
            if not rules.concerns(kind, account_pk, kinds=kinds, accounts=accounts):
                continue
            if (alert_pk, target.pk) not in known:
                name = target.name
                new.append(AlertNotice(alert_id=alert_pk, target=target, target_name=name, about=NoticeAbout.RAISED))
            elif known[alert_pk, target.pk][1] == NoticeState.CANCELLED:
                again.append(known[alert_pk, target.pk][0])
            else:
                continue
            live.changed(account_pk, "alert")
    for notice in new:
        notice.queued_at = now
    AlertNotice.objects.bulk_create(new)
    if again:
        AlertNotice.objects.filter(pk__in=again).update(
            state=NoticeState.QUEUED, error="", attempts=0, next_attempt_at=None, settled_at=None, queued_at=now
        )


def _close(over: Iterable[rules.Over], now: datetime) -> None:
    outcomes = {one.alert_pk: one.sentence for one in over}
    told = AlertNotice.objects.filter(alert__in=outcomes, about=NoticeAbout.RAISED).exclude(target=None)
    waiting = (
        told.exclude(state__in=(NoticeState.DEAD, NoticeState.CANCELLED))
        .filter(target__enabled=True, target__tells_recovery=True)
        .select_related("target")
        .defer("target__url", "target__signing_secret")
    )
    notices = list(waiting)
    AlertNotice.objects.bulk_create(
        AlertNotice(
            alert_id=notice.alert_id,
            target=notice.target,
            target_name=notice.target_name,
            about=NoticeAbout.RECOVERED,
            queued_at=now,
        )
        for notice in notices
    )
    # Who was not told yet, and is told that it is over, need not be told that it began.
    AlertNotice.objects.filter(pk__in=[notice.pk for notice in notices], state=NoticeState.QUEUED).update(
        state=NoticeState.CANCELLED, error=OVER_UNTOLD, settled_at=now
    )
    for account_pk in Alert.objects.filter(pk__in=outcomes).order_by().values_list("account_id", flat=True).distinct():
        live.changed(account_pk, "alert")
    for alert_pk, sentence in outcomes.items():
        for alert in Alert.objects.filter(pk=alert_pk, resolved_at=None):
            alert.resolved_at, alert.outcome = now, sentence
            alert.words["outcome"] = packed(sentence)
            alert.save(update_fields=["resolved_at", "outcome", "words"])
        log.info("alert over", alert_id=alert_pk)


def _targets() -> list[tuple[AlertTarget, list[str], set[int] | None]]:
    """Every enabled target with its kinds and accounts (None: all). Secrets are not read."""
    rows = list(AlertTarget.objects.filter(enabled=True).only("name", "kinds", "all_accounts"))
    chosen: dict[int, set[int]] = {row.pk: set() for row in rows}
    pairs = AlertTarget.accounts.through.objects.filter(alerttarget__in=chosen)
    for target_pk, account_pk in pairs.values_list("alerttarget_id", "account_id"):
        chosen[target_pk].add(account_pk)
    return [(row, row.kinds, None if row.all_accounts else chosen[row.pk]) for row in rows]
