"""What the tabs of an account's page show, fetched in a number of queries that does not depend on rows."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _

from mattermost_bridge.admin import looks
from mattermost_bridge.admin.figures import figures_for
from mattermost_bridge.admin.names import Names
from mattermost_bridge.admin.need_rows import Row, joined, link_button, quiet
from mattermost_bridge.admin.needs import pairings
from mattermost_bridge.admin.pairing import waiting
from mattermost_bridge.admin.remedies import link_for, words_for
from mattermost_bridge.admin.setting_fields import SOURCES
from mattermost_bridge.config.inherited import inherited
from mattermost_bridge.models import (
    AccessEntry,
    Account,
    AuditEntry,
    BlockedUser,
    BridgeDefaults,
    ConnectionChange,
    Conversation,
    Delivery,
    GroupOverride,
    InboundEvent,
    KnownChannel,
    PairingRequest,
    Turn,
)
from mattermost_bridge.models.states import AccessList, ConnectionPhase, DeliveryState, EntrySource, TurnState
from mattermost_bridge.rules.lint import Weight
from mattermost_bridge.rules.mentions import EVERY_CHANNEL
from mattermost_bridge.services import rights
from mattermost_bridge.services.settings_lint import findings_of

#: So many rows of each kind stand on a tab; the list has the rest.
MOST = 10
MOST_PEOPLE = 50
#: Counted up to here.
MANY = 1000


def numbers(request: HttpRequest, account: Account) -> list[tuple[Any, Any]]:
    """The account's day, and what waits, each linked to its list."""
    figures = figures_for(request.user)
    mine = f"account={account.pk}"
    rows: list[tuple[Any, Any]] = [
        (_("Messages in, 24 hours"), figures.heard.get(account.pk, 0)),
        (_("Posts out, 24 hours"), figures.sent.get(account.pk, 0)),
    ]
    counted: tuple[tuple[Any, QuerySet[Any], str], ...] = (
        (_("Pairings waiting"), PairingRequest.objects.filter(waiting(), account=account), mine),
        (
            _("Answers that failed"),
            Turn.objects.filter(state=TurnState.FAILED, conversation__account=account),
            f"{mine}&state=failed",
        ),
        (
            _("Messages not delivered"),
            Delivery.objects.filter(state=DeliveryState.DEAD, account=account),
            f"{mine}&question=dead",
        ),
    )
    for words, found, query in counted:
        if rights.may(request.user, f"view_{found.model._meta.model_name}"):
            count = found.order_by().values("pk")[:MANY].count()
            rows.append((words, looks.links((looks.list_of(found.model, query), count)) if count else count))
    return rows


def findings(request: HttpRequest, account: Account) -> list[Row]:
    """What is to be said about the account's settings, notes too."""
    if not account.enabled or account.is_archived:
        return []
    return [
        Row(
            joined(
                looks.badge(_("Cannot work"), "warning")
                if finding.weight == Weight.NEEDS_A_HAND
                else looks.badge(_("Note"), "idle"),
                _(finding.sentence),
            ),
            quiet(_(finding.remedy)),
            link_button(link_for(request.user, finding, account), words_for(finding)),
        )
        for finding in findings_of([account]).get(account.pk, ())
    ]


