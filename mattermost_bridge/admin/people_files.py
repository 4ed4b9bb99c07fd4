"""Lists of people as CSV files: the export of a filtered list, and an import that shows first what it would do."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django import forms
from django.contrib import messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseRedirect, StreamingHttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldBooleanSwitchWidget

from mattermost_bridge.admin import looks
from mattermost_bridge.models import AccessEntry, Account
from mattermost_bridge.services import people_csv, people_import, rights
from mattermost_bridge.services.audit import Actor
from mattermost_bridge.services.errors import ConfirmationNeeded, Refused
from mattermost_bridge.services.people_plan import Plan, Step, plan

IMPORT_URL = "mattermost_bridge_accessentry_import"
#: Rows of the database that are fetched at once while a file is written.
AT_ONCE = 1000
#: So many lines of a preview are shown; the counts are of all.
MOST_SHOWN = 500
#: What needs a look stands first.
WORDS: dict[Step, tuple[Any, str]] = {
    Step.REFUSED: (gettext_lazy("Refused"), "warning"),
    Step.REMOVED: (gettext_lazy("Removed"), "bad"),
    Step.ADDED: (gettext_lazy("Added"), "good"),
    Step.CHANGED: (gettext_lazy("Changed"), "busy"),
    Step.SAME: (gettext_lazy("As it is"), "idle"),
}


class ExportsPeople:
    """For a ModelAdmin whose list can be taken along as a CSV file."""

    columns: Iterable[str] = people_csv.COLUMNS
    list_before_template = "admin/durar/people_files.html"

    def row_of(self, record: Any) -> Iterable[str]:
        """A record as a row of the file."""
        raise NotImplementedError

    def get_urls(self) -> list[URLPattern]:
        """Django's addresses, and that of the export."""
        view = self.admin_site.admin_view(self.export_view)  # type: ignore[attr-defined]
        name = f"{self.opts.app_label}_{self.opts.model_name}_export"  # type: ignore[attr-defined]
        return [path("export/", view, name=name), *super().get_urls()]  # type: ignore[misc]

    def exported(self, rows: Any) -> Any:
        """Those of the listed rows that belong into a file."""
        return rows

    def export_view(self, request: HttpRequest) -> HttpResponse | StreamingHttpResponse:
        """The list as it is filtered and searched, all pages of it."""
        if not self.has_view_permission(request):  # type: ignore[attr-defined]
            raise PermissionDenied
        try:
            listed = self.get_changelist_instance(request).get_queryset(request)  # type: ignore[attr-defined]
        except IncorrectLookupParameters:
            raise Http404 from None
        rows = self.exported(listed).order_by("pk").iterator(chunk_size=AT_ONCE)
        lines = people_csv.written(map(self.row_of, rows), self.columns)
        response = StreamingHttpResponse(lines, content_type="text/csv; charset=utf-8")
        name = f"durar-{self.opts.model_name}-{timezone.localdate():%Y-%m-%d}.csv"  # type: ignore[attr-defined]
        response["Content-Disposition"] = f'attachment; filename="{name}"'
        return response


class UploadForm(forms.Form):
    """The file, and whether whom it lacks is removed."""

    file = forms.FileField(
        label=gettext_lazy("CSV file"),
        widget=UnfoldAdminFileFieldWidget(attrs={"accept": ".csv,text/csv"}),
        help_text=gettext_lazy(
            "With the columns account, list (dm, group or blocked), user_id, username, note and expires. An empty "
            "account means the defaults, of blocked people all accounts. People may be named by username alone."
        ),
    )
    replaces = forms.BooleanField(
        label=gettext_lazy("Remove whom the file lacks"),
        required=False,
        widget=UnfoldBooleanSwitchWidget(),
        help_text=gettext_lazy("From those lists of those accounts that the file names; approved pairings stay."),
    )


