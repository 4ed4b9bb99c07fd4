"""What ends by its time: nobody does anything at that moment, so open pages are told by the sweep."""

from __future__ import annotations

from datetime import datetime

from django.db import transaction
from django.db.models import Q
from django.utils import timezone

from mattermost_bridge.live import messages as live
from mattermost_bridge.models import AccessEntry, AccessGroupMember, Tick

TICK = "ends"


def tell_ended(now: datetime | None = None) -> int:
    """Tell open pages of entries of lists and members of access groups whose time ended since the last look; how many.

    The last look is kept, so what ended while no scheduler ran is told by the first one that does.
    """
    now = now or timezone.now()
    with transaction.atomic():
        tick, is_first = Tick.objects.select_for_update().get_or_create(name=TICK, defaults={"at": now})
        if is_first or now <= tick.at:
            return 0
        ended = Q(expires_at__gt=tick.at, expires_at__lte=now)
        entries = list(AccessEntry.objects.filter(ended).values_list("account_id", "pk"))
        members = AccessGroupMember.objects.filter(ended).count()
        for account_pk, entry_pk in entries:
            live.changed(account_pk, "access", [entry_pk])
        if members:
            live.changed(None, "access")
        Tick.objects.filter(pk=TICK).update(at=now)
    return len(entries) + members
