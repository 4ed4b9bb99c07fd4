"""Access groups and their members: sets of people that lists of several accounts share."""

from __future__ import annotations

from collections import defaultdict
from typing import Any

from django import forms
from django.contrib import admin
from django.contrib.admin import SimpleListFilter
from django.db.models import Count, Model, QuerySet
from django.http import HttpRequest
from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, ngettext_lazy
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectWidget

from mattermost_bridge.admin import ends, looks
from mattermost_bridge.admin.base import BridgeAdmin, SavedByService, ServiceForm
from mattermost_bridge.admin.names import known_username
from mattermost_bridge.admin.searching import PEOPLE, SearchesDirectory, let_search
from mattermost_bridge.admin.verbs import Verb
from mattermost_bridge.config.effective_lists import group_name_in
from mattermost_bridge.models import AccessEntry, AccessGroup, AccessGroupMember, Account
from mattermost_bridge.models.access_groups import PREFIX
from mattermost_bridge.services import access_groups, rights
from mattermost_bridge.services.audit import Actor

LOSE = gettext_lazy("What lists gave these people through the group they lose, from their next message on.")


class GroupFilter(SimpleListFilter):
    """By access group."""

    title = gettext_lazy("group")
    parameter_name = "group"

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, str]]:
        """Every group by its name."""
        return [(str(pk), name) for pk, name in AccessGroup.objects.values_list("pk", "name")]

    def queryset(self, request: HttpRequest, queryset: QuerySet) -> QuerySet:
        """The members of one group."""
        value = self.value()
        if not value:
            return queryset
        return queryset.filter(group=int(value)) if value.isdecimal() else queryset.none()


class AccessGroupForm(ServiceForm):
    """Adding a group, or giving it another name."""

    class Meta:
        model = AccessGroup
        fields = ("name",)

    def _get_validation_exclusions(self) -> set[str]:
        # Without this field no constraint is looked at: the service says in a sentence what is wrong with a name.
        return {*super()._get_validation_exclusions(), "name"}  # type: ignore[misc]


