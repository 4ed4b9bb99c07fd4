"""One attempt to open a direct channel: claim the job, ask the server, and save what came of it.

Mattermost makes a direct channel on `POST channels/direct` and answers with the same one ever after, so an attempt may
be repeated at any time.
"""

from __future__ import annotations

import random
import secrets
import time
from datetime import timedelta

import structlog
from django.conf import settings
from django.db import transaction
from django.db.models import F, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from mattermost_bridge.config.effective import AccountSettings, settings_for
from mattermost_bridge.live import messages as live
from mattermost_bridge.mattermost.errors import MattermostError
from mattermost_bridge.mattermost.types import Channel
from mattermost_bridge.models import DirectChannel
from mattermost_bridge.models.states import DeliveryState, DirectChannelState
from mattermost_bridge.rules import direct_channels as rules
from mattermost_bridge.services import direct_channels, hints, outbox, reading
from mattermost_bridge.services.clients import client_of
from mattermost_bridge.services.keeping import holder

log = structlog.get_logger(__name__)

#: Without a token nothing can be tried; the settings are looked at again after so many seconds.
UNCONFIGURED = 60.0
#: The last moment of an attempt that still can be given to a call, in seconds.
LEAST_TIME = 0.05


def attempt(pk: int) -> bool:
    """Make one attempt to open a channel, if it is due and nobody else makes it. True when the channel is open now.

    Call it outside of transactions: it takes up to the job's `timeout_ms`.
    """
    row = _claim(pk)
    if row is None:
        return False
    account = settings_for(row.account_id)
    # Meanwhile the person may have written to the bot.
    if row.attempt > 1 and (known := direct_channels.known_channel(account, row.user_id)):
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
        direct_channels.opened(mine, bot_user_id, channel_id)
    log.info("direct channel open", direct_channel=row.pk, attempt=row.attempt)
    return True


def _claim(pk: int) -> DirectChannel | None:
    """The job, claimed for its attempt's whole time; None when it is not due or somebody else was first."""
    row = direct_channels.due().filter(pk=pk).first()
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
            hints.task_after_commit(direct_channels.RESOLVE, row.pk)
        return
    # Another message may have brought its own values along while this attempt was under way.
    row.refresh_from_db(fields=list(rules.LIMITS))
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
        lost = direct_channels.waiting_for(row).update(
            state=DeliveryState.DEAD,
            error=f"The direct channel to {row} could not be opened. {text}",
            error_id=error.error_id,
            settled_at=timezone.now(),
        )
        live.changed(row.account_id, "direct_channel", [row.pk])
        live.changed(row.account_id, "delivery")
    log.error("a direct channel could not be opened", direct_channel=row.pk, attempts=row.attempt, deliveries=lost)


def _mine(row: DirectChannel) -> QuerySet[DirectChannel]:
    """The row as long as this attempt counts: nobody else claimed it, gave it up or made it another bot's."""
    return DirectChannel.objects.filter(pk=row.pk, claimed_by=row.claimed_by, state=DirectChannelState.RESOLVING)
