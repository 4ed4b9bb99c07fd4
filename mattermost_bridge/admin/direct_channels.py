"""Direct channels: through which channel a person is reached, and the jobs that open it where that is not known yet."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count, F, OuterRef, Q, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.urls import URLPattern, path
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, ngettext_lazy
from django.views.decorators.http import require_safe
from unfold.decorators import display

from mattermost_bridge.admin import looks
from mattermost_bridge.admin.base import ReadOnlyAdmin
from mattermost_bridge.admin.filters import AccountFilter, QuestionFilter, since
from mattermost_bridge.admin.names import Names
from mattermost_bridge.admin.send_message import FIND_URL_NAME, URL_NAME, may_send, send_link, send_view
from mattermost_bridge.admin.send_target import find_view
from mattermost_bridge.admin.verbs import Verb
from mattermost_bridge.models import Delivery, DirectChannel
from mattermost_bridge.models.states import DeliveryState, DirectChannelState
from mattermost_bridge.services import by_hand, direct_channels


class QuestionsFilter(QuestionFilter):
    """Whom is it not possible to reach?"""

    title = gettext_lazy("question")
    parameter_name = "question"
    quick = True

    def questions(self) -> dict[str, tuple[Any, Q]]:
        """Each is something that operators are asked."""
        opening = Q(state=DirectChannelState.RESOLVING)
        return {
            "opening": (gettext_lazy("What is being opened?"), opening),
            "retried": (gettext_lazy("What is tried again?"), opening & ~Q(error="")),
            "failed": (gettext_lazy("Who could not be reached?"), Q(state=DirectChannelState.FAILED)),
        }


class StateFilter(QuestionFilter):
    """By where it stands."""

    title = gettext_lazy("state")
    parameter_name = "state"

    def questions(self) -> dict[str, tuple[Any, Q]]:
        """Every state."""
        return {member.value: (member.label, Q(state=member)) for member in DirectChannelState}


VERBS = (
    Verb(
        "retry_now",
        gettext_lazy("Retry now"),
        ngettext_lazy("%d direct channel is tried now.", "%d direct channels are tried now."),
        lambda actor, pk: by_hand.retry_direct_channel(pk, actor=actor),
        "change_directchannel",
        # What is being tried right now cannot be tried twice.
        fits=lambda row: row.state in (DirectChannelState.RESOLVING, DirectChannelState.FAILED) and not row.claimed_by,
    ),
    Verb(
        "take_up",
        gettext_lazy("Take up again"),
        ngettext_lazy("%d direct channel is tried again.", "%d direct channels are tried again."),
        lambda actor, pk: by_hand.retry_direct_channel(pk, actor=actor),
        "change_directchannel",
        in_bulk=False,
        fits=lambda row: row.state == DirectChannelState.GIVEN_UP,
    ),
    Verb(
        "give_up",
        gettext_lazy("Give up"),
        ngettext_lazy("%d direct channel was given up.", "%d direct channels were given up."),
        lambda actor, pk: by_hand.give_up_direct_channel(pk, actor=actor),
        "change_directchannel",
        ask=gettext_lazy(
            "Opening these direct channels is not tried any more, and the messages that wait for them are cancelled. "
            "Take up again undoes it; a new message to the person begins anew without them."
        ),
        look="danger",
        fits=lambda row: row.state == DirectChannelState.RESOLVING,
    ),
)


@admin.register(DirectChannel)
class DirectChannelAdmin(ReadOnlyAdmin):
    """Direct channels and the jobs that open them."""

    verbs = VERBS
    list_display = ("who", "account_name", "state_shown", "tried", "next_attempt", "last_error", "waiting")
    list_filter = (QuestionsFilter, AccountFilter, since("started_at"), StateFilter)
    search_fields = ("username", "user_id__exact", "channel_id__exact")
    search_help_text = gettext_lazy("A username, or the id of a person or channel in full")
    ordering = ("-id",)
    fieldsets = (
        (None, {"fields": ("who", "account_name", "channel", "error_full")}),
        (
            gettext_lazy("The job"),
            {
                "fields": (
                    "tried",
                    "next_attempt",
                    "waiting",
                    "begun",
                    "settled",
                    "values_shown",
                    "status_shown",
                    "error_id_shown",
                )
            },
        ),
    )
    readonly_fields = tuple(name for _title, options in fieldsets for name in options["fields"])
    empty_title = gettext_lazy("No direct channels yet")
    empty_text = gettext_lazy(
        "When a message is sent to a person, the direct channel is opened first. Here stand each such channel and, "
        "while that is tried, the attempts."
    )

    def empty_links(self, request: HttpRequest) -> list[tuple[str, Any]]:
        """To the form that sends one."""
        return send_link(request)

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Without tokens, with how many messages wait and how many were not delivered."""
        rows = super().get_queryset(request).select_related("account").defer("account__bot_token")
        return rows.annotate(
            waiting_count=_messages_that_are(DeliveryState.QUEUED),
            lost_count=_messages_that_are(DeliveryState.DEAD),
            parked_reason=F("account__outbox_state__parked_reason"),
        )

    def prepare(self, request: HttpRequest, rows: list[Any]) -> None:
        """Names of people."""
        names = Names({r.account_id for r in rows}, user_ids={r.user_id for r in rows})
        for row in rows:
            row.names = names

    def get_urls(self) -> list[URLPattern]:
        """Django's addresses, the form that sends a message, and the search for whom it is for."""
        view = self.admin_site.admin_view
        return [
            path("send/", view(self.send_view), name=URL_NAME),
            path("send/find/", view(require_safe(self.find_view)), name=FIND_URL_NAME),
            *super().get_urls(),
        ]

    def find_view(self, request: HttpRequest) -> HttpResponse:
        """People and channels for the field *To*."""
        return find_view(request, may_send=may_send(request))

    def send_view(self, request: HttpRequest) -> HttpResponse:
        """*Send a message*."""
        return send_view(request, self.admin_site)

    def summary(self, request: HttpRequest, record: DirectChannel) -> dict[str, Any]:
        """State, last error, what keeps it from going on, and its messages."""
        warnings = []
        if record.state == DirectChannelState.RESOLVING and record.parked_reason:  # type: ignore[attr-defined]
            warnings.append(_("Nothing is tried for this account: %s") % record.parked_reason)  # type: ignore[attr-defined]
        return {
            "badges": [self.state_shown(record)],
            "title": str(record),
            "sentence": record.error,
            "remedy": _remedy(record),
            "warnings": warnings,
            "links": [
                (looks.list_of(Delivery, f"account={record.account_id}&q={record.user_id}"), _("Messages to them")),
                *send_link(request, record.account_id, record.user_id),
            ],
        }

    @display(description=gettext_lazy("person"))
    def who(self, record: DirectChannel) -> SafeString:
        """Who is reached through it."""
        return record.names.person(record.account_id, record.user_id, record.username)  # type: ignore[attr-defined]

    @display(description=gettext_lazy("account"))
    def account_name(self, record: DirectChannel) -> SafeString:
        """Which bot."""
        return looks.account(record.account)

    @display(description=gettext_lazy("state"))
    def state_shown(self, record: DirectChannel) -> SafeString:
        """The state; the error on hover."""
        return looks.state(DirectChannelState, record.state, record.error[:300])

    @display(description=gettext_lazy("attempt"))
    def tried(self, record: DirectChannel) -> str | SafeString:
        """Attempt n of m."""
        if record.state == DirectChannelState.READY and not record.attempt:
            return _("known without asking")
        most = max(record.attempts, record.attempt)
        return _("%(n)d of %(most)d") % {"n": record.attempt, "most": most}

    @display(description=gettext_lazy("next attempt"))
    def next_attempt(self, record: DirectChannel) -> SafeString | str:
        """When; an attempt that is under way says so."""
        if record.state != DirectChannelState.RESOLVING:
            return looks.NOTHING
        if record.claimed_by:
            return looks.badge(_("Being tried"), "busy", record.claimed_by)
        if record.parked_reason:  # type: ignore[attr-defined]
            return _("once the token works")
        return looks.moment(record.next_attempt_at) if record.next_attempt_at else _("at once")

    @display(description=gettext_lazy("last error"))
    def last_error(self, record: DirectChannel) -> SafeString:
        """Its beginning, which names the status."""
        return looks.passage(record.error, 60)

    @display(description=gettext_lazy("messages that wait"))
    def waiting(self, record: DirectChannel) -> SafeString:
        """How many; of a job that failed, how many were not delivered."""
        if record.state == DirectChannelState.FAILED and record.lost_count:  # type: ignore[attr-defined]
            lost = record.lost_count  # type: ignore[attr-defined]
            return looks.badge(ngettext("%d not delivered", "%d not delivered", lost) % lost, "bad")
        count = record.waiting_count or 0  # type: ignore[attr-defined]
        return looks.badge(count, "busy") if count else looks.NOTHING

    @display(description=gettext_lazy("channel"))
    def channel(self, record: DirectChannel) -> SafeString:
        """The channel's id."""
        return looks.code(record.channel_id)

    @display(description=gettext_lazy("last error"))
    def error_full(self, record: DirectChannel) -> SafeString:
        """All of it."""
        return looks.block(record.error)

    @display(description=gettext_lazy("begun"))
    def begun(self, record: DirectChannel) -> SafeString:
        """When this job began."""
        return looks.moment(record.started_at)

    @display(description=gettext_lazy("settled"))
    def settled(self, record: DirectChannel) -> SafeString:
        """When it ended."""
        return looks.moment(record.settled_at)

    @display(description=gettext_lazy("values in force"))
    def values_shown(self, record: DirectChannel) -> str:
        """The retry values of this job."""
        return _(
            "%(retries)d retries, first after %(first)d ms, at most %(longest)d ms apart, %(total)d ms for an attempt"
        ) % {
            "retries": record.max_retries,
            "first": record.initial_delay_ms,
            "longest": record.max_delay_ms,
            "total": record.timeout_ms,
        }

    @display(description=gettext_lazy("status"))
    def status_shown(self, record: DirectChannel) -> SafeString:
        """The HTTP status of the last answer."""
        return looks.code(record.error_status or "")

    @display(description=gettext_lazy("error id"))
    def error_id_shown(self, record: DirectChannel) -> SafeString:
        """Mattermost's name for the last error."""
        return looks.code(record.error_id)


def _messages_that_are(state: DeliveryState) -> Subquery:
    """How many messages without a channel a job has in a state; null for none."""
    rows = Delivery.objects.filter(direct_channel=OuterRef("pk"), channel_id="", state=state)
    return Subquery(rows.order_by().values("direct_channel").annotate(number=Count("pk")).values("number"))


def _remedy(record: DirectChannel) -> str:
    """What can be done about a job that ended, and what becomes of its messages."""
    if record.state not in (DirectChannelState.FAILED, DirectChannelState.GIVEN_UP):
        return ""
    if not (lost := direct_channels.ended_with(record).count()):
        return _("No message is kept back. A new message to the person begins anew.")
    if record.state == DirectChannelState.FAILED:
        words = ngettext(
            "%d message was not delivered. Remove the cause, then retry: it is sent.",
            "%d messages were not delivered. Remove the cause, then retry: they are sent, in order.",
            lost,
        )
    else:
        words = ngettext(
            "%d message was cancelled with it. Take up again sends it.",
            "%d messages were cancelled with it. Take up again sends them, in order.",
            lost,
        )
    return words % lost
