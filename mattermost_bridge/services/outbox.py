"""The outbox: every post that is to be made is a row before it is sent, and goes out in the order of its lane.

A delivery is claimed by one worker, sent, and settled. This module makes rows and claims; `sending` does the attempts,
`lookup` finds out what an unclear attempt did, `marks` settles.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from itertools import zip_longest
from typing import Any

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import Exists, OuterRef, Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from mattermost_bridge.config.effective import AccountSettings, settings_for
from mattermost_bridge.live import messages as live
from mattermost_bridge.mattermost.text import clean
from mattermost_bridge.models import Delivery, DirectChannel, OutboxState, Turn
from mattermost_bridge.models.deliveries import new_mark
from mattermost_bridge.models.states import UNSETTLED, DeliveryKind, DeliveryState
from mattermost_bridge.rules.outgoing import Looks, posts_of
from mattermost_bridge.services import hints
from mattermost_bridge.services.files_out import PER_POST, Outgoing
from mattermost_bridge.services.keeping import holder

log = structlog.get_logger(__name__)

DRAIN = "durar.deliveries.drain"
MOST_IN_FLIGHT = 4


@dataclass(frozen=True, slots=True)
class Claimed:
    """A delivery that this process may send until its claim ends. `probes` when it tries out a server that was away.

    The row, and the account's settings, come along when the claiming had them at hand.
    """

    delivery_id: int
    account_pk: int
    probes: bool = False
    delivery: Delivery | None = field(default=None, compare=False, repr=False)
    account: AccountSettings | None = field(default=None, compare=False, repr=False)


def post(
    *,
    account_pk: int,
    channel_id: str,
    text: str,
    kind: str,
    root_id: str = "",
    recipient_id: str = "",
    turn: Turn | None = None,
    since_ms: int = 0,
    direct_channel: DirectChannel | None = None,
    files: Sequence[Outgoing] = (),
    by_agent: bool = False,
    props: dict[str, Any] | None = None,
    call: tuple[int, int] | None = None,
) -> list[Delivery]:
    """Put a text into the outbox, split into parts, inside the caller's transaction; it goes out after the commit.

    `since_ms` is a server time before which the post cannot have been made, as the create_at of what it answers;
    0 when there is none. With an empty `channel_id` it waits until `direct_channel` is open. `props`, as attachments
    with buttons, go with the last part, and may go without any text. `files` go with the first part, what a post cannot
    carry with further ones. With `by_agent` an agent wrote the text: then the account's prefix stands before it, and it
    notifies everybody only if the account allows that. `call` says which call of the turn's agent this carries out: the
    numbers of its round and of the call.
    """
    account = settings_for(account_pk)
    rows = _rows(
        account, channel_id, text, kind, root_id, recipient_id, turn, since_ms, files, by_agent=by_agent, props=props
    )
    for row in rows:
        row.direct_channel = direct_channel
        row.round, row.call = call or (None, None)
    Delivery.objects.bulk_create(rows)
    live.changed(account_pk, "delivery", [row.pk for row in rows])
    if rows and channel_id:
        hints.task_after_commit(DRAIN, account_pk)
    return rows


def post_claimed(
    *,
    account_pk: int,
    channel_id: str,
    text: str,
    kind: str,
    root_id: str = "",
    recipient_id: str = "",
    turn: Turn | None = None,
    since_ms: int = 0,
    account: AccountSettings | None = None,
) -> Claimed | None:
    """As `post`, but with the account's settings at hand the caller may get the first part claimed.

    It then sends that part by itself after the commit. That is so when the lane is free and the account may make one
    more call now.
    """
    known = account or settings_for(account_pk)
    rows = _rows(known, channel_id, text, kind, root_id, recipient_id, turn, since_ms)
    claims = bool(rows) and account is not None and _may_claim_at_once(account_pk, channel_id, root_id)
    if claims:
        first = rows[0]
        first.state, first.claimed_by, first.attempts = DeliveryState.SENDING, holder(), 1
        first.claim_until = timezone.now() + timedelta(seconds=settings.TIMES["delivery_claim"])
    Delivery.objects.bulk_create(rows)
    live.changed(account_pk, "delivery", [row.pk for row in rows])
    if claims:
        return Claimed(rows[0].pk, account_pk, delivery=rows[0], account=account)
    if rows:
        hints.task_after_commit(DRAIN, account_pk)
    return None


def _rows(
    account: AccountSettings,
    channel_id: str,
    text: str,
    kind: str,
    root_id: str,
    recipient_id: str,
    turn: Turn | None,
    since_ms: int,
    files: Sequence[Outgoing] = (),
    *,
    by_agent: bool = False,
    props: dict[str, Any] | None = None,
) -> list[Delivery]:
    parts = posts_of(clean(text.replace("\0", "")), _looks(account, kind, by_agent=by_agent))
    batches = [list(files[start : start + PER_POST]) for start in range(0, len(files), PER_POST)]
    # The text is the caption of the first files; what a post cannot carry follows it without one.
    contents = list(zip_longest(parts[:1], batches[:1], fillvalue=None))
    contents += [(part, None) for part in parts[1:]] + [(None, batch) for batch in batches[1:]]
    if props and not contents:
        contents = [("", None)]
    text_key = new_mark() if len(contents) > 1 else ""
    rows = [
        Delivery(
            account_id=account.pk,
            turn=turn,
            kind=kind,
            channel_id=channel_id,
            root_id=root_id,
            recipient_id=recipient_id,
            part=number,
            parts=len(contents),
            text_key=text_key,
            text=part or "",
            files=batch or [],
            since_ms=since_ms,
        )
        for number, (part, batch) in enumerate(contents, start=1)
    ]
    if props:
        rows[-1].props = props
    return rows


def _looks(account: AccountSettings, kind: str, *, by_agent: bool) -> Looks:
    """How a text of this kind looks: what Durar itself says (a pairing code, a note) is only split."""
    if kind not in (DeliveryKind.ANSWER, DeliveryKind.MESSAGE):
        return Looks(account.text_chunk_limit)
    by_agent = by_agent or kind == DeliveryKind.ANSWER
    return Looks(
        limit=account.text_chunk_limit,
        chunk_mode=account.chunk_mode,
        tables=account.markdown_tables,
        prefix=account.response_prefix if by_agent else "",
        mass_mentions=account.allow_mass_mentions or not by_agent,
    )


def _in_flight(account_pk: int) -> QuerySet[Delivery]:
    return Delivery.objects.filter(account=account_pk, state=DeliveryState.SENDING, claim_until__gt=Now())


def _may_claim_at_once(account_pk: int, channel_id: str, root_id: str) -> bool:
    """Whether the lane is free and the account may make one more call now. Locks the account's outbox."""
    state, made = OutboxState.objects.select_for_update().get_or_create(pk=account_pk)
    if made or state.parked_since is not None or state.paused_since is not None:
        return False
    lane = Delivery.objects.filter(account=account_pk, channel_id=channel_id, root_id=root_id, state__in=UNSETTLED)
    return not lane.exists() and _in_flight(account_pk).count() < MOST_IN_FLIGHT


