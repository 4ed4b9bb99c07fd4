"""The last 24 hours of connections, as strips: drawn, and said in words for those who do not see them."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import groupby
from typing import Any

from django.db.models import Q
from django.template.defaultfilters import date as date_words
from django.template.loader import render_to_string
from django.utils import timezone
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from mattermost_bridge.admin import looks
from mattermost_bridge.admin.standing import standing_of
from mattermost_bridge.models import Account, ConnectionChange
from mattermost_bridge.models.states import ConnectionCondition
from mattermost_bridge.rules.strips import PHASES, Change, Condition, Segment, segments, slots, totals

DAY = timedelta(hours=24)
#: A quarter of an hour each.
SLOTS = 96
#: More changes than this in a day are those of connections that never hold; the oldest are left out.
MOST_CHANGES = 5000


def strips(accounts: Sequence[Account], now: datetime | None = None) -> dict[int, SafeString]:
    """Each account's strip by key, in one query. The accounts have to be fetched with their `listener_lease`."""
    end = now or timezone.now()
    changes = _changes([account.pk for account in accounts], end - DAY)
    return {account.pk: _strip(account, changes[account.pk], end) for account in accounts}


def _changes(account_pks: list[int], begin: datetime) -> dict[int, list[Change]]:
    rows = ConnectionChange.objects.filter(account__in=account_pks, at__gte=begin).exclude(_says_nothing_new())
    found: defaultdict[int, list[Change]] = defaultdict(list)
    newest = rows.order_by("-id").values_list("account_id", "at", "old", "new")[:MOST_CHANGES]
    for account_pk, at, old, new in newest:
        found[account_pk].append(Change(at, old, new))
    return found


def _says_nothing_new() -> Q:
    """Changes between phases that are read as one condition: tries to reconnect, for one, make hundreds of them."""
    same = Q(pk__in=[])
    for phases in PHASES.values():
        same |= Q(old__in=phases, new__in=phases)
    return same


def _strip(account: Account, changes: list[Change], end: datetime) -> SafeString:
    standing = standing_of(account, end)
    lease = getattr(account, "listener_lease", None)
    parts = segments(
        changes,
        begin=end - DAY,
        end=end,
        phase_now=lease.phase if standing.lost_at and lease else standing.phase.value,
        known_from=account.created_at,
        lost_at=standing.lost_at,
    )
    context = {"words": in_words(parts), "rows": _bars(parts), "slots": SLOTS}
    return render_to_string("admin/durar/strip.html", context)


def _bars(parts: Sequence[Segment]) -> list[dict[str, Any]]:
    """Equal slots that stand side by side as one bar. What is connected stands low, so that the shape tells, too."""
    bars, start = [], 0
    for condition, run in groupby(slots(parts, SLOTS)):
        width = len(list(run))
        high = condition in (Condition.AWAY, Condition.REFUSED)
        tone = ConnectionCondition(condition.value).tone
        bars.append({"x": start, "width": width, "y": 0 if high else 8, "height": 20 if high else 12, "tone": tone})
        start += width
    return bars


def in_words(parts: Sequence[Segment]) -> str:
    """A strip as a sentence: what held how long, how often, and when it last did not hold."""
    said = []
    for condition, (length, pieces) in totals(parts).items():
        words = {"what": ConnectionCondition(condition.value).label, "time": looks.length(length.total_seconds())}
        if condition in (Condition.AWAY, Condition.REFUSED) and pieces > 1:
            words["count"] = ngettext("%d time", "%d times", pieces) % pieces
            said.append(_("%(what)s %(time)s (%(count)s)") % words)
        else:
            said.append(_("%(what)s %(time)s") % words)
    trouble = [part for part in parts if part.condition in (Condition.AWAY, Condition.REFUSED)]
    last = ""
    if trouble and len(parts) > 1:
        begin, end = (date_words(timezone.localtime(at), "H:i") for at in (trouble[-1].begin, trouble[-1].end))
        last = " " + _("Last: %(begin)s to %(end)s.") % {"begin": begin, "end": end}
    return _("Last 24 hours: %s.") % ", ".join(said) + last
