"""*Diagnose*: asks an account's server, looks at everything that can be wrong, and says what to do about it. Changes
nothing, so whoever may look at an account may ask. Another button has the server call Durar: that posts something, if
only for a moment, and is for operators."""

from __future__ import annotations

from typing import Any

from django.core.cache import cache
from django.core.exceptions import PermissionDenied
from django.http import Http404, HttpRequest, HttpResponse
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from django.views.decorators.http import require_http_methods

from mattermost_bridge.admin import looks
from mattermost_bridge.admin.need_rows import Row, joined, quiet
from mattermost_bridge.admin.tabs import tab_of
from mattermost_bridge.models import Account
from mattermost_bridge.rules import doctor_reachability
from mattermost_bridge.rules.doctor import Finding, Level, is_broken
from mattermost_bridge.rules.doctor_reachability import Why
from mattermost_bridge.services import diagnosis, reachability, rights
from mattermost_bridge.services.audit import Actor
from mattermost_bridge.services.errors import Refused

URL_NAME = "mattermost_bridge_account_diagnose"
#: The button's field: a POST without it, as a stray one, asks nobody.
ASKED = "diagnose"
#: The same for proving reachability, and who may.
PROVED = "prove"
MAY_PROVE = "reconnect_account"
#: After so many seconds a diagnosis that never ended no longer keeps its person from asking again.
LONGEST = 90
_BADGES = {
    Level.BROKEN: (gettext_lazy("Broken"), "bad"),
    Level.WARNING: (gettext_lazy("Warning"), "warning"),
    Level.FINE: (gettext_lazy("Fine"), "good"),
}


def address_for(account: Account) -> str:
    """The page's address."""
    return reverse(f"admin:{URL_NAME}", args=[account.pk])


class DiagnosesAccounts:
    """For the accounts' ModelAdmin: the page."""

    admin_site: Any
    opts: Any

    def get_urls(self) -> list[URLPattern]:
        """The page, then the others."""
        view = self.admin_site.admin_view(require_http_methods(["GET", "POST"])(self.diagnose_view))
        return [path("<int:pk>/diagnose/", view, name=URL_NAME), *super().get_urls()]  # type: ignore[misc]

    def diagnose_view(self, request: HttpRequest, pk: int) -> HttpResponse:
        """What the page is for and its button; once that is pressed, the findings."""
        account: Account | None = self.get_object(request, str(pk))  # type: ignore[attr-defined]
        if not self.has_view_permission(request, account):  # type: ignore[attr-defined]
            raise PermissionDenied
        if account is None:
            raise Http404
        context = {
            **self.admin_site.each_context(request),
            "opts": self.opts,
            "title": _("Diagnose"),
            "original": account,
            "account": account,
            "overview": tab_of(account),
            "asked": ASKED,
            **(_diagnosed(request, account) if request.method == "POST" and ASKED in request.POST else {}),
            **self._reachability(request, account),
        }
        return TemplateResponse(request, "admin/durar/diagnose.html", context)

    def _reachability(self, request: HttpRequest, account: Account) -> dict[str, Any]:
        """How the last trial ended, after a new one where that is asked for."""
        may = rights.may(request.user, MAY_PROVE, account)
        refused = ""
        if request.method == "POST" and PROVED in request.POST:
            if not may:
                raise PermissionDenied
            try:
                results = reachability.prove(account.pk, actor=Actor.of(request.user))  # type: ignore[arg-type]
                if any(one.why is Why.BUSY for one in results):
                    refused = _("Somebody else is trying it right now. Try again in a minute.")
            except Refused as problem:
                refused = str(problem)
        told = [(doctor_reachability.finding_of(result), at) for result, at in reachability.last(account.pk)]
        return {
            "proved": PROVED,
            "may_prove": may,
            "refused": refused,
            "reached": [_row(finding, looks.moment(at)) for finding, at in told],
        }


def _diagnosed(request: HttpRequest, account: Account) -> dict[str, Any]:
    """The findings as rows, by what they are about; or that another diagnosis of this person still runs."""
    key = f"durar-diagnosing-{request.user.pk}"
    if not cache.add(key, 1, LONGEST):
        return {"busy": True}
    try:
        about = [(_("This account"), diagnosis.of_account(account.pk))]
        # Of the installation those hear who see all of it: its numbers are about every account.
        if rights.reach_of(request.user).accounts is None:
            about.append((_("The installation"), diagnosis.of_installation()))
    finally:
        cache.delete(key)
    return {
        "groups": [
            (
                title,
                [_row(one) for one in found if one.level is not Level.FINE],
                [_row(one) for one in found if one.level is Level.FINE],
            )
            for title, found in about
        ],
        "broken": any(is_broken(found) for _title, found in about),
    }


def _row(finding: Finding, at: object = "") -> Row:
    words, tone = _BADGES[finding.level]
    cause, remedy = looks.translated(finding.cause), looks.translated(finding.remedy)
    return Row(joined(looks.badge(words, tone), cause), joined(quiet(remedy), looks.code(finding.id), at))