def access(request: HttpRequest, account: Account) -> dict[str, Any]:
    """Policies with their origin, who waits, both lists as they hold, and who is blocked."""
    defaults = _defaults()
    values = inherited(account)
    lists = []
    policies = {AccessList.DM: "dm_policy", AccessList.GROUP: "group_policy"}
    flags = {AccessList.DM: "own_allow_from", AccessList.GROUP: "own_group_allow_from"}
    for which in AccessList:
        field = policies[which]
        own = getattr(account, f"get_{field}_display")() if getattr(account, field) else ""
        value = values[field]
        owner, whose = _whose(account, defaults, flags[which])
        lists.append(
            {
                "key": which.value,
                "title": which.label,
                "policy": own or value.words,
                "source": "" if own else SOURCES[value.source],
                "whose": whose,
                "entries": _people(request, owner, which) if whose else [],
                "all": looks.list_of(AccessEntry, f"account={account.pk}&list={which.value}"),
                "add": _add(request, AccessEntry, f"account={account.pk}&list={which.value}"),
                "falls_back": which == AccessList.GROUP and not whose,
            }
        )
    paired = AccessEntry.objects.filter(account=account, list=AccessList.DM, source=EntrySource.PAIRING)
    blocked_admin: Any = admin.site.get_model_admin(BlockedUser)
    blocked = blocked_admin.get_queryset(request).filter(account=account).order_by("-pk")[:MOST_PEOPLE]
    return {
        "lists": lists,
        "paired": [(looks.person(e.value, e.username), looks.moment(e.added_at), e.note) for e in _few(paired)],
        "paired_all": looks.list_of(AccessEntry, f"account={account.pk}&source=pairing"),
        "pairings": pairings(request, account) if rights.may(request.user, "view_pairingrequest") else [],
        "blocked": [
            (looks.person(row.user_id, row.username), looks.moment(row.blocked_at), row.reason) for row in blocked
        ],
        "blocked_all": looks.list_of(BlockedUser, f"account={account.pk}"),
        "block": _add(request, BlockedUser, f"account={account.pk}"),
    }


def _defaults() -> BridgeDefaults:
    rows = BridgeDefaults.objects.select_related("agent").defer("key_check", "agent__api_key")
    return rows.filter(pk=1).first() or BridgeDefaults(pk=1)


def _whose(account: Account, defaults: BridgeDefaults, flag: str) -> tuple[Account | None, str]:
    """Whose list or map holds, and how that is called; "" when it is set nowhere."""
    if getattr(account, flag):
        return account, _("the account's own")
    return (None, _("from the defaults")) if getattr(defaults, flag) else (None, "")


def _few(rows: QuerySet[AccessEntry]) -> list[AccessEntry]:
    return list(rows.order_by("-pk")[:MOST_PEOPLE])


def _people(request: HttpRequest, owner: Account | None, which: AccessList) -> list[tuple[Any, ...]]:
    model_admin: Any = admin.site.get_model_admin(AccessEntry)
    rows = model_admin.get_queryset(request).filter(account=owner, list=which).exclude(source=EntrySource.PAIRING)
    return [(model_admin.who(row), _added(model_admin, row), row.note) for row in _few(rows)]


def _added(model_admin: Any, row: AccessEntry) -> SafeString:
    """By whom, when and until when, in one line."""
    end = (f"· {_('until:')}", model_admin.until(row)) if row.expires_at else ()
    return joined(row.added_by.get_username() if row.added_by else "", looks.moment(row.added_at), *end)


def channels(request: HttpRequest, account: Account) -> dict[str, Any]:
    """What holds in single channels and whose that is, and the channels that the bot is known to be in."""
    owner, whose = _whose(account, _defaults(), "own_groups")
    rows = GroupOverride.objects.filter(account=owner).order_by("pk")[:MOST_PEOPLE] if whose else []
    names = Names({account.pk}, {row.channel_id for row in rows})
    known = KnownChannel.objects.filter(account=account).exclude(type="D").order_by("display_name", "name")
    return {
        "whose": whose,
        "overrides": [
            (
                _("Every other channel (*)")
                if row.channel_id == EVERY_CHANNEL
                else names.channel(account.pk, row.channel_id, "", row.channel_name),
                _mention(row),
                row.note,
            )
            for row in rows
        ],
        "all": _list(request, GroupOverride, f"account={account.pk}"),
        "add": _add(request, GroupOverride, f"account={account.pk}"),
        "known": [looks.channel(row.channel_id, row.type, row.display_name or row.name) for row in known[:MOST_PEOPLE]],
    }


