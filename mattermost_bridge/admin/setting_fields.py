"""The settings of the tables as fields of forms: grouped, checked one by one, each saying what it inherits."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

from django import forms
from django.utils.html import format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from mattermost_bridge.config.inherited import Inherited
from mattermost_bridge.config.setting import Group, Kind, Setting
from mattermost_bridge.config.table import OF_KEPT
from mattermost_bridge.config.values import BadValue, checked, in_words
from mattermost_bridge.models import Account, BridgeDefaults
from mattermost_bridge.models.list_fields import NONE, LinesFormField
from mattermost_bridge.rules.pairing import DEFAULT_TEMPLATE

SOURCES = {
    "defaults": gettext_lazy("the defaults"),
    "channels.defaults": gettext_lazy("the policy for every kind of bridge"),
    "environment": gettext_lazy("the environment"),
    "built-in": gettext_lazy("built-in"),
}
#: Fieldsets that are open: what most installations look at.
OPEN = frozenset({Group.WHO, Group.WHEN, Group.ANSWERS})
DESCRIPTIONS = {
    Group.WHEN: gettext_lazy("In channels and groups. Settings of single channels count more than these."),
    Group.WHERE: gettext_lazy("What stands in a thread is answered there. Direct messages stay flat unless said here."),
    Group.DIRECT: gettext_lazy(
        "A message to a person opens the direct channel first. Refusals are final; what passes is tried again."
    ),
    Group.FILE_ONLY: gettext_lazy("Came with a configuration file, and is exported again. Nothing reads it for now."),
}
#: The fieldsets of accounts and of the defaults that have settings, in their order; others come before and after.
ORDER = (
    *(Group.WHO, Group.WHEN, Group.WHERE, Group.CONTEXT, Group.ANSWERS, Group.MAY, Group.BOTS, Group.SESSIONS),
    *(Group.CONTROL, Group.SLASH, Group.BUTTONS, Group.NETWORK, Group.DIRECT, Group.RARE),
)


def fieldsets(
    settings: Mapping[str, Setting], also: Mapping[Group, Iterable[str]] | None = None
) -> list[tuple[Any, dict[str, Any]]]:
    """The settings by groups; `also` are fields of the form that no table has, behind those of their group."""
    found = []
    for group in ORDER:
        names = [name for name, setting in settings.items() if setting.group is group]
        names += list((also or {}).get(group, ()))
        if names:
            options: dict[str, Any] = {"fields": tuple(names)}
            if group not in OPEN:
                options["classes"] = ("collapse",)
            if group in DESCRIPTIONS:
                options["description"] = DESCRIPTIONS[group]
            found.append((group.title, options))
    return found


def kept_fieldset(record: Account | BridgeDefaults | None) -> list[tuple[Any, dict[str, Any]]]:
    """What came with a file and is read by nothing, where there is any of it."""
    if record is None or not record.kept:
        return []
    options = {"fields": ("kept_words",), "classes": ("collapse",), "description": DESCRIPTIONS[Group.FILE_ONLY]}
    return [(Group.FILE_ONLY.title, options)]


def kept_words(record: Account | BridgeDefaults) -> SafeString:
    """The same, key by key."""
    known = ((OF_KEPT[key], value) for key, value in sorted(record.kept.items()) if key in OF_KEPT)
    rows = ((setting.key, in_words(setting, value)) for setting, value in known)
    return format_html_join("\n", '<div><code class="du-code">{}</code> {}</div>', rows)


def prepare(fields: Mapping[str, forms.Field], settings: Mapping[str, Setting]) -> None:
    """Let fields say what the tables know beside their labels."""
    for name, setting in settings.items():
        field = fields.get(name)
        if field is None:
            continue
        if isinstance(field, forms.FloatField):
            field.widget.attrs["step"] = "any"
        if isinstance(field, LinesFormField) or (setting.kind is Kind.TEXT and name != "pairing_text"):
            field.widget.attrs["rows"] = 3
        if setting.kind is Kind.LINES and setting.empty_counts:
            field.help_text = f"{field.help_text} " + _("%s: a list of its own that is empty.") % NONE


def check(form: Any, settings: Mapping[str, Setting]) -> None:
    """Add what is wrong with a value to the errors of its own field; the others come back trimmed."""
    for name, setting in settings.items():
        if name not in form.cleaned_data:
            continue
        try:
            form.cleaned_data[name] = checked(setting, form.cleaned_data[name])
        except BadValue as problem:
            said = str(problem)
            form.add_error(name, f"{said[0].upper()}{said[1:]}")


def show_inherited(fields: Mapping[str, forms.Field], values: Mapping[str, Inherited]) -> None:
    """Say beside each field that may stay empty what holds then, and from where."""
    for name, value in values.items():
        field: Any = fields.get(name)
        if field is None:
            continue
        source = SOURCES[value.source]
        if isinstance(field, forms.ModelChoiceField):
            field.empty_label = inherited_words(value)
        elif isinstance(field, forms.NullBooleanField):
            choices = [("unknown", inherited_words(value)), ("true", _("Yes")), ("false", _("No"))]
            field.widget.choices = choices
        elif isinstance(field, forms.TypedChoiceField):
            own: Any = field.choices
            field.choices = [("", inherited_words(value)), *((key, text) for key, text in own if key)]
        elif name == "pairing_text":
            field.widget.attrs["placeholder"] = value.words or DEFAULT_TEMPLATE
            field.help_text = f"{field.help_text} " + _("Empty: inherits the text shown in grey (%s).") % source
        elif not value.words:
            field.help_text = f"{field.help_text} " + _("Nothing is inherited.")
        else:
            field.widget.attrs["placeholder"] = value.words
            field.help_text = f"{field.help_text} " + _("Empty: inherits %(value)s (%(source)s).") % {
                "value": value.words,
                "source": source,
            }


def inherited_words(value: Inherited) -> str:
    """The choice that means "nothing of its own": what holds then, and from where."""
    words = {"value": value.words or _("none"), "source": SOURCES[value.source]}
    return _("Inherited: %(value)s (%(source)s)") % words
