"""What an operator can do with a record: one declaration gives the bulk action, the buttons and the page that asks.

Everything is a POST with a CSRF token, since a link that changes something can be followed by accident or be planted.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, replace
from typing import Any

from django.contrib import messages
from django.contrib.admin import helpers
from django.contrib.admin.options import IS_POPUP_VAR
from django.core.exceptions import PermissionDenied
from django.db.models import Model, QuerySet
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.html import format_html, format_html_join
from django.utils.http import url_has_allowed_host_and_scheme
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from mattermost_bridge.models.fields import WrongKeyError
from mattermost_bridge.services import rights
from mattermost_bridge.services.audit import Actor
from mattermost_bridge.services.errors import AlreadyDecided, Refused

#: Buttons stand outside of forms and name this one, which every page with buttons has.
FORM_ID = "du-verbs"
#: So many refusals of one bulk action are shown in words.
MOST_SENTENCES = 5


def _always(record: Any) -> bool:
    return True


@dataclass(frozen=True)
class Verb:
    """One thing that can be done with a record.

    `run` takes the actor and the record's key, and calls a service; what it refuses becomes a message. `permission` is
    a codename of the application. `ask` is the sentence that says what will happen: then it asks first; `ask_in_bulk`
    is asked only where many records are meant at once. `fits` says for which records a button is shown; whether the
    thing can be done is the service's decision.
    """

    name: str
    label: Any
    done: Any
    run: Callable[[Actor, int], Any]
    permission: str
    ask: Any = ""
    ask_in_bulk: Any = ""
    look: str = "plain"
    in_row: bool = True
    in_bulk: bool = True
    fits: Callable[[Any], bool] = _always
    #: For which records a button stands in the list; where it is not given, `fits` says it.
    fits_in_row: Callable[[Any], bool] | None = None

    def allowed(self, request: HttpRequest) -> bool:
        """Whether the signed-in person may do this to some records."""
        return rights.may(request.user, self.permission)

    def for_person(self, request: HttpRequest) -> Verb:
        """The same, fitting only those records to which the signed-in person may do it."""

        def fits(record: Any) -> bool:
            return self.fits(record) and rights.may(request.user, self.permission, record)

        return replace(self, fits=fits)


class VerbsMixin:
    """Gives a ModelAdmin its `verbs`: bulk actions, a column of buttons, and buttons for the record's page."""

    verbs: tuple[Verb, ...] = ()
    list_after_template = "admin/durar/verbs_form.html"

    def verbs_for(self, request: HttpRequest) -> list[Verb]:
        """The verbs that the signed-in person may use here."""
        if not self.verbs or not self.has_view_or_change_permission(request):  # type: ignore[attr-defined]
            return []
        return [verb.for_person(request) for verb in self.verbs if verb.allowed(request)]

    def get_actions(self, request: HttpRequest) -> dict[str, tuple[Callable[..., Any], str, Any]]:
        """Bulk actions: Django's own for this model (deleting users, for one), and the verbs."""
        actions = super().get_actions(request)  # type: ignore[misc]
        if IS_POPUP_VAR in request.GET:
            return actions
        for verb in self.verbs_for(request):
            if verb.in_bulk:
                actions[verb.name] = (_bulk(verb), verb.name, verb.label)
        return actions

    def get_list_display(self, request: HttpRequest) -> tuple[Any, ...]:
        """The columns, and the buttons as the last one when there are any."""
        columns = tuple(super().get_list_display(request))  # type: ignore[misc]
        in_row = [verb for verb in self.verbs_for(request) if verb.in_row]
        if not in_row:
            return columns

        def buttons_of_row(record: Model) -> SafeString:
            return self.buttons(record, [verb for verb in in_row if (verb.fits_in_row or _always)(record)])

        buttons_of_row.short_description = gettext_lazy("To do")  # type: ignore[attr-defined]
        return (*columns, buttons_of_row)

    def buttons(self, record: Model, verbs: Iterable[Verb]) -> SafeString:
        """The buttons of those verbs that fit the record."""
        fitting = [verb for verb in verbs if verb.fits(record)]
        if not fitting:
            return SafeString("")
        items = ((verb.look, self.verb_url(verb, record.pk), verb.label) for verb in fitting)
        button = (
            f'<button type="submit" form="{FORM_ID}" class="du-button du-button-{{}}" formaction="{{}}">{{}}</button>'
        )
        return format_html('<span class="du-buttons">{}</span>', format_html_join("", button, items))

    def verb_url(self, verb: Verb, pk: Any) -> str:
        """The address that does `verb` to one record."""
        return reverse(f"admin:{self._verb_url_name}", args=[pk, verb.name])

    @property
    def _verb_url_name(self) -> str:
        return f"{self.opts.app_label}_{self.opts.model_name}_verb"  # type: ignore[attr-defined]

    def get_urls(self) -> list[URLPattern]:
        """Django's addresses, and one for the verbs."""
        urls = super().get_urls()  # type: ignore[misc]
        if not self.verbs:
            return urls
        view = self.admin_site.admin_view(self.verb_view)  # type: ignore[attr-defined]
        return [path("<int:pk>/do/<slug:name>/", view, name=self._verb_url_name), *urls]

    def verb_view(self, request: HttpRequest, pk: int, name: str) -> HttpResponse:
        """Do one verb to one record, after asking when it asks."""
        verb = next((verb for verb in self.verbs if verb.name == name), None)
        if verb is None:
            raise Http404
        if verb.name not in {allowed.name for allowed in self.verbs_for(request)}:
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        rows = self.get_queryset(request).filter(pk=pk)  # type: ignore[attr-defined]
        record = rows.first()
        if record is None:
            raise Http404
        if not rights.may(request.user, verb.permission, record):
            raise PermissionDenied
        back = _back(request, self._list_url())
        if verb.ask and "confirmed" not in request.POST:
            return self.ask(request, verb, rows, back)
        carry_out(request, verb, rows)
        return HttpResponseRedirect(back)

    def ask(self, request: HttpRequest, verb: Verb, rows: QuerySet, back: str, *, bulk: bool = False) -> HttpResponse:
        """The page that says what will happen and asks."""
        context = {
            **self.admin_site.each_context(request),  # type: ignore[attr-defined]
            "opts": self.opts,  # type: ignore[attr-defined]
            "title": verb.label,
            "verb": verb,
            "sentence": verb.ask or verb.ask_in_bulk,
            "records": list(rows),
            "back": back,
            "bulk": bulk,
            "checkbox": helpers.ACTION_CHECKBOX_NAME,
        }
        return TemplateResponse(request, "admin/durar/ask.html", context)

    def _list_url(self) -> str:
        return reverse(f"admin:{self.opts.app_label}_{self.opts.model_name}_changelist")  # type: ignore[attr-defined]


