"""Turns: which agent was asked what, what it answered, how long it took, and why it failed."""

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
from django.utils.translation import gettext_lazy, ngettext, ngettext_lazy
from unfold.decorators import display

from mattermost_bridge.admin import blanked, looks
from mattermost_bridge.admin.base import ReadOnlyAdmin
from mattermost_bridge.admin.filters import AccountOfConversationFilter, QuestionFilter, since
from mattermost_bridge.admin.transcript import calls_of
from mattermost_bridge.admin.verbs import Verb
from mattermost_bridge.models import Delivery, InboundEvent, Turn, TurnRound
from mattermost_bridge.models.states import DeliveryState, EventOutcome, EventState, TurnState
from mattermost_bridge.rules.files import NOT_READ
from mattermost_bridge.services import turn_retries

#: An agent that works longer than this is worth a look.
LONG = timedelta(minutes=1)


class StateFilter(QuestionFilter):
    """By what came of it."""

    title = gettext_lazy("state")
    parameter_name = "state"
    quick = True

    def questions(self) -> dict[str, tuple[Any, Q]]:
        """Every state, and what hangs."""
        hangs = Q(state=TurnState.RUNNING, created_at__lt=timezone.now() - LONG)
        states = {member.value: (member.label, Q(state=member)) for member in TurnState}
        return {"long": (gettext_lazy("Works for more than a minute"), hangs), **states}


class StartsFilter(QuestionFilter):
    """Whether workers died on it."""

    title = gettext_lazy("starts")
    parameter_name = "starts"

    def questions(self) -> dict[str, tuple[Any, Q]]:
        """Once is as it should be."""
        return {"again": (gettext_lazy("Started more than once"), Q(starts__gt=1))}


def has_failed(turn: Turn) -> bool:
    """Whether somebody still waits for an answer because of it."""
    return turn.state == TurnState.FAILED


def can_be_retried(turn: Turn) -> bool:
    """Whether what was asked is still there to be answered."""
    return has_failed(turn) and turn.blanked_at is None


VERBS = (
    Verb(
        "retry",
        gettext_lazy("Retry"),
        ngettext_lazy("%d turn is tried again.", "%d turns are tried again."),
        lambda actor, pk: turn_retries.retry_turn(pk, actor),
        "change_turn",
        fits=can_be_retried,
    ),
    Verb(
        "put_aside",
        gettext_lazy("Discard"),
        ngettext_lazy("%d turn put aside.", "%d turns put aside."),
        lambda actor, pk: turn_retries.put_aside_turn(pk, actor),
        "change_turn",
        ask=gettext_lazy(
            "Nobody answers what these people asked; they were told that it failed. The turns no longer stand under "
            "what needs a hand. They keep question and error."
        ),
        look="danger",
        fits=has_failed,
    ),
)


