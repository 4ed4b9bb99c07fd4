"""Users: those who sign in, their role, the accounts that they are limited to, and their sessions."""

from __future__ import annotations

from typing import Any

from django.contrib import admin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import User
from django.db.models import Model, Prefetch, Q, QuerySet
from django.http import HttpRequest
from django.template.loader import render_to_string
from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext, ngettext_lazy
from unfold.decorators import display
from unfold.forms import AdminPasswordChangeForm

from mattermost_bridge.admin import looks
from mattermost_bridge.admin.audited import AuditedMixin
from mattermost_bridge.admin.base import BridgeAdmin, PreparedPage, SavedByService
from mattermost_bridge.admin.filters import QuestionFilter
from mattermost_bridge.admin.guarding import GuardedMixin
from mattermost_bridge.admin.my_sign_in import shown
from mattermost_bridge.admin.user_forms import RIGHTS, NewStaffForm, StaffForm
from mattermost_bridge.admin.verbs import Verb
from mattermost_bridge.models import AccountGrant
from mattermost_bridge.services import people, second_factor, sessions
from mattermost_bridge.services.audit import Actor
from mattermost_bridge.services.errors import Refused
from mattermost_bridge.services.roles import ROLES, role_of

#: So many accounts of somebody are named in a list; their page has the rest.
MOST_NAMED = 3


class RoleFilter(QuestionFilter):
    """By role."""

    title = gettext_lazy("role")
    parameter_name = "role"
    quick = True

    def questions(self) -> dict[str, tuple[Any, Q]]:
        """Each role, superusers, and those without rights."""
        of_role = {role.key: (role.label, Q(groups__name=role.group)) for role in ROLES}
        none = ~Q(groups__name__in=[role.group for role in ROLES]) & Q(is_superuser=False)
        return {
            **of_role,
            "superuser": (gettext_lazy("Superuser"), Q(is_superuser=True)),
            "none": (gettext_lazy("No role"), none),
        }


class LimitFilter(QuestionFilter):
    """Who sees certain accounts only."""

    title = gettext_lazy("accounts")
    parameter_name = "limit"

    def questions(self) -> dict[str, tuple[Any, Q]]:
        """Limited or not."""
        limited = Q(staff_profile__limited=True)
        return {"limited": (gettext_lazy("Limited to accounts"), limited), "all": (gettext_lazy("No limit"), ~limited)}


class ActiveFilter(QuestionFilter):
    """Who may sign in."""

    title = gettext_lazy("sign-in")
    parameter_name = "active"

    def questions(self) -> dict[str, tuple[Any, Q]]:
        """On or off."""
        return {
            "yes": (gettext_lazy("May sign in"), Q(is_active=True, is_staff=True)),
            "no": (gettext_lazy("Switched off"), Q(is_active=False) | Q(is_staff=False)),
        }


def _end_sessions(actor: Actor, pk: int) -> None:
    if actor.user is not None and actor.user.pk == pk:
        raise Refused(_("Your own sessions are ended under My sign-in, where this one is kept."))
    sessions.end_all(pk, actor=actor)


VERBS = (
    Verb(
        "end_sessions",
        gettext_lazy("End all sessions"),
        ngettext_lazy("Sessions of %d person ended.", "Sessions of %d people ended."),
        _end_sessions,
        "auth.change_user",
        ask=gettext_lazy("They are signed out everywhere at once, and can sign in again."),
        in_row=False,
    ),
    Verb(
        "reset_second_factor",
        gettext_lazy("Reset second factor"),
        ngettext_lazy("Second factor of %d person taken away.", "Second factors of %d people taken away."),
        lambda actor, pk: second_factor.reset(pk, actor=actor),
        "auth.change_user",
        ask=gettext_lazy(
            "For somebody who lost theirs: make sure that it is really they who ask. Codes, keys and recovery codes no "
            "longer count, and they are signed out. They sign in with the password alone, and set up a new one at once "
            "where it is required."
        ),
        look="danger",
        in_row=False,
        in_bulk=False,
        fits=lambda user: bool(_factors(user)),
    ),
)


