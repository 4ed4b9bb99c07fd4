"""The audit log: who did what, when and from where."""

from __future__ import annotations

import json
from typing import Any

from django.apps import apps
from django.contrib import admin
from django.contrib.admin import SimpleListFilter
from django.contrib.auth.models import User
from django.db.models import Q, QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.urls import NoReverseMatch
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from mattermost_bridge.admin import looks
from mattermost_bridge.admin.base import ReadOnlyAdmin
from mattermost_bridge.admin.filters import AccountFilter, QuestionFilter, since
from mattermost_bridge.models import AuditEntry
from mattermost_bridge.services import audit, rights


class ViaFilter(QuestionFilter):
    """From where."""

    title = gettext_lazy("from")
    parameter_name = "via"

    def questions(self) -> dict[str, tuple[Any, Q]]:
        """Every way to change something."""
        words = {
            "panel": gettext_lazy("Panel"),
            "command": gettext_lazy("Command line"),
            "agent": gettext_lazy("An agent"),
            "import": gettext_lazy("Configuration file"),
            "api": gettext_lazy("Sending key"),
            "schedule": gettext_lazy("Scheduled message"),
            "system": gettext_lazy("Durar itself"),
        }
        return {via: (word, Q(via=via)) for via, word in words.items()}


class VerbFilter(QuestionFilter):
    """About what."""

    title = gettext_lazy("subject")
    parameter_name = "subject"
    quick = True

    def questions(self) -> dict[str, tuple[Any, Q]]:
        """By the first word of each verb."""
        subjects = {
            "pairing": (gettext_lazy("Pairing"), ("pairing",)),
            "access": (gettext_lazy("Access and blocks"), ("access", "access_group")),
            "channel": (gettext_lazy("Channel settings"), ("channel",)),
            "account": (gettext_lazy("Accounts"), ("account",)),
            "agent": (gettext_lazy("Agents"), ("agent",)),
            "skill": (gettext_lazy("Skills"), ("skill",)),
            "defaults": (gettext_lazy("Defaults and files"), ("defaults", "config")),
            "work": (
                gettext_lazy("Messages, turns, deliveries"),
                ("message", "event", "turn", "delivery", "direct_channel"),
            ),
            "alert": (gettext_lazy("Alerts"), ("alert", "alert_target", "alert_note")),
            "user": (gettext_lazy("Users and sign-in"), ("user", "group", "sign_in")),
        }
        return {name: (label, _begins_with(words)) for name, (label, words) in subjects.items()}


def _begins_with(words: tuple[str, ...]) -> Q:
    condition = Q()
    for word in words:
        condition |= Q(verb__startswith=f"{word}.")
    return condition


class WhoFilter(SimpleListFilter):
    """Who did it: those who sign in. Others (commands, Durar itself) are found by *from*."""

    title = gettext_lazy("who")
    parameter_name = "who"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """By name. Somebody limited to accounts sees only those whom they see at work there."""
        people = User.objects.all()
        if not rights.reach_of(request.user).unlimited:
            mine = rights.visible_to(request.user, AuditEntry.objects.all())
            people = people.filter(pk__in=mine.values("actor"))
        return [(str(pk), name) for pk, name in people.order_by("username").values_list("pk", "username")]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        """The rows of one person."""
        value = self.value()
        if not value:
            return queryset
        return queryset.filter(actor=int(value)) if value.isdecimal() else queryset.none()


@admin.register(AuditEntry)
class AuditEntryAdmin(ReadOnlyAdmin):
    """The audit log."""

    list_display = ("when", "summary_shown", "who", "account_name")
    list_filter = (VerbFilter, WhoFilter, AccountFilter, ViaFilter, since("at"))
    search_fields = ("actor_name__exact", "target_id__exact", "address__exact")
    search_help_text = gettext_lazy("Who did it, from which address, or the id of what it was done to, in full")
    ordering = ("-id",)
    fields = ("when", "who", "verb_shown", "account_name", "target", "details_shown")
    readonly_fields = fields
    empty_title = gettext_lazy("Nothing has been changed yet")
    empty_text = gettext_lazy("Every change that somebody makes, here or by a command, leaves a row.")

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Without tokens."""
        return super().get_queryset(request).select_related("account").defer("account__bot_token")

    def lookup_allowed(self, lookup: str, value: Any, request: HttpRequest | None = None) -> bool:
        """A record's history is a link to its rows here."""
        return lookup in ("target_kind", "target_id") or super().lookup_allowed(lookup, value, request)

    def summary(self, request: HttpRequest, record: AuditEntry) -> dict[str, Any]:
        """What was done, in a sentence."""
        return {"title": record.summary}

    @display(description=gettext_lazy("when"))
    def when(self, record: AuditEntry) -> SafeString:
        """When."""
        return looks.moment(record.at)

    @display(description=gettext_lazy("what"))
    def summary_shown(self, record: AuditEntry) -> SafeString:
        """In a sentence."""
        return looks.passage(record.summary, 140)

    @display(description=gettext_lazy("who"))
    def who(self, record: AuditEntry) -> SafeString:
        """Who, and from where."""
        where = " · ".join(part for part in (record.via, record.address) if part)
        return format_html('{}<span class="du-under">{}</span>', record.actor_name, where)

    @display(description=gettext_lazy("account"))
    def account_name(self, record: AuditEntry) -> SafeString:
        """Which account."""
        return looks.account(record.account)

    @display(description=gettext_lazy("verb"))
    def verb_shown(self, record: AuditEntry) -> SafeString:
        """As programs know it."""
        return looks.code(record.verb)

    @display(description=gettext_lazy("done to"))
    def target(self, record: AuditEntry) -> SafeString | str:
        """The record, as long as it exists."""
        for label in ("mattermost_bridge", "auth"):
            try:
                model = apps.get_model(label, record.target_kind)
            except LookupError:
                continue
            words = f"{model._meta.verbose_name} {record.target_id}"
            found = model._default_manager.filter(pk=record.target_id).only("pk").first()
            try:
                return looks.link(found, words) if found else _("%s (removed since)") % words
            except NoReverseMatch:
                return words
        return looks.NOTHING

    @display(description=gettext_lazy("details"))
    def details_shown(self, record: AuditEntry) -> SafeString:
        """Before and after."""
        if not record.details:
            return looks.NOTHING
        rows = [(name.replace("_", " "), _value(name, value)) for name, value in sorted(record.details.items())]
        return render_to_string("admin/durar/details.html", {"rows": rows})


def _value(name: str, value: Any) -> SafeString | str:
    """A pair is before and after, but for the few details that are lists of things."""
    if isinstance(value, list) and len(value) == 2 and name not in audit.LISTS:
        return format_html("{} → {}", _plain(value[0]), _plain(value[1]))
    return _plain(value)


def _plain(value: Any) -> SafeString | str:
    if value is None or value in ("", [], {}):
        return looks.NOTHING
    if isinstance(value, bool):
        return _("yes") if value else _("no")
    if isinstance(value, list) and all(isinstance(each, str | int) for each in value):
        return ", ".join(map(str, value))
    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)
