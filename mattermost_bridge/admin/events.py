"""Events: everything that came in, what was decided about it, and every check on the way."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy
from unfold.decorators import display

from mattermost_bridge.admin import blanked, looks, trail
from mattermost_bridge.admin.base import ReadOnlyAdmin
from mattermost_bridge.admin.event_filters import KindFilter, OutcomeFilter, ReasonFilter, SilenceFilter, StateFilter
from mattermost_bridge.admin.filters import AccountFilter, since
from mattermost_bridge.admin.names import Names, channel_name
from mattermost_bridge.admin.rehearsal import MESSAGES, address_for
from mattermost_bridge.admin.trail_places import Places
from mattermost_bridge.admin.verbs import Verb
from mattermost_bridge.models import Account, InboundEvent
from mattermost_bridge.models.states import EventOutcome, EventState
from mattermost_bridge.rules.reasons import REASONS
from mattermost_bridge.services import by_hand, rights

#: Bytes that could not be read as an event are shown up to here.
MOST_BYTES = 2000


def can_be_decided_again(event: InboundEvent) -> bool:
    """Whether deciding failed; an event whose turn failed was decided."""
    return event.state == EventState.FAILED and event.turn_id is None


VERBS = (
    Verb(
        "decide_again",
        gettext_lazy("Decide again"),
        ngettext_lazy("%d event is decided again.", "%d events are decided again."),
        lambda actor, pk: by_hand.decide_event_again(pk, actor=actor),
        "change_inboundevent",
        fits=can_be_decided_again,
    ),
    Verb(
        "put_aside",
        gettext_lazy("Discard"),
        ngettext_lazy("%d event put aside.", "%d events put aside."),
        lambda actor, pk: by_hand.put_event_aside(pk, actor=actor),
        "change_inboundevent",
        ask=gettext_lazy("Nobody answers these messages, and they no longer stand under what needs a hand."),
        look="danger",
        fits=can_be_decided_again,
    ),
)


@admin.register(InboundEvent)
class EventAdmin(ReadOnlyAdmin):
    """Events."""

    verbs = VERBS
    #: The reasons are counted over a day; counting every choice over all events would take as long as there are many.
    show_facets = admin.ShowFacets.NEVER
    list_display = ("received", "text_shown", "who", "where", "account_name", "outcome_shown", "reason_shown")
    list_filter = (
        SilenceFilter,
        AccountFilter,
        since("received_at"),
        OutcomeFilter,
        StateFilter,
        KindFilter,
        ReasonFilter,
    )
    search_fields = ("user_id__exact", "username__exact", "post_id__exact", "channel_id__exact")
    search_help_text = gettext_lazy("A username, or the id of a person, post or channel, in full")
    ordering = ("-id",)
    fieldsets = (
        (gettext_lazy("Message"), {"fields": ("who", "where", "text_full", "thread")}),
        (gettext_lazy("How it was decided"), {"fields": ("trail_shown",)}),
        (gettext_lazy("What followed"), {"fields": ("conversation_link", "turn_link", "failure")}),
        (
            gettext_lazy("Times and ids"),
            {
                "fields": (
                    "posted",
                    "received",
                    "decided",
                    "attempts_made",
                    "how_heard",
                    "kind_shown",
                    "post",
                    "key",
                    "bytes_kept",
                )
            },
        ),
    )
    readonly_fields = tuple(name for _title, options in fieldsets for name in options["fields"])
    empty_title = gettext_lazy("Nothing has been heard yet")
    empty_text = gettext_lazy(
        "Every post that a connected bot can see appears here, with what was decided about it and why. Write to a bot "
        "in Mattermost to see the first one."
    )

    def empty_links(self, request: HttpRequest) -> list[tuple[str, Any]]:
        """To the accounts: are they connected?"""
        return [(looks.list_of(Account), gettext_lazy("See whether the accounts are connected"))]

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Without tokens."""
        return super().get_queryset(request).select_related("account").defer("account__bot_token")

    def prepare(self, request: HttpRequest, rows: list[Any]) -> None:
        """Names of channels and people."""
        names = Names({r.account_id for r in rows}, {r.channel_id for r in rows}, {r.user_id for r in rows})
        for row in rows:
            row.names = names
            row.reader = request.user

    def summary(self, request: HttpRequest, record: InboundEvent) -> dict[str, Any]:
        """Outcome, reason in a sentence, and what an operator can do."""
        reason = REASONS.get(record.reason)
        badges = [self.outcome_shown(record)]
        if record.state not in (EventState.DECIDED, EventState.WAITING):
            badges.append(looks.state(EventState, record.state))
        return {
            "badges": badges,
            "title": _(reason.label) if reason else "",
            "sentence": _(reason.sentence) if reason else _not_yet(record),
            "remedy": _(reason.remedy) if reason and reason.remedy else "",
            "links": [*trail.remedies(reason, record.trail, _places(record)), *_try_again(record)],
        }

    @display(description=gettext_lazy("received"))
    def received(self, record: InboundEvent) -> SafeString:
        """When Durar kept it."""
        return looks.moment(record.received_at)

    @display(description=gettext_lazy("text"))
    def text_shown(self, record: InboundEvent) -> SafeString:
        """Its beginning."""
        if words := blanked.of_event(record):
            return blanked.passage("", record.received_at, record.blanked_at, words)
        return looks.passage(record.text) if record.text else looks.code(record.get_kind_display())

    @display(description=gettext_lazy("person"))
    def who(self, record: InboundEvent) -> SafeString:
        """Who wrote it."""
        return record.names.person(record.account_id, record.user_id, record.username)  # type: ignore[attr-defined]

    @display(description=gettext_lazy("channel"))
    def where(self, record: InboundEvent) -> SafeString:
        """Where."""
        return record.names.channel(  # type: ignore[attr-defined]
            record.account_id, record.channel_id, record.channel_type, channel_name(record.payload)
        )

    @display(description=gettext_lazy("account"))
    def account_name(self, record: InboundEvent) -> SafeString:
        """Which bot heard it."""
        return looks.account(record.account)

    @display(description=gettext_lazy("outcome"))
    def outcome_shown(self, record: InboundEvent) -> SafeString:
        """What was decided; of what is not decided, where it stands."""
        if record.state in (EventState.FAILED, EventState.WAITING) or not record.outcome:
            return looks.state(EventState, record.state)
        return looks.state(EventOutcome, record.outcome)

    @display(description=gettext_lazy("reason"))
    def reason_shown(self, record: InboundEvent) -> SafeString:
        """Why."""
        return looks.reason(record.reason)

    @display(description=gettext_lazy("text"))
    def text_full(self, record: InboundEvent) -> SafeString:
        """The whole text."""
        return blanked.body(record.text, record.received_at, record.blanked_at, blanked.of_event(record))

    @display(description=gettext_lazy("thread"))
    def thread(self, record: InboundEvent) -> SafeString:
        """The thread's first post."""
        return looks.code(record.root_id)

    @display(description=gettext_lazy("checks"))
    def trail_shown(self, record: InboundEvent) -> SafeString:
        """Every check in order, with the value it looked at, where that comes from, and its verdict."""
        return trail.shown(record.trail, _places(record), record.reason, _not_yet(record))

    @display(description=gettext_lazy("conversation"))
    def conversation_link(self, record: InboundEvent) -> SafeString:
        """The transcript it stands in."""
        return looks.link(record.conversation)

    @display(description=gettext_lazy("turn"))
    def turn_link(self, record: InboundEvent) -> SafeString:
        """The turn that answers it."""
        return looks.link(record.turn)

    @display(description=gettext_lazy("error"))
    def failure(self, record: InboundEvent) -> SafeString:
        """What went wrong."""
        return looks.block(record.error)

    @display(description=gettext_lazy("posted"))
    def posted(self, record: InboundEvent) -> SafeString:
        """The server's time of the post."""
        return looks.moment_ms(record.create_at)

    @display(description=gettext_lazy("decided"))
    def decided(self, record: InboundEvent) -> SafeString:
        """When."""
        return looks.moment(record.decided_at)

    @display(description=gettext_lazy("failed attempts to decide"))
    def attempts_made(self, record: InboundEvent) -> str:
        """How often deciding failed, and when it is tried again."""
        return str(record.attempts)

    @display(description=gettext_lazy("heard"))
    def how_heard(self, record: InboundEvent) -> str:
        """At once, or by reading what had been missed."""
        return _("later, by catching up") if record.caught_up else _("at once")

    @display(description=gettext_lazy("kind"))
    def kind_shown(self, record: InboundEvent) -> str:
        """What came in."""
        return record.get_kind_display()

    @display(description=gettext_lazy("post"))
    def post(self, record: InboundEvent) -> SafeString:
        """The post's id."""
        return looks.code(record.post_id)

    @display(description=gettext_lazy("recorded once as"))
    def key(self, record: InboundEvent) -> SafeString:
        """The key that makes it unique."""
        return looks.code(record.dedupe_key)

    @display(description=gettext_lazy("unreadable bytes"))
    def bytes_kept(self, record: InboundEvent) -> SafeString:
        """What could not be read as an event."""
        return looks.block(bytes(record.raw[:MOST_BYTES]).decode("utf-8", "backslashreplace") if record.raw else "")


def _not_yet(record: InboundEvent) -> str:
    if record.state == EventState.HELD:
        return _("It came while its channel was being caught up; it is decided after the older posts.")
    return _("It has not been decided yet.") if record.state == EventState.NEW else ""


def _try_again(record: InboundEvent) -> list[tuple[str, str]]:
    if record.kind not in MESSAGES or not rights.may(record.reader, "view_account", record.account):  # type: ignore[attr-defined]
        return []
    return [(address_for(record.account, record), _("Try this again"))]


def _places(record: InboundEvent) -> Places:
    return Places(record.reader, record.account, record.user_id)  # type: ignore[attr-defined]
