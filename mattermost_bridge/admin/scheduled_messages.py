"""Scheduled messages: what is sent at a time or by a cron expression, when next, and what came of each time."""

from __future__ import annotations

from typing import Any
from zoneinfo import ZoneInfo

from django import forms
from django.conf import settings
from django.contrib import admin
from django.db.models import Model, OuterRef, QuerySet, Subquery
from django.http import HttpRequest, HttpResponse
from django.template.loader import render_to_string
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy
from unfold.decorators import display
from unfold.widgets import UnfoldAdminTextareaWidget, UnfoldAdminTextInputWidget

from mattermost_bridge.admin import looks
from mattermost_bridge.admin.base import BridgeAdmin, PreparedPage, SavedByService, ServiceForm, offer_accounts
from mattermost_bridge.admin.filters import AccountFilter
from mattermost_bridge.admin.names import Names
from mattermost_bridge.admin.verbs import Verb
from mattermost_bridge.models import Account, Delivery, ScheduledMessage, ScheduledRun
from mattermost_bridge.models.states import ScheduledRunState, ScheduleKind
from mattermost_bridge.rules.schedules import zone_problem
from mattermost_bridge.services import messages, rights, scheduled_messages
from mattermost_bridge.services.audit import Actor
from mattermost_bridge.services.errors import Refused
from mattermost_bridge.services.scheduled_messages import Wanted

LOCAL = "%Y-%m-%dT%H:%M"
MOST_RUNS = 30

VERBS = (
    Verb(
        "pause",
        gettext_lazy("Pause"),
        ngettext_lazy("%d message paused.", "%d messages paused."),
        lambda actor, pk: scheduled_messages.pause(pk, actor=actor),
        "change_scheduledmessage",
        fits=lambda row: not row.paused and row.next_run_at is not None,
    ),
    Verb(
        "go_on",
        gettext_lazy("Go on"),
        ngettext_lazy("%d message goes on.", "%d messages go on."),
        lambda actor, pk: scheduled_messages.go_on(pk, actor=actor),
        "change_scheduledmessage",
        fits=lambda row: row.paused,
    ),
    Verb(
        "remove",
        gettext_lazy("Remove"),
        ngettext_lazy("%d message removed.", "%d messages removed."),
        lambda actor, pk: scheduled_messages.remove(pk, actor=actor),
        "delete_scheduledmessage",
        ask=gettext_lazy(
            "These messages are not sent any more, and the record of their times goes. It cannot be undone."
        ),
        look="danger",
        in_row=False,
    ),
)


class ScheduledMessageForm(ServiceForm):
    """What, where to and when."""

    when = forms.DateTimeField(
        label=gettext_lazy("At"),
        required=False,
        input_formats=[LOCAL, "%Y-%m-%dT%H:%M:%S", "%Y-%m-%d %H:%M"],
        widget=UnfoldAdminTextInputWidget(attrs={"type": "datetime-local"}),
        help_text=gettext_lazy("For a message that is sent once; the time of the time zone below."),
    )

    class Meta:
        model = ScheduledMessage
        fields = ("account", "to", "text", "kind", "cron", "time_zone", "late")
        widgets = {"text": UnfoldAdminTextareaWidget(attrs={"rows": 6})}

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        row = self.instance if self.instance.pk else None
        if "account" in self.fields:
            offer_accounts(self, None)
            self.fields["account"].required = True
        if "to" in self.fields:
            self.fields["to"].help_text = _("@username, #channel, team/channel, user: or channel: and an id.")
            self.fields["cron"].help_text = _("Minute, hour, day, month and weekday, as 30 8 * * mon-fri.")
            self.fields["time_zone"].help_text = _("As Europe/Berlin or UTC.")
        if row is None:
            self.initial.setdefault("time_zone", settings.TIME_ZONE)
        elif row.at:
            self.initial["when"] = row.at.astimezone(ZoneInfo(row.time_zone)).strftime(LOCAL)

    def clean(self) -> dict[str, Any]:
        """The time is one of the time zone that stands in the form."""
        cleaned = super().clean()
        if problem := zone_problem(cleaned.get("time_zone") or ""):
            self.add_error("time_zone", problem)
        elif cleaned.get("when"):
            cleaned["when"] = cleaned["when"].replace(tzinfo=ZoneInfo(cleaned["time_zone"]))
        return cleaned


