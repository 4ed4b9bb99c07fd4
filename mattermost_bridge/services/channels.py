"""What is known of an account's channels."""

from __future__ import annotations

import structlog
from django.db import transaction
from django.utils import timezone

from mattermost_bridge.config.effective import settings_for
from mattermost_bridge.mattermost.errors import MattermostError
from mattermost_bridge.mattermost.types import Channel
from mattermost_bridge.models import InboundEvent, KnownChannel
from mattermost_bridge.models.states import EventOutcome, EventState
from mattermost_bridge.rules.reasons import Reason
from mattermost_bridge.services import inbox
from mattermost_bridge.services.clients import client_of

log = structlog.get_logger(__name__)


def remember(account_pk: int, channel: Channel) -> None:
    """Keep a channel's names and type."""
    KnownChannel.objects.update_or_create(
        account_id=account_pk,
        channel_id=channel.id,
        defaults={
            "type": channel.type,
            "name": channel.name[:128],
            "display_name": channel.display_name[:128],
            "team_id": channel.team_id,
        },
    )


def look_up(account_pk: int, channel_id: str) -> int:
    """Ask the server what a channel is; the events that waited for it go on. Returns how many.

    A channel that the bot may not see (any more) ends their waiting too; when the server cannot be asked, they wait.
    """
    account = settings_for(account_pk)
    client = client_of(account)
    try:
        channel = client.channel(channel_id)
    except MattermostError as error:
        if error.status in (403, 404):
            return _gone(account_pk, channel_id)
        log.warning("a channel could not be looked up yet", account=account.account_id, error=str(error))
        return 0
    remember(account_pk, channel)
    return inbox.channel_known(account_pk, channel_id, channel.type)


def _gone(account_pk: int, channel_id: str) -> int:
    with transaction.atomic():
        return InboundEvent.objects.filter(
            account=account_pk, channel_id=channel_id, state=EventState.WAITING, reason=Reason.CHANNEL_TYPE_UNKNOWN
        ).update(
            state=EventState.DECIDED,
            outcome=EventOutcome.IGNORED,
            reason=Reason.CHANNEL_GONE,
            decided_at=timezone.now(),
        )
