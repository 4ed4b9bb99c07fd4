"""`GET /metrics`: figures for Prometheus, read from the database when they are asked for.

The database holds what all processes did, so each host says the same and no process keeps counts of its own. Figures
name accounts, so they are not for everybody: with `DURAR_METRICS_TOKEN` whoever brings it as a bearer token, without
it only programs on the same machine that ask directly and not through a proxy.
"""

from __future__ import annotations

import hmac
import shutil
from collections.abc import Callable, Iterable, Iterator
from datetime import datetime, timedelta
from ipaddress import ip_address
from typing import Any

from asgiref.sync import iscoroutinefunction, sync_to_async
from django.conf import settings
from django.db.models import Count, Min
from django.http import HttpRequest, HttpResponse
from django.utils import timezone
from django.utils.decorators import sync_and_async_middleware
from prometheus_client import CONTENT_TYPE_PLAIN_0_0_4, CollectorRegistry, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from mattermost_bridge import health
from mattermost_bridge.models import Account, Alert, Delivery, InboundEvent, PairingRequest, SlashRegistration, Turn
from mattermost_bridge.models.states import (
    LISTENING,
    UNDECIDED,
    UNSETTLED,
    AlertKind,
    DeliveryState,
    EventOutcome,
    EventState,
    PairingState,
    SlashRegistrationState,
    TurnState,
)
from mattermost_bridge.services import outbox

PATH = "/metrics"
RECENT = timedelta(minutes=5)
_FORWARDED = ("HTTP_X_FORWARDED_FOR", "HTTP_FORWARDED", "HTTP_X_REAL_IP", "HTTP_VIA")
_REGISTERED = (SlashRegistrationState.DONE, SlashRegistrationState.PARTIAL)
_NOT_DECIDED = (*UNDECIDED, EventState.WAITING)


class Figures(Collector):
    """Reads all figures at each look. While the database is away, only the parts are said."""

    def collect(self) -> Iterator[Metric]:
        """The figures of this moment."""
        now = timezone.now()
        parts = health.report()
        yield _labelled("durar_info", "The version that runs.", "version", [(settings.VERSION, 1)])
        yield _labelled(
            "durar_part_up",
            "Whether a part of /readyz is well.",
            "part",
            [(name, float(part.ok)) for name, part in parts.items()],
        )
        yield _disks()
        if not parts["database"].ok:
            return
        sweep = parts["scheduler"].numbers.get("last_sweep_seconds")
        if sweep is not None:
            yield _plain("durar_sweep_age_seconds", "Seconds since the sweep ran.", sweep)
        waiting = parts["events"].numbers.get("oldest_waiting_seconds") or 0.0
        yield _plain("durar_event_oldest_waiting_seconds", "Age of the oldest event to be decided, 0: none.", waiting)
        yield from _events(now)
        yield from _posts(now)
        yield from _accounts(now)


def _events(now: datetime) -> Iterator[Metric]:
    rows = InboundEvent.objects.order_by()
    yield _counts(
        "durar_events_undecided", "Events that are not decided yet.", "state", rows, _NOT_DECIDED, field="state"
    )
    answers = rows.filter(state=EventState.DECIDED, outcome=EventOutcome.ADMITTED)
    yield _plain("durar_answers_waiting", "Admitted events that wait for their turn.", answers.count())
    yield _counts(
        "durar_events_recent",
        "Events of the last five minutes by their outcome.",
        "outcome",
        rows.filter(received_at__gte=now - RECENT),
        [one for one in EventOutcome.values if one],
        field="outcome",
    )
    failed = Turn.objects.filter(state=TurnState.FAILED).count()
    yield _plain("durar_turns_failed", "Turns that failed and were not tried again.", failed)


def _posts(now: datetime) -> Iterator[Metric]:
    rows = Delivery.objects.order_by()
    yield _counts("durar_posts_unsettled", "Posts that are not sent yet.", "state", rows, UNSETTLED, field="state")
    dead = rows.filter(state=DeliveryState.DEAD).count()
    yield _plain("durar_posts_dead", "Posts that were given up.", dead)
    due = outbox.due().filter(account__outbox_state__parked_since=None, account__outbox_state__paused_since=None)
    oldest = due.order_by().aggregate(at=Min("created_at"))["at"]
    age = max(0.0, (now - oldest).total_seconds()) if oldest else 0.0
    yield _plain("durar_post_oldest_due_seconds", "Age of the oldest post that could be sent now, 0: none.", age)


