"""Deliveries: every post that was or is to be made, each failed attempt, and what can be done about it."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy
from unfold.decorators import display

from mattermost_bridge.admin import blanked, looks
from mattermost_bridge.admin.base import ReadOnlyAdmin
from mattermost_bridge.admin.delivery_bulk import DoesToAll, files_shown, post_shown
from mattermost_bridge.admin.filters import AccountFilter, QuestionFilter, since
from mattermost_bridge.admin.names import Names
from mattermost_bridge.admin.verbs import Verb
from mattermost_bridge.models import Delivery, OutboxState
from mattermost_bridge.models.states import UNSETTLED, DeliveryKind, DeliveryState
from mattermost_bridge.services import by_hand, rights, slash_answers

MAY_SEE_CODES = "change_pairingrequest"
LATE = timedelta(minutes=1)
MOST_ATTEMPTS = 50


class QuestionsFilter(QuestionFilter):
    """What did not arrive?"""

    title = gettext_lazy("question")
    parameter_name = "question"
    quick = True

    def questions(self) -> dict[str, tuple[Any, Q]]:
        """Each is something that operators are asked."""
        late = Q(state__in=UNSETTLED, created_at__lt=timezone.now() - LATE)
        return {
            "dead": (gettext_lazy("What was not delivered?"), Q(state=DeliveryState.DEAD)),
            "late": (gettext_lazy("What waits for more than a minute?"), late),
            "open": (gettext_lazy("What waits or is being sent?"), Q(state__in=UNSETTLED)),
            "retried": (gettext_lazy("What needed more than one attempt?"), Q(attempts__gt=1)),
            "unclear": (gettext_lazy("Where is it not known whether it was posted?"), Q(unclear=True)),
        }


class StateFilter(QuestionFilter):
    """By where it stands."""

    title = gettext_lazy("state")
    parameter_name = "state"

    def questions(self) -> dict[str, tuple[Any, Q]]:
        """Every state."""
        return {member.value: (member.label, Q(state=member)) for member in DeliveryState}


class KindFilter(QuestionFilter):
    """By kind."""

    title = gettext_lazy("kind")
    parameter_name = "kind"

    def questions(self) -> dict[str, tuple[Any, Q]]:
        """Every kind."""
        return {member.value: (member.label, Q(kind=member)) for member in DeliveryKind}


VERBS = (
    Verb(
        "send_again",
        gettext_lazy("Send again"),
        ngettext_lazy("%d delivery is sent again.", "%d deliveries are sent again."),
        lambda actor, pk: by_hand.send_delivery_again(pk, actor=actor),
        "change_delivery",
        fits=lambda delivery: (
            delivery.state == DeliveryState.DEAD and delivery.blanked_at is None and not slash_answers.is_past(delivery)
        ),
    ),
    Verb(
        "discard",
        gettext_lazy("Discard"),
        ngettext_lazy("%d delivery discarded.", "%d deliveries discarded."),
        lambda actor, pk: by_hand.discard_delivery(pk, actor=actor),
        "change_delivery",
        ask=gettext_lazy("The people in the channel never get these messages. This cannot be undone."),
        look="danger",
        fits=lambda delivery: delivery.state in (DeliveryState.QUEUED, DeliveryState.DEAD),
    ),
)


@admin.register(Delivery)
class DeliveryAdmin(DoesToAll, ReadOnlyAdmin):
    """Deliveries. A pairing code in a text is shown to those only who may approve."""

    verbs = VERBS
    list_display = ("delivery", "text_shown", "kind_shown", "where", "account_name", "state_shown", "tried", "made")
    list_filter = (QuestionsFilter, AccountFilter, since("created_at"), StateFilter, KindFilter)
    search_fields = ("post_id__exact", "channel_id__exact", "recipient_id__exact")
    search_help_text = gettext_lazy("The id of a post, channel or person, in full")
    ordering = ("-id",)
    fieldsets = (
        (None, {"fields": ("text_full", "files_sent", "attempts_shown")}),
        (
            gettext_lazy("Where to"),
            {
                "fields": (
                    *("account_name", "where", "direct_channel_link", "thread", "recipient"),
                    *("part_of", "turn_link", "kind_shown"),
                )
            },
        ),
        (
            gettext_lazy("Times and ids"),
            {
                "fields": (
                    "made",
                    "tried",
                    "next_attempt",
                    "settled",
                    "post",
                    "error_id_shown",
                    "is_unclear",
                    "what_changed",
                )
            },
        ),
    )
    readonly_fields = tuple(name for _title, options in fieldsets for name in options["fields"])
    empty_title = gettext_lazy("Nothing has been sent yet")
    empty_text = gettext_lazy("Answers, pairing codes and notes of a bot stand here before they are sent.")

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Without tokens."""
        return (
            super()
            .get_queryset(request)
            .select_related("account", "turn__conversation", "direct_channel")
            .defer("account__bot_token", "turn__question", "turn__answer")
        )

    def prepare(self, request: HttpRequest, rows: list[Any]) -> None:
        """Names of channels and people, and whether codes are shown."""
        names = Names({r.account_id for r in rows}, {r.channel_id for r in rows}, {r.recipient_id for r in rows})
        shows_codes = rights.may(request.user, MAY_SEE_CODES)
        request.lists_undelivered = any(row.state == DeliveryState.DEAD for row in rows)  # type: ignore[attr-defined]
        for row in rows:
            row.names = names
            row.shows_text = shows_codes or row.kind != DeliveryKind.CHALLENGE

    def summary(self, request: HttpRequest, record: Delivery) -> dict[str, Any]:
        """State, error, and what keeps the account's outbox from sending."""
        warnings = []
        if record.state in UNSETTLED:
            outbox = OutboxState.objects.filter(pk=record.account_id).first()
            if outbox and outbox.parked_since:
                warnings.append(_("Nothing is sent for this account: %s") % outbox.parked_reason)
            elif outbox and outbox.paused_since:
                warnings.append(_("Sending is paused: %s") % outbox.paused_reason)
        remedy = ""
        if record.state == DeliveryState.QUEUED and not record.channel_id:
            remedy = _("It goes out once the direct channel to the person is open; see below how far that is.")
        if record.state == DeliveryState.DEAD and not slash_answers.is_past(record):
            remedy = _("Remove the cause, then send it again. What may have been posted already is looked for first.")
        return {
            "badges": [self.state_shown(record)],
            "sentence": record.error,
            "remedy": remedy,
            "warnings": warnings,
        }

    @display(description=gettext_lazy("delivery"))
    def delivery(self, record: Delivery) -> SafeString:
        """Its number, and its part of a longer text."""
        part = f"{record.part}/{record.parts}" if record.parts > 1 else ""
        return format_html('#{}<span class="du-under">{}</span>', record.pk, part)

    @display(description=gettext_lazy("text"))
    def text_shown(self, record: Delivery) -> SafeString:
        """Its beginning."""
        return _passage(record) if record.shows_text else _hidden()  # type: ignore[attr-defined]

    @display(description=gettext_lazy("kind"))
    def kind_shown(self, record: Delivery) -> str:
        """What it is."""
        return record.get_kind_display()

    @display(description=gettext_lazy("to"))
    def where(self, record: Delivery) -> SafeString:
        """The person of a direct message, else the channel."""
        names = record.names  # type: ignore[attr-defined]
        if record.recipient_id:
            return names.person(record.account_id, record.recipient_id, _name_by_conversation(record))
        return names.channel(record.account_id, record.channel_id)

    @display(description=gettext_lazy("account"))
    def account_name(self, record: Delivery) -> SafeString:
        """Which bot sends it."""
        return looks.account(record.account)

    @display(description=gettext_lazy("state"))
    def state_shown(self, record: Delivery) -> SafeString:
        """The state; the error on hover."""
        return looks.state(DeliveryState, record.state, record.error[:300])

    @display(description=gettext_lazy("attempts"))
    def tried(self, record: Delivery) -> SafeString | str:
        """How many, and when the next one is."""
        return looks.attempts(record.attempts, record.next_attempt_at if record.state == DeliveryState.QUEUED else None)

    @display(description=gettext_lazy("made"))
    def made(self, record: Delivery) -> SafeString:
        """When it was put into the outbox."""
        return looks.moment(record.created_at)

    @display(description=gettext_lazy("text"))
    def text_full(self, record: Delivery) -> SafeString:
        """All of it."""
        return _body(record) if record.shows_text else _hidden()  # type: ignore[attr-defined]

    @display(description=gettext_lazy("failed and unclear attempts"))
    def attempts_shown(self, record: Delivery) -> SafeString:
        """Each attempt that went wrong, with its evidence."""
        rows: list[Any] = list(record.attempt_rows.order_by("pk")[:MOST_ATTEMPTS])
        for row in rows:
            row.when, row.then = looks.moment(row.at), looks.moment(row.next_attempt_at)
            row.verdict = looks.badge(_("unclear"), "warning") if row.unclear else looks.badge(_("failed"), "bad")
        return render_to_string("admin/durar/attempts.html", {"attempts": rows})

    @display(description=gettext_lazy("direct channel"))
    def direct_channel_link(self, record: Delivery) -> SafeString:
        """The direct channel that it goes through, where that was opened for it."""
        return looks.link(record.direct_channel)

    @display(description=gettext_lazy("thread"))
    def thread(self, record: Delivery) -> SafeString:
        """The thread's first post."""
        return looks.code(record.root_id)

    @display(description=gettext_lazy("channel"))
    def recipient(self, record: Delivery) -> SafeString:
        """The channel itself, also of a direct message."""
        return looks.code(record.channel_id)

    @display(description=gettext_lazy("part"))
    def part_of(self, record: Delivery) -> str:
        """Which part of how many."""
        return _("%(part)d of %(parts)d") % {"part": record.part, "parts": record.parts}

    @display(description=gettext_lazy("turn"))
    def turn_link(self, record: Delivery) -> SafeString:
        """The turn whose answer it is."""
        return looks.link(record.turn)

    @display(description=gettext_lazy("next attempt"))
    def next_attempt(self, record: Delivery) -> SafeString:
        """When."""
        return looks.moment(record.next_attempt_at) if record.state in UNSETTLED else looks.NOTHING

    @display(description=gettext_lazy("settled"))
    def settled(self, record: Delivery) -> SafeString:
        """When."""
        return looks.moment(record.settled_at)

    @display(description=gettext_lazy("post"))
    def post(self, record: Delivery) -> SafeString:
        """The post's id, which leads there."""
        return post_shown(record)

    @display(description=gettext_lazy("files"))
    def files_sent(self, record: Delivery) -> SafeString:
        """Which, and whether the server has them."""
        return files_shown(record)

    @display(description=gettext_lazy("changed"))
    def what_changed(self, record: Delivery) -> str | SafeString:
        """What was changed so that the server takes the post."""
        return record.mended or looks.NOTHING

    @display(description=gettext_lazy("error id"))
    def error_id_shown(self, record: Delivery) -> SafeString:
        """What Mattermost calls it."""
        return looks.code(record.error_id)

    @display(description=gettext_lazy("outcome of the last attempt"))
    def is_unclear(self, record: Delivery) -> str | SafeString:
        """Whether it may have been posted although nobody knows."""
        return _("Not known: the next attempt looks for the post first.") if record.unclear else looks.NOTHING


def _name_by_conversation(record: Delivery) -> str:
    title = record.turn.conversation.title if record.turn else ""
    return title.removeprefix("@") if title.startswith("@") else ""


def _passage(record: Delivery) -> SafeString:
    if record.blanked_at is None:
        return looks.passage(record.text, 60)
    return blanked.passage("", record.settled_at or record.created_at, record.blanked_at)


def _body(record: Delivery) -> SafeString:
    return blanked.body(record.text, record.settled_at or record.created_at, record.blanked_at)


def _hidden() -> SafeString:
    return format_html('<span class="du-quiet">{}</span>', _("A pairing code, for those who may approve"))
