"""The forms of users: what Django knows of them, and their role and limits."""

from __future__ import annotations

from typing import Any

from django import forms
from django.contrib import admin
from django.core.exceptions import ValidationError
from django.db import transaction
from django.db.models import Q
from django.utils.html import format_html
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy
from unfold.forms import AdminOwnPasswordChangeForm, UserChangeForm, UserCreationForm
from unfold.widgets import (
    UnfoldAdminRadioSelectWidget,
    UnfoldAdminSelect2MultipleWidget,
    UnfoldAdminTextInputWidget,
    UnfoldBooleanSwitchWidget,
)

from mattermost_bridge.admin.base import HearsRefusals
from mattermost_bridge.models import Account, AccountGrant
from mattermost_bridge.services import audit
from mattermost_bridge.services.audit import Actor
from mattermost_bridge.services.roles import ROLES, role_of

RIGHTS = ("role", "limited", "accounts", "why")


class RightsFields(HearsRefusals, forms.ModelForm):
    """The part of a user's form that is not Django's: role and limits."""

    role = forms.ChoiceField(
        label=gettext_lazy("Role"),
        required=False,
        choices=[
            ("", gettext_lazy("None: may sign in and sees nothing.")),
            *((role.key, format_html("{}: {}", role.label, role.sentence)) for role in ROLES),
        ],
        widget=UnfoldAdminRadioSelectWidget(radio_style=admin.VERTICAL),
    )
    limited = forms.BooleanField(
        label=gettext_lazy("Limited to accounts"),
        required=False,
        widget=UnfoldBooleanSwitchWidget(),
        help_text=gettext_lazy("On: sees the accounts below and nothing of others; with none chosen, nothing at all."),
    )
    accounts = forms.ModelMultipleChoiceField(
        Account.objects.none(),
        label=gettext_lazy("Accounts"),
        required=False,
        widget=UnfoldAdminSelect2MultipleWidget(),
        help_text=gettext_lazy("Count only while the limit is on."),
    )
    why = forms.CharField(
        label=gettext_lazy("Why"), required=False, max_length=200, widget=UnfoldAdminTextInputWidget(),
        help_text=gettext_lazy("Kept with accounts that are added now, and in the audit log."),
    )  # fmt: skip

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        if "accounts" not in self.fields:
            return
        user: Any = self.instance
        granted = AccountGrant.objects.filter(user=user.pk).values("account")
        offered: Any = self.fields["accounts"]
        offered.queryset = Account.objects.filter(Q(archived_at=None) | Q(pk__in=granted)).defer("bot_token")
        if user.pk:
            role = None if user.is_superuser else role_of(user)
            profile = getattr(user, "staff_profile", None)
            self.initial["role"] = role.key if role else ""
            self.initial["limited"] = profile is not None and profile.limited
            self.initial["accounts"] = [grant["account"] for grant in granted]

    def clean(self) -> dict[str, Any]:
        """Nobody switches themselves off: who would switch them on again?"""
        cleaned = super().clean()
        if self.instance.pk == self.person.pk and cleaned.get("is_active") is False:
            self.add_error("is_active", ValidationError(_("You cannot switch yourself off.")))
        return cleaned


class StaffForm(RightsFields, UserChangeForm):
    """Changing a user."""

    class Meta(UserChangeForm.Meta):
        # What two people must not overwrite for each other; superusers are shown more.
        fields = ("username", "first_name", "last_name", "email", "is_active")


class OwnPasswordForm(AdminOwnPasswordChangeForm):
    """Changing one's own password."""

    def save(self, commit: bool = True) -> Any:  # noqa: FBT001, FBT002 - Django's
        """Save it, with a row that says that it changed."""
        with transaction.atomic():
            user: Any = super().save(commit)
            name = user.get_username()
            audit.record(
                actor=Actor.of(user),
                verb="user.password",
                summary=f"{name} changed their own password.",
                target=user,
                details={"password": "changed"},
            )
        return user


class NewStaffForm(RightsFields, UserCreationForm):
    """Adding a user."""
