"""Alerts: what needs a hand and what did, and who was told of it."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import F, Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from mattermost_bridge.admin import looks
from mattermost_bridge.admin.base import ReadOnlyAdmin
from mattermost_bridge.admin.filters import AccountFilter, QuestionFilter, since
from mattermost_bridge.models import Alert, AlertNotice, AlertTarget
from mattermost_bridge.models.states import AlertKind, AlertState, NoticeAbout, NoticeState


class OpenFilter(QuestionFilter):
    """What needs a hand now?"""

    title = gettext_lazy("question")
    parameter_name = "question"
    quick = True

    def questions(self) -> dict[str, tuple[Any, Q]]:
        """Open and over."""
        return {
            "open": (gettext_lazy("What needs a hand now?"), Q(resolved_at=None)),
            "over": (gettext_lazy("What is over?"), Q(resolved_at__isnull=False)),
        }


class KindFilter(QuestionFilter):
    """By kind."""

    title = gettext_lazy("kind")
    parameter_name = "kind"

    def questions(self) -> dict[str, tuple[Any, Q]]:
        """Every kind."""
        return {member.value: (member.label, Q(kind=member)) for member in AlertKind}


@admin.register(Alert)
class AlertAdmin(ReadOnlyAdmin):
    """Alerts; those that are open come first."""

    list_display = ("kind_shown", "sentence_shown", "account_name", "state_shown", "began", "ended", "told")
    list_filter = (OpenFilter, AccountFilter, KindFilter, since("raised_at"))
    ordering = (F("resolved_at").desc(nulls_first=True), "-id")
    fields = ("sentence", "remedy", "outcome")
    readonly_fields = fields
    empty_title = gettext_lazy("Nothing needs a hand")
    empty_text = gettext_lazy(
        "When an account is without its connection for a minute, a token is refused, somebody waits to be paired or a "
        "message cannot be delivered, it stands here, and the alert targets are told."
    )

    def empty_links(self, request: HttpRequest) -> list[tuple[str, Any]]:
        """To those who are told."""
        if not self.admin_site.get_model_admin(AlertTarget).has_view_permission(request):
            return []
        return [(looks.list_of(AlertTarget), gettext_lazy("Alert targets"))]

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """With the account, without its token."""
        return super().get_queryset(request).select_related("account").defer("account__bot_token")

    def prepare(self, request: HttpRequest, rows: list[Any]) -> None:
        """Who was told."""
        notices: dict[int, list[AlertNotice]] = {}
        found = AlertNotice.objects.filter(alert__in=[row.pk for row in rows]).order_by("pk")
        for notice in found:
            notices.setdefault(notice.alert_id, []).append(notice)
        for row in rows:
            row.told_rows = notices.get(row.pk, [])

    def summary(self, request: HttpRequest, record: Alert) -> dict[str, Any]:
        """What happened, what to do and where, and who was told."""
        self.prepare(request, [record])
        facts = [(_("Account"), looks.account(record.account)), (_("Since"), looks.moment(record.raised_at))]
        if record.resolved_at:
            facts.append((_("Over"), looks.moment(record.resolved_at)))
        facts.append((_("Told"), self.told(record)))
        is_open = record.resolved_at is None
        links = [(record.page, _("Look at it"))] if record.page else []
        if record.told_rows:  # type: ignore[attr-defined]
            links.append((looks.list_of(AlertNotice, f"alert={record.pk}"), _("What was sent")))
        return {
            "badges": [self.kind_shown(record), self.state_shown(record)],
            "sentence": looks.translated(record.said("sentence" if is_open else "outcome")),
            "remedy": looks.translated(record.said("remedy")) if is_open else "",
            "links": links,
            "facts": facts,
        }

    @display(description=gettext_lazy("kind"))
    def kind_shown(self, record: Alert) -> SafeString:
        """What it is about."""
        return looks.state(AlertKind, record.kind)

    @display(description=gettext_lazy("what happened"))
    def sentence_shown(self, record: Alert) -> SafeString:
        """What happened, and where to do something about it."""
        text = looks.passage(looks.translated(record.said("sentence")), 110)
        if record.resolved_at or not record.page:
            return text
        return format_html(
            '{}<span class="du-under"><a class="du-link" href="{}">{}</a></span>', text, record.page, _("Look at it")
        )

    @display(description=gettext_lazy("account"))
    def account_name(self, record: Alert) -> SafeString:
        """Which account."""
        return looks.account(record.account)

    @display(description=gettext_lazy("state"))
    def state_shown(self, record: Alert) -> SafeString:
        """Open or over."""
        return looks.state(AlertState, record.state, looks.translated(record.said("outcome")))

    @display(description=gettext_lazy("since"))
    def began(self, record: Alert) -> SafeString:
        """Since when."""
        return looks.moment(record.raised_at)

    @display(description=gettext_lazy("over"))
    def ended(self, record: Alert) -> SafeString:
        """When it ended."""
        return looks.moment(record.resolved_at)

    @display(description=gettext_lazy("told"))
    def told(self, record: Alert) -> SafeString:
        """Who was told that it began, each with what became of it."""
        rows = [notice for notice in record.told_rows if notice.about == NoticeAbout.RAISED]  # type: ignore[attr-defined]
        if not rows:
            return looks.NOTHING
        pairs = ((notice.target_name, looks.state(NoticeState, notice.state, notice.error[:300])) for notice in rows)
        return format_html_join("", "<div>{} {}</div>", pairs)
