"""The first page: what needs a hand, then how every account is, then the day in charts. Each part is shown to those
who may see it, and all of it costs the same number of queries for ten accounts as for hundreds."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from django.http import HttpRequest
from django.utils.translation import gettext as _

from mattermost_bridge.admin import looks, needs
from mattermost_bridge.admin.account_rows import account_rows
from mattermost_bridge.admin.charts import charts, headline
from mattermost_bridge.admin.figures import figures_for
from mattermost_bridge.models import Account, Agent, Delivery, InboundEvent, PairingRequest, Turn
from mattermost_bridge.rules.lint import Finding
from mattermost_bridge.services import rights

#: What needs a hand, in the order of the page: its name, who may see it, and where its rows come from.
NEEDS: tuple[tuple[str, str, Callable[[HttpRequest], list[dict[str, Any]]]], ...] = (
    ("pairings", "view_pairingrequest", needs.pairings),
    ("down", "view_account", needs.accounts_down),
    ("turns", "view_turn", needs.turns),
    ("deliveries", "view_delivery", needs.deliveries),
    ("events", "view_inboundevent", needs.events),
    ("findings", "view_account", needs.settings_that_cannot_work),
)


def first_page(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Unfold's dashboard callback: adds the parts of the first page, in a constant number of queries."""
    may = {right: rights.may(request.user, right) for _name, right, _rows in NEEDS}
    parts: dict[str, Any] = {name: rows(request) for name, right, rows in NEEDS if may[right]}
    context["title"] = _("Overview")
    context["nothing_to_see"] = not any(may.values())
    steps: list[dict[str, Any]] = []
    if may["view_account"]:
        figures = figures_for(request.user)
        accounts = account_rows(request, figures)
        steps = _steps(request, accounts.total)
        if any(step["name"] == "agent" for step in steps):
            said_already = _(Finding.NO_AGENT.sentence)
            parts["findings"] = [row for row in parts["findings"] if row["sentence"] != said_already]
        context.update(accounts=accounts, steps=steps, headline=headline(figures, accounts.connected))
        if may["view_inboundevent"] and may["view_delivery"]:
            context["charts"] = charts(figures)
    context.update(parts)
    context["calm"] = not steps and not any(parts.values())
    context["links"] = {
        "pairings": looks.list_of(PairingRequest),
        "down": looks.list_of(Account, "connection=trouble"),
        "turns": looks.list_of(Turn, "state=failed"),
        "deliveries": looks.list_of(Delivery, "question=dead"),
        "events": looks.list_of(InboundEvent, "question=failed"),
        "accounts": looks.list_of(Account),
    }
    return context


def _steps(request: HttpRequest, accounts: int) -> list[dict[str, Any]]:
    """What is still to be done before anybody can be answered; empty once everything is set up."""
    steps = []
    if not accounts:
        steps.append(
            {
                "name": "account",
                "title": _("Add an account"),
                "text": _("Make a bot account in Mattermost, then enter its address and token here and test them."),
                "link": looks.add_of(Account) if rights.may(request.user, "add_account") else "",
            }
        )
    if not Agent.objects.exists():
        steps.append(
            {
                "name": "agent",
                "title": _("Add an agent"),
                "text": _("Somebody has to answer: echo to try the way, or a server that speaks the OpenAI chat API."),
                "link": looks.add_of(Agent) if rights.may(request.user, "add_agent") else "",
            }
        )
    return steps
