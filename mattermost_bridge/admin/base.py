"""What every page of the panel has in common: constant queries, states that explain themselves, saving by services."""

from __future__ import annotations

from typing import Any
from urllib.parse import urlencode

from django.contrib.auth.models import AnonymousUser
from django.core.exceptions import PermissionDenied, ValidationError
from django.core.paginator import Paginator
from django.db.models import Model, QuerySet
from django.forms import ModelForm
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect
from django.utils.functional import cached_property
from django.utils.translation import gettext as _
from unfold.admin import ModelAdmin
from unfold.views import ChangeList

from mattermost_bridge.admin import looks
from mattermost_bridge.admin.editing import GuardsEdits, say_what_changed
from mattermost_bridge.admin.guarding import GuardedMixin
from mattermost_bridge.admin.verbs import VerbsMixin
from mattermost_bridge.config.secrets import is_reference
from mattermost_bridge.models import AuditEntry
from mattermost_bridge.models.fields import WrongKeyError
from mattermost_bridge.services import rights
from mattermost_bridge.services.audit import Actor
from mattermost_bridge.services.editing import ChangedMeanwhile
from mattermost_bridge.services.errors import ConfirmationNeeded, Refused

#: Rows of a list beyond this are neither counted nor paged through: nobody reads them, filters find them.
MOST_COUNTED = 10_000


class BoundedPaginator(Paginator):
    """Counts up to `MOST_COUNTED` rows, so that a list of millions opens as fast as one of ten."""

    @cached_property
    def count(self) -> int:
        """The number of rows, or `MOST_COUNTED` when there are more."""
        rows: Any = self.object_list
        return rows.order_by().values("pk")[:MOST_COUNTED].count()


class PreparedChangeList(ChangeList):
    """A list that fetches for all its rows at once what their columns show."""

    def get_results(self, request: HttpRequest) -> None:
        """Fetch the page's rows, then what belongs to them."""
        super().get_results(request)
        self.result_list: list[Any] = list(self.result_list)  # type: ignore[has-type]
        # Unfold compares the two; equal, it does not offer to show rows that were never counted.
        self.full_result_count = self.result_count
        self.model_admin.prepare(request, self.result_list)


class BridgeAdmin(VerbsMixin, GuardedMixin, ModelAdmin):
    """A kind of record in the panel. Records are added, changed and removed by services only.

    `empty_title`, `empty_text` and `empty_links` are what the list says while it has no rows.
    """

    show_full_result_count = False
    list_per_page = 50
    list_max_show_all = 50
    list_disable_select_all = True
    paginator = BoundedPaginator
    empty_value_display = looks.NOTHING
    list_before_template = "admin/durar/questions.html"
    change_form_outer_before_template = "admin/durar/summary.html"
    has_history = False

    empty_title: Any = ""
    empty_text: Any = ""

    def empty_links(self, request: HttpRequest) -> list[tuple[str, Any]]:
        """Address and words of what to do next while the list is empty."""
        return []

    def prepare(self, request: HttpRequest, rows: list[Any]) -> None:
        """Fetch what the columns of these rows show, in a number of queries that does not depend on theirs."""

    def summary(self, request: HttpRequest, record: Any) -> dict[str, Any]:
        """What stands above a record's fields: `badges`, `title`, `sentence`, `remedy`, `facts`, `warning`."""
        return {}

    def get_changelist(self, request: HttpRequest, **kwargs: Any) -> type[ChangeList]:
        """The list with prepared rows."""
        return PreparedChangeList

    def render_change_form(self, request: HttpRequest, context: dict[str, Any], *args: Any, **kwargs: Any) -> Any:
        """Django's, with the summary and the buttons of the record."""
        record = kwargs.get("obj")
        if record is not None:
            context["summary"] = self.summary(request, record)
            context["buttons"] = self.buttons(record, self.verbs_for(request))
            if isinstance(self, SavedByService):
                context["seen"] = self.seen_for(request, record)
        context["show_history"] = self.has_history and rights.may(request.user, "view_auditentry")
        return super().render_change_form(request, context, *args, **kwargs)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Nothing is deleted; what can be taken away has a verb for that."""
        return False

    def history_view(self, request: HttpRequest, object_id: str, extra_context: Any = None) -> HttpResponse:
        """The audit log is the history."""
        if not rights.may(request.user, "view_auditentry"):
            raise PermissionDenied
        record = self.get_object(request, object_id)
        if record is None or not self.has_view_or_change_permission(request, record):
            raise Http404
        query = urlencode({"target_kind": self.opts.model_name, "target_id": record.pk})
        return HttpResponseRedirect(looks.list_of(AuditEntry, query))

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> None:
        """Services write the audit log; Django's own stays empty."""

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> None:
        """Services write the audit log; Django's own stays empty."""


