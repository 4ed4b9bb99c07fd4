"""The sidebar: what needs a hand first, and only what the signed-in person may see."""

from __future__ import annotations

from typing import Any

from axes.models import AccessAttempt, AccessLog
from django.contrib.auth.models import Group, User
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.urls import reverse
from django.utils.translation import gettext_lazy as _

from mattermost_bridge.admin import config_files, looks
from mattermost_bridge.models import (
    AccessEntry,
    AccessGroup,
    Account,
    Agent,
    Alert,
    AlertNotice,
    AlertTarget,
    AuditEntry,
    Binding,
    BlockedUser,
    BridgeDefaults,
    ConnectionChange,
    Conversation,
    Delivery,
    DirectChannel,
    GroupOverride,
    InboundEvent,
    PairingRequest,
    ScheduledMessage,
    SendKey,
    Skill,
    Turn,
)
from mattermost_bridge.models.states import DeliveryState
from mattermost_bridge.services import rights

#: A badge counts up to here: more is "many".
MOST = 99
NOT_SENT = f"state={DeliveryState.DEAD}"


def sidebar(request: HttpRequest) -> list[dict[str, Any]]:
    """The groups of the sidebar with their badges; costs three counts that stop at `MOST`."""
    filtered = request.GET.get("state") == DeliveryState.DEAD
    waiting, dead = counts(request)
    deliveries = looks.list_of(Delivery)
    on_deliveries = request.path.startswith(deliveries)
    return [
        _group(
            "",
            {"title": _("Overview"), "icon": "dashboard", "link": reverse("admin:index")},
            {
                "title": _("Help"),
                "icon": "help",
                "link": reverse("admin:help"),
                "active": request.path.startswith(reverse("admin:help")),
            },
        ),
        _group(
            _("Needs a hand"),
            {**_item(request, PairingRequest, _("Pairing requests"), "handshake"), **_badge(waiting, "warning")},
            {
                **_item(request, Delivery, _("Deliveries not sent"), "error", NOT_SENT),
                **_badge(dead, "danger"),
                "active": on_deliveries and filtered,
            },
            {**_item(request, Alert, _("Alerts"), "notifications_active"), **_badge(_open_alerts(request), "danger")},
        ),
        _group(
            _("Bots"),
            _item(request, Account, _("Accounts"), "robot_2"),
            _item(request, Agent, _("Agents"), "psychology"),
            _item(request, Binding, _("Bindings"), "alt_route"),
            _item(request, Skill, _("Skills"), "terminal"),
            _defaults(request),
        ),
        _group(
            _("People and channels"),
            _item(request, AccessEntry, _("Access entries"), "how_to_reg"),
            _item(request, AccessGroup, _("Access groups"), "groups"),
            _item(request, BlockedUser, _("Blocked people"), "block"),
            _item(request, GroupOverride, _("Channel settings"), "tag"),
        ),
        _group(
            _("What happened"),
            _item(request, Conversation, _("Conversations"), "forum"),
            _item(request, InboundEvent, _("Events"), "inbox"),
            _item(request, Turn, _("Turns"), "sync_alt"),
            {**_item(request, Delivery, _("Deliveries"), "outbox"), "active": on_deliveries and not filtered},
            _item(request, DirectChannel, _("Direct channels"), "forward_to_inbox"),
            _item(request, ScheduledMessage, _("Scheduled messages"), "schedule_send"),
            _item(request, ConnectionChange, _("Connection changes"), "cable"),
            _item(request, AlertNotice, _("Alert notes"), "outgoing_mail"),
            _item(request, AuditEntry, _("Audit log"), "history"),
        ),
        _group(
            _("Administration"),
            _config_files(request),
            _item(request, AlertTarget, _("Alert targets"), "campaign"),
            _item(request, SendKey, _("Sending keys"), "key"),
            _item(request, User, _("Users"), "person"),
            _item(request, Group, _("Groups"), "group"),
            _item(request, AccessAttempt, _("Wrong passwords"), "lock_person"),
            _item(request, AccessLog, _("Sign-ins"), "login"),
        ),
    ]


def _group(title: Any, *items: dict[str, Any]) -> dict[str, Any]:
    return {"title": title, "separator": False, "collapsible": False, "items": list(items)}


def _item(request: HttpRequest, model: type[Model], title: Any, icon: str, query: str = "") -> dict[str, Any]:
    address = looks.list_of(model)
    visible = _may_view(request, model)
    return {
        "title": title,
        "icon": icon,
        "link": looks.list_of(model, query),
        "active": request.path.startswith(address),
        "permission": lambda request: visible,
    }


def _defaults(request: HttpRequest) -> dict[str, Any]:
    item = _item(request, BridgeDefaults, _("Defaults"), "tune")
    return {**item, "active": item["active"] and not _on_config_files(request)}


def _on_config_files(request: HttpRequest) -> bool:
    return request.path.startswith(reverse(f"admin:{config_files.IMPORT_URL}"))


def _config_files(request: HttpRequest) -> dict[str, Any]:
    address, may = reverse(f"admin:{config_files.IMPORT_URL}"), config_files.may(request.user)
    return {
        "title": _("Configuration file"),
        "icon": "upload_file",
        "link": address,
        "active": _on_config_files(request),
        "permission": lambda request: may,
    }


def _badge(count: int, variant: str) -> dict[str, Any]:
    """An item with a badge has one also while it counts nothing: an open page may have to show it later."""
    return {"badge": _words(count), "badge_variant": variant}


def _words(count: int) -> str:
    return str(count) if 0 < count <= MOST else f"{MOST}+" if count else ""


def badges(request: HttpRequest, waiting: int, dead: int) -> dict[str, str]:
    """The words of each badge by the address of its item, for open pages; the numbers are those of `counts`."""
    return {
        looks.list_of(PairingRequest): _words(waiting),
        looks.list_of(Delivery, NOT_SENT): _words(dead),
        looks.list_of(Alert): _words(_open_alerts(request)),
    }


def counts(request: HttpRequest) -> tuple[int, int]:
    """How many pairings wait and how many messages were not delivered, as far as the person may see them; counted up to
    a little more than a badge shows."""
    from mattermost_bridge.admin.pairing import waiting

    requests = deliveries = 0
    if _may_view(request, PairingRequest):
        requests = _count(request, PairingRequest.objects.filter(waiting()))
    if _may_view(request, Delivery):
        deliveries = _count(request, Delivery.objects.filter(state=DeliveryState.DEAD))
    return requests, deliveries


def _count(request: HttpRequest, rows: QuerySet) -> int:
    return rights.visible_to(request.user, rows).values("pk")[: MOST + 1].count()


def _open_alerts(request: HttpRequest) -> int:
    return _count(request, Alert.objects.filter(resolved_at=None)) if _may_view(request, Alert) else 0


def _may_view(request: HttpRequest, model: type[Model]) -> bool:
    label, name = model._meta.app_label, model._meta.model_name
    return any(rights.may(request.user, f"{label}.{action}_{name}") for action in ("view", "change"))
