"""Telling the targets: each target by one worker at a time, in order, outside of transactions, again after a failure.

A webhook gets one note at a time; what waits for e-mail or a Mattermost channel goes out together, so that an outage of
many accounts is one message.
"""

from __future__ import annotations

import random
import re
from datetime import datetime, timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Exists, F, OuterRef, Q, Subquery
from django.db.models.functions import Now
from django.utils import timezone

from mattermost_bridge.config.effective import settings_for
from mattermost_bridge.live import messages as live
from mattermost_bridge.logging import hide
from mattermost_bridge.models import AlertNotice, AlertTarget, ListenerLease, OutboxState
from mattermost_bridge.models.fields import WrongKeyError
from mattermost_bridge.models.states import (
    LISTENING,
    AlertTargetKind,
    ConnectionPhase,
    DeliveryKind,
    DeliveryState,
    NoticeAbout,
    NoticeState,
)
from mattermost_bridge.rules import alerts as rules
from mattermost_bridge.rules.alert_notes import Note, mattermost_text
from mattermost_bridge.services import alert_transports, audit, hints, outbox, sending
from mattermost_bridge.services.alert_transports import TransportError, Webhook
from mattermost_bridge.services.audit import Actor
from mattermost_bridge.services.errors import NotFound, Refused
from mattermost_bridge.services.keeping import holder, kept

log = structlog.get_logger(__name__)

SEND = "durar.alerts.send"
#: A worker holds a target for so many seconds without renewing; no single try takes nearly as long.
CLAIM_SECONDS = 60.0
#: So many notes go out together, where several may.
MOST_TOGETHER = 25
#: What only waits is looked at again after so many seconds.
WAIT_SECONDS = 30.0


def addresses(text: str) -> list[str]:
    """The e-mail addresses of a target, as they were typed."""
    return [word for word in re.split(r"[\s,;]+", text) if word]


def hint_due(now: datetime) -> int:
    """Have those targets told that have something due and that nobody is telling. Returns how many."""
    head = AlertNotice.objects.filter(target=OuterRef("pk"), state=NoticeState.QUEUED).order_by("pk")
    due = (
        AlertTarget.objects.annotate(first_at=Subquery(head.values("next_attempt_at")[:1]))
        .filter(Q(first_at=None) | Q(first_at__lte=now), Exists(head))
        .filter(Q(claim_until=None) | Q(claim_until__lt=Now()), enabled=True)
    )
    pks = list(due.values_list("pk", flat=True))
    for pk in pks:
        hints.task_after_commit(SEND, pk)
    return len(pks)


def send_due(target_pk: int) -> int:
    """Tell a target what it is to be told, until nothing is due or a try fails. Returns how many notes went out."""
    claimed = AlertTarget.objects.filter(
        Q(claim_until=None) | Q(claim_until__lt=Now()), pk=target_pk, enabled=True
    ).update(claimed_by=holder(), claim_until=Now() + timedelta(seconds=CLAIM_SECONDS))
    if not claimed:
        return 0
    sent = 0
    try:
        with kept(lambda: _renew(target_pk), every=CLAIM_SECONDS / 4, length=CLAIM_SECONDS) as claim:
            while not claim.lost and (batch := _next(target_pk)):
                if not _tell(target_pk, batch):
                    break
                sent += len(batch)
    finally:
        AlertTarget.objects.filter(pk=target_pk, claimed_by=holder()).update(claimed_by="", claim_until=None)
    return sent


def _renew(target_pk: int) -> bool:
    mine = AlertTarget.objects.filter(pk=target_pk, claimed_by=holder())
    return bool(mine.update(claim_until=Now() + timedelta(seconds=CLAIM_SECONDS)))


def _next(target_pk: int) -> list[AlertNotice]:
    """The oldest notes that wait for the target; none while the first of them has to wait."""
    kind = AlertTarget.objects.filter(pk=target_pk, enabled=True).values_list("kind", flat=True).first()
    if kind is None:
        return []
    rows = AlertNotice.objects.filter(target=target_pk, state=NoticeState.QUEUED).order_by("pk")
    rows = rows.select_related("alert__account").defer("alert__account__bot_token")
    batch = list(rows[: 1 if kind == AlertTargetKind.WEBHOOK else MOST_TOGETHER])
    if not batch:
        return []
    first = batch[0].next_attempt_at
    return batch if first is None or first <= timezone.now() else []