def _accounts(now: datetime) -> Iterator[Metric]:
    rows: Iterable[Any] = Account.objects.filter(enabled=True, archived_at=None).order_by("account_id").values(
        "account_id", "listener_lease__phase", "listener_lease__holder", "listener_lease__expires_at"
    )  # fmt: skip
    yield _labelled(
        "durar_account_connected",
        "Whether a worker hears what is said to an enabled account's bot.",
        "account",
        [(row["account_id"], float(_hears(row, now))) for row in rows],
    )
    registrations = (
        SlashRegistration.objects.filter(account__enabled=True, account__archived_at=None)
        .exclude(state=SlashRegistrationState.OFF)
        .order_by("account__account_id")
    )
    yield _labelled(
        "durar_commands_registered",
        "Whether an account's slash commands are registered, at least in part.",
        "account",
        [
            (name, float(state in _REGISTERED))
            for name, state in registrations.values_list("account__account_id", "state")
        ],
    )
    pairings = PairingRequest.objects.filter(state=PairingState.PENDING, expires_at__gt=now).count()
    yield _plain("durar_pairings_waiting", "People who wait for their code to be approved.", pairings)
    open_alerts = Alert.objects.filter(resolved_at=None).order_by()
    yield _counts("durar_alerts_open", "Alerts that are open.", "kind", open_alerts, AlertKind.values, field="kind")


def _hears(row: Any, now: datetime) -> bool:
    end = row["listener_lease__expires_at"]
    held = bool(row["listener_lease__holder"]) and (end is None or end > now)
    return held and row["listener_lease__phase"] in LISTENING


def _disks() -> Metric:
    places = {"state": settings.STATE_DIR, "media": settings.MEDIA_ROOT}
    free = []
    for name, path in places.items():
        try:
            free.append((name, float(shutil.disk_usage(path).free)))
        except OSError:  # not made yet, or not mounted: `durar_disk_free_bytes` is then absent, as its alert rule asks
            continue
    return _labelled("durar_disk_free_bytes", "Free room where Durar writes.", "disk", free)


def _plain(name: str, words: str, value: float) -> Metric:
    return GaugeMetricFamily(name, words, value=value)


def _labelled(name: str, words: str, label: str, values: Iterable[tuple[str, float]]) -> Metric:
    family = GaugeMetricFamily(name, words, labels=[label])
    for key, value in values:
        family.add_metric([str(key)], value)
    return family


def _counts(name: str, words: str, label: str, rows: Any, choices: Iterable[str], *, field: str) -> Metric:
    """How many rows each of the choices has, 0 included: a line that comes and goes cannot be alerted on."""
    known = [str(choice) for choice in choices]
    found = dict(rows.filter(**{f"{field}__in": known}).values_list(field).annotate(Count("pk")))
    return _labelled(name, words, label, [(choice, found.get(choice, 0)) for choice in known])


_registry = CollectorRegistry(auto_describe=False)
_registry.register(Figures())


def answer(request: HttpRequest) -> HttpResponse:
    """The figures as text, or a refusal that says what is missing."""
    if problem := _refused(request):
        status = 401 if settings.METRICS_TOKEN else 403
        headers = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
        return HttpResponse(f"{problem}\n", status=status, content_type="text/plain; charset=utf-8", headers=headers)
    if request.method not in ("GET", "HEAD"):
        return HttpResponse(status=405, headers={"Allow": "GET, HEAD"})
    text = generate_latest(_registry)
    return HttpResponse(text, content_type=CONTENT_TYPE_PLAIN_0_0_4, headers={"Cache-Control": "no-store"})


def _refused(request: HttpRequest) -> str:
    if settings.METRICS_TOKEN:
        scheme, _, given = request.META.get("HTTP_AUTHORIZATION", "").partition(" ")
        right = hmac.compare_digest(given.strip().encode(), settings.METRICS_TOKEN.encode())
        return "" if scheme.lower() == "bearer" and right else "Send DURAR_METRICS_TOKEN as a bearer token."
    try:
        local = ip_address(request.META.get("REMOTE_ADDR", "")).is_loopback
    except ValueError:
        local = False
    # A proxy on this machine asks for others, who must not pass for local.
    if local and not any(request.META.get(name) for name in _FORWARDED):
        return ""
    return "Only programs on the same machine may read this. For others set DURAR_METRICS_TOKEN."


@sync_and_async_middleware
def metrics_middleware(get_response: Callable[[HttpRequest], Any]) -> Callable[[HttpRequest], Any]:
    """Answer `/metrics` before hosts and sessions are looked at, as `/readyz` is."""
    if iscoroutinefunction(get_response):

        async def answer_async(request: HttpRequest) -> HttpResponse:
            return await (sync_to_async(answer)(request) if request.path == PATH else get_response(request))

        return answer_async

    def answer_sync(request: HttpRequest) -> HttpResponse:
        return answer(request) if request.path == PATH else get_response(request)

    return answer_sync
