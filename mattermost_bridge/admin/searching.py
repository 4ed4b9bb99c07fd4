"""Fields that find people and channels of an account's own server by name, while one types.

The field shows a name and stores an id. Without JavaScript it takes an id, or a name that is looked up when the form is
saved, before the transaction that saves it begins.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Any

from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.db.models import Model
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, JsonResponse
from django.template.loader import render_to_string
from django.urls import URLPattern, path, reverse
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from unfold.widgets import UnfoldAdminTextInputWidget

from mattermost_bridge.admin.finding import Hit, channel_hits, people_hits, resolve_channel, resolve_person
from mattermost_bridge.services import rights
from mattermost_bridge.services.errors import Refused

PEOPLE, CHANNELS = "people", "channels"
#: A field for either: another field of the form says which.
PEERS = "peers"
_EXAMPLES = {PEOPLE: "@carol", CHANNELS: "~support", PEERS: "@carol, ~support"}
#: After so many seconds a search that never ended no longer keeps its person from the next one.
LONGEST_SEARCH = 15


class SearchWidget(UnfoldAdminTextInputWidget):
    """A text field with a list of what was found below it. Its value is the id that was picked, else what was typed."""

    class Media:
        css = {"all": ("durar/searching.css",)}
        js = ("durar/searching.js",)

    def __init__(
        self,
        kind: str,
        url: str,
        *,
        account_field: str = "account",
        kind_field: str = "",
        shown: Callable[[str], str],
    ) -> None:
        attrs = {
            "role": "combobox",
            "aria-autocomplete": "list",
            "aria-expanded": "false",
            "autocomplete": "off",
            "autocapitalize": "none",
            "spellcheck": "false",
            "placeholder": _EXAMPLES[kind],
        }
        super().__init__(attrs)
        self.kind, self.url, self.account_field, self.shown = kind, url, account_field, shown
        self.kind_field = kind_field

    def value_from_datadict(self, data: Any, files: Any, name: str) -> str:
        """The id that was picked, or what was typed."""
        return _value_in(data, name)

    def value_omitted_from_data(self, data: Any, files: Any, name: str) -> bool:
        """Either of the two inputs is enough."""
        return name not in data and f"{name}_id" not in data

    def render(self, name: str, value: Any, attrs: dict[str, Any] | None = None, renderer: Any = None) -> SafeString:
        """The visible input shows the name behind an id, the hidden one carries the id."""
        words = self.shown(str(value)) if value else ""
        field_id = (attrs or {}).get("id", f"id_{name}")
        visible = super().render(
            name, words or value, {**(attrs or {}), "aria-controls": f"{field_id}_found"}, renderer
        )
        context = {
            "input": visible,
            "name": name,
            "field_id": field_id,
            "picked": value if words else "",
            "url": self.url,
            "account_field": f"id_{self.account_field}",
            "kind_field": f"id_{self.kind_field}" if self.kind_field else "",
            "nothing": self._nothing(),
        }
        return render_to_string("admin/durar/search_field.html", context)

    def _nothing(self) -> str:
        if self.kind == PEERS:
            return _("Nothing was found.")
        return _("Nobody was found.") if self.kind == PEOPLE else _("No channel was found.")


class SearchesDirectory:
    """For a ModelAdmin with search fields: the addresses that they ask, and names looked up before saving.

    Goes before `SavedByService`. `searched` names each such field with its kind; `account_field` is the field of the
    form that says whose server is meant.
    """

    searched: dict[str, str] = {}
    account_field = "account"
    #: The field of the form that says whether people or channels are meant, where there is one.
    kind_field = ""
    #: Whether names are looked up too when a record that exists is saved: where its form still has such a field.
    looks_up_on_change = False

    def server_meant(self, request: HttpRequest, value: str) -> int | None:
        """The account whose server is asked, by the value of the form's field; None for those of all.

        Raises PermissionDenied and Http404.
        """
        return account_meant(request, value)

    def kind_meant(self, kind: str, chosen: str) -> str:
        """People or channels, by what another field of the form says; "" while it says neither."""
        return kind

    def extra_hits(self, request: HttpRequest, query: str) -> list[Hit]:
        """What stands above the people or channels that were found, such as everybody."""
        return []

    def get_urls(self) -> list[URLPattern]:
        """Django's addresses, and one for each kind that is searched."""
        kinds = dict.fromkeys(self.searched.values())
        view = self.admin_site.admin_view  # type: ignore[attr-defined]
        own = [path(f"find-{kind}/", view(self._search(kind)), name=self._url_name(kind)) for kind in kinds]
        return [*own, *super().get_urls()]  # type: ignore[misc]

    def changeform_view(self, request: HttpRequest, object_id: Any = None, *args: Any, **kwargs: Any) -> HttpResponse:
        """Look names up first: a server is never asked inside the transaction that saves."""
        adds = object_id is None and self.has_add_permission(request)  # type: ignore[attr-defined]
        changes = object_id is not None and self.looks_up_on_change and self.has_change_permission(request)  # type: ignore[attr-defined]
        if request.method == "POST" and (adds or changes):
            for field, kind in self.searched.items():
                self._look_up(request, field, self.kind_meant(kind, request.POST.get(self.kind_field, "")))
        return super().changeform_view(request, object_id, *args, **kwargs)  # type: ignore[misc]

    def _look_up(self, request: HttpRequest, field: str, kind: str) -> None:
        value = _value_in(request.POST, field)
        if not value or not kind:
            return
        try:
            account_pk = self.server_meant(request, request.POST.get(self.account_field, ""))
        except (PermissionDenied, Http404):
            return  # the form refuses this account in its own words
        resolve = resolve_person if kind == PEOPLE else resolve_channel
        try:
            found = resolve(account_pk, value)
        except Refused as refused:
            request.refused_by_service = refused  # type: ignore[attr-defined]
            return
        if found != value:
            data = request.POST.copy()
            data[f"{field}_id"] = found
            request.POST = data  # type: ignore[assignment]

    def _search(self, kind: str) -> Callable[[HttpRequest], HttpResponse]:
        def view(request: HttpRequest) -> HttpResponse:
            if not (self.has_add_permission(request) or self.has_change_permission(request)):  # type: ignore[attr-defined]
                raise PermissionDenied
            if request.method != "GET":
                return HttpResponseNotAllowed(["GET"])
            account_pk = self.server_meant(request, request.GET.get("account", ""))
            query = request.GET.get("q", "").strip()
            wanted = self.kind_meant(kind, request.GET.get("kind", ""))
            return found_by_name(request, wanted, account_pk, query, self.extra_hits(request, query))

        return view

    def _url_name(self, kind: str) -> str:
        return _url_name(self.model, kind)  # type: ignore[attr-defined]


