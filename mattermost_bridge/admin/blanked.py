"""Bodies that were blanked: what stands where a text was, so that nobody takes it for an empty message."""

from __future__ import annotations

from datetime import datetime, timedelta

from django.utils.html import format_html
from django.utils.safestring import SafeString
from django.utils.translation import gettext as _
from django.utils.translation import ngettext

from mattermost_bridge.admin import looks
from mattermost_bridge.models import InboundEvent
from mattermost_bridge.models.states import EventOutcome
from mattermost_bridge.services.retention import UNADMITTED


def body(text: str, since: datetime, blanked_at: datetime | None, words: str = "") -> SafeString:
    """A text as it was written; of a blanked one, since when it was kept and how long."""
    return looks.block(text) if blanked_at is None else _note(words or after(since, blanked_at))


def passage(text: str, since: datetime, blanked_at: datetime | None, words: str = "") -> SafeString:
    """The beginning of a text for a list; of a blanked one, that it was."""
    return looks.passage(text) if blanked_at is None else _note(words or after(since, blanked_at))


def of_event(event: InboundEvent) -> str:
    """Why a blanked event has no text any more; "" for one that has it."""
    if event.blanked_at is None:
        return ""
    if event.outcome != EventOutcome.ADMITTED and event.blanked_at - event.received_at < UNADMITTED:
        return _("Blanked once it had served as context")
    return after(event.received_at, event.blanked_at)


def after(since: datetime, blanked_at: datetime) -> str:
    """After how many days or hours a text was blanked."""
    kept = blanked_at - since
    if kept < timedelta(days=2):
        hours = max(1, round(kept.total_seconds() / 3600))
        return ngettext("Blanked after %d hour", "Blanked after %d hours", hours) % hours
    return ngettext("Blanked after %d day", "Blanked after %d days", kept.days) % kept.days


def _note(words: str) -> SafeString:
    return format_html('<span class="du-quiet">{}</span>', words)