def import_view(request: HttpRequest, site: Any) -> HttpResponse:
    """Upload, then a preview of what every line does, then the import."""
    if not rights.may(request.user, "add_accessentry"):
        raise PermissionDenied
    may = _rights_of(request)
    if request.method != "POST":
        return _upload_page(request, site, UploadForm())
    if "text" in request.POST:
        return _carry_out(request, site, may)
    form = UploadForm(request.POST, request.FILES)
    if not form.is_valid():
        return _upload_page(request, site, form)
    try:
        lines, problems = people_import.with_ids(people_csv.read(_content(form.cleaned_data["file"])), may=may)
    except Refused as refused:
        form.add_error("file", str(refused))
        return _upload_page(request, site, form)
    planned = plan(lines, replaces=form.cleaned_data["replaces"], may=may, problems=problems)
    return _preview_page(request, site, planned, people_csv.text_of(lines))


def import_url() -> URLPattern:
    """The address of the import, to be put among those of access entries."""
    from django.contrib import admin

    view = admin.site.admin_view(lambda request: import_view(request, admin.site))
    return path("import/", view, name=IMPORT_URL)


def _carry_out(request: HttpRequest, site: Any, may: Callable[[str, Account | None], bool]) -> HttpResponse:
    text, replaces = request.POST["text"], bool(request.POST.get("replaces"))
    try:
        lines = people_csv.read(text.encode("utf-8", "replace"))
        done = people_import.carry_out(
            lines,
            replaces=replaces,
            may=may,
            fingerprint=request.POST.get("fingerprint", ""),
            actor=Actor.of(request.user, via="import"),  # type: ignore[arg-type]
        )
    except ConfirmationNeeded as changed:
        messages.warning(request, str(changed))
        return _preview_page(request, site, plan(lines, replaces=replaces, may=may), text)
    except Refused as refused:
        messages.error(request, str(refused))
        return HttpResponseRedirect(reverse(f"admin:{IMPORT_URL}"))
    counts = done.counts
    said = [
        ngettext("%d added", "%d added", counts[Step.ADDED]) % counts[Step.ADDED],
        ngettext("%d changed", "%d changed", counts[Step.CHANGED]) % counts[Step.CHANGED],
        ngettext("%d removed", "%d removed", counts[Step.REMOVED]) % counts[Step.REMOVED],
    ]
    messages.success(request, _("Imported: %s.") % ", ".join(said))
    return HttpResponseRedirect(looks.list_of(AccessEntry))


def _rights_of(request: HttpRequest) -> Callable[[str, Account | None], bool]:
    return lambda permission, account: rights.may_for_account(request.user, permission, account)


def _content(file: Any) -> bytes:
    # One byte more than a file may have is enough to see that it has too many.
    return bytes(file.read(people_csv.MOST_BYTES + 1))


def _upload_page(request: HttpRequest, site: Any, form: UploadForm) -> HttpResponse:
    context = {"form": form, "columns": ",".join(people_csv.COLUMNS)}
    return _page(request, site, "admin/durar/people_upload.html", _("Import people"), context)


def _preview_page(request: HttpRequest, site: Any, planned: Plan, text: str) -> HttpResponse:
    order = list(WORDS)
    steps = sorted(planned.steps, key=lambda each: order.index(each.step))
    context = {
        "counts": [(looks.badge(words, tone), planned.counts[step]) for step, (words, tone) in WORDS.items()],
        "rows": [(each.line, looks.badge(*WORDS[each.step]), each.sentence) for each in steps[:MOST_SHOWN]],
        "more": max(0, len(steps) - MOST_SHOWN),
        "plan": planned,
        "text": text,
    }
    return _page(request, site, "admin/durar/people_preview.html", _("What the import would do"), context)


def _page(request: HttpRequest, site: Any, template: str, title: str, context: dict[str, Any]) -> HttpResponse:
    frame = {**site.each_context(request), "opts": AccessEntry._meta, "title": title}
    return TemplateResponse(request, template, {**frame, **context})
