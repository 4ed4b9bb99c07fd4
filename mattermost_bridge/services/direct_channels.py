"""Direct channels: which channel leads to a person, and opening it where that is not known yet.

Mattermost makes a direct channel on `POST channels/direct` and answers with the same one ever after, so an attempt may
be repeated at any time. Messages to the person wait for the row and go out, in order, once the channel is there.
"""

from __future__ import annotations

import random
import secrets
import time
from collections.abc import Mapping
from datetime import timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F, Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from mattermost_bridge.config.effective import AccountSettings, settings_for
from mattermost_bridge.live import messages as live
from mattermost_bridge.mattermost.errors import MattermostError
from mattermost_bridge.mattermost.types import Channel
from mattermost_bridge.models import ChannelCursor, Conversation, Delivery, DirectChannel, KnownChannel, PairingRequest
from mattermost_bridge.models.states import DeliveryState, DirectChannelState
from mattermost_bridge.rules import direct_channels as rules
from mattermost_bridge.rules.direct_channels import RetryValues
from mattermost_bridge.services import hints, outbox, reading
from mattermost_bridge.services.clients import client_of
from mattermost_bridge.services.errors import Refused
from mattermost_bridge.services.keeping import holder

log = structlog.get_logger(__name__)

RESOLVE = "durar.deliveries.resolve_direct_channel"
#: Without a token nothing can be tried; the settings are looked at again after so many seconds.
UNCONFIGURED = 60.0
#: The last moment of an attempt that still can be given to a call, in seconds.
LEAST_TIME = 0.05
_FRESH = {
    "bot_user_id": "", "channel_id": "", "attempt": 0, "next_attempt_at": None, "claimed_by": "", "claim_until": None,
    "error": "", "error_status": None, "error_id": "", "hinted_at": None, "settled_at": None,
}  # fmt: skip


def ensure(
    account: AccountSettings, user_id: str, username: str = "", *, overrides: Mapping[str, int | None] | None = None
) -> DirectChannel:
    """The row of the person's direct channel, inside the caller's transaction, locked until that ends.

    It is open already, or a job opens it after the commit. `overrides` are retry values for this job, field by field,
    by the names of `RetryValues`. Raises Refused for values that are out of bounds.
    """
    try:
        values = rules.overridden(account.dm_channel_retry, overrides)
        row, made = DirectChannel.objects.select_for_update().get_or_create(
            account_id=account.pk, user_id=user_id, defaults={"username": username, **vars(values)}
        )
        if not made and row.state == DirectChannelState.RESOLVING:
            # A job that runs keeps its values, except for those that this call brings along.
            values = rules.overridden(row.values, overrides)
    except ValueError as problem:
        raise Refused(str(problem)) from None
    if username and username != row.username:
        row.username = username
        row.save(update_fields=["username"])
    if is_open(row, account):
        return row
    if not made and row.state == DirectChannelState.RESOLVING:
        _take_over(row, vars(values))
        return row
    begin(row, account, values)
    return row


def is_open(row: DirectChannel, account: AccountSettings) -> bool:
    """Whether the channel is open for the bot that the account runs as now."""
    # Who the bot is may not be known yet, when the account was saved untested.
    return row.state == DirectChannelState.READY and account.bot_user_id in ("", row.bot_user_id)


def begin(row: DirectChannel, account: AccountSettings, values: RetryValues | None = None) -> None:
    """Open the channel from the first attempt on, inside the transaction that holds the row's lock."""
    values = values or account.dm_channel_retry
    _take_over(row, {**_FRESH, **vars(values), "state": DirectChannelState.RESOLVING, "started_at": timezone.now()})
    if known := known_channel(account, row.user_id):
        _open(row, account.bot_user_id, known)
    else:
        hints.task_after_commit(RESOLVE, row.pk)


def known_channel(account: AccountSettings, user_id: str) -> str:
    """The direct channel of the account's bot and a person as far as it is sure without asking; else "".

    A direct channel's name consists of both ids. What was heard from the person is sure only in a channel that was read
    for this bot: when an account becomes another bot's, its cursors are dropped.
    """
    if not account.bot_user_id:
        return ""
    ids = (account.bot_user_id, user_id)
    named = KnownChannel.objects.filter(account=account.pk, type="D", name__in=("__".join(ids), "__".join(ids[::-1])))
    read = ChannelCursor.objects.filter(account=account.pk).values("channel_id")
    talks = Conversation.objects.filter(account=account.pk, peer_id=user_id, channel_type="D", channel_id__in=read)
    asked = PairingRequest.objects.filter(account=account.pk, user_id=user_id, channel_id__in=read)
    for rows in (named, talks.order_by("pk"), asked):
        if found := rows.values_list("channel_id", flat=True).first():
            return found
    return ""


