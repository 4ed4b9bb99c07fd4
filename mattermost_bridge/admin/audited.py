"""For records that Django saves by itself: what was done is told to the audit log instead of Django's own."""

from __future__ import annotations

from typing import Any

from django.contrib.auth.models import Group, User
from django.http import HttpRequest

from mattermost_bridge.services import audit, people
from mattermost_bridge.services.audit import Actor
from mattermost_bridge.services.fields import differences
from mattermost_bridge.services.roles import GROUPS

FIELDS: dict[type, tuple[str, ...]] = {
    User: ("username", "first_name", "last_name", "email", "is_active", "is_staff", "is_superuser"),
    Group: ("name",),
}


class AuditedMixin:
    """Writes a row for each addition, change and removal: who, what, before and after. A password is "changed"."""

    def note_before(self, request: HttpRequest, obj: Any) -> None:
        """To be called before a record is saved: what it says until then."""
        request.before_saving = _described(type(obj), obj.pk)  # type: ignore[attr-defined]

    def save_model(self, request: HttpRequest, obj: Any, form: Any, change: Any) -> None:
        """Django saves it."""
        self.note_before(request, obj)
        super().save_model(request, obj, form, change)  # type: ignore[misc]

    def log_addition(self, request: HttpRequest, obj: Any, message: Any) -> None:
        """Somebody was added."""
        self._record(request, obj, "create", f"The {obj._meta.verbose_name} {obj} was added.", {})

    def log_change(self, request: HttpRequest, obj: Any, message: Any) -> None:
        """Something was changed."""
        before = getattr(request, "before_saving", {})
        details = differences(before, _described(type(obj), obj.pk)) if before else {}
        # The form that sets a password changes nothing else, and is not saved by `save_model`.
        if not before:
            details["password"] = "changed"  # noqa: S105 - that it changed, not what it is
        if details:
            named = ", ".join(sorted(details))
            self._record(request, obj, "update", f"The {obj._meta.verbose_name} {obj} was changed: {named}.", details)

    def log_deletions(self, request: HttpRequest, queryset: Any) -> None:
        """Somebody was removed, with what they could do until then."""
        for obj in queryset:
            lost = _described(type(obj), obj.pk) | (people.described(obj) if isinstance(obj, User) else {})
            details = {
                name: ", ".join(value) if isinstance(value, list) else value
                for name, value in lost.items()
                if value not in ("", False, [])
            }
            self._record(request, obj, "delete", f"The {obj._meta.verbose_name} {obj} was removed.", details)

    def _record(self, request: HttpRequest, obj: Any, verb: str, summary: str, details: dict[str, Any]) -> None:
        audit.record(
            actor=Actor.of(request.user),  # type: ignore[arg-type]
            verb=f"{obj._meta.model_name}.{verb}",
            summary=summary,
            target=obj,
            details=details,
        )


def _described(model: Any, pk: Any) -> dict[str, Any]:
    """A user or a group as the audit log shows it. A role has a row of its own, so its group is left out."""
    record = model.objects.filter(pk=pk).first()
    if record is None:
        return {}
    values = {name: getattr(record, name) for name in FIELDS[model]}
    if isinstance(record, User):
        values["groups"] = sorted(record.groups.exclude(name__in=GROUPS).values_list("name", flat=True))
        values["permissions"] = sorted(record.user_permissions.values_list("codename", flat=True))
    else:
        values["permissions"] = sorted(record.permissions.values_list("codename", flat=True))
    return values
