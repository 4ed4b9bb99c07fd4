"""Connection changes: everything that the accounts' connections went through."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from mattermost_bridge.admin import looks
from mattermost_bridge.admin.base import ReadOnlyAdmin
from mattermost_bridge.admin.filters import AccountFilter, QuestionFilter, since
from mattermost_bridge.models import Account, ConnectionChange
from mattermost_bridge.models.states import LISTENING, ConnectionPhase


class ChangeFilter(QuestionFilter):
    """When was a bot away?"""

    title = gettext_lazy("question")
    parameter_name = "question"
    quick = True

    def questions(self) -> dict[str, tuple[Any, Q]]:
        """Lost, back, refused."""
        return {
            "lost": (gettext_lazy("When was a connection lost?"), Q(old__in=LISTENING) & ~Q(new__in=LISTENING)),
            "ready": (gettext_lazy("When did one become ready?"), Q(new=ConnectionPhase.READY)),
            "refused": (gettext_lazy("When was a token refused?"), Q(new=ConnectionPhase.TOKEN_REFUSED)),
        }


@admin.register(ConnectionChange)
class ConnectionChangeAdmin(ReadOnlyAdmin):
    """Connection changes."""

    list_display = ("when", "account_name", "change", "reason_shown", "held_by")
    list_filter = (ChangeFilter, AccountFilter, since("at"))
    ordering = ("-id",)
    fields = ("when", "account_name", "change", "reason_full", "held_by")
    readonly_fields = fields
    empty_title = gettext_lazy("No connection has changed yet")
    empty_text = gettext_lazy("Once a worker listens for an account, every change of its connection is kept here.")

    def empty_links(self, request: HttpRequest) -> list[tuple[str, Any]]:
        """To the accounts."""
        return [(looks.list_of(Account), gettext_lazy("Accounts"))]

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Without tokens."""
        return super().get_queryset(request).select_related("account").defer("account__bot_token")

    @display(description=gettext_lazy("when"))
    def when(self, record: ConnectionChange) -> SafeString:
        """When."""
        return looks.moment(record.at)

    @display(description=gettext_lazy("account"))
    def account_name(self, record: ConnectionChange) -> SafeString:
        """Which account."""
        return looks.account(record.account)

    @display(description=gettext_lazy("change"))
    def change(self, record: ConnectionChange) -> SafeString:
        """From what to what."""
        return format_html(
            '<span class="du-change">{} → {}</span>',
            looks.state(ConnectionPhase, record.old),
            looks.state(ConnectionPhase, record.new),
        )

    @display(description=gettext_lazy("why"))
    def reason_shown(self, record: ConnectionChange) -> SafeString:
        """Its beginning."""
        return looks.passage(record.reason, 100)

    @display(description=gettext_lazy("why"))
    def reason_full(self, record: ConnectionChange) -> SafeString:
        """All of it."""
        return looks.block(record.reason)

    @display(description=gettext_lazy("held by"))
    def held_by(self, record: ConnectionChange) -> SafeString:
        """The worker."""
        return looks.code(record.holder)