def due() -> QuerySet[DirectChannel]:
    """Jobs whose next attempt may begin now; those of accounts whose token is refused wait for one that works."""
    now = Now()
    return DirectChannel.objects.filter(
        Q(claim_until=None) | Q(claim_until__lt=now),
        Q(next_attempt_at=None) | Q(next_attempt_at__lte=now),
        state=DirectChannelState.RESOLVING,
        account__outbox_state__parked_since=None,
        account__archived_at=None,
    )


def hint_waiting(account_pk: int) -> None:
    """The account's token works (again): what waited for it goes on."""
    for pk in due().filter(account=account_pk).order_by("pk").values_list("pk", flat=True):
        hints.task_after_commit(RESOLVE, pk)


def attempt(pk: int) -> bool:
    """Make one attempt to open a channel, if it is due and nobody else makes it. True when the channel is open now.

    Call it outside of transactions: it takes up to the job's `timeout_ms`.
    """
    row = _claim(pk)
    if row is None:
        return False
    account = settings_for(row.account_id)
    # Meanwhile the person may have written to the bot.
    if row.attempt > 1 and (known := known_channel(account, row.user_id)):
        return resolved(row, account.bot_user_id, known)
    if not account.configured:
        _put_back(row, account.missing, delay_ms=UNCONFIGURED * 1000, counts=False)
        return False
    try:
        bot_user_id, channel = _call(account, row)
    except MattermostError as error:
        _failed(row, error, account)
        return False
    reading.remember_channels(account.pk, [channel])
    return resolved(row, bot_user_id, channel.id)


def resolved(row: DirectChannel, bot_user_id: str, channel_id: str) -> bool:
    """The channel is open: what waits for it goes out, in order. False when this attempt no longer counts."""
    with transaction.atomic():
        mine = DirectChannel.objects.select_for_update().filter(pk=row.pk, claimed_by=row.claimed_by).first()
        if mine is None or mine.state != DirectChannelState.RESOLVING:
            log.warning("an attempt to open a direct channel ended too late and does not count", direct_channel=row.pk)
            return False
        _open(mine, bot_user_id, channel_id)
    log.info("direct channel open", direct_channel=row.pk, attempt=row.attempt)
    return True


def _open(row: DirectChannel, bot_user_id: str, channel_id: str) -> None:
    changes = {"state": DirectChannelState.READY, "channel_id": channel_id, "bot_user_id": bot_user_id}
    _take_over(row, {**_FRESH, "attempt": row.attempt, "settled_at": timezone.now(), **changes})
    # What was given up learns the channel too: it can be sent again without asking.
    if Delivery.objects.filter(direct_channel=row, channel_id="").update(channel_id=channel_id):
        live.changed(row.account_id, "delivery")
        hints.task_after_commit(outbox.DRAIN, row.account_id)


def _claim(pk: int) -> DirectChannel | None:
    """The job, claimed for its attempt's whole time; None when it is not due or somebody else was first."""
    row = due().filter(pk=pk).first()
    if row is None:
        return None
    name = f"{holder()}:{secrets.token_hex(4)}"
    until = Now() + timedelta(milliseconds=row.timeout_ms, seconds=settings.TIMES["delivery_margin"])
    # An attempt whose worker died is made again under its old number. The next attempt is pushed forward before the
    # call, so that whoever looks on sees when it will be, whatever becomes of this worker.
    number = row.attempt if row.claimed_by else row.attempt + 1
    taken = DirectChannel.objects.filter(
        pk=pk, state=DirectChannelState.RESOLVING, claimed_by=row.claimed_by, attempt=row.attempt
    ).update(claimed_by=name, claim_until=until, next_attempt_at=until, attempt=number)
    if not taken:
        return None
    row.claimed_by, row.attempt = name, number
    live.changed(row.account_id, "direct_channel", [pk])
    return row


def _call(account: AccountSettings, row: DirectChannel) -> tuple[str, Channel]:
    """Ask the server for the channel; the bot's id and the channel. The calls together take `timeout_ms` at most."""
    total, begun = row.timeout_ms / 1000, time.monotonic()
    client, bot_user_id = client_of(account, total=total), account.bot_user_id
    if not bot_user_id:
        bot_user_id = client.me().id
        client = client_of(account, total=max(total - (time.monotonic() - begun), LEAST_TIME))
    return bot_user_id, client.create_direct_channel(bot_user_id, row.user_id)


