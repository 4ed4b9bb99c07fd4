"""What needs a hand, for the first page: rows with their remedy in place, in a constant number of queries."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from mattermost_bridge.admin import looks
from mattermost_bridge.admin.names import Names
from mattermost_bridge.admin.pairing import waiting
from mattermost_bridge.admin.remedies import link_for
from mattermost_bridge.admin.standing import is_down, standing_of
from mattermost_bridge.models import Account, Delivery, InboundEvent, OutboxState, PairingRequest, Turn
from mattermost_bridge.models.states import ConnectionPhase, DeliveryState, EventState, TurnState
from mattermost_bridge.rules.lint import Finding, Weight
from mattermost_bridge.services import rights
from mattermost_bridge.services.settings_lint import findings_of

#: So many rows of each kind stand on the first page; the list has the rest.
MOST = 10
#: So many accounts are named beside what is wrong with them.
MOST_NAMED = 5


def pairings(request: HttpRequest) -> list[dict[str, Any]]:
    """Who waits for their code to be approved, the longest waiting first."""
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
            "left": model_admin.left(row),
            "buttons": model_admin.buttons(row, verbs),
        }
        for row in rows
    ]


def accounts_down(request: HttpRequest) -> list[dict[str, Any]]:
    """The accounts that hear nothing although they should: since when, why, what to do."""
    model_admin: Any = admin.site.get_model_admin(Account)
    verbs = [verb for verb in model_admin.verbs_for(request) if verb.name == "reconnect"]
    rows = kept_accounts(request).filter(is_down()).order_by("listener_lease__since", "account_id")[:MOST]
    shown = []
    for row in rows:
        standing = standing_of(row)
        shown.append(
            {
                "account": looks.account(row),
                "bot": looks.person(row.bot_user_id, row.bot_username) if row.bot_username else "",
                "state": looks.state(ConnectionPhase, standing.phase),
                "since": looks.moment(standing.since),
                "reason": standing.reason,
                "remedy": standing.remedy,
                "buttons": model_admin.buttons(row, verbs),
            }
        )
    return shown


def kept_accounts(request: HttpRequest) -> QuerySet[Account]:
    """The accounts that the person may see and that are not put away, without their secrets."""
    rows = rights.accounts_visible_to(request.user).filter(archived_at=None).select_related("listener_lease")
    return rows.defer("bot_token", "pairing_text")


def turns(request: HttpRequest) -> list[dict[str, Any]]:
    """Answers that failed: people were told so and wait no more, unless somebody lets it be tried again."""
    model_admin: Any = admin.site.get_model_admin(Turn)
    rows = model_admin.get_queryset(request).filter(state=TurnState.FAILED).order_by("-pk").defer("answer")
    verbs = model_admin.verbs_for(request)
    return [
        {
            "text": looks.link(row, looks.passage(row.question, 60)),
            "conversation": looks.link(row.conversation),
            "account": looks.account(row.conversation.account),
            "error": looks.passage(row.error, 140),
            "at": looks.moment(row.finished_at or row.created_at),
            "buttons": model_admin.buttons(row, verbs),
        }
        for row in rows[:MOST]
    ]


def deliveries(request: HttpRequest) -> list[dict[str, Any]]:
    """Posts that were given up."""
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


def events(request: HttpRequest) -> list[dict[str, Any]]:
    """Events that could not be decided; those whose turn failed stand with the turns."""
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


def settings_that_cannot_work(request: HttpRequest) -> list[dict[str, Any]]:
    """What is wrong with settings of accounts in use: one row for each thing, naming those that it is wrong with."""
    accounts = list(kept_accounts(request).filter(enabled=True).order_by("account_id"))
    by_finding: dict[Finding, list[Account]] = {}
    found = findings_of(accounts)
    for account in accounts:
        for finding in found.get(account.pk, ()):
            if finding.weight == Weight.NEEDS_A_HAND:
                by_finding.setdefault(finding, []).append(account)
    rows = [_finding_row(request, finding, concerned) for finding, concerned in by_finding.items()]
    return rows + [_warning_row(account) for account in accounts if _warning(account)][:MOST] + _outboxes(request)


def _finding_row(request: HttpRequest, finding: Finding, accounts: list[Account]) -> dict[str, Any]:
    first = link_for(request.user, finding, accounts[0])
    everybody = finding == Finding.BRIDGE_OFF
    named = [] if everybody else accounts[:MOST_NAMED]
    return {
        "sentence": _(finding.sentence),
        "accounts": looks.links(*((link_for(request.user, finding, account), str(account)) for account in named)),
        "more": len(accounts) - len(named) if named else 0,
        "remedy": _(finding.remedy),
        "link": first if everybody or len(accounts) == 1 else "",
        "button": _("Go there"),
    }


def _warning(account: Account) -> str:
    lease = getattr(account, "listener_lease", None)
    return lease.warning if lease else ""


def _warning_row(account: Account) -> dict[str, Any]:
    return {"sentence": _warning(account), "accounts": looks.account(account), "more": 0, "remedy": "", "link": ""}


def _outboxes(request: HttpRequest) -> list[dict[str, Any]]:
    """Accounts whose posts wait: the token was refused, or the server does not answer."""
    long_ago = timezone.now() - timedelta(minutes=1)
    held = Q(parked_since__isnull=False) | Q(paused_since__lt=long_ago)
    rows = rights.visible_to(request.user, OutboxState.objects.filter(held, account__archived_at=None))
    rows = rows.select_related("account").defer("account__bot_token").order_by("account__account_id")[:MOST]
    return [
        {
            "sentence": _("Nothing is sent: %s") % (row.parked_reason or row.paused_reason),
            "accounts": looks.account(row.account),
            "more": 0,
            "remedy": _since(row.parked_since or row.paused_since),
            "link": "",
        }
        for row in rows
    ]


def _since(at: Any) -> SafeString | str:
    return looks.moment(at) if at else ""
