"""All accounts on the first page: state, the last 24 hours, and messages in and out; those in trouble first."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from django.contrib import admin
from django.db.models import Case, Count, IntegerField, Q, Value, When
from django.http import HttpRequest

from mattermost_bridge.admin import looks
from mattermost_bridge.admin.figures import Figures
from mattermost_bridge.admin.needs import kept_accounts
from mattermost_bridge.admin.standing import is_down, is_up, standing_of
from mattermost_bridge.admin.strips import strips
from mattermost_bridge.models import Account
from mattermost_bridge.models.states import ConnectionPhase

#: So many accounts stand on one page.
PAGE = 50


@dataclass(frozen=True)
class Rows:
    """One page of accounts, how many there are in all, how many of them are connected, and the pages beside this."""

    rows: list[dict[str, Any]]
    total: int
    connected: int
    older: int
    newer: int


def account_rows(request: HttpRequest, figures: Figures) -> Rows:
    """The page of accounts that `?accounts=N` names; the same few queries for one account and for hundreds."""
    accounts = kept_accounts(request)
    counted = accounts.aggregate(total=Count("pk"), up=Count("pk", filter=Q(enabled=True) & is_up()))
    asked = request.GET.get("accounts", "")
    last = max(1, -(-counted["total"] // PAGE))
    number = min(max(int(asked), 1), last) if asked.isdecimal() else 1
    trouble = Case(When(is_down(), then=Value(0)), default=Value(1), output_field=IntegerField())
    shown = list(accounts.order_by(trouble, "account_id")[(number - 1) * PAGE : number * PAGE])
    drawn = strips(shown)
    model_admin: Any = admin.site.get_model_admin(Account)
    verbs = [verb for verb in model_admin.verbs_for(request) if verb.name == "reconnect"]
    rows = []
    for account in shown:
        standing = standing_of(account)
        down = account.enabled and not standing.up and standing.phase != ConnectionPhase.DISABLED
        rows.append(
            {
                "key": f"account-{account.pk}",
                "account": looks.account(account),
                "bot": looks.person(account.bot_user_id, account.bot_username) if account.bot_username else "",
                "state": looks.state(ConnectionPhase, standing.phase, standing.reason),
                "since": looks.moment(standing.since),
                "strip": drawn[account.pk],
                "heard": figures.heard.get(account.pk, 0),
                "sent": figures.sent.get(account.pk, 0),
                "buttons": model_admin.buttons(account, verbs) if down else "",
            }
        )
    newer, older = number - 1, number + 1 if number < last else 0
    return Rows(rows, counted["total"], counted["up"], older, newer)