def due(account_pk: int | None = None) -> QuerySet[Delivery]:
    """Deliveries that may be sent now: their time has come and every earlier one of their lane is settled.

    Those whose direct channel is not open yet have no lane and are never due.
    """
    earlier = Delivery.objects.filter(
        account=OuterRef("account"),
        channel_id=OuterRef("channel_id"),
        root_id=OuterRef("root_id"),
        state__in=UNSETTLED,
        pk__lt=OuterRef("pk"),
    )
    # The first condition says again what the second one implies: it is the one of the index.
    rows = (
        Delivery.objects.filter(state__in=UNSETTLED)
        .filter(
            Q(state=DeliveryState.QUEUED, next_attempt_at=None)
            | Q(state=DeliveryState.QUEUED, next_attempt_at__lte=Now())
            | Q(state=DeliveryState.SENDING, claim_until__lt=Now())
        )
        .filter(~Q(channel_id=""), ~Exists(earlier))
    )
    return rows if account_pk is None else rows.filter(account=account_pk)


def claim_next(account_pk: int) -> Claimed | None:
    """Claim the account's oldest due delivery; None when there is none, or the account may make no call now."""
    if not due(account_pk).exists():
        return None
    with transaction.atomic():
        state, _ = OutboxState.objects.select_for_update().get_or_create(pk=account_pk)
        flying = _in_flight(account_pk).count()
        if state.parked_since is not None or flying >= MOST_IN_FLIGHT:
            return None
        probes = state.paused_since is not None
        if probes and (flying or (state.next_probe_at and state.next_probe_at > timezone.now())):
            return None
        delivery = due(account_pk).order_by("pk").first()
        if delivery is None:
            return None
        # A claim that ran out leaves it open what its holder did: then one has to look first.
        delivery.unclear = delivery.unclear or delivery.state == DeliveryState.SENDING
        delivery.state, delivery.claimed_by = DeliveryState.SENDING, holder()
        delivery.claim_until = timezone.now() + timedelta(seconds=settings.TIMES["delivery_claim"])
        delivery.attempts += 1
        delivery.save(update_fields=["state", "claimed_by", "claim_until", "attempts", "unclear"])
        live.changed(account_pk, "delivery", [delivery.pk])
    return Claimed(delivery.pk, account_pk, probes, delivery)


