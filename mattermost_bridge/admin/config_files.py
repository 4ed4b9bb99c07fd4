"""Configuration files in the panel: the export to take along, and an import that shows first what it would do.

A file may hold secrets, so its text comes back to the server encrypted and is never shown again.
"""

from __future__ import annotations

import json
from typing import Any

from django import forms
from django.contrib import messages
from django.core.exceptions import PermissionDenied
from django.http import HttpRequest, HttpResponse, HttpResponseRedirect
from django.template.response import TemplateResponse
from django.urls import URLPattern, path, reverse
from django.utils import timezone
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.widgets import UnfoldAdminFileFieldWidget, UnfoldAdminTextareaWidget

from mattermost_bridge.admin import looks
from mattermost_bridge.config import exporter, importer
from mattermost_bridge.config.reading import LARGEST, ConfigError
from mattermost_bridge.models import Account, BridgeDefaults
from mattermost_bridge.models.fields import WrongKeyError, decrypt, encrypt
from mattermost_bridge.services import rights
from mattermost_bridge.services.audit import Actor

IMPORT_URL = "mattermost_bridge_bridgedefaults_import"
EXPORT_URL = "mattermost_bridge_bridgedefaults_export"
#: What an import may do, so whoever imports must be allowed to.
NEEDED = ("change_bridgedefaults", "add_account", "change_account", "add_agent", "change_agent", "add_binding")
#: Seconds for which a preview can be carried out.
GOOD_FOR = 3600
SIGNS: dict[str, tuple[Any, str]] = {
    "-": (gettext_lazy("Removed"), "bad"),
    "+": (gettext_lazy("Added"), "good"),
    "~": (gettext_lazy("Changed"), "busy"),
}


class ConfigForm(forms.Form):
    """A file, or its text."""

    file = forms.FileField(
        label=gettext_lazy("File"),
        required=False,
        widget=UnfoldAdminFileFieldWidget(attrs={"accept": ".json5,.json,application/json"}),
    )
    text = forms.CharField(
        label=gettext_lazy("Or its text"),
        required=False,
        strip=False,
        max_length=LARGEST,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 12, "spellcheck": "false", "autocomplete": "off"}),
    )

    def clean(self) -> dict[str, Any]:
        """One of the two, as text."""
        cleaned: dict[str, Any] = super().clean() or {}
        file, text = cleaned.get("file"), cleaned.get("text", "")
        if bool(file) is bool(text.strip()) and not self.errors:
            raise forms.ValidationError(_("Choose a file or paste its text, one of the two."))
        if file:
            try:
                cleaned["text"] = file.read(LARGEST + 1).decode("utf-8-sig")
            except UnicodeDecodeError:
                self.add_error("file", _("The file is not text in UTF-8. Save it as UTF-8."))
        return cleaned


def may(user: Any) -> bool:
    """Whether somebody may import and export: administrators, since a file is about all accounts."""
    return rights.reach_of(user).unlimited and all(rights.may(user, permission) for permission in NEEDED)


def urls() -> list[URLPattern]:
    """The two addresses, to be put among those of the defaults."""
    from django.contrib import admin

    def wrapped(view: Any) -> Any:
        return admin.site.admin_view(lambda request: view(request, admin.site))

    return [
        path("import/", wrapped(import_view), name=IMPORT_URL),
        path("export/", wrapped(export_view), name=EXPORT_URL),
    ]


def export_view(request: HttpRequest, site: Any) -> HttpResponse:
    """The configuration as a file, without secrets."""
    if not may(request.user):
        raise PermissionDenied
    try:
        text = exporter.export()
    except WrongKeyError as error:
        messages.error(request, str(error))
        return HttpResponseRedirect(reverse(f"admin:{IMPORT_URL}"))
    response = HttpResponse(text, content_type="application/json5; charset=utf-8")
    response["Content-Disposition"] = f'attachment; filename="durar-{timezone.localdate():%Y-%m-%d}.json5"'
    return response