def _mention(row: GroupOverride) -> Any:
    """What a setting says of mentions in its channel; one that switches the bot off there says that."""
    if row.off:
        return looks.badge(_("off"), "warning", _("The bot keeps silent in this channel."))
    required = row.require_mention
    if required is None and row.chatmode:
        required = row.chatmode != "onmessage"
    if required is None:
        return looks.badge(_("as elsewhere"), "idle")
    return looks.badge(_("mention needed"), "idle") if required else looks.badge(_("no mention needed"), "good")


def agent(request: HttpRequest, account: Account) -> dict[str, Any]:
    """Who answers and why, and how the last turns went."""
    value = inherited(account)["agent"]
    answering = account.agent or _defaults().agent
    turns: Any = admin.site.get_model_admin(Turn)
    rows = turns.get_queryset(request).filter(conversation__account=account).order_by("-pk").defer("answer")[:MOST]
    if not rights.may(request.user, "view_turn"):
        rows = []
    return {
        "answering": looks.link(answering) if answering else "",
        "source": "" if account.agent else SOURCES[value.source],
        "nobody": _("Inherited: %s") % (value.words or _("none")),
        "turns": [_turn(turns, row) for row in rows],
        "turns_all": looks.list_of(Turn, f"account={account.pk}"),
    }


def _turn(model_admin: Any, row: Turn) -> tuple[Any, ...]:
    question = looks.link(row, looks.passage(row.question))
    return looks.moment(row.created_at), question, model_admin.took(row), model_admin.state_shown(row)


def activity(request: HttpRequest, account: Account) -> dict[str, Any]:
    """The last of everything: conversations, events, deliveries, changes of the connection, and of the settings."""
    mine = f"account={account.pk}"
    parts = []
    for model, columns in (
        (Conversation, _conversations),
        (InboundEvent, _events),
        (Delivery, _deliveries),
        (ConnectionChange, _changes),
        (AuditEntry, _audit),
    ):
        name = model._meta.model_name or ""
        if not rights.may(request.user, f"view_{name}"):
            continue
        model_admin: Any = admin.site.get_model_admin(model)
        rows = model_admin.get_queryset(request).filter(account=account)
        order = "-last_active_at" if model is Conversation else "-pk"
        shown = list(rows.order_by(order)[:MOST])
        model_admin.prepare(request, shown)
        parts.append(
            {
                "name": name,
                "title": str(model._meta.verbose_name_plural).capitalize(),
                "all": looks.list_of(model, mine),
                "rows": [columns(model_admin, row) for row in shown],
            }
        )
    return {"parts": parts}


def _conversations(model_admin: Any, row: Any) -> tuple[Any, ...]:
    return looks.moment(row.last_active_at), looks.link(row), ""


def _events(model_admin: Any, row: Any) -> tuple[Any, ...]:
    return (
        looks.moment(row.received_at),
        looks.link(row, looks.passage(row.text, 70) if row.text else row.get_kind_display()),
        model_admin.outcome_shown(row),
    )


def _deliveries(model_admin: Any, row: Any) -> tuple[Any, ...]:
    return (
        looks.moment(row.created_at),
        looks.link(row, model_admin.text_shown(row)),
        looks.state(DeliveryState, row.state, row.error[:300]),
    )


def _changes(model_admin: Any, row: Any) -> tuple[Any, ...]:
    return looks.moment(row.at), looks.passage(row.reason), looks.state(ConnectionPhase, row.new)


def _audit(model_admin: Any, row: Any) -> tuple[Any, ...]:
    return looks.moment(row.at), looks.link(row, looks.passage(row.summary)), row.actor_name


def _add(request: HttpRequest, model: type[Model], query: str) -> str:
    """The address of the form that adds a record here, if there is one for this person."""
    if not admin.site.is_registered(model) or not rights.may(request.user, f"add_{model._meta.model_name}"):
        return ""
    return f"{looks.add_of(model)}?{query}"


def _list(request: HttpRequest, model: type[Model], query: str) -> str:
    if not admin.site.is_registered(model) or not rights.may(request.user, f"view_{model._meta.model_name}"):
        return ""
    return looks.list_of(model, query)
