"""Pairing requests: who waits for their code to be approved, and what became of the others."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy
from unfold.decorators import display

from mattermost_bridge.admin import looks
from mattermost_bridge.admin.base import ReadOnlyAdmin
from mattermost_bridge.admin.filters import AccountFilter, QuestionFilter
from mattermost_bridge.admin.verbs import Verb
from mattermost_bridge.models import InboundEvent, PairingRequest
from mattermost_bridge.models.states import PairingState
from mattermost_bridge.services import pairing, rights

MAY_APPROVE = "change_pairingrequest"


def waiting() -> Q:
    """The requests that wait: undecided, and their hour is not over."""
    return Q(state=PairingState.PENDING, expires_at__gte=timezone.now())


def is_waiting(request: PairingRequest) -> bool:
    """Whether a request can still be decided."""
    return request.state == PairingState.PENDING and request.expires_at >= timezone.now()


class StateFilter(QuestionFilter):
    """Who waits comes first."""

    title = gettext_lazy("state")
    parameter_name = "state"
    quick = True
    default = "waiting"

    def questions(self) -> dict[str, tuple[Any, Q]]:
        """Waiting ones, and each way in which a request can end."""
        expired = Q(state=PairingState.EXPIRED) | Q(state=PairingState.PENDING, expires_at__lt=timezone.now())
        return {
            "waiting": (gettext_lazy("Waiting"), waiting()),
            "approved": (gettext_lazy("Approved"), Q(state=PairingState.APPROVED)),
            "rejected": (gettext_lazy("Rejected"), Q(state=PairingState.REJECTED)),
            "expired": (gettext_lazy("Expired"), expired),
        }


VERBS = (
    Verb(
        "approve",
        gettext_lazy("Approve"),
        ngettext_lazy(
            "%d request approved: the person is told, and what they wrote is answered.",
            "%d requests approved: the people are told, and what they wrote is answered.",
        ),
        lambda actor, pk: pairing.approve(request_id=pk, actor=actor),
        "change_pairingrequest",
        look="good",
        fits=is_waiting,
    ),
    Verb(
        "reject",
        gettext_lazy("Reject"),
        ngettext_lazy("%d request rejected.", "%d requests rejected."),
        lambda actor, pk: pairing.reject(request_id=pk, actor=actor),
        "change_pairingrequest",
        fits=is_waiting,
    ),
    Verb(
        "block",
        gettext_lazy("Block"),
        ngettext_lazy("%d person blocked.", "%d people blocked."),
        lambda actor, pk: pairing.block(request_id=pk, actor=actor),
        "change_pairingrequest",
        ask=gettext_lazy(
            "The request is rejected, and the bot of this account does not answer the person any more, in direct "
            "messages and in channels. They are not told. It can be undone under Blocked people."
        ),
        look="danger",
        fits=is_waiting,
    ),
)


@admin.register(PairingRequest)
class PairingAdmin(ReadOnlyAdmin):
    """Pairing requests."""

    verbs = VERBS
    list_display = ("person", "account_name", "code_shown", "state_shown", "asked", "left", "decided")
    list_filter = (StateFilter, AccountFilter)
    ordering = ("id",)
    fieldsets = (
        (
            None,
            {
                "fields": (
                    "person",
                    "account_name",
                    "code_shown",
                    "asked",
                    "last_seen",
                    "left",
                    "decided",
                    "messages",
                )
            },
        ),
    )
    readonly_fields = ("person", "account_name", "code_shown", "asked", "last_seen", "left", "decided", "messages")
    empty_title = gettext_lazy("Nobody waits to be paired")
    empty_text = gettext_lazy(
        "When somebody whom a bot does not know writes to it directly, they get a code and appear here for an hour."
    )

    def empty_links(self, request: HttpRequest) -> list[tuple[str, Any]]:
        """To the decided ones."""
        return [(looks.list_of(PairingRequest, "state=all"), gettext_lazy("Show decided requests"))]

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Newest last: who asked first is served first."""
        return super().get_queryset(request).select_related("account").defer("account__bot_token")

    def get_search_fields(self, request: HttpRequest) -> tuple[str, ...]:
        """A code may be searched by those who may see it."""
        return ("username", "user_id", "code") if rights.may(request.user, MAY_APPROVE) else ("username", "user_id")

    def prepare(self, request: HttpRequest, rows: list[Any]) -> None:
        """Whether codes are shown."""
        for row in rows:
            row.shows_code = rights.may(request.user, MAY_APPROVE, row)

    def summary(self, request: HttpRequest, record: PairingRequest) -> dict[str, Any]:
        """The state."""
        sentence = ""
        if is_waiting(record):
            sentence = _("Compare the code with the one that the person tells you, then approve.")
        return {"badges": [self.state_shown(record)], "sentence": sentence}

    @display(description=gettext_lazy("person"))
    def person(self, record: PairingRequest) -> SafeString:
        """Who asks."""
        return looks.person(record.user_id, record.username)

    @display(description=gettext_lazy("account"))
    def account_name(self, record: PairingRequest) -> SafeString:
        """Which bot they wrote to."""
        return looks.account(record.account)

    @display(description=gettext_lazy("code"))
    def code_shown(self, record: PairingRequest) -> SafeString:
        """The code, for those who may approve and while it matters."""
        if not getattr(record, "shows_code", False):
            return looks.NOTHING
        return looks.code(record.code)

    @display(description=gettext_lazy("state"))
    def state_shown(self, record: PairingRequest) -> SafeString:
        """The state; one whose hour is over has expired, also before that is noted."""
        over = record.state == PairingState.PENDING and not is_waiting(record)
        return looks.state(PairingState, PairingState.EXPIRED if over else record.state)

    @display(description=gettext_lazy("asked"))
    def asked(self, record: PairingRequest) -> SafeString:
        """When."""
        return looks.moment(record.created_at)

    @display(description=gettext_lazy("last wrote"))
    def last_seen(self, record: PairingRequest) -> SafeString:
        """When they last wrote while waiting."""
        return looks.moment(record.last_seen_at)

    @display(description=gettext_lazy("time left"))
    def left(self, record: PairingRequest) -> SafeString:
        """Until when the code holds."""
        return looks.countdown(record.expires_at) if is_waiting(record) else looks.NOTHING

    @display(description=gettext_lazy("decided"))
    def decided(self, record: PairingRequest) -> SafeString:
        """By whom, and when."""
        return looks.by_whom(record.decided_by_name, record.decided_at)

    @display(description=gettext_lazy("messages"))
    def messages(self, record: PairingRequest) -> SafeString:
        """What they wrote."""
        query = f"account={record.account_id}&q={record.user_id}"
        return looks.links((looks.list_of(InboundEvent, query), _("What this person wrote to the bot")))
