"""What needs a hand, for the notes and counts of every open page: asked for by its script, told to nobody else."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest, JsonResponse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.views.decorators.cache import never_cache
from django.views.decorators.http import require_GET

from mattermost_bridge.admin import looks, navigation
from mattermost_bridge.admin.pairing import waiting
from mattermost_bridge.models import Account, Delivery, InboundEvent, ListenerLease, PairingRequest
from mattermost_bridge.models.states import ConnectionPhase, DeliveryState, EventState
from mattermost_bridge.services import rights

#: So many of each kind, newest first.
MOST = 10
#: Phases that somebody has to do something about, or may want to.
DOWN = (ConnectionPhase.TOKEN_REFUSED, ConnectionPhase.BACKING_OFF, ConnectionPhase.STOPPED)


@never_cache
@require_GET
def news(request: HttpRequest) -> JsonResponse:
    """The counts of the sidebar by address, and what needs a hand: how much, and the newest of each kind. Each part is
    for those who may see it."""
    failed = [*_events(request), *_connections(request)]
    items = [*_pairings(request), *_deliveries(request), *failed]
    now = int(timezone.now().timestamp() * 1000)
    waiting, dead = navigation.counts(request)
    badges = navigation.badges(request, waiting, dead)
    return JsonResponse({"now": now, "badges": badges, "needs": waiting + dead + len(failed), "news": items})


def _rows(request: HttpRequest, rows: QuerySet[Any]) -> QuerySet[Any]:
    """Those that the person may see."""
    if not rights.may(request.user, f"view_{rows.model._meta.model_name}"):
        return rows.none()
    return rights.visible_to(request.user, rows)[:MOST]


def _pairings(request: HttpRequest) -> list[dict[str, Any]]:
    rows = PairingRequest.objects.filter(waiting()).order_by("-pk").only("pk", "username", "user_id")
    return [
        {
            "key": f"pairing-{row.pk}",
            "text": _("%s waits to be paired") % (f"@{row.username}" if row.username else row.user_id),
            "link": looks.list_of(PairingRequest),
            "tone": "warning",
        }
        for row in _rows(request, rows)
    ]


def _deliveries(request: HttpRequest) -> list[dict[str, Any]]:
    rows = Delivery.objects.filter(state=DeliveryState.DEAD).order_by("-pk").only("pk")
    return [
        {
            "key": f"delivery-{row.pk}",
            "text": _("A message was not delivered"),
            "link": looks.page_of(row),
            "tone": "bad",
        }
        for row in _rows(request, rows)
    ]


def _events(request: HttpRequest) -> list[dict[str, Any]]:
    """Events that could not be decided, and those whose turn failed."""
    rows = InboundEvent.objects.filter(state=EventState.FAILED).order_by("-pk").only("pk", "turn_id")
    return [
        {
            "key": f"event-{row.pk}",
            "text": _("A message was not answered: its turn failed") if row.turn_id else _("A message was not decided"),
            "link": looks.page_of(row),
            "tone": "bad",
        }
        for row in _rows(request, rows)
    ]


def _connections(request: HttpRequest) -> list[dict[str, Any]]:
    if not rights.may(request.user, "view_account"):
        return []
    leases = ListenerLease.objects.filter(phase__in=DOWN, account__in=_accounts(request)).order_by("-since")
    return [
        {
            "key": f"connection-{lease.pk}-{lease.phase}-{int(lease.since.timestamp())}",
            "text": f"{lease.account}: {lease.get_phase_display()}",
            "link": looks.page_of(lease.account),
            "tone": "bad" if lease.phase == ConnectionPhase.TOKEN_REFUSED else "warning",
        }
        for lease in leases.select_related("account").defer("account__bot_token")[:MOST]
    ]


def _accounts(request: HttpRequest) -> QuerySet[Account]:
    return rights.accounts_visible_to(request.user).filter(enabled=True, archived_at=None)


view = admin.site.admin_view(news)
