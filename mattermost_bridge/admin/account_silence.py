"""Why an account kept silent in the last 24 hours, on its page; and where one cause explains all of it, what to do."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from typing import Any

from django.http import HttpRequest
from django.utils import timezone
from django.utils.translation import gettext as _

from mattermost_bridge.admin import looks, trail
from mattermost_bridge.admin.charts import reasons_chart
from mattermost_bridge.admin.figures import reasons_for
from mattermost_bridge.admin.trail_places import Places, Step
from mattermost_bridge.models import Account, InboundEvent
from mattermost_bridge.rules.reasons import REASONS, Reason
from mattermost_bridge.rules.silence import is_silence, one_cause
from mattermost_bridge.services import rights

DAY = timedelta(hours=24)


def silence(request: HttpRequest, account: Account) -> dict[str, Any]:
    """The account's reasons as a chart, `silence`, and its `one_cause`, if it has one; nothing for those who may not
    see events."""
    if not rights.may(request.user, "view_inboundevent"):
        return {}
    counts = reasons_for(request.user, account.pk)
    silent = Counter({code: count for code, count in counts.items() if code in REASONS and is_silence(REASONS[code])})
    nobody = _("In the last 24 hours nobody was left without an answer.")
    found: dict[str, Any] = {
        "silence": reasons_chart(silent, _("Why the bot kept silent, 24 hours"), nobody, account.pk)
    }
    if (cause := one_cause(counts)) is not None:
        found["one_cause"] = _one_cause(request, account, cause)
    return found


def _one_cause(request: HttpRequest, account: Account, cause: Reason) -> dict[str, Any]:
    since = timezone.now() - DAY
    mine = InboundEvent.objects.filter(account=account, reason=cause, received_at__gte=since)
    # The ways are those of the last message; none is for its person alone, since this is about everybody.
    last = mine.order_by("-pk").only("trail").first()
    steps = trail.remedies(cause, last.trail if last else (), Places(request.user, account))
    messages = looks.list_of(InboundEvent, f"account={account.pk}&reason={cause}&since=24h")
    return {
        "title": _("Nobody was answered in the last 24 hours, all for one reason: %s") % _(cause.label),
        "sentence": _(cause.sentence),
        "remedy": _(cause.remedy),
        "steps": [*steps, Step(messages, _("See the messages"))],
    }