def import_view(request: HttpRequest, site: Any) -> HttpResponse:
    """Upload or paste, then a preview of what it would do, then the import."""
    if not may(request.user):
        raise PermissionDenied
    if request.method != "POST":
        return _form_page(request, site, ConfigForm())
    if "sealed" in request.POST:
        return _carry_out(request, site)
    form = ConfigForm(request.POST, request.FILES)
    if not form.is_valid():
        return _form_page(request, site, _without_text(form))
    return _preview_page(request, site, form.cleaned_data["text"])


def _carry_out(request: HttpRequest, site: Any) -> HttpResponse:
    text = _opened(request.POST["sealed"], request.user)
    if text is None:
        messages.error(request, _("This preview is too old. Choose the file again."))
        return HttpResponseRedirect(reverse(f"admin:{IMPORT_URL}"))
    try:
        done = importer.run(text, actor=_actor(request), expected=request.POST.get("fingerprint", ""))
    except importer.ChangedSince as changed:
        messages.warning(request, str(changed))
        return _preview_page(request, site, text)
    except (ConfigError, WrongKeyError) as error:
        return _problems_page(request, site, error)
    count = len(done.changes.lines)
    said = ngettext("Imported: %d change.", "Imported: %d changes.", count) % count
    messages.success(request, said if count else _("There was nothing to change."))
    return HttpResponseRedirect(looks.list_of(Account))


def _preview_page(request: HttpRequest, site: Any, text: str) -> HttpResponse:
    try:
        shown = importer.preview(text, actor=_actor(request))
    except (ConfigError, WrongKeyError) as error:
        return _problems_page(request, site, error)
    order = list(SIGNS)
    lines = sorted(shown.changes.lines, key=lambda line: order.index(line[0]))
    context = {
        "counts": [(looks.badge(*SIGNS[sign]), sum(line.startswith(sign) for line in lines)) for sign in SIGNS],
        "rows": [(looks.badge(*SIGNS[line[0]]), line[2:]) for line in lines],
        "notes": shown.notes,
        "sealed": _sealed(text, request.user),
        "fingerprint": shown.fingerprint,
    }
    return _page(request, site, "admin/durar/config_preview.html", _("What the import would do"), context)


def _problems_page(request: HttpRequest, site: Any, error: ConfigError | WrongKeyError) -> HttpResponse:
    problems = error.problems if isinstance(error, ConfigError) else [str(error)]
    return _form_page(request, site, ConfigForm(), problems)


def _form_page(request: HttpRequest, site: Any, form: ConfigForm, problems: list[str] | None = None) -> HttpResponse:
    context = {"form": form, "problems": problems or [], "export": reverse(f"admin:{EXPORT_URL}")}
    return _page(request, site, "admin/durar/config_import.html", _("Import a configuration"), context)


def _page(request: HttpRequest, site: Any, template: str, title: str, context: dict[str, Any]) -> HttpResponse:
    frame = {**site.each_context(request), "opts": BridgeDefaults._meta, "title": title}
    return TemplateResponse(request, template, {**frame, **context})


def _without_text(form: ConfigForm) -> ConfigForm:
    """The form with its errors, but without the text, which may hold secrets."""
    form.data = {**form.data.dict(), "text": ""}  # type: ignore[attr-defined]
    return form


def _actor(request: HttpRequest) -> Actor:
    return Actor.of(request.user, via="import")  # type: ignore[arg-type]


def _sealed(text: str, user: Any) -> str:
    return encrypt(json.dumps({"user": user.pk, "until": timezone.now().timestamp() + GOOD_FOR, "text": text}))


def _opened(sealed: str, user: Any) -> str | None:
    """The text behind a seal; None for one that is too old, another person's or none at all."""
    try:
        found = json.loads(decrypt(sealed) or "{}")
    except (WrongKeyError, ValueError):
        return None
    good = found.get("user") == user.pk and found.get("until", 0) > timezone.now().timestamp()
    return found["text"] if good else None