def _factors(user: User) -> list[Any]:
    """The second factors of somebody, as they were fetched."""
    return [one for one in user.authenticator_set.all() if one.type in second_factor.FACTORS]  # type: ignore[attr-defined]


# Django registered its own, which does not know the panel's looks.
admin.site.unregister(User)


@admin.register(User)
class UserAdmin(PreparedPage, AuditedMixin, SavedByService, DjangoUserAdmin, BridgeAdmin):  # type: ignore[misc]
    """Those who may sign in."""

    form = StaffForm
    add_form = NewStaffForm
    change_password_form = AdminPasswordChangeForm
    verbs = VERBS
    has_history = True
    list_display = ("who", "role_shown", "accounts_shown", "factor_shown", "sign_in_shown", "last_sign_in")
    list_filter = (RoleFilter, LimitFilter, ActiveFilter)
    sortable_by = ("who", "last_sign_in")
    add_fieldsets = (
        (None, {"fields": ("username", "usable_password", "password1", "password2")}),
        (gettext_lazy("What they may do"), {"fields": RIGHTS}),
    )
    readonly_fields = (
        "role_shown",
        "accounts_shown",
        "grants_shown",
        "factor_shown",
        "sign_in_shown",
        "last_sign_in",
        "open_sessions",
    )

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """With groups and grants, without tokens."""
        grants = AccountGrant.objects.select_related("account").only(
            "user_id", "granted_by_name", "granted_at", "why", "account__account_id", "account__name"
        )
        return (
            super()
            .get_queryset(request)
            .select_related("staff_profile")
            .prefetch_related("groups", "authenticator_set", Prefetch("account_grants", grants))
        )

    def get_fieldsets(self, request: HttpRequest, obj: Any = None) -> Any:
        """Who, what they may do, how they sign in; for superusers also what goes beyond roles."""
        if obj is None:
            return self.add_fieldsets
        if not self.has_change_permission(request, obj):
            fixed = ("username", "first_name", "last_name", "email", "role_shown", "accounts_shown", "sign_in_shown")
            return [(None, {"fields": (*fixed, "last_sign_in")})]
        beyond = {
            "fields": ("is_superuser", "groups", "user_permissions"),
            "classes": ("collapse",),
            "description": gettext_lazy("Rights beside the role. A superuser may do everything, also what roles deny."),
        }
        return [
            (None, {"fields": ("username", "password", "first_name", "last_name", "email")}),
            (gettext_lazy("What they may do"), {"fields": (*RIGHTS, "grants_shown")}),
            (gettext_lazy("Sign-in"), {"fields": ("is_active", "factor_shown", "last_sign_in", "open_sessions")}),
            *([(gettext_lazy("Beyond roles"), beyond)] if request.user.is_superuser else []),
        ]

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Others may be removed; the audit log keeps their names. Nobody removes themselves."""
        return GuardedMixin.has_delete_permission(self, request, obj) and obj != request.user

    def get_actions(self, request: HttpRequest) -> Any:
        """Removing many at once is no everyday work."""
        actions = super().get_actions(request)
        actions.pop("delete_selected", None)
        return actions

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:
        """Django saves the user; all of Durar's users sign in to the panel."""
        if change:
            self.guard(request, obj, form)
        obj.is_staff = True
        self.note_before(request, obj)
        DjangoUserAdmin.save_model(self, request, obj, form, change)

    def save_by_service(self, request: HttpRequest, actor: Actor, record: Any, form: Any, *, change: bool) -> Model:
        """Not asked for: `save_model` and `save_related` are overridden."""
        raise NotImplementedError

    def save_related(self, request: HttpRequest, form: Any, formsets: Any, change: Any) -> None:
        """Role and limits, after Django saved what it knows of."""
        super().save_related(request, form, formsets, change)
        data = form.cleaned_data
        people.set_rights(
            form.instance.pk,
            actor=Actor.of(request.user),  # type: ignore[arg-type]
            role=data["role"],
            limited=data["limited"],
            accounts=data["accounts"].values_list("pk", flat=True),
            why=data["why"],
        )
        if {"is_active", "is_superuser"} & set(form.changed_data):
            people.refuse_without_administrator()

    def prepare(self, request: HttpRequest, rows: list[Any]) -> None:
        """Of whom a second factor is required."""
        of = second_factor.requirement()
        for row in rows:
            row.required_of = of

    def summary(self, request: HttpRequest, record: User) -> dict[str, Any]:
        """Role and limits at a glance."""
        return {"badges": [self.sign_in_shown(record)], "title": f"{self.role_shown(record)}"}

    @display(description=gettext_lazy("user"), ordering="username")
    def who(self, record: User) -> SafeString:
        """Name and address."""
        under = " · ".join(part for part in (record.get_full_name(), record.email) if part)
        return format_html('{}<span class="du-under">{}</span>', record.get_username(), under)

    @display(description=gettext_lazy("role"))
    def role_shown(self, record: User) -> str:
        """The role; superusers are more than that."""
        if record.is_superuser:
            return _("Superuser")
        role = role_of(record)
        return str(role.label) if role else _("None")

    @display(description=gettext_lazy("accounts"))
    def accounts_shown(self, record: User) -> str | SafeString:
        """All of them, or which."""
        profile = getattr(record, "staff_profile", None)
        if record.is_superuser or profile is None or not profile.limited:
            return _("all")
        grants = list(record.account_grants.all())  # type: ignore[attr-defined]
        if not grants:
            return looks.badge(_("none"), "warning", _("Limited, and no account was granted."))
        named = ", ".join(str(grant.account) for grant in grants[:MOST_NAMED])
        more = len(grants) - MOST_NAMED
        return named if more <= 0 else named + " " + ngettext("and %d more", "and %d more", more) % more

    @display(description=gettext_lazy("granted"))
    def grants_shown(self, record: User) -> SafeString:
        """Each account with who granted it, when and why."""
        grants = record.account_grants.all()  # type: ignore[attr-defined]
        rows = ((str(g.account), g.granted_by_name, looks.moment(g.granted_at), g.why) for g in grants)
        items = format_html_join("", "<li>{} <span class='du-quiet'>{} {} {}</span></li>", rows)
        return format_html('<ul class="du-belongs">{}</ul>', items) if items else looks.NOTHING

    @display(description=gettext_lazy("sign-in"))
    def sign_in_shown(self, record: User) -> SafeString:
        """Whether they may sign in."""
        if record.is_active and record.is_staff:
            return looks.badge(_("May sign in"), "good")
        return looks.badge(_("Switched off"), "idle")

    @display(description=gettext_lazy("second factor"))
    def factor_shown(self, record: User) -> SafeString | str:
        """Which they have; that one is missing where it is required."""
        factors = _factors(record)
        if factors:
            return looks.badge(", ".join(sorted({str(one.get_type_display()) for one in factors})), "good")
        return looks.badge(_("missing"), "warning") if self._requires(record) else looks.NOTHING

    def _requires(self, record: User) -> bool:
        return second_factor.is_required_of(record, record.required_of)  # type: ignore[attr-defined]

    @display(description=gettext_lazy("last sign-in"), ordering="last_login")
    def last_sign_in(self, record: User) -> SafeString:
        """When."""
        return looks.moment(record.last_login)

    @display(description=gettext_lazy("signed in"))
    def open_sessions(self, record: User) -> SafeString:
        """Where they are signed in now."""
        rows = [shown(session) for session in sessions.sessions_of(record)[:20]]
        return render_to_string("admin/durar/sessions.html", {"sessions": rows})
