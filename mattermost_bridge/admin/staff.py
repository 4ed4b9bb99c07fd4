"""Groups of those who sign in, and what the sign-in guard noted."""

from __future__ import annotations

from typing import Any

import allauth.account.admin
import allauth.mfa.admin  # noqa: F401 - both register before they are taken away
from allauth.account.models import EmailAddress
from allauth.mfa.models import Authenticator
from axes.admin import AccessAttemptAdmin, AccessFailureLogAdmin, AccessLogAdmin
from axes.models import AccessAttempt, AccessFailureLog, AccessLog
from django.conf import settings
from django.contrib import admin
from django.contrib.auth.admin import GroupAdmin as DjangoGroupAdmin
from django.contrib.auth.models import Group
from django.http import HttpRequest
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy, ngettext_lazy
from unfold.decorators import display

from mattermost_bridge.admin import looks
from mattermost_bridge.admin.audited import AuditedMixin
from mattermost_bridge.admin.base import BridgeAdmin
from mattermost_bridge.admin.guarding import GuardedMixin
from mattermost_bridge.admin.verbs import Verb
from mattermost_bridge.services import sign_in
from mattermost_bridge.services.roles import GROUPS

# Django registered its own, which does not know the panel's looks, and allauth records that the panel has no page for:
# they hold the seeds of second factors.
for _model in (Group, EmailAddress, Authenticator):
    admin.site.unregister(_model)


@admin.register(Group)
class GroupAdmin(AuditedMixin, DjangoGroupAdmin, BridgeAdmin):  # type: ignore[misc]
    """Rights beside the roles. The groups of the roles are made by Durar and changed by nobody."""

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Not those of the roles."""
        return super().has_change_permission(request, obj) and not _is_role(obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Not those of the roles."""
        return GuardedMixin.has_delete_permission(self, request, obj) and not _is_role(obj)

    def summary(self, request: HttpRequest, record: Group) -> dict[str, Any]:
        """What a role is for."""
        role = GROUPS.get(record.name)
        return {"title": role.label, "sentence": role.sentence} if role else {}


def _is_role(group: Group | None) -> bool:
    return group is not None and group.name in GROUPS


class _SignInLog(BridgeAdmin):
    """Read only, and bounded: somebody who guesses passwords makes many rows."""

    date_hierarchy = None
    actions: tuple[str, ...] = ()

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The guard makes these rows."""
        return False

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """The guard keeps these rows."""
        return False

    @display(description=gettext_lazy("when"))
    def when(self, record: Any) -> SafeString:
        """When."""
        return looks.moment(record.attempt_time)

    @display(description=gettext_lazy("signed out"))
    def until(self, record: Any) -> SafeString:
        """When they signed out; a session that just ended has no such time."""
        return looks.moment(record.logout_time)


def _is_locked_out(attempt: AccessAttempt) -> bool:
    return attempt.failures_since_start >= settings.AXES_FAILURE_LIMIT


VERBS = (
    Verb(
        "unlock",
        gettext_lazy("Unlock"),
        ngettext_lazy("%d unlocked: a new attempt counts from the beginning.", "%d unlocked."),
        lambda actor, pk: sign_in.unlock(pk, actor=actor),
        "axes.delete_accessattempt",
    ),
)


@admin.register(AccessAttempt)
class SignInAttemptAdmin(_SignInLog, AccessAttemptAdmin):
    """Wrong passwords that count; after too many, name and address are locked for a while."""

    verbs = VERBS
    list_filter = ()
    list_display = ("when", "username", "ip_address", "failures_since_start", "state_shown")
    fieldsets = ((None, {"fields": ("username", "ip_address", "user_agent", "failures_since_start", "when")}),)
    readonly_fields = ("username", "ip_address", "user_agent", "failures_since_start", "when")
    empty_title = gettext_lazy("Nobody has entered a wrong password lately")
    empty_text = gettext_lazy("Wrong passwords are counted by name and address; a right one forgets them.")

    @display(description=gettext_lazy("state"))
    def state_shown(self, record: AccessAttempt) -> SafeString:
        """Locked, or how many are left."""
        if _is_locked_out(record):
            return looks.badge(_("Locked"), "bad", sign_in.locked_out_words())
        left = settings.AXES_FAILURE_LIMIT - record.failures_since_start
        return looks.badge(_("%d attempts left") % left, "warning")


@admin.register(AccessLog)
class SignInAdmin(_SignInLog, AccessLogAdmin):
    """Sign-ins that went well."""

    list_filter = ()
    list_display = ("when", "username", "ip_address", "until")


@admin.register(AccessFailureLog)
class SignInFailureAdmin(_SignInLog, AccessFailureLogAdmin):
    """Failed sign-ins."""

    empty_title = gettext_lazy("No failed sign-ins were kept")
    empty_text = gettext_lazy("Wrong passwords of the last minutes are under access attempts.")
    list_filter = ("locked_out",)
    list_display = ("when", "username", "ip_address", "locked_out")