def found_by_name(
    request: HttpRequest, kind: str, account_pk: int | None, query: str, extra: Iterable[Hit] = ()
) -> JsonResponse:
    """The answer to a search field: `extra` first, then the people or channels of the account's server."""
    return found_by(request, people_hits if kind == PEOPLE else channel_hits, account_pk, query if kind else "", extra)


def found_by(
    request: HttpRequest,
    hits_of: Callable[[int | None, str], tuple[list[Hit], str, str]],
    account_pk: int | None,
    query: str,
    extra: Iterable[Hit] = (),
) -> JsonResponse:
    """The answer to a search field: `extra` first, then what `hits_of` finds on the account's server."""
    if not query:
        return _json([*extra])
    # A search keeps a thread of the web server waiting, so each person has one at a time; the page asks again.
    key = f"durar-searching-{request.user.pk}"
    if not cache.add(key, 1, LONGEST_SEARCH):
        return _json([], busy=True)
    try:
        hits, problem, server = hits_of(account_pk, query)
    finally:
        cache.delete(key)
    return _json([*extra, *hits], problem=problem, server=server)


def let_search(
    form: Any,
    name: str,
    kind: str,
    shown: Callable[[str], str],
    *,
    account_field: str = "account",
    kind_field: str = "",
) -> None:
    """Give a field of a model's form its search widget; `shown` gives the name behind an id, "" for an unknown one."""
    field, model = form.fields[name], form._meta.model
    url = reverse(f"admin:{_url_name(model, kind)}")
    widget = SearchWidget(kind, url, account_field=account_field, kind_field=kind_field, shown=shown)
    widget.is_required = field.required
    widget.attrs |= field.widget_attrs(widget)
    field.widget = widget


def _url_name(model: type[Model], kind: str) -> str:
    return f"{model._meta.app_label}_{model._meta.model_name}_find_{kind}"


def _value_in(data: Any, name: str) -> str:
    return str(data.get(f"{name}_id") or "").strip() or str(data.get(name) or "").strip()


def account_meant(request: HttpRequest, value: str) -> int | None:
    """The account whose server is asked, None for the defaults. Raises PermissionDenied and Http404."""
    if not value:
        if not rights.reach_of(request.user).unlimited:
            raise PermissionDenied
        return None
    rows = rights.accounts_visible_to(request.user).filter(archived_at=None)
    found = rows.filter(pk=int(value)).values_list("pk", flat=True).first() if value.isdecimal() else None
    if found is None:
        raise Http404
    return int(found)


def _json(hits: list[Hit], *, problem: str = "", server: str = "", busy: bool = False) -> JsonResponse:
    rows = [{"id": hit.key, "label": hit.label, "detail": hit.detail} for hit in hits]
    return JsonResponse({"found": rows, "problem": problem, "server": server, "busy": busy})