@admin.register(AccessGroup)
class AccessGroupAdmin(SavedByService, BridgeAdmin):
    """Access groups."""

    form = AccessGroupForm
    has_history = True
    verbs = (
        Verb(
            "remove",
            gettext_lazy("Remove"),
            ngettext_lazy("%d access group removed.", "%d access groups removed."),
            lambda actor, pk: access_groups.remove(pk, actor=actor),
            "delete_accessgroup",
            ask=gettext_lazy("The groups and who is in them are forgotten. A group that is on a list stays."),
            look="danger",
        ),
    )
    list_display = ("group", "people", "used_by", "made")
    search_fields = ("name",)
    ordering = ("name",)
    sortable_by = ()
    fields = ("name",)
    empty_title = gettext_lazy("No access groups")
    empty_text = gettext_lazy(
        "An access group is a set of people, such as a team, that lists of several accounts use: who joins the team is "
        "added once."
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """With the number of members."""
        return super().get_queryset(request).annotate(count=Count("members"))

    def prepare(self, request: HttpRequest, rows: list[Any]) -> None:
        """The lists that use these groups, as far as the person may see them."""
        entries = rights.visible_to(request.user, AccessEntry.objects.filter(value__istartswith=PREFIX))
        using = defaultdict(list)
        for entry in entries.select_related("account").defer("account__bot_token"):
            using[group_name_in(entry.value).lower()].append(entry)
        for row in rows:
            row.entries = using[row.name.lower()]

    def save_by_service(self, request: HttpRequest, actor: Actor, record: Any, form: Any, *, change: bool) -> Model:
        """Make the group, or rename it."""
        name = form.cleaned_data["name"]
        if change:
            return access_groups.rename(record.pk, actor=actor, name=name)
        return access_groups.create(actor=actor, name=name)

    def summary(self, request: HttpRequest, record: Any) -> dict[str, Any]:
        """Who is in it, and what uses it."""
        self.prepare(request, [record])
        links = [(looks.list_of(AccessGroupMember, f"group={record.pk}"), _("Members"))]
        if rights.may(request.user, "add_accessgroupmember"):
            links.append((f"{looks.add_of(AccessGroupMember)}?group={record.pk}", _("Add a member")))
        facts = [(_("Members"), self.people(record)), (_("Used by"), self.used_by(record))]
        return {"title": record.name, "badges": [], "facts": facts, "links": links}

    @display(description=gettext_lazy("name"))
    def group(self, record: Any) -> str:
        """The name."""
        return str(record.name)

    @display(description=gettext_lazy("members"))
    def people(self, record: Any) -> SafeString:
        """How many people, and who they are one click away."""
        words = ngettext("%d person", "%d people", record.count) % record.count
        return looks.links((looks.list_of(AccessGroupMember, f"group={record.pk}"), words))

    @display(description=gettext_lazy("used by"))
    def used_by(self, record: Any) -> SafeString:
        """The lists that it is on."""
        if not record.entries:
            return looks.badge(_("On no list"), "warning", _("The group gives nobody a right until a list uses it."))
        words = [
            (looks.page_of(entry), f"{entry.account.account_id if entry.account else _('the defaults')}: "
             f"{entry.get_list_display()}")
            for entry in record.entries
        ]  # fmt: skip
        return looks.links(*words)

    @display(description=gettext_lazy("made"))
    def made(self, record: Any) -> SafeString:
        """When."""
        return looks.moment(record.created_at)


class MemberForm(ServiceForm):
    """Adding a member; of one that exists only reason and end can change."""

    server = forms.ModelChoiceField(
        Account.objects.none(),
        label=gettext_lazy("Found on the server of"),
        required=False,
        widget=UnfoldAdminSelectWidget,
        empty_label=gettext_lazy("The default account"),
        help_text=gettext_lazy("People are searched on this account's server."),
    )

    class Meta:
        model = AccessGroupMember
        fields = ("group", "user_id", "note", "expires_at")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "server" in self.fields:
            accounts = rights.accounts_visible_to(self.person).filter(archived_at=None).defer("bot_token")
            self.fields["server"].queryset = accounts  # type: ignore[attr-defined]
        if "user_id" in self.fields:
            let_search(self, "user_id", PEOPLE, shown_person, account_field="server")
            self.fields["user_id"].help_text = _("Type a name and choose the person, or enter their user id.")

    def _get_validation_exclusions(self) -> set[str]:
        # Without this field no constraint is looked at: the service says in a sentence who is there twice.
        return {*super()._get_validation_exclusions(), "user_id"}  # type: ignore[misc]


@admin.register(AccessGroupMember)
class AccessGroupMemberAdmin(SearchesDirectory, SavedByService, BridgeAdmin):
    """Who is in which access group."""

    form = MemberForm
    searched = {"user_id": PEOPLE}
    account_field = "server"
    verbs = (
        Verb(
            "remove",
            gettext_lazy("Take out"),
            ngettext_lazy("%d person taken out.", "%d people taken out."),
            lambda actor, pk: access_groups.remove_member(pk, actor=actor),
            "delete_accessgroupmember",
            ask=LOSE,
            look="danger",
        ),
    )
    list_display = ("who", "group_name", "added", "note", "until")
    list_filter = (GroupFilter, ends.EndFilter)
    search_fields = ("username", "user_id", "note")
    ordering = ("-id",)
    sortable_by = ()
    empty_title = gettext_lazy("Nobody is in an access group")
    empty_text = gettext_lazy("Make an access group, add people to it, and put the group on the lists of accounts.")

    def empty_links(self, request: HttpRequest) -> list[tuple[str, Any]]:
        """To the groups."""
        return [(looks.list_of(AccessGroup), gettext_lazy("Access groups"))]

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """With the group and who added each."""
        return super().get_queryset(request).select_related("group", "added_by")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[tuple[Any, dict[str, Any]]]:
        """Who, in which group, why, until when."""
        if obj is None:
            return [(None, {"fields": ("group", "server", "user_id", "note", "expires_at")})]
        return [(None, {"fields": ("who", "group_name", "added", "note", "expires_at")})]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """Another person is another member."""
        return () if obj is None else ("who", "group_name", "added")

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:  # noqa: FBT001, FBT002 - Django's
        """The form, of reason and end only once the member exists."""
        kwargs["fields"] = ("note", "expires_at") if obj else MemberForm.Meta.fields
        return super().get_form(request, obj, change=change, **kwargs)

    def save_by_service(self, request: HttpRequest, actor: Actor, record: Any, form: Any, *, change: bool) -> Model:
        """Add the person, or change reason and end."""
        data = form.cleaned_data
        if change:
            return access_groups.change_member(record.pk, actor=actor, expires_at=data["expires_at"], note=data["note"])
        server = data.pop("server", None)
        username = known_username(data["user_id"], server.pk if server else None)
        record.username = username
        return access_groups.add_member(actor=actor, username=username, **data)

    def summary(self, request: HttpRequest, record: AccessGroupMember) -> dict[str, Any]:
        """Whether the membership holds."""
        return {"badges": [ends.holds(record.expires_at)], "title": str(record)}

    @display(description=gettext_lazy("who"))
    def who(self, record: AccessGroupMember) -> SafeString:
        """The person."""
        if record.user_id == "*":
            return looks.badge(_("Everybody (*)"), "warning")
        return looks.person(record.user_id, record.username)

    @display(description=gettext_lazy("group"))
    def group_name(self, record: AccessGroupMember) -> SafeString:
        """The group."""
        return looks.link(record.group)

    @display(description=gettext_lazy("added"))
    def added(self, record: AccessGroupMember) -> SafeString:
        """By whom, and when."""
        return looks.by_whom(record.added_by.get_username() if record.added_by else "", record.added_at)

    @display(description=gettext_lazy("until"))
    def until(self, record: AccessGroupMember) -> SafeString | str:
        """The end of the membership."""
        return ends.until(record.expires_at)


def shown_person(value: str) -> str:
    """The name behind a user id in a form that is shown again; "" when it is not known."""
    name = known_username(value)
    return f"@{name}" if name else ""


def group_badge(name: str, group: AccessGroup | None) -> SafeString:
    """An access group on a list; one that does not exist (any more) admits nobody."""
    if group is None:
        return looks.badge(_("Group %s: missing") % name, "bad", _("There is no access group of this name."))
    link = looks.links((looks.page_of(group), group.name))
    return format_html('<span class="du-quiet">{}</span> {}', _("Access group"), link)


def groups_named(values: list[str]) -> dict[str, AccessGroup]:
    """The access groups that entries mean, by their name in lower case."""
    wanted = {name.lower() for value in values if (name := group_name_in(value))}
    if not wanted:
        return {}
    return {group.name.lower(): group for group in AccessGroup.objects.all() if group.name.lower() in wanted}
