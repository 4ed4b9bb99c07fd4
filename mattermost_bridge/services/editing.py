"""Nobody overwrites what somebody else changed meanwhile: forms come back with what they had shown."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any

from django.db.models import Model, QuerySet

from mattermost_bridge.models import AuditEntry
from mattermost_bridge.rules.editing import Difference, differences
from mattermost_bridge.services.errors import NotFound, Refused

#: So many changes of others are told.
MOST = 3


class ChangedMeanwhile(Refused):
    """Somebody else changed values that the form still shows as they were. `differences` names them."""

    def __init__(self, text: str, found: tuple[Difference, ...]) -> None:
        super().__init__(text)
        self.differences = found


def refuse_if_changed(
    rows: QuerySet[Any],
    pk: int,
    values_of: Callable[[Any], Mapping[str, str]],
    *,
    shown: Mapping[str, str],
    mine: Mapping[str, str],
    since: datetime,
) -> None:
    """Raise ChangedMeanwhile when the record's values are not those that a form had `shown`, but for such as the form
    changed to the same. The record stays locked until the transaction ends, so nobody changes it in between.

    `values_of` reads the record's values as the form writes them, `mine` is what the form sent back, `since` when it
    was shown. Raises NotFound.
    """
    record = rows.select_for_update(of=("self",), no_key=True).filter(pk=pk).first()
    if record is None:
        raise NotFound("This record does not exist any more. Reload the page.")
    found = differences(shown, mine, values_of(record))
    if any(one.mine != one.now for one in found):
        raise ChangedMeanwhile(f"{_told(record, since)} Nothing of yours was saved yet.", found)


def _told(record: Model, since: datetime) -> str:
    """Who changed what since then, in sentences."""
    entries = AuditEntry.objects.filter(
        target_kind=str(record._meta.model_name), target_id=str(record.pk), at__gte=since
    ).order_by("-id")[:MOST]
    told = [f"{entry.actor_name} ({entry.at:%H:%M} UTC): {entry.summary}" for entry in reversed(entries)]
    return " ".join(["Somebody else changed this while you were editing.", *told])
