"""Direct channels: which channel leads to a person, and the jobs that open it where that is not known yet.

Messages to the person wait for the row and go out, in order, once the channel is there. This module keeps the rows;
`opening` makes the attempts.
"""

from __future__ import annotations

from collections.abc import Mapping

from django.db.models import Q, QuerySet
from django.db.models.functions import Now
from django.utils import timezone

from mattermost_bridge.config.effective import AccountSettings
from mattermost_bridge.live import messages as live
from mattermost_bridge.models import ChannelCursor, Conversation, Delivery, DirectChannel, KnownChannel, PairingRequest
from mattermost_bridge.models.states import DeliveryState, DirectChannelState
from mattermost_bridge.rules import direct_channels as rules
from mattermost_bridge.rules.direct_channels import RetryValues
from mattermost_bridge.services import hints, outbox
from mattermost_bridge.services.errors import Refused

RESOLVE = "durar.deliveries.resolve_direct_channel"
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
        opened(row, account.bot_user_id, known)
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


def opened(row: DirectChannel, bot_user_id: str, channel_id: str) -> None:
    """The channel is open, inside the transaction that holds the row's lock: what waits for it goes out, in order."""
    changes = {"state": DirectChannelState.READY, "channel_id": channel_id, "bot_user_id": bot_user_id}
    _take_over(row, {**_FRESH, "attempt": row.attempt, "settled_at": timezone.now(), **changes})
    # What was given up learns the channel too: it can be sent again without asking.
    if Delivery.objects.filter(direct_channel=row, channel_id="").update(channel_id=channel_id):
        live.changed(row.account_id, "delivery")
        hints.task_after_commit(outbox.DRAIN, row.account_id)


def waiting_for(row: DirectChannel) -> QuerySet[Delivery]:
    """Deliveries that go out once the channel is open."""
    return Delivery.objects.filter(direct_channel=row, channel_id="", state=DeliveryState.QUEUED)


def ended_with(row: DirectChannel) -> QuerySet[Delivery]:
    """Deliveries that could not be made because the row's job failed or was given up; a retry sends them.

    What was discarded by itself is none of them, nor is one whose text was blanked meanwhile.
    """
    lost = Delivery.objects.filter(direct_channel=row, channel_id="", blanked_at=None)
    if row.state == DirectChannelState.FAILED:
        return lost.filter(state=DeliveryState.DEAD)
    if row.state == DirectChannelState.GIVEN_UP:
        return lost.filter(state=DeliveryState.CANCELLED, error=row.error, settled_at__gte=row.settled_at)
    return lost.none()


def let_wait_again(row: DirectChannel) -> None:
    """What ended with the row's job waits again, inside the transaction that begins it anew under the row's lock."""
    ended_with(row).update(
        state=DeliveryState.QUEUED, error="", error_id="", settled_at=None, created_at=timezone.now()
    )
    live.changed(row.account_id, "delivery")


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

    A job that is under way begins again, for the new bot. Whoever waits for an approval wrote to the old bot, in a
    channel that the new one is not in.
    """
    PairingRequest.objects.filter(account=account_pk).update(channel_id="")
    for row in DirectChannel.objects.select_for_update().filter(account=account_pk).order_by("pk"):
        if row.state == DirectChannelState.READY:
            row.delete()
        elif row.state == DirectChannelState.RESOLVING:
            _take_over(row, {**_FRESH, "started_at": timezone.now()})
            hints.task_after_commit(RESOLVE, row.pk)


def _take_over(row: DirectChannel, values: Mapping[str, object]) -> None:
    for name, value in values.items():
        setattr(row, name, value)
    row.save(update_fields=list(values))
    live.changed(row.account_id, "direct_channel", [row.pk])
