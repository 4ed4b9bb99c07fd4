"""What needs a hand, for the first page: rows with their remedy in place, in a constant number of queries."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext

from mattermost_bridge.admin import looks
from mattermost_bridge.admin.names import Names
from mattermost_bridge.admin.need_rows import NOTHING, Row, buttons, joined, link_button, quiet
from mattermost_bridge.admin.pairing import waiting
from mattermost_bridge.admin.remedies import link_for, words_for
from mattermost_bridge.admin.standing import is_down, standing_of
from mattermost_bridge.admin.tabs import tab_of
from mattermost_bridge.models import Account, Delivery, InboundEvent, PairingRequest, Turn
from mattermost_bridge.models.states import ConnectionPhase, DeliveryState, EventState, TurnState
from mattermost_bridge.rules.lint import Finding, Weight
from mattermost_bridge.services import rights
from mattermost_bridge.services.settings_lint import findings_of

#: So many rows of each kind stand on the first page; the list has the rest.
MOST = 10
#: One more is fetched, which tells whether there are more.
ONE_MORE = MOST + 1
#: So many accounts are named beside what is wrong with them.
MOST_NAMED = 5
#: A pause in sending that is shorter is no trouble yet.
LONG_PAUSE = timedelta(minutes=1)
#: What is set right in the settings of an account, by its phase: the words of the button that leads there.
BUTTONS = {
    ConnectionPhase.TOKEN_REFUSED: gettext_lazy("Enter a token"),
    ConnectionPhase.NOT_CONFIGURED: gettext_lazy("Complete the settings"),
}


def pairings(request: HttpRequest, account: Account | None = None) -> list[Row]:
    """Who waits for their code to be approved, the longest waiting first; with an account, by that one only."""
    model_admin: Any = admin.site.get_model_admin(PairingRequest)
    found = model_admin.get_queryset(request).filter(waiting(), **({"account": account} if account else {}))
    rows = list(found.order_by("created_at", "pk")[:ONE_MORE])
    model_admin.prepare(request, rows)
    verbs = model_admin.verbs_for(request)
    return [
        Row(
            joined(
                model_admin.person(row),
                *(() if account else (quiet(_("to")), looks.account(row.account))),
                model_admin.code_shown(row),
            ),
            quiet(
                joined(
                    _("asked"),
                    looks.moment(row.created_at),
                    "·",
                    _("time left:"),
                    model_admin.left(row),
                )
            ),
            model_admin.buttons(row, verbs),
        )
        for row in rows
    ]


def accounts_down(request: HttpRequest) -> list[Row]:
    """The accounts that hear nothing although they should: since when, why, what to do."""
    rows = kept_accounts(request).filter(is_down()).order_by("listener_lease__since", "account_id")[:ONE_MORE]
    shown = []
    for row, verbs in _reconnectable(request, rows):
        standing = standing_of(row)
        bot = looks.person(row.bot_user_id, row.bot_username) if row.bot_username else ""
        settings = _to_settings(request, row, BUTTONS[standing.phase]) if standing.phase in BUTTONS else NOTHING
        remedy = "" if settings else standing.remedy
        shown.append(
            Row(
                joined(looks.account(row), bot, looks.state(ConnectionPhase, standing.phase)),
                joined(
                    quiet(looks.moment(standing.since)),
                    _span(standing.reason),
                    quiet(remedy),
                ),
                buttons(settings, verbs),
            )
        )
    return shown


def accounts_that_send_nothing(request: HttpRequest) -> list[Row]:
    """Accounts that hear and whose posts wait: the token was refused, or the server does not answer for a while."""
    held = Q(outbox_state__parked_since__isnull=False)
    held |= Q(outbox_state__paused_since__lt=timezone.now() - LONG_PAUSE)
    rows = kept_accounts(request).filter(held).exclude(is_down()).select_related("outbox_state")
    shown = []
    for row, verbs in _reconnectable(request, rows.order_by("account_id")[:ONE_MORE]):
        outbox = row.outbox_state
        parked = outbox.parked_since is not None
        reason = outbox.parked_reason if parked else outbox.paused_reason
        shown.append(
            Row(
                looks.account(row),
                joined(
                    quiet(looks.moment(outbox.parked_since or outbox.paused_since)),
                    _span(_("Nothing is sent: %s") % reason),
                    quiet("" if parked else _("It is tried again by itself.")),
                ),
                buttons(_to_settings(request, row, _("Enter a token")), verbs) if parked else NOTHING,
            )
        )
    return shown


def _reconnectable(request: HttpRequest, rows: QuerySet[Account]) -> list[tuple[Any, SafeString]]:
    """The accounts, each with the button that connects it anew."""
    model_admin: Any = admin.site.get_model_admin(Account)
    verbs = [verb for verb in model_admin.verbs_for(request) if verb.name == "reconnect"]
    return [(row, model_admin.buttons(row, verbs)) for row in rows]


def _to_settings(request: HttpRequest, account: Account, words: Any) -> SafeString:
    may = rights.may(request.user, "change_account", account)
    return link_button(tab_of(account, "settings") if may else "", words)


def kept_accounts(request: HttpRequest) -> QuerySet[Account]:
    """The accounts that the person may see and that are not put away, without their secrets."""
    rows = rights.accounts_visible_to(request.user).filter(archived_at=None).select_related("listener_lease")
    return rows.defer("bot_token", "pairing_text")


def turns(request: HttpRequest) -> list[Row]:
    """Answers that failed: people were told so and wait no more, unless somebody lets it be tried again."""
    model_admin: Any = admin.site.get_model_admin(Turn)
    rows = model_admin.get_queryset(request).filter(state=TurnState.FAILED).order_by("-pk").defer("answer")
    verbs = model_admin.verbs_for(request)
    return [
        Row(
            joined(
                looks.link(row, looks.passage(row.question, 60)),
                quiet(_("of")),
                looks.link(row.conversation),
                quiet(_("to")),
                looks.account(row.conversation.account),
            ),
            _failed(row.finished_at or row.created_at, row.error),
            model_admin.buttons(row, verbs),
        )
        for row in rows[:ONE_MORE]
    ]


def deliveries(request: HttpRequest) -> list[Row]:
    """Posts that were given up."""
    model_admin: Any = admin.site.get_model_admin(Delivery)
    rows = list(model_admin.get_queryset(request).filter(state=DeliveryState.DEAD).order_by("-pk")[:ONE_MORE])
    model_admin.prepare(request, rows)
    verbs = model_admin.verbs_for(request)
    return [
        Row(
            joined(
                looks.link(row, model_admin.text_shown(row)),
                quiet(_("to")),
                model_admin.where(row),
                quiet(_("by")),
                looks.account(row.account),
            ),
            _failed(row.settled_at or row.created_at, row.error),
            model_admin.buttons(row, verbs),
        )
        for row in rows
    ]


def events(request: HttpRequest) -> list[Row]:
    """Events that could not be decided; those whose turn failed stand with the turns."""
    model_admin: Any = admin.site.get_model_admin(InboundEvent)
    found = model_admin.get_queryset(request).filter(state=EventState.FAILED, turn=None).order_by("-pk")
    rows = list(found.defer("raw", "trail")[:ONE_MORE])
    names = Names({row.account_id for row in rows}, (), {row.user_id for row in rows})
    verbs = model_admin.verbs_for(request)
    return [
        Row(
            joined(
                looks.link(row, looks.passage(row.text, 60)),
                quiet(_("of")),
                names.person(row.account_id, row.user_id, row.username),
                quiet(_("to")),
                looks.account(row.account),
            ),
            _failed(row.received_at, row.error),
            model_admin.buttons(row, verbs),
        )
        for row in rows
    ]


def _failed(at: Any, error: str) -> SafeString:
    return joined(quiet(looks.moment(at)), looks.passage(error, 140))


def _span(words: str) -> SafeString:
    return format_html("<span>{}</span>", words) if words else NOTHING


def settings_that_cannot_work(request: HttpRequest, *, but: Finding | None = None) -> list[Row]:
    """What is wrong with settings of accounts in use, `but` this: one row for each thing, naming those that it is wrong
    with; and what their connections warn of."""
    accounts = list(kept_accounts(request).filter(enabled=True).order_by("account_id"))
    by_finding: dict[Finding, list[Account]] = {}
    found = findings_of(accounts)
    for account in accounts:
        for finding in found.get(account.pk, ()):
            if finding.weight == Weight.NEEDS_A_HAND and finding != but:
                by_finding.setdefault(finding, []).append(account)
    rows = [_finding_row(request, finding, concerned) for finding, concerned in by_finding.items()]
    warned = [account for account in accounts if _warning(account)][:MOST]
    return rows + [Row(_span(_warning(account)), looks.account(account)) for account in warned]


def _finding_row(request: HttpRequest, finding: Finding, accounts: list[Account]) -> Row:
    first = link_for(request.user, finding, accounts[0])
    everybody = finding == Finding.BRIDGE_OFF
    named = [] if everybody else accounts[:MOST_NAMED]
    more = len(accounts) - len(named) if named else 0
    links = looks.links(*((link_for(request.user, finding, account), str(account)) for account in named))
    others = ngettext("and %d more", "and %d more", more) % more if more else ""
    return Row(
        _span(_(finding.sentence)),
        joined(links, quiet(others), quiet(_(finding.remedy))),
        link_button(first if everybody or len(accounts) == 1 else "", words_for(finding)),
    )


def _warning(account: Account) -> str:
    lease = getattr(account, "listener_lease", None)
    return lease.warning if lease else ""