def carry_out(request: HttpRequest, verb: Verb, rows: QuerySet) -> None:
    """Do `verb` to each record and say what came of it: how many went well, and in words why others did not.

    The rows are those that the person may see; whether they may do this to each of them is looked at here.
    """
    actor = Actor.of(request.user)  # type: ignore[arg-type]
    went_well, sentences = 0, []
    # Oldest first: who asked first is served first.
    for record in list(rows.order_by("pk")):
        if not rights.may(request.user, verb.permission, record):
            sentences.append((messages.ERROR, _("You may see %s and not change it.") % record))
            continue
        try:
            verb.run(actor, record.pk)
        except AlreadyDecided as refused:
            sentences.append((messages.WARNING, str(refused)))
        except (Refused, WrongKeyError) as refused:
            sentences.append((messages.ERROR, str(refused)))
        else:
            went_well += 1
    if went_well:
        messages.success(request, verb.done % went_well)
    for level, sentence in sentences[:MOST_SENTENCES]:
        messages.add_message(request, level, sentence)
    if len(sentences) > MOST_SENTENCES:
        messages.error(request, _("%d more could not be done.") % (len(sentences) - MOST_SENTENCES))


def _bulk(verb: Verb) -> Callable[..., HttpResponse | None]:
    def action(model_admin: Any, request: HttpRequest, queryset: QuerySet) -> HttpResponse | None:
        if (verb.ask or verb.ask_in_bulk) and "confirmed" not in request.POST:
            return model_admin.ask(request, verb, queryset, request.get_full_path(), bulk=True)
        carry_out(request, verb, queryset)
        return None

    action.__name__ = verb.name
    return action


def _back(request: HttpRequest, otherwise: str) -> str:
    """Where the person came from, if that is in this panel."""
    for address in (request.POST.get("back", ""), request.headers.get("Referer", "")):
        if address and url_has_allowed_host_and_scheme(
            address, {request.get_host()}, require_https=request.is_secure()
        ):
            return address
    return otherwise
