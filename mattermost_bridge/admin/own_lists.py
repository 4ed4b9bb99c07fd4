"""Whether an account, or the defaults, has its own lists and channel settings: asked before entries would be lost."""

from __future__ import annotations

from typing import Any

from django import forms
from django.db.models import Count, QuerySet
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext
from unfold.widgets import UnfoldBooleanSwitchWidget

from mattermost_bridge.models import AccessEntry, Account, BridgeDefaults, GroupOverride
from mattermost_bridge.models.states import EntrySource
from mattermost_bridge.services import access, group_overrides
from mattermost_bridge.services.audit import Actor
from mattermost_bridge.services.errors import ConfirmationNeeded

OWN_GROUPS = "own_groups"
OWN_LISTS = {"own_allow_from": "dm", "own_group_allow_from": "group", OWN_GROUPS: ""}


def confirm_field(help_text: Any) -> forms.BooleanField:
    """The switch with which an operator confirms a consequence; a form shows it only when it is asked for."""
    label, widget = gettext_lazy("I mean it"), UnfoldBooleanSwitchWidget()
    return forms.BooleanField(label=label, required=False, widget=widget, help_text=help_text)


def inherited_lists() -> dict[str, str]:
    """What an account uses while it has no list, or no channel settings, of its own: a sentence for each switch."""
    defaults = BridgeDefaults.objects.defer("key_check").filter(pk=1).first() or BridgeDefaults(pk=1)
    entries = AccessEntry.objects.filter(account=None).exclude(source=EntrySource.PAIRING).order_by()
    counts = dict(entries.values_list("list").annotate(Count("pk")))
    sentences = {}
    for name, which in OWN_LISTS.items():
        count = GroupOverride.objects.filter(account=None).count() if name == OWN_GROUPS else counts.get(which, 0)
        if getattr(defaults, name):
            words = ngettext(
                "Inherited from the defaults: %d entry.", "Inherited from the defaults: %d entries.", count
            )
            sentences[name] = words % count
        else:
            sentences[name] = _("Nothing is inherited.")
    return sentences


def change_lists(actor: Actor, record: Account | BridgeDefaults, form: Any, *, confirmed: bool) -> None:
    """Do what the form says about own lists. Raises ConfirmationNeeded when entries would be removed by it."""
    account = record if isinstance(record, Account) else None
    for name, which in OWN_LISTS.items():
        if name not in form.changed_data:
            continue
        own = form.cleaned_data[name]
        if name == OWN_GROUPS:
            sentence = _("Without channel settings of its own, those that are there (%(count)d) are removed.")
            lost: QuerySet = GroupOverride.objects.filter(account=account)
        else:
            sentence = _("Without the own list “%(list)s”, its entries (%(count)d) are removed.")
            lost = AccessEntry.objects.filter(account=account, list=which).exclude(source=EntrySource.PAIRING)
        if not own and not confirmed and (count := lost.count()):
            raise ConfirmationNeeded(sentence % {"list": form.fields[name].label, "count": count})
        if name == OWN_GROUPS:
            group_overrides.use_own(actor=actor, account=account, own=own)
        else:
            access.use_own_list(actor=actor, account=account, list=which, own=own)