@admin.register(Turn)
class TurnAdmin(ReadOnlyAdmin):
    """Turns."""

    verbs = VERBS
    list_display = ("turn", "question_shown", "conversation_link", "agent_shown", "state_shown", "took", "begun")
    list_filter = (StateFilter, AccountOfConversationFilter, since("created_at"), StartsFilter)
    ordering = ("-id",)
    fieldsets = (
        (
            gettext_lazy("Question and answer"),
            {"fields": ("question_full", "given_shown", "calls_shown", "answer_full")},
        ),
        (gettext_lazy("What belongs to it"), {"fields": ("conversation_link", "events_shown", "deliveries_shown")}),
        (
            gettext_lazy("Work"),
            {"fields": ("agent_shown", "model_shown", "tokens", "starts", "begun", "started", "finished", "took")},
        ),
    )
    readonly_fields = tuple(name for _title, options in fieldsets for name in options["fields"])
    empty_title = gettext_lazy("No turns yet")
    empty_text = gettext_lazy(
        "A turn begins when a message is admitted and its account has an agent. If messages come and turns do not, "
        "events say why."
    )

    def empty_links(self, request: HttpRequest) -> list[tuple[str, Any]]:
        """To why people were not answered."""
        return [(looks.list_of(InboundEvent, "question=silent"), gettext_lazy("Why somebody was not answered"))]

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Without tokens and keys."""
        return (
            super()
            .get_queryset(request)
            .select_related("conversation__account", "agent")
            .defer("conversation__account__bot_token", "agent__api_key", "agent__instructions")
        )

    def summary(self, request: HttpRequest, record: Turn) -> dict[str, Any]:
        """State, and the cause of a failure."""
        return {
            "badges": [self.state_shown(record)],
            "title": record.error_kind.replace("_", " "),
            "sentence": record.error,
        }

    @display(description=gettext_lazy("turn"))
    def turn(self, record: Turn) -> str:
        """Its number."""
        return f"#{record.pk}"

    @display(description=gettext_lazy("question"))
    def question_shown(self, record: Turn) -> SafeString:
        """Its beginning."""
        return blanked.passage(record.question, record.created_at, record.blanked_at)

    @display(description=gettext_lazy("conversation"))
    def conversation_link(self, record: Turn) -> SafeString:
        """With whom, and by which bot."""
        return format_html(
            '{}<span class="du-under">{}</span>', looks.link(record.conversation), record.conversation.account
        )

    @display(description=gettext_lazy("agent"))
    def agent_shown(self, record: Turn) -> SafeString:
        """Who was asked."""
        return looks.link(record.agent)

    @display(description=gettext_lazy("state"))
    def state_shown(self, record: Turn) -> SafeString:
        """The state; the cause on hover."""
        return looks.state(TurnState, record.state, record.error[:300])

    @display(description=gettext_lazy("took"))
    def took(self, record: Turn) -> str | SafeString:
        """From its beginning to its end, all starts together."""
        return looks.took(record.created_at, record.finished_at) or looks.NOTHING

    @display(description=gettext_lazy("begun"))
    def begun(self, record: Turn) -> SafeString:
        """When."""
        return looks.moment(record.created_at)

    @display(description=gettext_lazy("last start"))
    def started(self, record: Turn) -> SafeString:
        """When it was last started."""
        return looks.moment(record.started_at)

    @display(description=gettext_lazy("finished"))
    def finished(self, record: Turn) -> SafeString:
        """When."""
        return looks.moment(record.finished_at)

    @display(description=gettext_lazy("question"))
    def question_full(self, record: Turn) -> SafeString:
        """All of it."""
        return blanked.body(record.question, record.created_at, record.blanked_at)

    @display(description=gettext_lazy("told with it"))
    def given_shown(self, record: Turn) -> SafeString:
        """What the agent got beside the question: how many posts and reactions, which files, and what went wrong."""
        return render_to_string("admin/durar/belongs.html", {"items": _given(record.given)})

    @display(description=gettext_lazy("done with its tool"))
    def calls_shown(self, record: Turn) -> SafeString:
        """Each call of the agent's tool with what came of it, in order."""
        rows = TurnRound.objects.filter(turn=record).order_by("number")
        calls = [call for row in rows for call in calls_of(row)]
        return render_to_string("admin/durar/calls.html", {"calls": calls, "is_field": True})

    @display(description=gettext_lazy("answer"))
    def answer_full(self, record: Turn) -> SafeString:
        """All of it."""
        return blanked.body(record.answer, record.created_at, record.blanked_at)

    @display(description=gettext_lazy("model"))
    def model_shown(self, record: Turn) -> SafeString:
        """Which model answered."""
        return looks.code(record.model)

    @display(description=gettext_lazy("tokens"))
    def tokens(self, record: Turn) -> str | SafeString:
        """As the agent's server counted them."""
        if record.input_tokens is None and record.output_tokens is None:
            return looks.NOTHING
        return _("%(read)s read, %(written)s written") % {
            "read": record.input_tokens if record.input_tokens is not None else "?",
            "written": record.output_tokens if record.output_tokens is not None else "?",
        }

    @display(description=gettext_lazy("answers"))
    def events_shown(self, record: Turn) -> SafeString:
        """The events that it answers."""
        again = turn_retries.join_key_of(record.pk)
        mine = record.events.all()
        if record.state == TurnState.RETRIED:
            account = record.conversation.account_id
            mine = InboundEvent.objects.filter(account=account, conversation=record.conversation_id, join_key=again)
        rows = mine.defer("raw", "trail", "payload").order_by("create_at", "post_id")[:20]
        items = [(_event_badge(event), looks.link(event, _said(event)), "") for event in rows]
        return render_to_string("admin/durar/belongs.html", {"items": items})

    @display(description=gettext_lazy("deliveries"))
    def deliveries_shown(self, record: Turn) -> SafeString:
        """The posts that carry the answer."""
        rows = Delivery.objects.filter(turn=record).order_by("pk")[:50]
        items = [
            (
                looks.state(DeliveryState, row.state, row.error[:300]),
                looks.link(row, _("Part %(part)d of %(parts)d") % {"part": row.part, "parts": row.parts}),
                row.error,
            )
            for row in rows
        ]
        return render_to_string("admin/durar/belongs.html", {"items": items})


def _given(given: dict[str, Any]) -> list[tuple[SafeString, SafeString | str, str]]:
    """Each thing that the agent was told, as a badge, words and a note."""
    items: list[tuple[SafeString, SafeString | str, str]] = []
    if count := given.get("posts"):
        words = ngettext("%d post", "%d posts", count) % count
        note = _("older ones were left out") if given.get("left_out") else ""
        items.append((looks.badge(_("thread") if given.get("in_thread") else _("context"), "idle"), words, note))
    if count := given.get("reactions"):
        items.append((looks.badge(_("reactions"), "idle"), str(count), ""))
    for file in given.get("files", ()):
        tone = "warning" if NOT_READ in file else "idle"
        items.append((looks.badge(_("file"), tone), file, ""))
    items.extend((looks.badge(_("missing"), "warning"), problem, "") for problem in given.get("problems", ()))
    return items


def _said(event: InboundEvent) -> SafeString:
    return blanked.passage(event.text, event.received_at, event.blanked_at, blanked.of_event(event))


def _event_badge(event: InboundEvent) -> SafeString:
    if event.state in (EventState.FAILED, EventState.ANSWERED) or not event.outcome:
        return looks.state(EventState, event.state)
    return looks.state(EventOutcome, event.outcome)
