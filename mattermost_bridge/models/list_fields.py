"""Columns that hold a list of texts, or names with lists of ids. Empty (NULL) means: not set here."""

from __future__ import annotations

from typing import Any

from django import forms
from django.core.exceptions import ValidationError
from django.db import models
from django.utils.text import capfirst
from django.utils.translation import gettext as _

#: What people enter for a list of their own that is empty.
NONE = "(none)"


class LinesFormField(forms.CharField):
    """A list, one entry a line; empty for "not set", `(none)` for an empty list."""

    widget = forms.Textarea(attrs={"rows": 3})

    def prepare_value(self, value: Any) -> Any:
        """The text that the field shows."""
        return written(value)

    def to_python(self, value: Any) -> Any:
        """What the text means."""
        lines = [line.strip() for line in str(value or "").splitlines() if line.strip()]
        return self.read(lines) if lines else None

    def read(self, lines: list[str]) -> Any:
        """The value of some lines that are not blank."""
        return [] if lines == [NONE] else lines


class LinksFormField(LinesFormField):
    """Names with lists: `name = one, other`, one name a line."""

    def read(self, lines: list[str]) -> Any:
        """The lists by their names. Raises ValidationError."""
        found: dict[str, list[str]] = {}
        for line in lines:
            name, equals, rest = (part.strip() for part in line.partition("="))
            if not equals or not name or not rest:
                raise ValidationError(_("Write name = mattermost:USER-ID, one name a line, unlike “%s”.") % line)
            if name in found:
                raise ValidationError(_("The name “%s” stands there twice. Put its ids into one line.") % name)
            found[name] = [each.strip() for each in rest.split(",") if each.strip()]
        return found


class LinesField(models.JSONField):
    """A list of texts. NULL: not set; an empty list: set, and empty."""

    form_field = LinesFormField

    def formfield(self, **kwargs: Any) -> Any:
        """A text with one entry a line."""
        known = {name: kwargs[name] for name in ("widget", "label", "help_text") if name in kwargs}
        words = {"label": capfirst(self.verbose_name), "help_text": self.help_text, **known}
        return self.form_field(required=False, **words)

    def value_from_object(self, obj: Any) -> str:
        """The text that forms show, and compare."""
        return written(getattr(obj, self.attname))


class LinksField(LinesField):
    """An object of lists of texts. NULL: not set."""

    form_field = LinksFormField


def written(value: Any) -> Any:
    """A value of these columns as the text of a form."""
    if value is None:
        return ""
    if isinstance(value, dict):
        return "\n".join(f"{name} = {', '.join(ids)}" for name, ids in value.items())
    if isinstance(value, list):
        return "\n".join(value) or NONE
    return value
