"""What everything that an operator puts on a list has in common: by whom, when, why, and for people until when."""

from __future__ import annotations

from django.conf import settings
from django.db import models
from django.utils.translation import gettext_lazy as _


class Listed(models.Model):
    """Put there by somebody, for a reason."""

    added_by = models.ForeignKey(
        settings.AUTH_USER_MODEL, null=True, blank=True, on_delete=models.SET_NULL, related_name="+", editable=False
    )
    added_at = models.DateTimeField(auto_now_add=True)
    note = models.CharField(_("why"), max_length=200, blank=True)

    class Meta:
        abstract = True


class ListedPerson(Listed):
    """Somebody who is stored by id and shown by name, for good or until a moment."""

    username = models.CharField(_("username"), max_length=64, blank=True)
    expires_at = models.DateTimeField(_("until"), null=True, blank=True, db_index=True)

    class Meta:
        abstract = True
