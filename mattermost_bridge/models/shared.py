"""What all processes of a deployment have to know of each other for a moment, as how often a code was guessed."""

from __future__ import annotations

from django.db import models


class SharedValue(models.Model):
    """A value of the cache `shared`, as JSON, until its time is over."""

    key = models.CharField(max_length=255, primary_key=True)
    value = models.JSONField()
    expires_at = models.DateTimeField(null=True, db_index=True)

    def __str__(self) -> str:
        return self.key
