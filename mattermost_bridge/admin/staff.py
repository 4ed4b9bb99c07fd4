"""Those who sign in to the panel: users, groups, and what the sign-in guard noted."""

from __future__ import annotations

from typing import Any

from axes.admin import AccessAttemptAdmin, AccessFailureLogAdmin, AccessLogAdmin
from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.admin import UserAdmin as DjangoUserAdmin
from django.contrib.auth.models import Group, User
from django.http import HttpRequest
from unfold.admin import ModelAdmin
from unfold.forms import AdminPasswordChangeForm, UserChangeForm, UserCreationForm

from mattermost_bridge.admin.base import BoundedPaginator
from mattermost_bridge.services import audit
from mattermost_bridge.services.audit import Actor

# Django and axes registered theirs on its own ModelAdmin, which does not know the panel's looks.
for _model in (User, Group, AccessAttempt, AccessLog, AccessFailureLog):
    if admin.site.is_registered(_model):
        admin.site.unregister(_model)


class AuditedMixin:
    """Django saves these records by itself; what was done is told to the audit log instead of Django's own."""

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> None:
        """Somebody was added."""
        self._record(request, obj, "create", f"The {obj._meta.verbose_name} {obj} was added.", [])

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> None:
        """Something was changed; which fields, never their values (one is a password)."""
        changed = [name for part in message if "changed" in part for name in part["changed"].get("fields", [])]
        if message and not changed:
            return
        what = f": {', '.join(changed)}" if changed else ""
        self._record(request, obj, "update", f"The {obj._meta.verbose_name} {obj} was changed{what}.", changed)

    def log_deletions(self, request: HttpRequest, queryset: Any) -> None:
        """Somebody was removed."""
        for obj in queryset:
            self._record(request, obj, "delete", f"The {obj._meta.verbose_name} {obj} was removed.", [])

    def _record(self, request: HttpRequest, obj: Any, verb: str, summary: str, changed: list[str]) -> None:
        audit.record(
            actor=Actor.of(request.user),  # type: ignore[arg-type]
            verb=f"{obj._meta.model_name}.{verb}",
            summary=summary,
            target=obj,
            details={"fields": changed} if changed else {},
        )


@admin.register(User)
class UserAdmin(AuditedMixin, DjangoUserAdmin, ModelAdmin):  # type: ignore[misc]
    """Those who may sign in."""

    form = UserChangeForm
    add_form = UserCreationForm
    change_password_form = AdminPasswordChangeForm
    list_display = (
        "username",
        "email",
        "is_active",
        "is_staff",
        "is_superuser",
        "last_login",
    )
    list_filter = ("is_active", "is_staff", "is_superuser")


@admin.register(Group)
class GroupAdmin(AuditedMixin, DjangoGroupAdmin, ModelAdmin):  # type: ignore[misc]
    """What groups of people may do."""


class _SignInLog:
    """Read only, and bounded: somebody who guesses passwords makes many rows."""

    date_hierarchy = None
    show_full_result_count = False
    paginator = BoundedPaginator
    list_per_page = 50
    actions: tuple[str, ...] = ()

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The guard keeps these rows."""
        return False


@admin.register(AccessAttempt)
class SignInAttemptAdmin(_SignInLog, AccessAttemptAdmin, ModelAdmin):
    """Failed sign-ins that count; removing a row lets its person try again at once."""

    list_filter = ()
    list_display = ("attempt_time", "username", "ip_address", "failures_since_start", "status")
    fieldsets = ((None, {"fields": ("username", "ip_address", "user_agent", "failures_since_start", "attempt_time")}),)


@admin.register(AccessLog)
class SignInAdmin(_SignInLog, AccessLogAdmin, ModelAdmin):
    """Sign-ins that went well."""

    list_filter = ()
    list_display = ("attempt_time", "username", "ip_address", "logout_time")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A log is not shortened by hand."""
        return False


@admin.register(AccessFailureLog)
class SignInFailureAdmin(_SignInLog, AccessFailureLogAdmin, ModelAdmin):
    """Failed sign-ins."""

    list_filter = ("locked_out",)
    list_display = ("attempt_time", "username", "ip_address", "locked_out")

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """A log is not shortened by hand."""
        return False
