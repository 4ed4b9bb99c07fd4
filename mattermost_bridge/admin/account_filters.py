"""Filters of the accounts' list, for hundreds of them: who needs a hand, on which server, with which agent."""

from __future__ import annotations

from typing import Any

from django.contrib.admin import SimpleListFilter
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.http import HttpRequest
from django.utils.translation import gettext_lazy as _

from mattermost_bridge.admin.filters import QuestionFilter
from mattermost_bridge.admin.pairing import waiting
from mattermost_bridge.admin.standing import is_down, is_up
from mattermost_bridge.models import Agent, BridgeDefaults, Delivery, PairingRequest, Turn
from mattermost_bridge.models.states import ConnectionPhase, DeliveryState, DmPolicy, TurnState
from mattermost_bridge.services import rights

#: More servers than this are found by searching for their address.
MOST = 50


class StatusFilter(QuestionFilter):
    """Whether accounts are in use; put-away ones stay out of the way."""

    title = _("use")
    parameter_name = "use"
    default = "kept"

    def questions(self) -> dict[str, tuple[Any, Q]]:
        """Kept is what an operator works with."""
        return {
            "kept": (_("Not archived"), Q(archived_at=None)),
            "enabled": (_("Enabled"), Q(archived_at=None, enabled=True)),
            "disabled": (_("Disabled"), Q(archived_at=None, enabled=False)),
            "archived": (_("Archived"), Q(archived_at__isnull=False)),
        }


class ConnectionFilter(QuestionFilter):
    """Which accounts hear nothing, and which need a hand for whatever reason."""

    title = _("connection")
    parameter_name = "connection"
    quick = True

    def questions(self) -> dict[str, tuple[Any, Q]]:
        """Trouble first."""
        return {
            "hand": (_("Needs a hand"), needs_a_hand()),
            "trouble": (_("Enabled and not connected"), is_down()),
            "refused": (_("Token refused"), Q(listener_lease__phase=ConnectionPhase.TOKEN_REFUSED)),
            "up": (_("Connected"), is_up()),
        }


def needs_a_hand() -> Q:
    """Accounts for which something waits: a connection, an agent, an approval, a failed answer, a lost message."""
    nobody = Q(agent=None) & ~Exists(BridgeDefaults.objects.filter(agent__isnull=False))
    pairings = PairingRequest.objects.filter(waiting(), account=OuterRef("pk"))
    dead = Delivery.objects.filter(state=DeliveryState.DEAD, account=OuterRef("pk"))
    failed = Turn.objects.filter(state=TurnState.FAILED, conversation__account=OuterRef("pk"))
    waits = is_down() | nobody | Exists(pairings) | Exists(dead) | Exists(failed)
    return Q(enabled=True, archived_at=None) & waits


class ServerFilter(SimpleListFilter):
    """By server."""

    title = _("server")
    parameter_name = "server"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """The addresses that accounts have, and that of the defaults."""
        rows = rights.accounts_visible_to(request.user).filter(archived_at=None).order_by("base_url")
        found = list(rows.values_list("base_url", flat=True).distinct()[:MOST])
        own = [(address, address.partition("://")[2]) for address in found if address]
        return [*own, ("inherited", _("Inherited"))] if "" in found else own

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        """The accounts of one server."""
        value = self.value()
        return queryset.filter(base_url="" if value == "inherited" else value) if value else queryset


class AgentFilter(SimpleListFilter):
    """By agent; one that is inherited counts as none of its own."""

    title = _("agent")
    parameter_name = "agent"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """None first: such accounts may answer nobody."""
        rows = rights.visible_to(request.user, Agent.objects.order_by("slug"))
        named = [(str(pk), name or slug) for pk, name, slug in rows.values_list("pk", "name", "slug")[:MOST]]
        return [("none", _("Without its own agent")), *named]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        """The accounts with that agent."""
        value = self.value()
        if not value:
            return queryset
        if value == "none":
            return queryset.filter(agent=None)
        return queryset.filter(agent=int(value)) if value.isdecimal() else queryset.none()


class PolicyFilter(QuestionFilter):
    """By who may write directly, inherited policies as what they come to."""

    title = _("direct message policy")
    parameter_name = "policy"

    def questions(self) -> dict[str, tuple[Any, Q]]:
        """Every policy."""
        inherited = BridgeDefaults.objects.filter(pk=1).values_list("dm_policy", flat=True).first()
        holds = inherited or DmPolicy.PAIRING.value
        return {
            member.value: (member.label, Q(dm_policy=member) | (Q(dm_policy="") if member == holds else Q(pk__in=[])))
            for member in DmPolicy
        }