class PreparedPage:
    """For an admin class before `BridgeAdmin`: the page of a record shows what its row in the list shows."""

    def get_object(self, request: HttpRequest, object_id: str, from_field: str | None = None) -> Any:
        """One record, prepared as in the list."""
        record = super().get_object(request, object_id, from_field)  # type: ignore[misc]
        if record is not None:
            self.prepare(request, [record])  # type: ignore[attr-defined]
        return record


class ReadOnlyAdmin(PreparedPage, BridgeAdmin):
    """Records that tell what happened: looked at, filtered, acted on by verbs, never edited."""

    sortable_by = ()

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Durar makes these records."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Durar keeps these records."""
        return False

    def get_fields(self, request: HttpRequest, obj: Any = None) -> Any:
        """What is named, never the model's own columns by themselves."""
        return self.fields or ()


class HearsRefusals:
    """For forms whose values a service saves; what the service refuses comes back as an error of the form."""

    refused: Refused | WrongKeyError | None = None
    #: Who fills it in; what they may not see is not offered.
    person: Any = AnonymousUser()
    #: Fields that stand for something that is never shown, as a secret.
    also_guarded: dict[str, str] = {}

    def clean(self) -> dict[str, Any]:
        """Django's checks, then what the service said."""
        cleaned = super().clean() or self.cleaned_data  # type: ignore[misc, attr-defined]
        if self.refused is not None:
            self.add_error(None, str(self.refused))  # type: ignore[attr-defined]
        if isinstance(self.refused, ChangedMeanwhile):
            say_what_changed(self, self.refused, self.also_guarded)
        return cleaned

    @property
    def confirmation_needed(self) -> bool:
        """Whether the service wants to be told that a consequence is meant."""
        return isinstance(self.refused, ConfirmationNeeded)


class ServiceForm(HearsRefusals, ModelForm):
    """A form of a record that a service saves."""


class AccountsForm(ServiceForm):
    """One whose field `chosen` takes some of the accounts that the person may see."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        accounts = rights.accounts_visible_to(self.person).filter(archived_at=None).defer("bot_token")
        self.fields["chosen"].queryset = accounts  # type: ignore[attr-defined]
        if self.instance.pk:
            self.initial.setdefault("chosen", list(self.instance.accounts.values_list("pk", flat=True)))


def only_a_reference(form: Any, name: str) -> str:
    """What was entered as a reference to a secret. Raises ValidationError for anything else, and does not show it
    again: it may be the secret itself, pasted into the wrong field."""
    value = form.cleaned_data[name].strip()
    if value and not is_reference(value):
        form.data = form.data.copy()
        form.data[form.add_prefix(name)] = ""
        raise ValidationError(
            _("A reference begins with env: or file:. If this is the secret itself, enter it in the field above.")
        )
    return value


def offer(field: Any, rows: QuerySet, nobody: Any) -> None:
    """Let a field choose among these rows; `nobody` are the words for none of them."""
    field.queryset, field.empty_label = rows, nobody


def offer_accounts(form: ServiceForm, nobody: Any) -> None:
    """Let the field `account` choose among those that the person may see; `nobody` are the words for all of them,
    which who is limited to accounts cannot choose."""
    field: Any = form.fields["account"]
    unlimited = rights.reach_of(form.person).unlimited
    accounts = rights.accounts_visible_to(form.person).filter(archived_at=None).defer("bot_token")
    offer(field, accounts, nobody if unlimited else None)
    field.required = not unlimited


class SavedByService(GuardsEdits):
    """For a ModelAdmin whose form is a `ServiceForm`: `save_by_service` saves, in the transaction of the view."""

    def save_by_service(self, request: HttpRequest, actor: Actor, record: Any, form: Any, *, change: bool) -> Model:
        """Call the service. Raises Refused."""
        raise NotImplementedError

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:  # noqa: FBT001, FBT002 - Django's
        """The form, which knows who fills it in, and what the service refused in this request."""
        form = super().get_form(request, obj, change=change, **kwargs)  # type: ignore[misc]
        known = {
            "refused": getattr(request, "refused_by_service", None),
            "person": request.user,
            "also_guarded": self.also_guarded,
        }
        return type(form.__name__, (form,), known)

    def changeform_view(self, request: HttpRequest, *args: Any, **kwargs: Any) -> HttpResponse:
        """Django's. A refusal rolls everything back, and the form is shown again with the sentence."""
        try:
            return super().changeform_view(request, *args, **kwargs)  # type: ignore[misc]
        except (Refused, WrongKeyError) as refused:
            request.refused_by_service = refused  # type: ignore[attr-defined]
            if isinstance(refused, ChangedMeanwhile):
                self.take_over(request, refused)
            return super().changeform_view(request, *args, **kwargs)  # type: ignore[misc]

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:
        """Hand the values to the service, unless somebody else changed what they were taken from."""
        if change:
            self.guard(request, obj, form)
        saved = self.save_by_service(request, Actor.of(request.user), obj, form, change=bool(change))  # type: ignore[arg-type]
        obj.pk = saved.pk
