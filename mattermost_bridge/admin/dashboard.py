"""The first page: what needs a hand, then how every account is, then the day in charts. Each part is shown to those
who may see it, and all of it costs the same number of queries for ten accounts as for hundreds."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from django.db.models import Model
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from mattermost_bridge.admin import looks, needs
from mattermost_bridge.admin.account_rows import account_rows
from mattermost_bridge.admin.charts import charts, headline
from mattermost_bridge.admin.figures import figures_for
from mattermost_bridge.admin.need_rows import Card, Row
from mattermost_bridge.models import Account, Agent, Delivery, InboundEvent, PairingRequest, Turn
from mattermost_bridge.rules.lint import Finding
from mattermost_bridge.services import rights


@dataclass(frozen=True)
class Kind:
    """A kind of things that need a hand: its name and title, who may see it, its rows and where all of them are."""

    name: str
    title: Any
    right: str
    rows: Callable[[HttpRequest], list[Row]]
    all_of: tuple[type[Model], str] | None = None


#: In the order of the page.
NEEDS = (
    Kind(
        "pairings",
        gettext_lazy("People who wait to be paired"),
        "view_pairingrequest",
        needs.pairings,
        (PairingRequest, ""),
    ),
    Kind(
        "down",
        gettext_lazy("Accounts that hear nothing"),
        "view_account",
        needs.accounts_down,
        (Account, "connection=trouble"),
    ),
    Kind("held", gettext_lazy("Accounts that send nothing"), "view_account", needs.accounts_that_send_nothing),
    Kind("turns", gettext_lazy("Answers that failed"), "view_turn", needs.turns, (Turn, "state=failed")),
    Kind(
        "deliveries",
        gettext_lazy("Messages that were not delivered"),
        "view_delivery",
        needs.deliveries,
        (Delivery, "question=dead"),
    ),
    Kind(
        "events",
        gettext_lazy("Messages that could not be decided"),
        "view_inboundevent",
        needs.events,
        (InboundEvent, "question=failed"),
    ),
)


def first_page(request: HttpRequest, context: dict[str, Any]) -> dict[str, Any]:
    """Unfold's dashboard callback: adds the parts of the first page, in a constant number of queries."""
    may = {kind.right: rights.may(request.user, kind.right) for kind in NEEDS}
    cards = [_card(request, kind) for kind in NEEDS if may[kind.right]]
    context["title"] = _("Overview")
    context["nothing_to_see"] = not any(may.values())
    steps: list[dict[str, Any]] = []
    if may["view_account"]:
        figures = figures_for(request.user)
        accounts = account_rows(request, figures)
        steps = _steps(request, accounts.total)
        said_already = Finding.NO_AGENT if any(step["name"] == "agent" for step in steps) else None
        found = needs.settings_that_cannot_work(request, but=said_already)
        cards.append(Card("findings", _("Settings that cannot work"), found))
        context.update(accounts=accounts, steps=steps, headline=headline(figures, accounts.connected))
        context["accounts_link"] = looks.list_of(Account)
        if may["view_inboundevent"] and may["view_delivery"]:
            context["charts"] = charts(figures)
    context["needs"] = [card for card in cards if card.rows]
    context["calm"] = not steps and not context["needs"]
    return context


def _card(request: HttpRequest, kind: Kind) -> Card:
    rows, link = kind.rows(request), looks.list_of(*kind.all_of) if kind.all_of else ""
    return Card(kind.name, str(kind.title), rows[: needs.MOST], link, more=len(rows) > needs.MOST)


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
