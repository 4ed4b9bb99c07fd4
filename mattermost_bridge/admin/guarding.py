"""What `services.rights` says, for every ModelAdmin of the panel: which rows there are, and what may be done."""

from __future__ import annotations

from typing import Any

from django.db.models import QuerySet
from django.http import Http404, HttpRequest

from mattermost_bridge.services import rights


class GuardedMixin:
    """Goes before a ModelAdmin's other bases. A record that somebody must not see is one that does not exist."""

    def get_queryset(self, request: HttpRequest) -> QuerySet:
        """The rows that the person may see: lists, pages, counts, searches and actions begin here."""
        return rights.visible_to(request.user, super().get_queryset(request))  # type: ignore[misc]

    def has_view_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the person may look at records, or at this one."""
        return self._may(request, "view", obj) or self._may(request, "change", obj)

    def has_add_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the person may add records."""
        return self._may(request, "add", None)

    def has_change_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the person may change records, or this one."""
        return self._may(request, "change", obj)

    def has_delete_permission(self, request: HttpRequest, obj: Any = None) -> bool:
        """Whether the person may remove records, or this one."""
        return self._may(request, "delete", obj)

    def _may(self, request: HttpRequest, action: str, obj: Any) -> bool:
        meta = self.opts  # type: ignore[attr-defined]
        return rights.may(request.user, f"{meta.app_label}.{action}_{meta.model_name}", obj)

    def formfield_for_foreignkey(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """A choice among records that the person may see."""
        return _narrowed(super().formfield_for_foreignkey(db_field, request, **kwargs), request)  # type: ignore[misc]

    def formfield_for_manytomany(self, db_field: Any, request: HttpRequest, **kwargs: Any) -> Any:
        """A choice among records that the person may see."""
        return _narrowed(super().formfield_for_manytomany(db_field, request, **kwargs), request)  # type: ignore[misc]

    def _get_obj_does_not_exist_redirect(self, request: HttpRequest, opts: Any, object_id: str) -> Any:
        # Django would go to the first page and say there that the record was perhaps deleted.
        raise Http404


def _narrowed(field: Any, request: HttpRequest) -> Any:
    if field is not None:
        field.queryset = rights.visible_to(request.user, field.queryset)
    return field