def _tell(target_pk: int, batch: list[AlertNotice]) -> bool:
    """Tell a target of these notes. True when it is told, or never will be, so that the next ones may go."""
    problem = ""
    try:
        target = AlertTarget.objects.get(pk=target_pk)
        notes = [note_of(notice) for notice in batch]
        hide(target.url, target.signing_secret)
        if target.kind == AlertTargetKind.MATTERMOST:
            _hand_over(target, batch, mattermost_text(notes))
            return True
        if target.kind == AlertTargetKind.EMAIL:
            problem = alert_transports.send_mail(addresses(target.emails), notes)
        else:
            alert_transports.post_webhook(Webhook(target.url, target.signing_secret), notes[0])
    except WrongKeyError as error:
        return _failed(target_pk, batch, TransportError(str(error), waits=True))
    except TransportError as error:
        return _failed(target_pk, batch, error)
    _told(target_pk, batch, problem)
    return True


def note_of(notice: AlertNotice) -> Note:
    """What a notice says."""
    alert = notice.alert
    over = notice.about == NoticeAbout.RECOVERED
    return Note(
        key=str(notice.pk),
        about=notice.about,
        kind=alert.kind,
        title=alert.get_kind_display(),
        account_id=alert.account.account_id,
        sentence=alert.outcome if over else alert.sentence,
        remedy="" if over else alert.remedy,
        link=f"{settings.PUBLIC_URL}{alert.page}" if settings.PUBLIC_URL else "",
        raised_at=alert.raised_at,
        resolved_at=alert.resolved_at if over else None,
    )


def _told(target_pk: int, batch: list[AlertNotice], problem: str) -> None:
    """Note that a target was told; `problem` says whom of its people it did not reach."""
    now = timezone.now()
    # A note that was called off while it was on its way did arrive.
    rows = AlertNotice.objects.filter(pk__in=[notice.pk for notice in batch])
    rows.filter(state__in=(NoticeState.QUEUED, NoticeState.CANCELLED)).update(
        state=NoticeState.SENT, settled_at=now, error="", next_attempt_at=None, attempts=F("attempts") + 1
    )
    AlertTarget.objects.filter(pk=target_pk).update(
        last_sent_at=now, last_error=problem, last_error_at=now if problem else None
    )
    if problem:
        log.warning("alert target told in part", target_pk=target_pk, notes=len(batch), reason=problem)
    _tell_pages(batch)


def _failed(target_pk: int, batch: list[AlertNotice], error: TransportError) -> bool:
    """Note a try that failed, and when the next one is. True when these notes are given up: the next ones may go."""
    now, text = timezone.now(), str(error)
    attempt = batch[0].attempts + (0 if error.waits else 1)
    longest = rules.WAITED_FOR if error.waits else rules.TRIED_FOR
    age = (now - batch[0].queued_at).total_seconds()
    gives_up = error.permanent or age > longest
    rows = AlertNotice.objects.filter(pk__in=[notice.pk for notice in batch], state=NoticeState.QUEUED)
    if gives_up:
        rows.update(state=NoticeState.DEAD, error=text, attempts=attempt, next_attempt_at=None, settled_at=now)
        log.error("alert target not told", target_pk=target_pk, notes=len(batch), reason=text)
    else:
        delay = rules.notice_delay(max(attempt, 1), random.random(), error.retry_after)  # noqa: S311 - spreads tries
        next_at = now + timedelta(seconds=WAIT_SECONDS if error.waits else delay)
        rows.update(error=text, attempts=attempt, next_attempt_at=next_at)
        log.warning("alert target not told yet", target_pk=target_pk, notes=len(batch), reason=text)
    AlertTarget.objects.filter(pk=target_pk).update(last_error=text, last_error_at=now)
    _tell_pages(batch)
    return gives_up


def _tell_pages(notices: list[AlertNotice]) -> None:
    """Tell open pages that these notes changed."""
    for account_pk in {notice.alert.account_id for notice in notices}:
        live.changed(account_pk, "alert")