def _failed(row: DirectChannel, error: MattermostError, account: AccountSettings) -> None:
    """An attempt failed: decide whether there is another one, and when."""
    log.warning("a direct channel was not opened", direct_channel=row.pk, attempt=row.attempt, status=error.status)
    if error.is_unauthorized:
        # A state of the account, not of this job: it goes on, with the same number, when a token works.
        parked = outbox.park(row.account_id, "The server refuses the bot's token.", refused_token=account.token)
        _put_back(row, str(error), status=error.status, error_id=error.error_id, counts=False)
        if not parked:
            hints.task_after_commit(RESOLVE, row.pk)
        return
    again = rules.passes_by_itself(status=error.status, kind=error.kind, text=str(error))
    if not again or row.attempt > row.max_retries:
        _end_badly(row, error)
        return
    delay = rules.delay_ms(row.attempt - 1, row.values, random.random(), error.retry_after)  # noqa: S311
    _put_back(row, str(error), delay_ms=delay, status=error.status, error_id=error.error_id)


def _put_back(
    row: DirectChannel,
    error: str,
    *,
    delay_ms: float = 0,
    status: int | None = None,
    error_id: str = "",
    counts: bool = True,
) -> None:
    _mine(row).update(
        claimed_by="",
        claim_until=None,
        next_attempt_at=timezone.now() + timedelta(milliseconds=delay_ms) if delay_ms else None,
        attempt=F("attempt") if counts else F("attempt") - 1,
        error=error,
        error_status=status,
        error_id=error_id,
    )
    live.changed(row.account_id, "direct_channel", [row.pk])


def _end_badly(row: DirectChannel, error: MattermostError) -> None:
    """No attempt is left, or none would help: what waits cannot be delivered, and keeps the reason."""
    text = str(error)
    with transaction.atomic():
        ended = _mine(row).update(
            state=DirectChannelState.FAILED,
            claimed_by="",
            claim_until=None,
            next_attempt_at=None,
            settled_at=timezone.now(),
            error=text,
            error_status=error.status,
            error_id=error.error_id,
        )
        if not ended:
            return
        lost = waiting_for(row).update(
            state=DeliveryState.DEAD,
            error=f"The direct channel to {row} could not be opened. {text}",
            error_id=error.error_id,
            settled_at=timezone.now(),
        )
        live.changed(row.account_id, "direct_channel", [row.pk])
        live.changed(row.account_id, "delivery")
    log.error("a direct channel could not be opened", direct_channel=row.pk, attempts=row.attempt, deliveries=lost)


def waiting_for(row: DirectChannel) -> QuerySet[Delivery]:
    """Deliveries that go out once the channel is open."""
    return Delivery.objects.filter(direct_channel=row, channel_id="", state=DeliveryState.QUEUED)


def stop(row: DirectChannel, reason: str) -> int:
    """End the row's job, if it runs: whatever an attempt that is under way comes to does not count any more."""
    return _stop(DirectChannel.objects.filter(pk=row.pk), reason)


def stop_all(account_pk: int, reason: str) -> int:
    """End every job of an account that is put away, inside the caller's transaction. Returns how many."""
    return _stop(DirectChannel.objects.filter(account=account_pk), reason)


def _stop(rows: QuerySet[DirectChannel], reason: str) -> int:
    return rows.filter(state=DirectChannelState.RESOLVING).update(
        state=DirectChannelState.GIVEN_UP,
        claimed_by="",
        claim_until=None,
        next_attempt_at=None,
        settled_at=timezone.now(),
        error=reason,
        error_status=None,
        error_id="",
    )


def forget_bot(account_pk: int) -> None:
    """The account becomes another bot's, inside the caller's transaction: its channels count no more.

    A job that is under way begins again, for the new bot.
    """
    for row in DirectChannel.objects.select_for_update().filter(account=account_pk).order_by("pk"):
        if row.state == DirectChannelState.READY:
            row.delete()
        elif row.state == DirectChannelState.RESOLVING:
            _take_over(row, {**_FRESH, "started_at": timezone.now()})
            hints.task_after_commit(RESOLVE, row.pk)


def _mine(row: DirectChannel) -> QuerySet[DirectChannel]:
    """The row as long as this attempt counts: nobody else claimed it, gave it up or made it another bot's."""
    return DirectChannel.objects.filter(pk=row.pk, claimed_by=row.claimed_by, state=DirectChannelState.RESOLVING)


def _take_over(row: DirectChannel, values: Mapping[str, object]) -> None:
    for name, value in values.items():
        setattr(row, name, value)
    row.save(update_fields=list(values))
    live.changed(row.account_id, "direct_channel", [row.pk])
