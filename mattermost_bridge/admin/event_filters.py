"""Filters of the events: why was somebody not answered?"""

from __future__ import annotations

from typing import Any

from django.db.models import Q
from django.http import HttpRequest
from django.utils.translation import gettext as _
from django.utils.translation import gettext_lazy

from mattermost_bridge.admin.figures import reasons_for
from mattermost_bridge.admin.filters import QuestionFilter
from mattermost_bridge.models.states import EventKind, EventOutcome, EventState
from mattermost_bridge.rules.reasons import REASONS


class SilenceFilter(QuestionFilter):
    """Why did the bot not answer?"""

    title = gettext_lazy("question")
    parameter_name = "question"
    quick = True

    def questions(self) -> dict[str, tuple[Any, Q]]:
        """Each is something that operators are asked."""
        silent = Q(outcome__in=[EventOutcome.REFUSED, EventOutcome.CHALLENGED]) | Q(state=EventState.FAILED)
        return {
            "silent": (gettext_lazy("Why was somebody not answered?"), silent | Q(state=EventState.WAITING)),
            "waiting": (
                gettext_lazy("What waits?"),
                Q(state__in=[EventState.WAITING, EventState.NEW, EventState.HELD]),
            ),
            "failed": (gettext_lazy("What failed?"), Q(state=EventState.FAILED)),
            "unanswered": (
                gettext_lazy("What was admitted and has no answer yet?"),
                Q(state=EventState.DECIDED, outcome=EventOutcome.ADMITTED),
            ),
        }


class OutcomeFilter(QuestionFilter):
    """By what was decided."""

    title = gettext_lazy("outcome")
    parameter_name = "outcome"

    def questions(self) -> dict[str, tuple[Any, Q]]:
        """Every outcome."""
        decided = {member.value: (member.label, Q(outcome=member)) for member in EventOutcome if member.value}
        return {"undecided": (EventOutcome.NONE.label, Q(outcome="")), **decided}


class StateFilter(QuestionFilter):
    """By where it stands."""

    title = gettext_lazy("state")
    parameter_name = "state"

    def questions(self) -> dict[str, tuple[Any, Q]]:
        """Every state."""
        return {member.value: (member.label, Q(state=member)) for member in EventState}


class ReasonFilter(QuestionFilter):
    """By reason, those that were met most often in the last 24 hours first, each with how often."""

    title = gettext_lazy("reason, with the number of the last 24 hours")
    parameter_name = "reason"

    def questions(self) -> dict[str, tuple[Any, Q]]:
        """Every reason by its label."""
        return {code: (_(reason.label), Q(reason=code)) for code, reason in REASONS.items()}

    def lookups(self, request: HttpRequest, model_admin: Any) -> list[tuple[str, Any]]:
        """The reasons with their counts, which are those of the account that is chosen, if one is."""
        account = request.GET.get("account", "")
        counts = reasons_for(request.user, int(account) if account.isdecimal() else None)
        labels = super().lookups(request, model_admin)
        often = sorted(labels, key=lambda each: -counts[each[0]])
        return [(code, f"{label} ({counts[code]})" if counts[code] else label) for code, label in often]


class KindFilter(QuestionFilter):
    """By kind."""

    title = gettext_lazy("kind")
    parameter_name = "kind"

    def questions(self) -> dict[str, tuple[Any, Q]]:
        """Every kind."""
        return {member.value: (member.label, Q(kind=member)) for member in EventKind}
