"""Entries that end: how that is shown, and how they are found."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from django.db.models import Q
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from mattermost_bridge.admin import looks
from mattermost_bridge.admin.filters import QuestionFilter


class EndFilter(QuestionFilter):
    """Which entries end, or have ended."""

    title = gettext_lazy("until")
    parameter_name = "until"

    def questions(self) -> dict[str, tuple[Any, Q]]:
        """An entry that has ended admits nobody and stays on the list until it is removed."""
        now = timezone.now()
        return {
            "holds": (gettext_lazy("Holds now"), Q(expires_at=None) | Q(expires_at__gt=now)),
            "ends": (gettext_lazy("Holds, with an end"), Q(expires_at__gt=now)),
            "ended": (gettext_lazy("Has ended"), Q(expires_at__lte=now)),
        }


def until(end: datetime | None) -> SafeString | str:
    """The end of an entry; one that has ended admits nobody."""
    if end is None:
        return _("no end")
    if end <= timezone.now():
        return looks.badge(_("Ended"), "idle", end.isoformat(" ", "minutes"))
    return looks.moment(end)


def holds(end: datetime | None) -> SafeString:
    """Whether an entry holds now."""
    ended = end is not None and end <= timezone.now()
    return looks.badge(_("Ended"), "idle") if ended else looks.badge(_("Holds"), "good")