def _hand_over(target: AlertTarget, batch: list[AlertNotice], text: str) -> None:
    """Put the notes into the outbox of the account that posts for the target. Raises TransportError while it cannot."""
    problem = posting_problem(target)
    if problem:
        raise TransportError(f"{problem} The note waits until it can be posted.", waits=True)
    assert target.account_id is not None
    with transaction.atomic():
        pks = [notice.pk for notice in batch]
        rows = AlertNotice.objects.select_for_update().filter(pk__in=pks, state=NoticeState.QUEUED)
        if len(rows) < len(batch):
            return  # called off just now; what is left goes with the next ones
        deliveries = outbox.post(
            account_pk=target.account_id, channel_id=target.channel_id, text=text, kind=DeliveryKind.ALERT
        )
        AlertNotice.objects.filter(pk__in=pks).update(
            state=NoticeState.POSTING, delivery=deliveries[-1], error="", next_attempt_at=None
        )
        _tell_pages(batch)


def posting_problem(target: AlertTarget) -> str:
    """Why the account of a Mattermost target cannot post right now; "" when it can."""
    if target.account_id is None:
        return "No account is chosen that posts there."
    account = settings_for(target.account_id)
    if account.archived or not account.enabled:
        return f"The account {account.account_id}, which posts there, is switched off."
    if not account.configured:
        return account.missing
    lease = ListenerLease.objects.filter(pk=account.pk).values("phase", "reason").first()
    phase = lease["phase"] if lease else ConnectionPhase.STOPPED
    if phase not in LISTENING:
        return (
            f"The account {account.account_id}, which posts there, is itself not connected "
            f"({ConnectionPhase(phase).label}). {lease['reason'] if lease else ''}".strip()
        )
    state = OutboxState.objects.filter(pk=account.pk).first()
    if state and (state.parked_since or state.paused_since):
        return (
            f"Nothing can be posted by the account {account.account_id} right now: "
            f"{state.parked_reason or state.paused_reason}"
        )
    return ""


def settle_posted(now: datetime) -> None:
    """Notes that went through the outbox: what became of their posts. In the caller's transaction."""
    posted = AlertNotice.objects.filter(Q(state=NoticeState.POSTING) & ~Q(delivery__state__in=("queued", "sending")))
    for notice in posted.select_related("delivery", "alert"):
        delivery = notice.delivery
        reached = delivery is not None and delivery.state == DeliveryState.SENT
        error = "" if reached else (delivery.error if delivery else "") or "Its post was removed before it was sent."
        AlertNotice.objects.filter(pk=notice.pk).update(
            state=NoticeState.SENT if reached else NoticeState.DEAD,
            settled_at=now,
            error=error,
            attempts=delivery.attempts if delivery else notice.attempts,
        )
        _tell_pages([notice])
        target = AlertTarget.objects.filter(notices=notice)
        if reached:
            target.update(last_sent_at=now, last_error="", last_error_at=None)
        else:
            target.update(last_error=error, last_error_at=now)


def send_again(notice_pk: int, *, actor: Actor) -> None:
    """Have a note that was given up sent once more. Raises NotFound, Refused."""
    with transaction.atomic():
        rows = AlertNotice.objects.select_for_update(of=("self",)).select_related(
            "alert__account", "target", "delivery"
        )
        rows = rows.defer("target__url", "target__signing_secret", "alert__account__bot_token")
        notice = rows.filter(pk=notice_pk).first()
        if notice is None:
            raise NotFound("This note does not exist any more. Reload the page.")
        if notice.state != NoticeState.DEAD:
            raise Refused(f"This note is not one that was given up ({notice.get_state_display().lower()}).")
        if notice.target is None:
            raise Refused(f'The target "{notice.target_name}" was removed, so nobody can be told.')
        if not notice.target.enabled:
            raise Refused(f'The target "{notice.target_name}" is switched off. Switch it on first.')
        # Its post may have been made although nobody knows: then the outbox looks for it first.
        delivery = notice.delivery
        again = delivery is not None and (delivery.state == DeliveryState.SENT or sending.retry_dead(delivery.pk))
        notice.state = NoticeState.POSTING if again else NoticeState.QUEUED
        notice.delivery = notice.delivery if again else None
        notice.attempts, notice.next_attempt_at, notice.settled_at, notice.error = 0, None, None, ""
        notice.queued_at = timezone.now()
        notice.save()
        audit.record(
            actor=actor,
            verb="alert_note.send_again",
            summary=f'Note {notice_pk} of an alert is sent again to "{notice.target_name}".',
            account=notice.alert.account,
            target=notice,
            details={"state": [NoticeState.DEAD, notice.state]},
        )
        hints.task_after_commit(SEND, notice.target_id)
