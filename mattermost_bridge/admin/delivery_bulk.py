"""What can be done with the whole list of deliveries: sent again, discarded, taken along as a file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

from django.contrib import messages
from django.contrib.admin.options import IncorrectLookupParameters
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse, HttpResponseNotAllowed, HttpResponseRedirect
from django.urls import URLPattern, path
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from mattermost_bridge.admin import looks
from mattermost_bridge.admin.people_files import ExportsPeople
from mattermost_bridge.admin.verbs import Verb, carry_out
from mattermost_bridge.config.effective import settings_for
from mattermost_bridge.models import Delivery
from mattermost_bridge.models.states import DeliveryKind, DeliveryState
from mattermost_bridge.rules.files import size_in_words
from mattermost_bridge.services.receipts import link_to

#: So many are done in one go; a second press does the next ones.
MOST_AT_ONCE = 500
#: So many of them are named before that.
MOST_NAMED = 20
COLUMNS = (
    "id", "made", "account", "kind", "state", "person", "channel", "thread", "part", "parts", "text", "files",
    "attempts", "error", "error_id", "post", "settled",
)  # fmt: skip


class DoesToAll(ExportsPeople):
    """For the list of deliveries: everything that was not delivered, as it is filtered, is sent again or discarded."""

    columns = COLUMNS
    list_before_template = "admin/durar/delivery_bulk.html"

    def row_of(self, record: Delivery) -> Iterable[str]:
        """A delivery as a row of the file. Pairing codes stay out of files."""
        text = "" if record.kind == DeliveryKind.CHALLENGE else record.text
        settled = record.settled_at.isoformat() if record.settled_at else ""
        return (
            *(str(record.pk), record.created_at.isoformat(), record.account.account_id, record.kind, record.state),
            *(record.recipient_id, record.channel_id, record.root_id, str(record.part), str(record.parts), text),
            *(", ".join(file["name"] for file in record.files), str(record.attempts), record.error, record.error_id),
            *(record.post_id, settled),
        )

    def get_urls(self) -> list[URLPattern]:
        """Django's addresses, and those for all that were not delivered."""
        view = self.admin_site.admin_view(self.all_view)  # type: ignore[attr-defined]
        return [path("all/<slug:name>/", view, name="mattermost_bridge_delivery_all"), *super().get_urls()]

    def all_view(self, request: HttpRequest, name: str) -> HttpResponse:
        """Do a verb to everything in the filtered list that was not delivered, after asking."""
        verb = next((verb for verb in self.verbs_for(request) if verb.name == name), None)  # type: ignore[attr-defined]
        if verb is None:
            raise PermissionDenied
        if request.method != "POST":
            return HttpResponseNotAllowed(["POST"])
        try:
            listed = self.get_changelist_instance(request).get_queryset(request)  # type: ignore[attr-defined]
        except IncorrectLookupParameters:
            raise Http404 from None
        dead = listed.filter(state=DeliveryState.DEAD).order_by("pk")
        pks = list(dead.values_list("pk", flat=True)[: MOST_AT_ONCE + 1])
        back = looks.list_of(Delivery, request.GET.urlencode())
        if not pks:
            messages.info(request, _("Nothing in this list is undelivered."))
            return HttpResponseRedirect(back)
        rows = self.get_queryset(request).filter(pk__in=pks[:MOST_AT_ONCE])  # type: ignore[attr-defined]
        if "confirmed" not in request.POST:
            named = rows.order_by("pk")[:MOST_NAMED]
            return self.ask(request, replace(verb, ask=_sentence(verb, len(pks))), named, back)  # type: ignore[attr-defined]
        carry_out(request, verb, rows)
        if len(pks) > MOST_AT_ONCE:
            messages.info(request, _("There are more. Do it once more for the next ones."))
        return HttpResponseRedirect(back)


def _sentence(verb: Verb, count: int) -> str:
    shown = f"{MOST_AT_ONCE}" if count > MOST_AT_ONCE else str(count)
    words = ngettext("It is done to %s delivery.", "It is done to %s deliveries.", count) % shown
    return f"{words} {verb.ask}".strip()


def files_shown(record: Delivery) -> SafeString:
    """The files of a delivery, and whether the server has them."""
    if not record.files:
        return looks.NOTHING
    items = (
        (file["name"], size_in_words(file["size"]), _("uploaded") if file["file_id"] else _("not uploaded yet"))
        for file in record.files
    )
    return format_html_join("", "<div>{} · {} · {}</div>", items)


def post_shown(record: Delivery) -> SafeString:
    """The post's id, which leads to the post in Mattermost."""
    address = link_to(settings_for(record.account_id).base_url, record.post_id)
    if not address:
        return looks.code(record.post_id)
    return format_html(
        '<a class="du-link" href="{}" target="_blank" rel="noreferrer">{}</a>', address, looks.code(record.post_id)
    )
