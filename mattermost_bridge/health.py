"""Whether Durar can do its work, for load balancers and operators.

`/healthz` says that this process answers and touches nothing else. `/readyz` looks at the database, the broker, the
oldest event that nobody decided, the listeners' leases and the scheduler, and answers 503 when one of them is not
well. Neither needs a sign-in, so neither names accounts, people or hosts.
"""

from __future__ import annotations

import logging
import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import redis
from asgiref.sync import iscoroutinefunction, sync_to_async
from django.conf import settings
from django.db import DatabaseError
from django.db.models import Count, Q
from django.db.models.functions import Now
from django.http import HttpRequest, HttpResponse, JsonResponse
from django.utils import timezone
from django.utils.decorators import sync_and_async_middleware

from mattermost_bridge.models import Account, InboundEvent, Tick
from mattermost_bridge.models.states import LISTENING, ConnectionPhase, EventState

logger = logging.getLogger(__name__)

#: An event is decided within milliseconds, one that fails five times within 15 s.
EVENT_MAY_WAIT = 60.0
#: The sweep runs every 2 s; ten missed ones in a row are no accident.
SWEEP_MAY_BE_AWAY = 20.0
BROKER_ANSWERS_WITHIN = 1.0
#: Anybody may ask, so asking often must cost nothing.
KEPT_FOR = 1.0


@dataclass(frozen=True)
class Part:
    """How one part is: well or not, a sentence, and the numbers behind it."""

    ok: bool
    message: str
    numbers: Mapping[str, float | None] = field(default_factory=dict)


def broker() -> Part:
    """Whether the broker answers a ping within a second."""
    link = redis.Redis.from_url(
        settings.REDIS_URL,
        socket_timeout=BROKER_ANSWERS_WITHIN,
        socket_connect_timeout=BROKER_ANSWERS_WITHIN,
        retry=None,
    )
    try:
        link.ping()
    except redis.RedisError as error:
        logger.warning("The broker does not answer: %s", error)
        return Part(ok=False, message="The broker does not answer. New work waits for the sweep; see REDIS_URL.")
    finally:
        link.close()
    return Part(ok=True, message="The broker answers.")


def events(now: datetime) -> Part:
    """How long the oldest undecided event has waited."""
    undecided = InboundEvent.objects.filter(state=EventState.NEW)
    since = undecided.order_by("id").values_list("received_at", flat=True).first()
    age = max(0.0, (now - since).total_seconds()) if since else None
    numbers = {"oldest_waiting_seconds": round(age, 1) if age is not None else None}
    if age is None:
        return Part(ok=True, message="No event waits.", numbers=numbers)
    if age <= EVENT_MAY_WAIT:
        return Part(ok=True, message="Events are being decided.", numbers=numbers)
    return Part(
        ok=False,
        message=f"An event has waited {age:.0f} s to be decided. Does a worker for the queue `events` run?",
        numbers=numbers,
    )


def leases() -> Part:
    """Whether a worker listens for every enabled account. A worker that looked at an account and found that it cannot
    connect (no token, bridge switched off) has noted so; such accounts are another page's subject."""
    needs_none = (ConnectionPhase.NOT_CONFIGURED, ConnectionPhase.DISABLED)
    held = Q(listener_lease__expires_at__gt=Now()) & ~Q(listener_lease__holder="")
    numbers = (
        Account.objects.filter(enabled=True, archived_at=None)
        .exclude(listener_lease__phase__in=needs_none)
        .aggregate(
            enabled=Count("pk"),
            held=Count("pk", filter=held),
            listening=Count("pk", filter=held & Q(listener_lease__phase__in=LISTENING)),
        )
    )
    enabled = numbers["enabled"]
    if missing := enabled - numbers["held"]:
        message = f"No worker listens for {missing} of {enabled} enabled accounts. Does a worker with --listeners run?"
        return Part(ok=False, message=message, numbers=numbers)
    return Part(ok=True, message="A worker listens for every enabled account.", numbers=numbers)


def scheduler(now: datetime) -> Part:
    """How long ago the sweep ran."""
    at = Tick.objects.filter(name="sweep").values_list("at", flat=True).first()
    if at is None:
        return Part(ok=False, message="The sweep has never run. Does the scheduler run?")
    age = max(0.0, (now - at).total_seconds())
    numbers = {"last_sweep_seconds": round(age, 1)}
    if age > SWEEP_MAY_BE_AWAY:
        message = f"The sweep last ran {age:.0f} s ago. Do the scheduler and a worker for the queue `upkeep` run?"
        return Part(ok=False, message=message, numbers=numbers)
    return Part(ok=True, message="The sweep runs.", numbers=numbers)


def report() -> dict[str, Part]:
    """Every part. What needs the database says so when the database is away."""
    parts = {"broker": broker()}
    now = timezone.now()
    try:
        parts |= {"events": events(now), "leases": leases(), "scheduler": scheduler(now)}
        database = Part(ok=True, message="The database answers.")
    except DatabaseError as error:
        logger.warning("The database does not answer: %s", error)
        unknown = Part(ok=False, message="Unknown while the database does not answer.")
        parts |= {"events": unknown, "leases": unknown, "scheduler": unknown}
        database = Part(ok=False, message="The database does not answer, or has not been migrated.")
    return {"database": database} | parts


class _Kept:
    """The last report, so that many who ask in the same second cost one look."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._report: dict[str, Part] = {}
        self._until = 0.0

    def forget(self) -> None:
        """Look again at the next question."""
        self._until = 0.0

    def get(self) -> dict[str, Part]:
        """The report, not older than KEPT_FOR seconds."""
        with self._lock:
            if time.monotonic() >= self._until:
                self._report = report()
                self._until = time.monotonic() + KEPT_FOR
            return self._report


kept = _Kept()


def healthz() -> HttpResponse:
    """This process answers."""
    return HttpResponse("ok\n", content_type="text/plain; charset=utf-8", headers={"Cache-Control": "no-store"})


def readyz() -> JsonResponse:
    """The report as JSON: `ok`, and for every part `ok`, a `message` and its numbers. 200, or 503 when it is not ok."""
    parts = kept.get()
    ok = all(part.ok for part in parts.values())
    body = {name: {"ok": part.ok, "message": part.message, **part.numbers} for name, part in parts.items()}
    return JsonResponse({"ok": ok, "parts": body}, status=200 if ok else 503, headers={"Cache-Control": "no-store"})


_ANSWERS: dict[str, Callable[[], HttpResponse]] = {"/healthz": healthz, "/readyz": readyz}


@sync_and_async_middleware
def health_middleware(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Answer `/healthz` and `/readyz` before anything else looks at the request. It stands first: a load balancer
    calls a host by its number, which ALLOWED_HOSTS need not know, and has no session."""
    if iscoroutinefunction(get_response):

        async def answer_async(request: HttpRequest) -> HttpResponse:
            view = _ANSWERS.get(request.path)
            if view is None:
                return await get_response(request)
            return view() if view is healthz else await sync_to_async(view)()

        return answer_async

    def answer(request: HttpRequest) -> HttpResponse:
        view = _ANSWERS.get(request.path)
        return view() if view else get_response(request)

    return answer
