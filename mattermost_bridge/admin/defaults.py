"""The defaults: what every account uses that has no value of its own."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.urls import URLPattern
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.decorators import display

from mattermost_bridge.admin import config_files, looks
from mattermost_bridge.admin.base import BridgeAdmin, SavedByService, ServiceForm, offer
from mattermost_bridge.admin.own_lists import OWN_LISTS, change_lists, confirm_field
from mattermost_bridge.admin.setting_fields import check, fieldsets, kept_fieldset, kept_words, prepare, show_inherited
from mattermost_bridge.config.inherited import inherited
from mattermost_bridge.config.setting import Group
from mattermost_bridge.config.table import OF_ACCOUNTS, OF_ALL
from mattermost_bridge.models import Agent, BridgeDefaults
from mattermost_bridge.services import defaults, rights, second_factor
from mattermost_bridge.services.audit import Actor
from mattermost_bridge.services.errors import ConfirmationNeeded
from mattermost_bridge.services.fields import OF_DEFAULTS

#: What the page of the defaults shows of the tables: what accounts inherit, and what holds for all of them.
SETTINGS = {**OF_ACCOUNTS, **OF_ALL}


class DefaultsForm(ServiceForm):
    """Changing what accounts inherit."""

    confirm = confirm_field(gettext_lazy("Confirms what the message above asks."))

    class Meta:
        model = BridgeDefaults
        labels = {
            "own_allow_from": gettext_lazy("There is a list for direct messages"),
            "own_group_allow_from": gettext_lazy("There is a list for channels"),
            "own_groups": gettext_lazy("There are channel settings"),
        }
        help_texts = {
            "base_url": gettext_lazy("The server of accounts that name none, for example https://chat.example.com."),
            "own_allow_from": gettext_lazy("It holds for every account without a list of its own, even when empty."),
            "own_group_allow_from": gettext_lazy("It holds for accounts without a list of their own, even when empty."),
            "own_groups": gettext_lazy("They hold for every account without channel settings of its own."),
        }
        fields = (
            "enabled",
            "base_url",
            "agent",
            *OWN_LISTS,
            *OF_ACCOUNTS,
            *OF_ALL,
            "default_account",
            "second_factor",
        )

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        prepare(self.fields, SETTINGS)
        show_inherited(self.fields, inherited(by_defaults=True))
        if not self.confirmation_needed:
            self.fields.pop("confirm", None)
        if "agent" in self.fields:
            nobody = _("None: accounts without their own agent answer nobody")
            offer(self.fields["agent"], Agent.objects.defer("api_key"), nobody)

    def clean(self) -> dict[str, Any]:
        """What is wrong with a value is said at its field."""
        cleaned = super().clean()
        check(self, SETTINGS)
        return cleaned


@admin.register(BridgeDefaults)
class DefaultsAdmin(SavedByService, BridgeAdmin):
    """One row; the list leads straight to it."""

    form = DefaultsForm
    has_history = True

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[tuple[Any, dict[str, Any]]]:
        """What most installations set stands first."""
        refused = getattr(request, "refused_by_service", None)
        confirm = ("confirm",) if isinstance(refused, ConfirmationNeeded) else ()
        also = {Group.WHO: OWN_LISTS, Group.RARE: ("default_account",)}
        return [
            (None, {"fields": (*confirm, "enabled", "base_url", "agent")}),
            *fieldsets(SETTINGS, also),
            (gettext_lazy("Signing in to this panel"), {"fields": ("second_factor",)}),
            *kept_fieldset(obj),
        ]

    def get_readonly_fields(self, request: HttpRequest, obj: Any = None) -> tuple[str, ...]:
        """What nothing reads is shown, and changed in files only."""
        return ("kept_words",)

    @display(description=gettext_lazy("kept"))
    def kept_words(self, record: BridgeDefaults) -> SafeString:
        """What came with a file and is read by nothing."""
        return kept_words(record)

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:  # noqa: FBT001, FBT002 - Django's
        """The form. The switch that confirms is no model field, so Django is told only of the others."""
        kwargs["fields"] = DefaultsForm.Meta.fields
        return super().get_form(request, obj, change=change, **kwargs)

    def get_urls(self) -> list[URLPattern]:
        """Django's addresses, and those of configuration files."""
        return [*config_files.urls(), *super().get_urls()]

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """Without the check of the key."""
        return super().get_queryset(request).defer("key_check")

    def changelist_view(self, request: HttpRequest, extra_context: Any = None) -> HttpResponse:
        """There is one row: go to it."""
        if not self.has_view_or_change_permission(request):
            raise PermissionDenied
        row, _made = BridgeDefaults.objects.get_or_create(pk=1)
        return HttpResponseRedirect(looks.page_of(row))

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """There is one row."""
        return False

    def summary(self, request: HttpRequest, record: BridgeDefaults) -> dict[str, Any]:
        """What these values are for."""
        count = rights.accounts_visible_to(request.user).filter(archived_at=None).count()
        return {"sentence": _("These values hold for accounts that have none of their own. Accounts: %d.") % count}

    def save_by_service(self, request: HttpRequest, actor: Actor, record: Any, form: Any, *, change: bool) -> Model:
        """Change the defaults, and whether they have their own lists."""
        change_lists(actor, record, form, confirmed="confirm" in request.POST)
        values = {name: form.cleaned_data[name] for name in OF_DEFAULTS if name in form.cleaned_data}
        if "second_factor" in form.changed_data:
            second_factor.require(form.cleaned_data["second_factor"], actor=actor)
        return defaults.update(actor=actor, **values)
