"""Forms that know what they had shown, so that the second of two people who edit at once is told, and both values seen.

A form carries, signed, the values it was shown with. When somebody else saved others meanwhile, nothing is saved: the
form comes back with their values where only they changed something, and with both where both did.
"""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.core import signing
from django.db.models import QuerySet
from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from mattermost_bridge.services.editing import ChangedMeanwhile, refuse_if_changed
from mattermost_bridge.services.errors import Refused

#: The hidden field that carries what was shown.
NAME = "du_seen"
SALT = "durar.editing"
#: Columns that no form shows and nobody may read by the way.
SECRETS = ("bot_token", "api_key", "key_check")


class GuardsEdits:
    """For a ModelAdmin that is `SavedByService`: `guard` before saving, `seen_for` for the template."""

    change_form_before_template = "admin/durar/seen.html"
    #: More that counts as changed, as when a secret was set; by the name of the field that stands for it.
    also_guarded: dict[str, str] = {}

    def guard(self, request: HttpRequest, record: Any, form: Any) -> None:
        """Raise ChangedMeanwhile when somebody else changed what this form shows. In the transaction that saves."""
        packed = request.POST.get(NAME)
        if not packed:
            return
        try:
            seen = signing.loads(packed, salt=SALT)
        except signing.BadSignature:
            raise Refused(_("This form cannot be saved any more. Reload the page.")) from None
        secret = set(self.also_guarded)
        plain = [name for name in seen["values"] if name in form.fields and name not in secret]
        # A secret that somebody else entered meanwhile matters only to whoever enters another one.
        typed = [name for name in seen["values"] if name in secret and request.POST.get(name)]
        shown = {name: seen["values"][name] for name in (*plain, *typed)}
        mine = {name: _sent(form, name) for name in plain}
        since = datetime.fromisoformat(seen["at"])
        refuse_if_changed(_rows(type(record)), record.pk, self._values, shown=shown, mine=mine, since=since)

    def seen_for(self, request: HttpRequest, record: Any) -> str:
        """What the template puts into the hidden field: what is shown now, or, when the form comes back with errors,
        what was shown at first."""
        refused = getattr(request, "refused_by_service", None)
        if request.method == "POST" and not isinstance(refused, ChangedMeanwhile):
            return request.POST.get(NAME, "")
        saved = _rows(type(record)).get(pk=record.pk)
        seen = {"at": timezone.now().isoformat(), "values": self._values(saved)}
        return signing.dumps(seen, salt=SALT, compress=True)

    def _values(self, record: Any) -> dict[str, str]:
        wanted = set(self.form.Meta.fields)  # type: ignore[attr-defined]
        columns = [field for field in record._meta.concrete_fields if field.name in wanted]
        values = {field.name: _plain(field.value_from_object(record)) for field in columns}
        return values | {name: _plain(getattr(record, column)) for name, column in self.also_guarded.items()}

    def take_over(self, request: HttpRequest, refused: ChangedMeanwhile) -> None:
        """Let the form that comes back show the values of now wherever only somebody else changed them."""
        data: Any = request.POST.copy()
        for one in refused.differences:
            if one.clashes or one.name in self.also_guarded:
                continue
            data[one.name] = one.now
        request.POST = data


def say_what_changed(form: Any, refused: ChangedMeanwhile, also: dict[str, str]) -> None:
    """Write beside each field what somebody else made of it."""
    for one in refused.differences:
        field = form.fields.get(one.name)
        if field is None:
            continue
        words = {"now": _words(field, one.now), "before": _words(field, one.shown)}
        if one.name in also:
            sentence = _("Somebody else entered another one meanwhile.")
        elif one.clashes:
            sentence = _("Changed meanwhile from “%(before)s” to “%(now)s”. Saving again makes it yours.") % words
        else:
            sentence = _("Changed meanwhile from “%(before)s” to what stands here.") % words
        form.add_error(one.name, sentence)


def _rows(model: Any) -> QuerySet[Any]:
    """Without secrets, and without the joins of lists: the row is locked."""
    columns = {field.name for field in model._meta.concrete_fields}
    return model._default_manager.defer(*(name for name in SECRETS if name in columns))


def _sent(form: Any, name: str) -> str:
    field = form.fields[name]
    return _plain(field.widget.value_from_datadict(form.data, form.files, form.add_prefix(name)))


def _plain(value: Any) -> str:
    """A value as text that can be compared, whether it was read from a record or sent by a form."""
    return "" if value is None else str(value).replace("\r\n", "\n").strip()


def _words(field: Any, value: str) -> str:
    """A value as the form's reader knows it."""
    choices = getattr(field, "choices", None)
    for key, words in choices or ():
        if str(key) == value:
            return str(words)
    return value or _("nothing")
