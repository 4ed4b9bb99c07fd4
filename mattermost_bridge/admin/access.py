"""Access entries: who may talk to a bot, put on a list by an operator, a file or an approved pairing."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Count, Model, Q, QuerySet
from django.http import HttpRequest
from django.urls import URLPattern
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy
from unfold.decorators import display

from mattermost_bridge.admin import ends, looks
from mattermost_bridge.admin.access_groups import group_badge, groups_named, shown_person
from mattermost_bridge.admin.base import BridgeAdmin, SavedByService, ServiceForm, offer_accounts
from mattermost_bridge.admin.filters import AccountFilter, QuestionFilter
from mattermost_bridge.admin.finding import Hit
from mattermost_bridge.admin.names import known_username
from mattermost_bridge.admin.people_files import ExportsPeople, import_url
from mattermost_bridge.admin.searching import PEOPLE, SearchesDirectory, let_search
from mattermost_bridge.admin.send_message import send_link
from mattermost_bridge.admin.tabs import BackToItsTab
from mattermost_bridge.admin.verbs import Verb
from mattermost_bridge.config.effective_lists import group_name_in
from mattermost_bridge.models import AccessEntry, AccessGroup, PairingRequest
from mattermost_bridge.models.access_groups import PREFIX
from mattermost_bridge.models.states import AccessList, EntrySource, PairingState
from mattermost_bridge.rules.access import WILDCARD
from mattermost_bridge.services import access, rights
from mattermost_bridge.services.access import USER_ID
from mattermost_bridge.services.audit import Actor
from mattermost_bridge.services.people_csv import row_of_entry

#: So many access groups are offered at once; more are found by typing.
MOST_GROUPS = 20


class ListFilter(QuestionFilter):
    """Which list."""

    title = gettext_lazy("list")
    parameter_name = "list"
    quick = True

    def questions(self) -> dict[str, tuple[Any, Q]]:
        """Direct messages, channels."""
        return {member.value: (member.label, Q(list=member)) for member in AccessList}


class SourceFilter(QuestionFilter):
    """Where an entry came from."""

    title = gettext_lazy("source")
    parameter_name = "source"

    def questions(self) -> dict[str, tuple[Any, Q]]:
        """File, panel, pairing."""
        return {member.value: (member.label, Q(source=member)) for member in EntrySource}


class WhoFilter(QuestionFilter):
    """Whom an entry means."""

    title = gettext_lazy("who")
    parameter_name = "who"

    def questions(self) -> dict[str, tuple[Any, Q]]:
        """Single people, access groups, everybody."""
        group = Q(value__istartswith=PREFIX)
        return {
            "people": (gettext_lazy("Single people"), ~group & ~Q(value="*")),
            "groups": (gettext_lazy("Access groups"), group),
            "everybody": (gettext_lazy("Everybody (*)"), Q(value="*")),
        }


class AccessEntryForm(ServiceForm):
    """Adding an entry; of one that exists only reason and end can change."""

    class Meta:
        model = AccessEntry
        fields = ("account", "list", "value", "note", "expires_at")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "account" in self.fields:
            offer_accounts(self, _("The defaults"))
            let_search(self, "value", PEOPLE, shown_person)
            self.fields["value"].help_text = _(
                "Type a name and choose the person, an access group or everybody (*), or enter a user id."
            )

    def _get_validation_exclusions(self) -> set[str]:
        # Without this field no constraint is looked at: the service says in a sentence what is there twice.
        return {
            *super()._get_validation_exclusions(),  # type: ignore[misc]
            "value",
        }


VERBS = (
    Verb(
        "remove",
        gettext_lazy("Remove"),
        ngettext_lazy("%d entry removed.", "%d entries removed."),
        lambda actor, pk: access.remove_entry(pk, actor=actor),
        "delete_accessentry",
        ask=gettext_lazy(
            "The people behind these entries lose the right that the entry gave, from their next message on. After an "
            "approved pairing was taken back, the person's next message gets a new code."
        ),
        look="danger",
    ),
)


@admin.register(AccessEntry)
class AccessEntryAdmin(SearchesDirectory, BackToItsTab, ExportsPeople, SavedByService, BridgeAdmin):
    """Access entries."""

    form = AccessEntryForm
    searched = {"value": PEOPLE}
    verbs = VERBS
    has_history = True
    list_display = ("who", "list_name", "account_name", "source_shown", "added", "note", "until")
    list_filter = (AccountFilter, ListFilter, WhoFilter, SourceFilter, ends.EndFilter)
    search_fields = ("username", "value", "note")
    ordering = ("-id",)
    sortable_by = ()
    empty_title = gettext_lazy("No access entries")
    empty_text = gettext_lazy(
        "Under the policy pairing, approving a pairing request makes an entry by itself. Under allowlist, people need "
        "an entry here before the bot answers them."
    )

    def empty_links(self, request: HttpRequest) -> list[tuple[str, Any]]:
        """To the requests that wait."""
        return [(looks.list_of(PairingRequest), gettext_lazy("Pairing requests"))]

    def row_of(self, record: AccessEntry) -> tuple[str, ...]:
        """A row of the exported file."""
        return row_of_entry(record)

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """With who added each, and for which account."""
        return super().get_queryset(request).select_related("account", "added_by").defer("account__bot_token")

    def get_urls(self) -> list[URLPattern]:
        """Django's addresses, and that of the import, of which blocked people are a part."""
        return [import_url(), *super().get_urls()]

    def exported(self, rows: QuerySet) -> QuerySet:
        """Entries of lists. Approved pairings stay: imported elsewhere they would become entries of a list."""
        return rows.exclude(source=EntrySource.PAIRING)

    def prepare(self, request: HttpRequest, rows: list[Any]) -> None:
        """The access groups that entries mean."""
        groups = groups_named([row.value for row in rows])
        for row in rows:
            row.group = groups.get(group_name_in(row.value).lower())

    def extra_hits(self, request: HttpRequest, query: str) -> list[Hit]:
        """Everybody, and the access groups whose name has what was typed."""
        wanted = query.lower()
        groups = rights.visible_to(request.user, AccessGroup.objects.annotate(count=Count("members")))
        hits = [
            Hit(group.entry_value, group.name, _("access group of %d") % group.count)
            for group in groups
            if wanted in group.name.lower()
        ][:MOST_GROUPS]
        everybody = str(_("Everybody (*)"))
        if not wanted or wanted == WILDCARD or everybody.lower().startswith(wanted):
            hits.append(Hit(WILDCARD, everybody, _("every person of the server")))
        return hits

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[tuple[Any, dict[str, Any]]]:
        """Who, where, why, until when; an entry that exists also says where it came from."""
        if obj is None:
            return [(None, {"fields": ("account", "list", "value", "note", "expires_at")})]
        fixed = ("who", "list_name", "account_name", "source_shown", "added")
        return [(None, {"fields": (*fixed, "note", "expires_at")})]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Another person is another entry."""
        return () if obj is None else ("who", "list_name", "account_name", "source_shown", "added")

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:  # noqa: FBT001, FBT002 - Django's
        """The form, of reason and end only once the entry exists."""
        kwargs["fields"] = ("note", "expires_at") if obj else AccessEntryForm.Meta.fields
        return super().get_form(request, obj, change=change, **kwargs)

    def save_by_service(self, request: HttpRequest, actor: Actor, record: Any, form: Any, *, change: bool) -> Model:
        """Add the entry, or change its reason and end."""
        data = form.cleaned_data
        if change:
            return access.set_end(record.pk, actor=actor, expires_at=data["expires_at"], note=data["note"])
        value = access.check_value(data["value"])
        username = known_username(value, data["account"].pk if data["account"] else None)
        record.username = username
        return access.add_entry(actor=actor, username=username, **{**data, "value": value})

    def summary(self, request: HttpRequest, record: AccessEntry) -> dict[str, Any]:
        """Whether it holds."""
        self.prepare(request, [record])
        links = send_link(request, record.account_id, record.value) if USER_ID.fullmatch(record.value) else []
        return {"badges": [ends.holds(record.expires_at)], "title": str(record), "links": links}

    @display(description=gettext_lazy("who"))
    def who(self, record: AccessEntry) -> SafeString:
        """The person, or everybody."""
        if record.value == "*":
            return looks.badge(_("Everybody (*)"), "warning")
        if name := group_name_in(record.value):
            groups = {name.lower(): record.group} if hasattr(record, "group") else groups_named([record.value])
            return group_badge(name, groups.get(name.lower()))
        return looks.person(record.value, record.username)

    @display(description=gettext_lazy("list"))
    def list_name(self, record: AccessEntry) -> str:
        """Which list."""
        return record.get_list_display()

    @display(description=gettext_lazy("account"))
    def account_name(self, record: AccessEntry) -> SafeString:
        """Whose list."""
        return looks.account(record.account, _("the defaults"))

    @display(description=gettext_lazy("source"))
    def source_shown(self, record: AccessEntry) -> str | SafeString:
        """Where it came from; a pairing leads to its request."""
        if record.source != EntrySource.PAIRING or record.account_id is None:
            return record.get_source_display()
        query = f"state={PairingState.APPROVED}&account={record.account_id}&q={record.value}"
        return looks.links((looks.list_of(PairingRequest, query), record.get_source_display()))

    @display(description=gettext_lazy("added"))
    def added(self, record: AccessEntry) -> SafeString:
        """By whom, and when."""
        return looks.by_whom(record.added_by.get_username() if record.added_by else "", record.added_at)

    @display(description=gettext_lazy("until"))
    def until(self, record: AccessEntry) -> SafeString | str:
        """Its end; one that has ended admits nobody."""
        return ends.until(record.expires_at)
