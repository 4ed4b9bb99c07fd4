"""What a signed-in person may see. Panel, sockets and exports all ask here."""

from __future__ import annotations

from django.contrib.auth.models import User
from django.db.models import QuerySet

from mattermost_bridge.models import Account


def accounts_visible_to(user: User) -> QuerySet[Account]:
    """The accounts whose records the person may see, as far as their other rights go; archived ones included."""
    if not user.is_active or not user.is_staff:
        return Account.objects.none()
    return Account.objects.all()
