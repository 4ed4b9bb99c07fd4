"""Skills: the slash commands that operators make."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.db.models import Model
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy
from unfold.decorators import display
from unfold.widgets import UnfoldAdminSelectMultipleWidget

from mattermost_bridge.admin import looks
from mattermost_bridge.admin.base import AccountsForm, BridgeAdmin, PreparedPage, SavedByService
from mattermost_bridge.admin.verbs import Verb
from mattermost_bridge.models import Account, Skill, SlashCommand
from mattermost_bridge.models.states import CommandPurpose, SlashCommandState
from mattermost_bridge.services import rights, skills
from mattermost_bridge.services.audit import Actor

VERBS = (
    Verb(
        "switch_on",
        gettext_lazy("Put into use"),
        ngettext_lazy("%d skill is in use.", "%d skills are in use."),
        lambda actor, pk: skills.update(pk, actor=actor, enabled=True),
        "change_skill",
        fits=lambda skill: not skill.enabled,
    ),
    Verb(
        "switch_off",
        gettext_lazy("Take out of use"),
        ngettext_lazy("%d skill is not in use any more.", "%d skills are not in use any more."),
        lambda actor, pk: skills.update(pk, actor=actor, enabled=False),
        "change_skill",
        fits=lambda skill: skill.enabled,
    ),
    Verb(
        "remove",
        gettext_lazy("Remove"),
        ngettext_lazy("%d skill removed.", "%d skills removed."),
        lambda actor, pk: skills.delete(pk, actor=actor),
        "delete_skill",
        ask=gettext_lazy("Its commands are removed from Mattermost. This cannot be undone."),
        look="danger",
    ),
)


class SkillForm(AccountsForm):
    """Adding and changing a skill."""

    chosen = forms.ModelMultipleChoiceField(
        label=gettext_lazy("Accounts"),
        queryset=Account.objects.none(),
        required=False,
        widget=UnfoldAdminSelectMultipleWidget(),
        help_text=gettext_lazy("Which bots offer it. None chosen: all of them."),
    )

    class Meta:
        model = Skill
        fields = skills.FIELDS


@admin.register(Skill)
class SkillAdmin(PreparedPage, SavedByService, BridgeAdmin):
    """Skills."""

    form = SkillForm
    verbs = VERBS
    has_history = True
    list_display = ("command", "about", "accounts_shown", "state_shown", "last_used")
    search_fields = ("name", "description", "prompt")
    ordering = ("name",)
    sortable_by = ()
    readonly_fields = ("accounts_shown",)
    empty_title = gettext_lazy("No skills yet")
    empty_text = gettext_lazy(
        "A skill is a slash command that you make: people type /oc_summary, and the agent is asked what you wrote for "
        "it. Add one, and switch slash commands of skills on for an account or in the defaults."
    )

    def prepare(self, request: HttpRequest, rows: list[Any]) -> None:
        """Accounts, and where each skill is registered and when it was used, for all rows at once."""
        chosen: dict[int, list[str]] = {}
        pairs = Skill.accounts.through.objects.filter(skill__in=[row.pk for row in rows])
        for skill_pk, account_id in pairs.order_by("account__account_id").values_list("skill", "account__account_id"):
            chosen.setdefault(skill_pk, []).append(account_id)
        commands = rights.visible_to(request.user, SlashCommand.objects.all()).filter(
            purpose=CommandPurpose.SKILL, name__in={row.name for row in rows}
        )
        found: dict[str, list[Any]] = {}
        for name, state, used in commands.values_list("name", "state", "last_used_at"):
            found.setdefault(name, []).append((state, used))
        for row in rows:
            row.chosen_ids = chosen.get(row.pk, [])
            row.commands = found.get(row.name, [])

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> list[tuple[Any, dict[str, Any]]]:
        """The form, or what it would show."""
        may_write = self.has_add_permission(request) if obj is None else self.has_change_permission(request, obj)
        who = "chosen" if may_write else "accounts_shown"
        return [(None, {"fields": ("name", "description", "hint", "prompt", who, "enabled")})]

    def get_form(self, request: HttpRequest, obj: Any = None, change: bool = False, **kwargs: Any) -> Any:  # noqa: FBT001, FBT002 - Django's
        """The form. What it declares itself is no model field, so Django is told only of the others."""
        kwargs["fields"] = list(skills.FIELDS)
        return super().get_form(request, obj, change=change, **kwargs)

    def save_by_service(self, request: HttpRequest, actor: Actor, record: Any, form: Any, *, change: bool) -> Model:
        """Make or change the skill."""
        values = {name: form.cleaned_data[name] for name in skills.FIELDS}
        accounts = [account.pk for account in form.cleaned_data["chosen"]]
        if change:
            return skills.update(record.pk, actor=actor, accounts=accounts, **values)
        return skills.create(actor=actor, accounts=accounts, **values)

    @display(description=gettext_lazy("skill"))
    def command(self, record: Skill) -> SafeString:
        """Its name, as people type it behind the prefix."""
        return looks.code(record.name)

    @display(description=gettext_lazy("description"))
    def about(self, record: Skill) -> SafeString:
        """What Mattermost shows of it."""
        return looks.passage(record.description, 70)

    @display(description=gettext_lazy("accounts"))
    def accounts_shown(self, record: Any) -> Any:
        """Who offers it."""
        return ", ".join(record.chosen_ids) or looks.badge(_("All accounts"), "idle")

    @display(description=gettext_lazy("state"))
    def state_shown(self, record: Any) -> SafeString:
        """Whether it is in use, and in how many teams it is registered."""
        if not record.enabled:
            return looks.badge(_("Not in use"), "idle")
        ready = sum(state == SlashCommandState.REGISTERED for state, _used in record.commands)
        if not record.commands:
            return looks.badge(_("Registered nowhere"), "warning", _("No account offers slash commands of skills."))
        tone = "good" if ready == len(record.commands) else "warning"
        return looks.badge(
            _("Registered %(ready)d of %(all)d times") % {"ready": ready, "all": len(record.commands)}, tone
        )

    @display(description=gettext_lazy("last used"))
    def last_used(self, record: Any) -> SafeString:
        """When somebody used it last, anywhere."""
        return looks.moment(max((used for _state, used in record.commands if used), default=None))
