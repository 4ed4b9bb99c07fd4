"""The form of *Try a message*: who writes what and where, and settings that are tried out without being saved."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from django import forms
from django.utils.text import capfirst
from django.utils.translation import gettext_lazy as _
from unfold.widgets import (
    UnfoldAdminIntegerFieldWidget,
    UnfoldAdminSelectWidget,
    UnfoldAdminTextareaWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanWidget,
)

from mattermost_bridge.config.effective_policy import CHAT_TYPES
from mattermost_bridge.config.setting import Kind, Setting
from mattermost_bridge.config.table import OF_ACCOUNTS, OF_ALL
from mattermost_bridge.config.table_shared import CHATMODES, REPLY_MODES
from mattermost_bridge.config.values import BadValue, checked
from mattermost_bridge.models import Account
from mattermost_bridge.models.list_fields import LinesFormField
from mattermost_bridge.rules.access import matching_entry
from mattermost_bridge.rules.types import GroupRule, ListEntry, Policy

LONGEST = 16_383
#: Settings that can be tried out, by their columns, in the groups of the page.
GROUPS: tuple[tuple[Any, tuple[str, ...]], ...] = (
    (_("Who may write"), ("dm_policy", "group_policy", "name_matching", "on_dm_list", "on_group_list", "paired")),
    (
        _("When the bot answers"),
        ("chatmode", "onchar_prefixes", "require_mention", "mention_patterns", "implicit_thread"),
    ),
    (_("Where it answers"), ("reply_to_mode", *(f"reply_to_mode_{kind}" for kind in CHAT_TYPES), "dm_scope")),
    (_("In the chosen channel"), ("here_off", "here_require_mention", "here_chatmode", "here_reply_to_mode")),
    (_("Other bots and commands"), ("answers_bots", "bot_turns", "control_commands", "use_access_groups")),
)
#: Those of them that have a row in the tables of settings.
TRIED: dict[str, Setting] = {
    name: OF_ACCOUNTS.get(name) or OF_ALL[name]
    for _title, names in GROUPS
    for name in names
    if name in OF_ACCOUNTS or name in OF_ALL
}
TRIED_OUT = "tried out"
AS_IT_IS = ("", _("As it is"))
_YES_NO = (("true", _("Yes")), ("false", _("No")))
_LIST = (
    AS_IT_IS,
    ("person", _("With this person")),
    ("everybody", _("With everybody (*)")),
    ("empty", _("Empty")),
)
_TRUTH = {"true": True, "false": False}


def _choice(label: Any, choices: Any, help_text: Any = "") -> forms.ChoiceField:
    widget = UnfoldAdminSelectWidget
    return forms.ChoiceField(label=label, choices=choices, required=False, widget=widget, help_text=help_text)


def _flag(label: Any, nothing: Any, help_text: Any = "") -> forms.TypedChoiceField:
    """Yes or no; with `nothing`, a choice for neither."""
    choices = ((("", nothing),) if nothing else ()) + _YES_NO
    return forms.TypedChoiceField(
        label=label,
        choices=choices,
        coerce=_TRUTH.__getitem__,
        empty_value=None,
        required=False,
        widget=UnfoldAdminSelectWidget,
        help_text=help_text,
    )


class AccountSwitch(forms.Form):
    """Another account to try."""

    account = forms.ModelChoiceField(
        Account.objects.none(), label=_("Account"), empty_label=None, widget=UnfoldAdminSelectWidget
    )

    def __init__(self, rows: Any, chosen: Account) -> None:
        super().__init__(initial={"account": chosen.pk}, auto_id="switch_%s")
        field: Any = self.fields["account"]
        field.queryset = rows


class RehearsalForm(forms.Form):
    """A message that nobody sends, under the settings of one account."""

    person = forms.CharField(
        label=_("Person"), max_length=150, help_text=_("Who writes. Type a name and choose, or enter a user id.")
    )
    channel = forms.CharField(
        label=_("Channel"),
        max_length=150,
        required=False,
        help_text=_("Where. Type a name and choose, or enter a channel id. Empty: a direct message to the bot."),
    )
    text = forms.CharField(
        label=_("Text"),
        max_length=LONGEST,
        strip=False,
        required=False,
        widget=UnfoldAdminTextareaWidget(attrs={"rows": 4}),
    )
    thread = forms.RegexField(
        r"^[a-z0-9]{26}$",
        label=_("Thread"),
        required=False,
        widget=UnfoldAdminTextInputWidget(attrs={"autocomplete": "off", "spellcheck": "false"}),
        help_text=_("The id of the thread's first post. Empty: outside of threads."),
        error_messages={"invalid": _("A post's id has 26 letters and digits. Copy it from an event's page.")},
    )
    has_files = forms.BooleanField(label=_("With a file"), required=False, widget=UnfoldBooleanWidget)
    on_dm_list = _choice(_("The list for direct messages"), _LIST)
    on_group_list = _choice(_("The list for channels"), _LIST)
    paired = _flag(_("The person's pairing is approved"), AS_IT_IS[1])
    here_off = _flag(_("The bot is off here"), AS_IT_IS[1])
    here_require_mention = _flag(_("Mention needed here"), AS_IT_IS[1])
    here_chatmode = _choice(_("Chat mode here"), (AS_IT_IS, *CHATMODES))
    here_reply_to_mode = _choice(_("Where answers stand here"), (AS_IT_IS, *REPLY_MODES))

    def __init__(self, policy: Policy, data: Any = None, initial: Mapping[str, Any] | None = None) -> None:
        self.policy = policy
        self.effective = values_of(policy)
        shown = {name: _as_choice(value) for name, value in self.effective.items()}
        super().__init__(data, initial={**shown, **(initial or {})})
        for name, setting in TRIED.items():
            self.fields[name] = _field(setting)

    def clean(self) -> dict[str, Any]:
        """Each setting by the same check as in the forms that save it."""
        cleaned = super().clean() or self.cleaned_data
        for name, setting in TRIED.items():
            if name not in cleaned:
                continue
            try:
                cleaned[name] = checked(setting, cleaned[name])
            except BadValue as problem:
                said = str(problem)
                self.add_error(name, f"{said[0].upper()}{said[1:]}")
        return cleaned

    @property
    def message_fields(self) -> list[forms.BoundField]:
        """What the message consists of."""
        return [self[name] for name in ("person", "channel", "text", "thread", "has_files")]

    @property
    def groups(self) -> list[tuple[Any, list[forms.BoundField]]]:
        """The settings, group by group."""
        return [(title, [self[name] for name in names]) for title, names in GROUPS]

    @property
    def changed(self) -> list[str]:
        """The names of what is tried out: what is not as it is."""
        names = [name for _title, group in GROUPS for name in group]
        cleaned = getattr(self, "cleaned_data", {})
        found = [
            name for name in names if name in cleaned and cleaned[name] != self.effective.get(name, _NOTHING[name])
        ]
        return found

    @property
    def shows_settings(self) -> bool:
        """Whether something is tried out, or wrong there: then the settings are not folded away."""
        return bool(self.changed) or any(field.errors for _title, fields in self.groups for field in fields)

    def overrides(self, person: str, channel: str) -> dict[str, Any]:
        """The fields of the policy that are tried out; `person` and `channel` are ids."""
        return overrides_of(self.policy, {name: self.cleaned_data[name] for name in self.changed}, person, channel)


#: What stands in fields without a row in the tables while nothing is tried out.
_NOTHING: dict[str, Any] = {
    name: None if name in ("paired", "here_off", "here_require_mention") else ""
    for _title, names in GROUPS
    for name in names
}


def values_of(policy: Policy) -> dict[str, Any]:
    """The values that hold, by the columns of `TRIED`, as forms compare them."""
    by_type = dict(policy.reply_to_mode_by_type)
    special = {
        "onchar_prefixes": list(policy.onchar_prefixes),
        "mention_patterns": None if policy.mention_patterns is None else list(policy.mention_patterns),
        **{f"reply_to_mode_{kind}": by_type.get(kind, "") for kind in CHAT_TYPES},
    }
    return {name: special[name] if name in special else getattr(policy, name) for name in TRIED}


def overrides_of(policy: Policy, changes: Mapping[str, Any], person: str, channel: str) -> dict[str, Any]:
    """The fields of the policy that are other ones with these changes, each with its value."""
    found: dict[str, Any] = {}
    by_type = dict(policy.reply_to_mode_by_type)
    for name, value in changes.items():
        if name.startswith("here_"):
            continue
        if name.startswith("reply_to_mode_"):
            by_type[name.removeprefix("reply_to_mode_")] = value
            found["reply_to_mode_by_type"] = tuple((kind, mode) for kind, mode in by_type.items() if mode)
        elif name == "on_dm_list":
            found["allow_from"] = _listed(policy.allow_from, value, person)
        elif name == "on_group_list":
            found["group_allow_from"] = _listed(policy.group_allow_from or (), value, person)
        elif name == "paired":
            found["approved"] = _paired(policy.approved, person, approved=value)
        elif name == "onchar_prefixes":
            found[name] = tuple(value or OF_ACCOUNTS[name].default)
        elif name == "mention_patterns":
            found[name] = None if value is None else tuple(value)
        else:
            found[name] = value if value is not None or name == "require_mention" else TRIED[name].default
    here = {name.removeprefix("here_"): value for name, value in changes.items() if name.startswith("here_")}
    if here and channel:
        known = {rule.channel_id: rule for rule in policy.groups}
        known[channel] = replace(known.get(channel, GroupRule(channel)), **here)
        found["groups"] = tuple(known.values())
    return found


def _as_choice(value: Any) -> Any:
    """A value as its field shows it: choices are texts."""
    return str(value).lower() if isinstance(value, bool) else value


def _listed(entries: tuple[ListEntry, ...], how: str, person: str) -> tuple[ListEntry, ...]:
    more = {"person": (ListEntry(person, TRIED_OUT),), "everybody": (ListEntry("*", TRIED_OUT),)}
    return () if how == "empty" else (*entries, *more[how])


def _paired(entries: tuple[ListEntry, ...], person: str, *, approved: bool) -> tuple[ListEntry, ...]:
    others = tuple(entry for entry in entries if matching_entry(person, "", [entry], 0) is None)
    return (*others, ListEntry(person, TRIED_OUT)) if approved else others


def _field(setting: Setting) -> forms.Field:
    """The field of a setting, which shows the value that holds."""
    label = capfirst(str(setting.label))
    if setting.kind is Kind.FLAG:
        return _flag(label, _("Not set") if setting.default is None else None, setting.help)
    if setting.kind is Kind.CHOICE:
        empty = (("", _("Not set: %s") % setting.default_words),) if setting.default == "" else ()
        return _choice(label, (*empty, *setting.choices), setting.help)
    if setting.kind is Kind.LINES:
        widget = UnfoldAdminTextareaWidget(attrs={"rows": 3})
        return LinesFormField(label=label, required=False, widget=widget, help_text=setting.help)
    return forms.IntegerField(label=label, required=False, widget=UnfoldAdminIntegerFieldWidget, help_text=setting.help)
