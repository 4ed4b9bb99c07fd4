"""Conversations: the list, and each as a transcript."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Q, QuerySet
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.utils import timezone
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from mattermost_bridge.admin import looks
from mattermost_bridge.admin.base import ReadOnlyAdmin
from mattermost_bridge.admin.filters import AccountFilter, QuestionFilter, since
from mattermost_bridge.admin.names import Names
from mattermost_bridge.admin.send_message import send_link
from mattermost_bridge.admin.transcript import page_of_transcript
from mattermost_bridge.models import Account, Conversation, InboundEvent

KINDS = {
    "D": gettext_lazy("Direct messages"),
    "G": gettext_lazy("Group message"),
    "P": gettext_lazy("Private channel"),
    "O": gettext_lazy("Channel"),
}
#: The same for many, above the list.
QUESTIONS = {
    "D": gettext_lazy("Direct messages"),
    "G": gettext_lazy("Group messages"),
    "P": gettext_lazy("Private channels"),
    "O": gettext_lazy("Channels"),
}


class KindFilter(QuestionFilter):
    """Where people talk to the bot."""

    title = gettext_lazy("kind")
    parameter_name = "kind"
    quick = True

    def questions(self) -> dict[str, tuple[Any, Q]]:
        """By kind of channel, and threads."""
        kinds = {key: (words, Q(channel_type=key)) for key, words in QUESTIONS.items()}
        return {**kinds, "thread": (gettext_lazy("Threads"), ~Q(root_id=""))}


class WorkFilter(QuestionFilter):
    """Which conversations an agent works in right now."""

    title = gettext_lazy("now")
    parameter_name = "now"

    def questions(self) -> dict[str, tuple[Any, Q]]:
        """A lease that holds means that a worker has it."""
        return {"working": (gettext_lazy("An agent is working"), Q(lease_until__gt=timezone.now()))}


@admin.register(Conversation)
class ConversationAdmin(ReadOnlyAdmin):
    """Conversations."""

    list_display = ("title_shown", "account_name", "kind_shown", "who", "active", "now_shown")
    list_filter = (AccountFilter, KindFilter, WorkFilter, since("last_active_at"))
    search_fields = ("title", "peer_id", "channel_id")
    ordering = ("-last_active_at", "-pk")
    empty_title = gettext_lazy("Nobody has talked to a bot yet")
    empty_text = gettext_lazy(
        "A conversation begins with the first message that is admitted. Messages that are not, and why, are in the "
        "events."
    )

    def empty_links(self, request: HttpRequest) -> list[tuple[str, Any]]:
        """To what was heard."""
        return [
            (looks.list_of(InboundEvent), gettext_lazy("Events")),
            (looks.list_of(Account), gettext_lazy("Accounts")),
        ]

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Without tokens."""
        return super().get_queryset(request).select_related("account").defer("account__bot_token")

    def prepare(self, request: HttpRequest, rows: list[Any]) -> None:
        """Names of channels and people."""
        names = Names({r.account_id for r in rows}, {r.channel_id for r in rows}, {r.peer_id for r in rows})
        for row in rows:
            row.names = names

    def change_view(
        self, request: HttpRequest, object_id: str, form_url: str = "", extra_context: Any = None
    ) -> HttpResponse:
        """The transcript, newest page first, read from top to bottom."""
        conversation = self.get_object(request, object_id)
        if not self.has_view_permission(request, conversation):
            raise PermissionDenied
        if conversation is None:
            raise Http404
        page = page_of_transcript(conversation, request.GET.get("page", "1"))
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Conversation"),
            "subtitle": str(conversation),
            "original": conversation,
            "kind": self.kind_shown(conversation),
            "account": looks.account(conversation.account),
            "with": self.who(conversation),
            "working": self.now_shown(conversation),
            "links": self._links(request, conversation),
            "page": page,
        }
        return TemplateResponse(request, "admin/durar/transcript.html", context)

    def _links(self, request: HttpRequest, record: Conversation) -> list[tuple[str, Any]]:
        """To the form that sends a message into this conversation."""
        if record.account.is_archived:
            return []
        to = record.peer_id if record.channel_type == "D" else f"channel:{record.channel_id}"
        return send_link(request, record.account_id, to)

    @display(description=gettext_lazy("conversation"))
    def title_shown(self, record: Conversation) -> str:
        """With whom, or where."""
        return str(record)

    @display(description=gettext_lazy("account"))
    def account_name(self, record: Conversation) -> SafeString:
        """Which bot."""
        return looks.account(record.account)

    @display(description=gettext_lazy("kind"))
    def kind_shown(self, record: Conversation) -> SafeString:
        """Direct messages, a channel, a thread."""
        under = _("thread") if record.root_id else ""
        words = KINDS.get(record.channel_type, record.channel_type)
        return format_html('{}<span class="du-under">{}</span>', words, under)

    @display(description=gettext_lazy("with"))
    def who(self, record: Conversation) -> SafeString:
        """The person of direct messages, else the channel."""
        names = record.names  # type: ignore[attr-defined]
        if record.peer_id:
            return names.person(record.account_id, record.peer_id, record.title.removeprefix("@"))
        return names.channel(record.account_id, record.channel_id, record.channel_type, _channel_of(record))

    @display(description=gettext_lazy("last active"))
    def active(self, record: Conversation) -> SafeString:
        """When."""
        return looks.moment(record.last_active_at)

    @display(description=gettext_lazy("now"))
    def now_shown(self, record: Conversation) -> SafeString:
        """Whether an agent works."""
        if record.lease_until and record.lease_until > timezone.now():
            return looks.badge(_("Agent is working"), "busy", record.lease_holder)
        return looks.NOTHING


def _channel_of(record: Conversation) -> str:
    return record.title.removesuffix(" (thread)") if record.title != record.channel_id else ""