def send_claimed(claimed: Claimed) -> None:
    """Send a claimed delivery and go on with what is due for its account."""
    from mattermost_bridge.services import sending

    sending.send(claimed)
    drain(claimed.account_pk)


def drain(account_pk: int, most: int = 200) -> int:
    """Send what is due for an account, one after the other. Returns how many attempts were made."""
    from mattermost_bridge.services import sending

    for count in range(most):
        claimed = claim_next(account_pk)
        if claimed is None:
            return count
        sending.send(claimed)
    hints.task_after_commit(DRAIN, account_pk)
    return most


def park(account_pk: int, reason: str, refused_token: str | None = None) -> bool:
    """The server refuses the bot's token: nothing is sent, and nothing is given up, until it works again.

    Who names the token that was refused is told False, and nothing is parked, when the account has another one by
    now: nobody would end a parking that follows the new token's first success.
    """
    with transaction.atomic():
        state, _ = OutboxState.objects.select_for_update().get_or_create(pk=account_pk)
        # Under the lock: a new token is committed before it ends the parking.
        if refused_token is not None and settings_for(account_pk).token != refused_token:
            return False
        if state.parked_since is None:
            state.parked_since, state.parked_reason = timezone.now(), reason
            state.save(update_fields=["parked_since", "parked_reason"])
            live.changed(account_pk, "connection")
            log.warning("outbox parked", account_pk=account_pk, reason=reason)
    return True


def unpark(account_pk: int) -> None:
    """A token works (again): the outbox goes on, and so do the jobs that open direct channels."""
    from mattermost_bridge.services import direct_channels

    changed = (
        OutboxState.objects.filter(pk=account_pk).exclude(parked_since=None).update(parked_since=None, parked_reason="")
    )
    if changed:
        log.info("outbox goes on", account_pk=account_pk)
        live.changed(account_pk, "connection")
        hints.task_after_commit(DRAIN, account_pk)
        direct_channels.hint_waiting(account_pk)


def resume(account_pk: int) -> None:
    """The server answers again: a pause ends at once."""
    changed = (
        OutboxState.objects.filter(pk=account_pk)
        .exclude(paused_since=None)
        .update(paused_since=None, paused_reason="", pause_failures=0, next_probe_at=None)
    )
    if changed:
        live.changed(account_pk, "connection")
        hints.task_after_commit(DRAIN, account_pk)


def cancel(rows: Iterable[int], reason: str) -> int:
    """Cancel deliveries that are still waiting; one that is being sent right now is not touched."""
    return Delivery.objects.filter(pk__in=list(rows), state=DeliveryState.QUEUED).update(
        state=DeliveryState.CANCELLED, error=reason, settled_at=timezone.now()
    )
