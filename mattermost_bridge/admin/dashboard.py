"""The first page: what needs a hand, then how every account is. Each part is shown to those who may see it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.http import HttpRequest
from django.utils.translation import gettext as _

from mattermost_bridge.admin import looks
from mattermost_bridge.admin.account_page import phase_of
from mattermost_bridge.admin.names import Names
from mattermost_bridge.admin.pairing import waiting
from mattermost_bridge.models import Account, Agent, BridgeDefaults, Delivery, InboundEvent, PairingRequest
from mattermost_bridge.models.states import LISTENING, DeliveryState, EventState
from mattermost_bridge.services import rights

#: So many rows of each kind stand on the first page; the list has the rest.
MOST = 10
MOST_ACCOUNTS = 50


def first_page(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Unfold's dashboard callback: adds the parts of the first page, in a constant number of queries."""
    see = {
        name: rights.may(request.user, f"view_{name}")
        for name in ("account", "pairingrequest", "delivery", "inboundevent", "agent")
    }
    parts: dict[str, Any] = {}
    if see["pairingrequest"]:
        parts["pairings"] = _pairings(request)
    if see["delivery"]:
        parts["deliveries"] = _deliveries(request)
    if see["inboundevent"]:
        parts["events"] = _events(request)
    if see["account"]:
        parts["accounts"] = _accounts(request)
        parts["steps"] = _steps(request, parts["accounts"])
    context.update(parts)
    context["title"] = _("Overview")
    context["nothing_to_see"] = not any(see.values())
    context["calm"] = not any(parts.get(name) for name in ("pairings", "deliveries", "events", "steps"))
    context["pairings_link"] = looks.list_of(PairingRequest)
    context["deliveries_link"] = looks.list_of(Delivery, "question=dead")
    context["events_link"] = looks.list_of(InboundEvent, "question=failed")
    context["accounts_link"] = looks.list_of(Account)
    return context


def _pairings(request: HttpRequest) -> list[dict[str, Any]]:
    model_admin: Any = admin.site.get_model_admin(PairingRequest)
    rows = list(model_admin.get_queryset(request).filter(waiting()).order_by("created_at", "pk")[:MOST])
    model_admin.prepare(request, rows)
    verbs = model_admin.verbs_for(request)
    return [
        {
            "person": model_admin.person(row),
            "account": looks.account(row.account),
            "code": model_admin.code_shown(row),
            "asked": looks.moment(row.created_at),
            "left": looks.moment(row.expires_at),
            "buttons": model_admin.buttons(row, verbs),
        }
        for row in rows
    ]


def _deliveries(request: HttpRequest) -> list[dict[str, Any]]:
    model_admin: Any = admin.site.get_model_admin(Delivery)
    rows = list(model_admin.get_queryset(request).filter(state=DeliveryState.DEAD).order_by("-pk")[:MOST])
    model_admin.prepare(request, rows)
    verbs = model_admin.verbs_for(request)
    return [
        {
            "where": model_admin.where(row),
            "account": looks.account(row.account),
            "text": looks.link(row, model_admin.text_shown(row)),
            "error": looks.passage(row.error, 140),
            "at": looks.moment(row.settled_at or row.created_at),
            "buttons": model_admin.buttons(row, verbs),
        }
        for row in rows
    ]


def _events(request: HttpRequest) -> list[dict[str, Any]]:
    """Events that could not be decided; those whose turn failed are told to the person and stand with the turns."""
    model_admin: Any = admin.site.get_model_admin(InboundEvent)
    rows = model_admin.get_queryset(request).filter(state=EventState.FAILED, turn=None).order_by("-pk")
    rows = list(rows.defer("raw", "trail")[:MOST])
    names = Names({row.account_id for row in rows}, (), {row.user_id for row in rows})
    verbs = model_admin.verbs_for(request)
    return [
        {
            "person": names.person(row.account_id, row.user_id, row.username),
            "account": looks.account(row.account),
            "text": looks.link(row, looks.passage(row.text, 60)),
            "error": looks.passage(row.error, 140),
            "at": looks.moment(row.received_at),
            "buttons": model_admin.buttons(row, verbs),
        }
        for row in rows
    ]


def _accounts(request: HttpRequest) -> list[dict[str, Any]]:
    """Every account with state, reason and since when; those in trouble first."""
    rows = (
        rights.accounts_visible_to(request.user)
        .filter(archived_at=None)
        .select_related("listener_lease", "agent")
        .defer("bot_token", "pairing_text", "agent__api_key", "agent__instructions")
        .order_by("account_id")[:MOST_ACCOUNTS]
    )
    model_admin: Any = admin.site.get_model_admin(Account)
    verbs = [verb for verb in model_admin.verbs_for(request) if verb.name == "reconnect"]
    default_agent = BridgeDefaults.objects.filter(pk=1).values_list("agent_id", flat=True).first()
    shown = []
    for row in rows:
        lease = getattr(row, "listener_lease", None)
        down = row.enabled and (lease is None or lease.phase not in LISTENING)
        shown.append(
            {
                "account": looks.account(row),
                "bot": looks.person(row.bot_user_id, row.bot_username),
                "state": phase_of(row),
                "reason": lease.reason if lease and row.enabled else "",
                "since": looks.moment(lease.since) if lease else "",
                "agentless": row.agent_id is None and default_agent is None,
                "page": looks.page_of(row),
                "down": down,
                "buttons": model_admin.buttons(row, verbs) if down else "",
            }
        )
    return sorted(shown, key=lambda row: not row["down"])


def _steps(request: HttpRequest, accounts: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """What is still to be done before anybody is answered; empty once everything is set up."""
    steps = []
    if not accounts:
        steps.append(
            {
                "title": _("Add an account"),
                "text": _("Make a bot account in Mattermost, then enter its address and token here and test them."),
                "link": looks.add_of(Account) if rights.may(request.user, "add_account") else "",
            }
        )
    if not Agent.objects.exists():
        steps.append(
            {
                "title": _("Add an agent"),
                "text": _("Somebody has to answer: echo to try the way, or a server that speaks the OpenAI chat API."),
                "link": looks.add_of(Agent) if rights.may(request.user, "add_agent") else "",
            }
        )
    elif agentless := [row for row in accounts if row["agentless"]]:
        defaults = rights.may(request.user, "change_bridgedefaults")
        steps.append(
            {
                "title": _("Choose an agent"),
                "text": _("Messages to these accounts wait, since nobody answers: %d.") % len(agentless),
                "link": looks.list_of(BridgeDefaults) if defaults else agentless[0]["page"],
            }
        )
    return steps
