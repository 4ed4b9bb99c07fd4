"""The sweep: every two seconds it looks for what nobody works on and hints it. The broker may lose anything."""

from __future__ import annotations

from datetime import timedelta

from django.conf import settings
from django.db import IntegrityError, transaction
from django.db.models import F, Model, Q, QuerySet
from django.db.models.functions import Now

from mattermost_bridge.config.effective import settings_for
from mattermost_bridge.models import Conversation, Delivery, DirectChannel, InboundEvent, Tick
from mattermost_bridge.models.states import EventOutcome, EventState
from mattermost_bridge.rules.reasons import Reason
from mattermost_bridge.services import decisions, direct_channels, ends, hints, inbox, marks, outbox, turns

EVERY = 2.0
#: What came in a moment ago has its own hint under way.
YOUNG = timedelta(seconds=3)
MOST_HINTS = 500


def claim_tick(name: str, every: float) -> bool:
    """Whether this caller does the periodic work `name` now; of two schedulers one gets it."""
    with transaction.atomic():
        if Tick.objects.filter(pk=name, at__lt=Now() - timedelta(seconds=every * 0.75)).update(at=Now()):
            return True
        if Tick.objects.filter(pk=name).exists():
            return False
    try:
        with transaction.atomic():
            Tick.objects.create(name=name, at=Now())
    except IntegrityError:
        return False
    return True


def sweep() -> int:
    """Hint what waits and nobody works on; returns how many hints were given. No row is hinted twice in 30 s.

    Open pages are told what has ended by its time."""
    if not claim_tick("sweep", EVERY):
        return 0
    ends.tell_ended()
    given = 0
    for pk in _to_hint(_undecided()):
        hints.task_after_commit(inbox.PROCESS, pk)
        given += 1
    for account_pk, channel_id in _untyped_channels():
        hints.task_after_commit(decisions.LOOK_UP, account_pk, channel_id)
        given += 1
    given += _agents_found()
    for pk in _to_hint(idle_conversations()):
        turns.hint(pk)
        given += 1
    for pk in _to_hint(_idle_direct_channels(), or_when=Q(next_attempt_at__gt=F("hinted_at"))):
        hints.task_after_commit(direct_channels.RESOLVE, pk)
        given += 1
    for account_pk in _accounts_with_due_deliveries():
        hints.task_after_commit(outbox.DRAIN, account_pk)
        given += 1
    for pk in Delivery.objects.exclude(double_post_ids="").filter(_not_hinted()).values_list("pk", flat=True)[:50]:
        Delivery.objects.filter(pk=pk).update(hinted_at=Now())
        hints.task_after_commit(marks.REMOVE_DOUBLE, pk)
        given += 1
    return given


def _not_hinted() -> Q:
    again = timedelta(seconds=settings.TIMES["sweep_hint_again"])
    return Q(hinted_at=None) | Q(hinted_at__lt=Now() - again)


def _to_hint(rows: QuerySet, or_when: Q | None = None) -> list[int]:
    """The ids of rows that were not hinted lately, or for which `or_when` holds; they are marked as hinted."""
    when = _not_hinted() if or_when is None else _not_hinted() | or_when
    pks = list(rows.filter(when).order_by("pk").values_list("pk", flat=True)[:MOST_HINTS])
    model: type[Model] = rows.model
    if pks:
        model._default_manager.filter(pk__in=pks).update(hinted_at=Now())
    return pks


def _undecided() -> QuerySet[InboundEvent]:
    return InboundEvent.objects.filter(state=EventState.NEW, received_at__lt=Now() - YOUNG).filter(
        Q(next_attempt_at=None) | Q(next_attempt_at__lte=Now())
    )


def _untyped_channels() -> list[tuple[int, str]]:
    waiting = InboundEvent.objects.filter(state=EventState.WAITING, reason=Reason.CHANNEL_TYPE_UNKNOWN)
    pks = _to_hint(waiting)
    return list(InboundEvent.objects.filter(pk__in=pks).order_by().values_list("account_id", "channel_id").distinct())


def _agents_found() -> int:
    waiting = InboundEvent.objects.filter(
        state=EventState.WAITING, outcome=EventOutcome.ADMITTED, reason=Reason.NO_AGENT
    )
    accounts = waiting.order_by().values_list("account_id", flat=True).distinct()
    return sum(decisions.agent_available(pk) for pk in accounts if settings_for(pk).agent_pk is not None)


def to_answer() -> QuerySet[InboundEvent]:
    """Events whose answer is due."""
    return InboundEvent.objects.filter(
        Q(wait_until=None) | Q(wait_until__lte=Now()),
        state=EventState.DECIDED,
        outcome=EventOutcome.ADMITTED,
        decided_at__lt=Now() - YOUNG,
    )


def idle_conversations() -> QuerySet[Conversation]:
    """Conversations with something to answer that no worker holds."""
    return Conversation.objects.filter(pk__in=to_answer().values("conversation")).filter(
        Q(lease_until=None) | Q(lease_until__lt=Now())
    )


def _idle_direct_channels() -> QuerySet[DirectChannel]:
    """Direct channels that are to be opened and nobody tries: their time has come, or their worker died."""
    return direct_channels.due().filter(started_at__lt=Now() - YOUNG)


def _accounts_with_due_deliveries() -> list[int]:
    """Accounts whose outbox has something due and may send; each row is hinted at most every 30 s."""
    rows = (
        outbox.due()
        .filter(created_at__lt=Now() - YOUNG, account__outbox_state__parked_since=None)
        .filter(Q(account__outbox_state__next_probe_at=None) | Q(account__outbox_state__next_probe_at__lte=Now()))
        # A retry that has come due since it was hinted is hinted again.
        .filter(_not_hinted() | Q(next_attempt_at__gt=F("hinted_at")))
        .order_by("pk")[:MOST_HINTS]
    )
    found = list(rows.values_list("pk", "account_id"))
    if found:
        Delivery.objects.filter(pk__in=[pk for pk, _ in found]).update(hinted_at=Now())
    return sorted({account_pk for _, account_pk in found})
