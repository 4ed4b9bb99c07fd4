"""Notes of alerts: what each target was told, what became of it, and sending it again."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy
from unfold.decorators import display

from mattermost_bridge.admin import looks
from mattermost_bridge.admin.base import ReadOnlyAdmin
from mattermost_bridge.admin.filters import AccountFilter, QuestionFilter, since
from mattermost_bridge.admin.verbs import Verb
from mattermost_bridge.models import AlertNotice, AlertTarget
from mattermost_bridge.models.states import NoticeAbout, NoticeState
from mattermost_bridge.services import alert_notices


class NoticeQuestions(QuestionFilter):
    """What did not arrive?"""

    title = gettext_lazy("question")
    parameter_name = "question"
    quick = True

    def questions(self) -> dict[str, tuple[Any, Q]]:
        """Dead, waiting."""
        waiting = Q(state__in=(NoticeState.QUEUED, NoticeState.POSTING))
        return {
            "dead": (gettext_lazy("What was not sent?"), Q(state=NoticeState.DEAD)),
            "waiting": (gettext_lazy("What waits?"), waiting),
        }


class AccountOfAlertFilter(AccountFilter):
    """By the account that the alert is about."""

    path = "alert__account"


VERBS = (
    Verb(
        "send_again",
        gettext_lazy("Send again"),
        ngettext_lazy("%d note is sent again.", "%d notes are sent again."),
        lambda actor, pk: alert_notices.send_again(pk, actor=actor),
        "change_alertnotice",
        fits=lambda notice: notice.state == NoticeState.DEAD,
    ),
)


@admin.register(AlertNotice)
class AlertNoticeAdmin(ReadOnlyAdmin):
    """Notes of alerts: what each target was told."""

    verbs = VERBS
    list_display = ("about_shown", "alert_shown", "target_shown", "state_shown", "tried", "queued", "sent")
    list_filter = (NoticeQuestions, AccountOfAlertFilter, since("queued_at"))
    ordering = ("-id",)
    fields = ("alert_link", "target_shown", "about_shown", "tried", "queued", "sent", "post")
    readonly_fields = fields
    empty_title = gettext_lazy("Nobody was told anything yet")
    empty_text = gettext_lazy("Once something needs a hand, each alert target is told, and that stands here.")

    def empty_links(self, request: HttpRequest) -> list[tuple[str, Any]]:
        """To those who are told."""
        if not self.admin_site.get_model_admin(AlertTarget).has_view_permission(request):
            return []
        return [(looks.list_of(AlertTarget), gettext_lazy("Alert targets"))]

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest) -> bool:
        """Links from an alert and a target lead here."""
        return lookup in ("alert", "target") or super().lookup_allowed(lookup, value, request)

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """With alert, account and target, without secrets."""
        rows = super().get_queryset(request).select_related("alert__account", "target", "delivery")
        return rows.defer("alert__account__bot_token", "target__url", "target__signing_secret")

    def summary(self, request: HttpRequest, record: AlertNotice) -> dict[str, Any]:
        """What became of it."""
        return {"badges": [self.about_shown(record), self.state_shown(record)], "sentence": record.error}

    @display(description=gettext_lazy("about"))
    def about_shown(self, record: AlertNotice) -> SafeString:
        """Alert or recovery."""
        return looks.state(NoticeAbout, record.about)

    @display(description=gettext_lazy("alert"))
    def alert_shown(self, record: AlertNotice) -> SafeString:
        """What it says."""
        said = record.alert.said("outcome" if record.about == NoticeAbout.RECOVERED else "sentence")
        return looks.passage(looks.translated(said), 90)

    @display(description=gettext_lazy("alert"))
    def alert_link(self, record: AlertNotice) -> SafeString:
        """The alert's page."""
        return looks.link(record.alert)

    @display(description=gettext_lazy("target"))
    def target_shown(self, record: AlertNotice) -> str:
        """Who is told."""
        return record.target_name if record.target else _("%s (removed)") % record.target_name

    @display(description=gettext_lazy("state"))
    def state_shown(self, record: AlertNotice) -> SafeString:
        """The state; the error on hover."""
        return looks.state(NoticeState, record.state, record.error[:300])

    @display(description=gettext_lazy("attempts"))
    def tried(self, record: AlertNotice) -> SafeString | str:
        """How many, and when the next one is."""
        return looks.attempts(record.attempts, record.next_attempt_at if record.state == NoticeState.QUEUED else None)

    @display(description=gettext_lazy("queued"))
    def queued(self, record: AlertNotice) -> SafeString:
        """When it was to be sent."""
        return looks.moment(record.queued_at)

    @display(description=gettext_lazy("settled"))
    def sent(self, record: AlertNotice) -> SafeString:
        """When it was sent or given up."""
        return looks.moment(record.settled_at)

    @display(description=gettext_lazy("post"))
    def post(self, record: AlertNotice) -> SafeString:
        """Its delivery, when it goes to a Mattermost channel."""
        return looks.link(record.delivery)
