"""Blocked people: whom a bot, or every bot, does not answer whatever the lists say."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.db.models import Model, QuerySet
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy
from unfold.decorators import display

from mattermost_bridge.admin import looks
from mattermost_bridge.admin.access_groups import shown_person
from mattermost_bridge.admin.base import BridgeAdmin, SavedByService, ServiceForm, offer_accounts
from mattermost_bridge.admin.filters import AccountFilter
from mattermost_bridge.admin.names import known_username
from mattermost_bridge.admin.people_files import ExportsPeople
from mattermost_bridge.admin.searching import PEOPLE, SearchesDirectory, let_search
from mattermost_bridge.admin.tabs import BackToItsTab
from mattermost_bridge.admin.verbs import Verb
from mattermost_bridge.models import BlockedUser
from mattermost_bridge.services import access
from mattermost_bridge.services.audit import Actor
from mattermost_bridge.services.people_csv import row_of_block


class BlockedUserForm(ServiceForm):
    """Blocking somebody by their user id."""

    class Meta:
        model = BlockedUser
        fields = ("user_id", "account", "reason")

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "account" in self.fields:
            offer_accounts(self, _("All accounts"))
            let_search(self, "user_id", PEOPLE, shown_person)
            self.fields["user_id"].help_text = _("Type a name and choose the person, or enter their user id.")

    def _get_validation_exclusions(self) -> set[str]:
        # Without this field no constraint is looked at: the service says in a sentence what is there twice.
        return {
            *super()._get_validation_exclusions(),  # type: ignore[misc]
            "user_id",
        }


VERBS = (
    Verb(
        "unblock",
        gettext_lazy("Unblock"),
        ngettext_lazy("%d person unblocked.", "%d people unblocked."),
        lambda actor, pk: access.unblock(pk, actor=actor),
        "delete_blockeduser",
        ask=gettext_lazy("They get no right back by it: under the policy pairing they may ask for a new code."),
    ),
)


@admin.register(BlockedUser)
class BlockedUserAdmin(SearchesDirectory, BackToItsTab, ExportsPeople, SavedByService, BridgeAdmin):
    """Blocked people. A block is added and lifted, not edited."""

    form = BlockedUserForm
    searched = {"user_id": PEOPLE}
    verbs = VERBS
    list_display = ("who", "account_name", "reason", "blocked")
    list_filter = (AccountFilter,)
    search_fields = ("username", "user_id", "reason")
    ordering = ("-id",)
    sortable_by = ()
    readonly_fields = ("who", "account_name", "blocked")
    empty_title = gettext_lazy("Nobody is blocked")
    empty_text = gettext_lazy("Blocked people get no answer and no pairing code, and they are not told.")

    def row_of(self, record: BlockedUser) -> tuple[str, ...]:
        """A row of the exported file."""
        return row_of_block(record)

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """With who blocked each, and for which account."""
        return super().get_queryset(request).select_related("account", "blocked_by").defer("account__bot_token")

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[tuple[Any, dict[str, Any]]]:
        """Who, where and why."""
        if obj is None:
            return [(None, {"fields": ("user_id", "account", "reason")})]
        return [(None, {"fields": ("who", "account_name", "reason", "blocked")})]

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:  # noqa: FBT001, FBT002 - Django's
        """The form; a block that exists shows no fields to change."""
        kwargs["fields"] = () if obj else BlockedUserForm.Meta.fields
        return super().get_form(request, obj, change=change, **kwargs)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A block is lifted and made anew, so that who did what stays clear."""
        return False

    def save_by_service(self, request: HttpRequest, actor: Actor, record: Any, form: Any, *, change: bool) -> Model:
        """Block the person."""
        data = form.cleaned_data
        user_id = data["user_id"].strip().lower()
        username = known_username(user_id, data["account"].pk if data["account"] else None)
        record.username = username
        return access.block(
            actor=actor, account=data["account"], user_id=user_id, username=username, reason=data["reason"]
        )

    def summary(self, request: HttpRequest, record: BlockedUser) -> dict[str, Any]:
        """That it holds."""
        return {"badges": [looks.badge(_("Blocked"), "bad")], "title": str(record)}

    @display(description=gettext_lazy("who"))
    def who(self, record: BlockedUser) -> SafeString:
        """The person."""
        return looks.person(record.user_id, record.username)

    @display(description=gettext_lazy("account"))
    def account_name(self, record: BlockedUser) -> SafeString:
        """For which account."""
        return looks.account(record.account, _("all accounts"))

    @display(description=gettext_lazy("blocked"))
    def blocked(self, record: BlockedUser) -> SafeString:
        """By whom, and when."""
        return looks.by_whom(record.blocked_by.get_username() if record.blocked_by else "", record.blocked_at)
