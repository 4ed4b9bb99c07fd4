"""Messages at a time and by cron expressions: kept, paused, removed, and put into the outbox when they are due.

Each time is one row, written in the transaction that puts the message into the outbox and moves on to the next time:
two schedulers send nothing twice, and a process that dies in between has sent nothing.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Any

import structlog
from django.db import InterfaceError, OperationalError, transaction
from django.utils import timezone

from mattermost_bridge.models import Account, ScheduledMessage, ScheduledRun
from mattermost_bridge.models.states import LateRule, ScheduledRunState, ScheduleKind
from mattermost_bridge.rules.schedules import cron_problem, is_late, late_note, next_run, zone_problem
from mattermost_bridge.services import audit, messages
from mattermost_bridge.services.audit import Actor
from mattermost_bridge.services.errors import NotFound, Refused
from mattermost_bridge.services.targets import Target

log = structlog.get_logger(__name__)

#: So many due messages one look puts into the outbox; the next look goes on.
MOST_AT_ONCE = 200
#: So many runs of a message stay on record.
KEPT_RUNS = 200


@dataclass(frozen=True)
class Wanted:
    """A scheduled message as somebody wants it. `target` is whom or what `to` means."""

    account_pk: int
    to: str
    target: Target
    text: str
    kind: str = ScheduleKind.ONCE
    at: datetime | None = None
    cron: str = ""
    time_zone: str = "UTC"
    late: str = LateRule.SEND


def create(wanted: Wanted, *, actor: Actor) -> ScheduledMessage:
    """Keep a message to be sent later. Raises Refused for a time that is over, and for what could never be sent."""
    row = ScheduledMessage(created_by=actor.name[:150])
    return _save(row, wanted, actor, "scheduled_message.create", "was scheduled")


def update(pk: int, wanted: Wanted, *, actor: Actor) -> ScheduledMessage:
    """Change a scheduled message; what is due next is counted anew from now. Raises NotFound, Refused."""
    with transaction.atomic():
        return _save(_locked(pk), wanted, actor, "scheduled_message.update", "was changed")


def _save(row: ScheduledMessage, wanted: Wanted, actor: Actor, verb: str, what: str) -> ScheduledMessage:
    _refuse(wanted)
    now = timezone.now()
    row.account = Account.objects.defer("bot_token").get(pk=wanted.account_pk)
    row.to, row.text, row.kind, row.late = wanted.to.strip(), wanted.text, wanted.kind, wanted.late
    row.user_id, row.username, row.channel_id = (
        wanted.target.user_id,
        wanted.target.username[:64],
        wanted.target.channel_id,
    )
    row.time_zone = wanted.time_zone
    if wanted.kind == ScheduleKind.ONCE:
        row.at, row.cron, row.next_run_at = wanted.at, "", wanted.at
    else:
        row.at, row.cron = None, " ".join(wanted.cron.split())
        row.next_run_at = next_run(row.cron, row.time_zone, now)
    with transaction.atomic():
        row.save()
        _note(actor, verb, row, f"The message to {row.to} {what}.", next_run_at=audit.iso(row.next_run_at))
    return row


def _refuse(wanted: Wanted) -> None:
    """Raises Refused for what cannot be kept or sent."""
    if not wanted.text.strip():
        raise Refused("The message is empty. Write a text.")
    if len(wanted.text) > messages.LONGEST:
        raise Refused(f"The message has {len(wanted.text)} characters; {messages.LONGEST} are the most. Shorten it.")
    if problem := zone_problem(wanted.time_zone):
        raise Refused(problem)
    if wanted.kind == ScheduleKind.CRON:
        if problem := cron_problem(wanted.cron):
            raise Refused(problem)
    elif wanted.at is None:
        raise Refused("The time is missing. Enter when the message is to be sent.")
    elif wanted.at <= timezone.now():
        raise Refused("This time is over. Enter one that is still to come.")


def pause(pk: int, *, actor: Actor) -> None:
    """Send nothing until it goes on. Raises NotFound, Refused."""
    with transaction.atomic():
        row = _locked(pk)
        if row.paused:
            raise Refused(f"The message to {row.to} is paused already.")
        row.paused = True
        row.save(update_fields=["paused"])
        _note(actor, "scheduled_message.pause", row, f"The message to {row.to} was paused.", paused=[False, True])


def go_on(pk: int, *, actor: Actor) -> None:
    """End a pause. Times that passed meanwhile are not made up for; a single one that passed must be set anew.

    Raises NotFound, Refused.
    """
    with transaction.atomic():
        row = _locked(pk)
        if not row.paused:
            raise Refused(f"The message to {row.to} is not paused.")
        now = timezone.now()
        if row.kind == ScheduleKind.CRON:
            row.next_run_at = next_run(row.cron, row.time_zone, now)
        elif row.next_run_at is not None and row.next_run_at <= now:
            raise Refused(f"The time of the message to {row.to} passed while it was paused. Set another time.")
        row.paused = False
        row.save(update_fields=["paused", "next_run_at"])
        summary = f"The message to {row.to} goes on."
        _note(
            actor, "scheduled_message.go_on", row, summary, paused=[True, False], next_run_at=audit.iso(row.next_run_at)
        )


def remove(pk: int, *, actor: Actor) -> None:
    """Take a scheduled message away, with the record of its times; what is in the outbox stays there.

    Raises NotFound.
    """
    with transaction.atomic():
        row = _locked(pk)
        _note(actor, "scheduled_message.remove", row, f"The scheduled message to {row.to} was removed.")
        row.delete()


def send_due(now: datetime | None = None) -> int:
    """Put what is due into the outbox; returns how many times came to something."""
    now = now or timezone.now()
    due = ScheduledMessage.objects.filter(paused=False, next_run_at__lte=now).order_by("next_run_at", "pk")
    return sum(_tried(pk, now) for pk in list(due.values_list("pk", flat=True)[:MOST_AT_ONCE]))


def _tried(pk: int, now: datetime) -> bool:
    """One time of one message. A defect with one of them keeps no other one waiting; it is tried again each time."""
    try:
        return _run(pk, now)
    except (OperationalError, InterfaceError):
        raise
    except Exception:
        log.exception("a scheduled message could not be put into the outbox", scheduled=pk)
        return False


def _run(pk: int, now: datetime) -> bool:
    """One time of one message, unless somebody else was first."""
    with transaction.atomic():
        row = ScheduledMessage.objects.select_for_update().filter(pk=pk).first()
        if row is None or row.paused or row.next_run_at is None or row.next_run_at > now:
            return False
        due = row.next_run_at
        # However many times were missed, they come to one.
        row.next_run_at = next_run(row.cron, row.time_zone, now) if row.kind == ScheduleKind.CRON else None
        row.save(update_fields=["next_run_at"])
        run, made = ScheduledRun.objects.get_or_create(
            message=row, due_at=due, defaults={"state": ScheduledRunState.FAILED}
        )
        if not made:
            return False
        late = is_late(due, now)
        if late and row.late == LateRule.SKIP:
            run.state, run.note = ScheduledRunState.SKIPPED, "Nobody could send it when it was due."
        else:
            _send(row, run, late=late)
        run.save()
        old = row.runs.order_by("-due_at", "-pk").values_list("pk", flat=True)[KEPT_RUNS:]
        row.runs.filter(pk__in=list(old)).delete()
    log.info("scheduled message", scheduled=pk, state=run.state, deliveries=run.deliveries)
    return True


def _send(row: ScheduledMessage, run: ScheduledRun, *, late: bool) -> None:
    text = f"{row.text}\n\n{late_note(run.due_at, row.time_zone)}" if late else row.text
    target = Target(row.user_id, row.username, row.channel_id)
    try:
        receipt = messages.send(row.account_id, target, text, actor=Actor(f"schedule {row.pk}", "schedule"))
    except Refused as refused:
        run.state, run.note = ScheduledRunState.FAILED, str(refused)
        return
    run.deliveries = list(receipt.deliveries)
    run.state = ScheduledRunState.LATE if late else ScheduledRunState.SENT


def _locked(pk: int) -> ScheduledMessage:
    row = ScheduledMessage.objects.select_for_update().filter(pk=pk).first()
    if row is None:
        raise NotFound("This scheduled message does not exist any more. Reload the page.")
    return row


def _note(actor: Actor, verb: str, row: ScheduledMessage, summary: str, **details: Any) -> None:
    facts = {"to": row.to, "kind": row.kind, "cron": row.cron, "late": row.late}
    account = Account.objects.defer("bot_token").get(pk=row.account_id)
    audit.record(actor=actor, verb=verb, summary=summary, account=account, target=row, details=facts | details)