@admin.register(ScheduledMessage)
class ScheduledMessageAdmin(PreparedPage, SavedByService, BridgeAdmin):
    """Scheduled messages."""

    form = ScheduledMessageForm
    verbs = VERBS
    has_history = True
    list_display = ("where", "text_shown", "account_name", "how_often", "next_shown", "last_shown")
    list_filter = (AccountFilter,)
    search_fields = ("to", "text")
    sortable_by = ()
    ordering = ("-id",)
    empty_title = gettext_lazy("No messages are scheduled")
    empty_text = gettext_lazy("Add one, and it is sent at its time, or again and again by a cron expression.")
    readonly_fields = ("runs_shown", "where", "text_full", "how_often")

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Without tokens, with how the last time went."""
        last = ScheduledRun.objects.filter(message=OuterRef("pk")).order_by("-due_at", "-pk")
        rows = super().get_queryset(request).select_related("account").defer("account__bot_token")
        return rows.annotate(
            last_at=Subquery(last.values("at")[:1]),
            last_state=Subquery(last.values("state")[:1]),
            last_note=Subquery(last.values("note")[:1]),
        )

    def prepare(self, request: HttpRequest, rows: list[Any]) -> None:
        """Names of channels and people."""
        names = Names({r.account_id for r in rows}, {r.channel_id for r in rows}, {r.user_id for r in rows})
        for row in rows:
            row.names = names

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[tuple[Any, dict[str, Any]]]:
        """The form, and below it what came of each time."""
        may_write = self.has_add_permission(request) if obj is None else self.has_change_permission(request, obj)
        if not may_write:
            return [(None, {"fields": ("where", "text_full", "how_often")}), (_("Times"), {"fields": ("runs_shown",)})]
        sets: list[tuple[Any, dict[str, Any]]] = [
            (None, {"fields": ("account", "to", "text")}),
            (_("When"), {"fields": ("kind", "when", "cron", "time_zone", "late")}),
        ]
        return [*sets, (_("Times"), {"fields": ("runs_shown",)})] if obj else sets

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:  # noqa: FBT001, FBT002 - Django's
        """The form. What it declares itself is no model field, so Django is told only of the others."""
        kwargs["fields"] = list(ScheduledMessageForm.Meta.fields)
        return super().get_form(request, obj, change=change, **kwargs)

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Django's. Whom or what the target means is asked before its transaction begins."""
        if request.method == "POST":
            request.found_target = _found(request)  # type: ignore[attr-defined]
        return super().changeform_view(request, *args, **kwargs)

    def save_by_service(self, request: HttpRequest, actor: Actor, record: Any, form: Any, *, change: bool) -> Model:
        """Keep the message."""
        found: messages.Target | Refused = request.found_target  # type: ignore[attr-defined]
        if isinstance(found, Refused):
            raise found
        data = form.cleaned_data
        names = ("to", "text", "kind", "cron", "time_zone", "late")
        wanted = Wanted(
            account_pk=data["account"].pk, target=found, at=data["when"], **{name: data[name] for name in names}
        )
        if change:
            return scheduled_messages.update(record.pk, wanted, actor=actor)
        return scheduled_messages.create(wanted, actor=actor)

    def summary(self, request: HttpRequest, record: ScheduledMessage) -> dict[str, Any]:
        """When it goes out next."""
        return {
            "badges": [_standing(record)],
            "sentence": record.last_note or "",  # type: ignore[attr-defined]
            "facts": [(_("Next time"), self.next_shown(record)), (_("Made by"), record.created_by)],
        }

    @display(description=gettext_lazy("to"))
    def where(self, record: ScheduledMessage) -> SafeString:
        """The person or channel."""
        names = record.names  # type: ignore[attr-defined]
        if record.user_id:
            return names.person(record.account_id, record.user_id, record.username)
        return names.channel(record.account_id, record.channel_id)

    @display(description=gettext_lazy("text"))
    def text_shown(self, record: ScheduledMessage) -> SafeString:
        """Its beginning."""
        return looks.passage(record.text, 60)

    @display(description=gettext_lazy("text"))
    def text_full(self, record: ScheduledMessage) -> SafeString:
        """All of it."""
        return looks.block(record.text)

    @display(description=gettext_lazy("account"))
    def account_name(self, record: ScheduledMessage) -> SafeString:
        """Which bot sends it."""
        return looks.account(record.account)

    @display(description=gettext_lazy("how often"))
    def how_often(self, record: ScheduledMessage) -> SafeString | str:
        """Once, or the expression."""
        return looks.code(record.cron, record.time_zone) if record.kind == ScheduleKind.CRON else _("once")

    @display(description=gettext_lazy("next time"))
    def next_shown(self, record: ScheduledMessage) -> SafeString:
        """When it is sent next, or why it is not."""
        if record.paused or record.next_run_at is None:
            return _standing(record)
        return looks.moment(record.next_run_at)

    @display(description=gettext_lazy("last time"))
    def last_shown(self, record: ScheduledMessage) -> SafeString:
        """When it was due last, and what came of it."""
        state = record.last_state  # type: ignore[attr-defined]
        if not state:
            return looks.NOTHING
        return looks.state(ScheduledRunState, state, record.last_note)  # type: ignore[attr-defined]

    @display(description=gettext_lazy("what came of each time"))
    def runs_shown(self, record: ScheduledMessage) -> SafeString:
        """The newest times, each with its deliveries."""
        runs: list[Any] = list(record.runs.all()[:MOST_RUNS])
        pks = {pk for run in runs for pk in run.deliveries}
        known = {row.pk: row for row in Delivery.objects.filter(pk__in=pks).defer("text")}
        for run in runs:
            run.when, run.verdict = looks.moment(run.due_at), looks.state(ScheduledRunState, run.state)
            run.links = [looks.link(known[pk], f"#{pk}") for pk in run.deliveries if pk in known]
        return SafeString(render_to_string("admin/durar/scheduled_runs.html", {"runs": runs}))


def _standing(record: ScheduledMessage) -> SafeString:
    if record.paused:
        return looks.badge(_("Paused"), "warning")
    if record.next_run_at is None:
        return looks.badge(_("Over"), "idle")
    return looks.badge(_("Waits for its time"), "busy")


def _found(request: HttpRequest) -> messages.Target | Refused:
    """Whom or what the target of a posted form means, as far as its sender may send by that account."""
    pk = request.POST.get("account", "")
    accounts = rights.accounts_visible_to(request.user).defer("bot_token")  # type: ignore[arg-type]
    account: Account | None = accounts.filter(pk=int(pk)).first() if pk.isdecimal() else None
    if account is None or not rights.may_for_account(request.user, "add_scheduledmessage", account):  # type: ignore[arg-type]
        return Refused(_("Choose an account by which you may send messages."))
    try:
        return messages.find(account.pk, request.POST.get("to", ""))
    except Refused as refused:
        return refused
