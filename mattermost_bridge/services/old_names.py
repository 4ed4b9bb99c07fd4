"""Names that grow old: people are renamed, and lists that are shown by name should say so without being asked.

Every few minutes the oldest of the known names are asked for again, some accounts and some names at a time. So a name
is about a day old at most, and a server hears a few calls at once and never thousands.
"""

from __future__ import annotations

import time
from datetime import timedelta
from typing import Any

import structlog
from django.db.models import Min, Q, QuerySet
from django.utils import timezone

from mattermost_bridge.config.effective import settings_for
from mattermost_bridge.live import messages as live
from mattermost_bridge.mattermost.errors import MattermostError
from mattermost_bridge.mattermost.rest import MattermostClient
from mattermost_bridge.mattermost.types import Channel
from mattermost_bridge.models import (
    AccessEntry,
    AccessGroupMember,
    Account,
    BlockedUser,
    GroupOverride,
    KnownChannel,
    KnownPerson,
)
from mattermost_bridge.models.states import LISTENING
from mattermost_bridge.services import reading
from mattermost_bridge.services.clients import client_of
from mattermost_bridge.services.sweep import claim_tick

log = structlog.get_logger(__name__)

#: Seconds between two rounds, and after which a round begins with no further account.
EVERY = 600.0
LAST_ACCOUNT_AFTER = 60.0
CALL_SECONDS = 10.0
#: A name of this age is asked for again.
OLD = timedelta(days=1)
#: Of one round: accounts, and for each of them people (a hundred a call) and channels (one a call).
MOST_ACCOUNTS = 20
MOST_PEOPLE = 200
MOST_CHANNELS = 20
#: Direct and group messages are named after the people in them.
NAMED_KINDS = ("O", "P")


def refresh_old_names() -> int:
    """Ask for the oldest names again, those of connected accounts only; returns of how many accounts.

    Of several schedulers one does it. A server that does not answer is left for the next round. Asks over the network:
    call it outside of transactions.
    """
    if not claim_tick("names", EVERY):
        return 0
    end = time.monotonic() + LAST_ACCOUNT_AFTER
    done = 0
    for account_pk in _accounts():
        if time.monotonic() > end:
            break
        try:
            refresh_some(account_pk)
        except MattermostError as error:
            log.info("old names were not refreshed", account=account_pk, error=str(error))
            continue
        done += 1
    return done


def refresh_some(account_pk: int) -> None:
    """Ask for the oldest names of one account again, as far as they are old. Raises MattermostError."""
    account = settings_for(account_pk)
    if not account.configured:
        return
    client = client_of(account, total=CALL_SECONDS)
    changed = _people(account_pk, client) + _channels(account_pk, client)
    if changed:
        live.changed(account_pk, "access")


def _accounts() -> list[int]:
    """Connected accounts with old names, those with the oldest first."""
    before = timezone.now() - OLD
    listening = Account.objects.filter(enabled=True, archived_at=None, listener_lease__phase__in=LISTENING)
    oldest: dict[int, object] = {}
    for rows in (KnownPerson.objects.all(), KnownChannel.objects.filter(type__in=NAMED_KINDS)):
        found = rows.filter(fetched_at__lt=before, account__in=listening).order_by().values_list("account")
        for account_pk, at in found.annotate(at=Min("fetched_at")):
            oldest[account_pk] = min(at, oldest.get(account_pk, at))
    return sorted(oldest, key=lambda pk: (oldest[pk], pk))[:MOST_ACCOUNTS]  # type: ignore[index]


def _people(account_pk: int, client: MattermostClient) -> int:
    """How many rows of lists name somebody otherwise now."""
    rows = KnownPerson.objects.filter(account=account_pk, fetched_at__lt=timezone.now() - OLD)
    old = list(rows.order_by("fetched_at").values_list("user_id", flat=True)[:MOST_PEOPLE])
    if not old:
        return 0
    users = client.users_by_ids(old)
    reading.remember_people(account_pk, users)
    # Somebody who does not exist any more keeps the name by which they are on lists.
    KnownPerson.objects.filter(account=account_pk, user_id__in=old).update(fetched_at=timezone.now())
    names = {user.id: user.username[:64] for user in users if user.username}
    return sum(_rename(rows, column, "username", names) for rows, column in _lists_of(account_pk))


def _lists_of(account_pk: int) -> list[tuple[QuerySet[Any], str]]:
    """What shows people by a name of its own: rows, and the column with the id."""
    here = Q(account=account_pk) | Q(account=None)
    return [
        (AccessEntry.objects.filter(here), "value"),
        (BlockedUser.objects.filter(here), "user_id"),
        (AccessGroupMember.objects.all(), "user_id"),
    ]


def _rename(rows: QuerySet[Any], key: str, column: str, names: dict[str, str]) -> int:
    """Write the names by id where another one stands; returns in how many rows."""
    shown = rows.filter(**{f"{key}__in": names}).order_by().values_list("pk", key, column)
    other = [(pk, names[of]) for pk, of, name in shown if name != names[of]]
    for pk, name in other:
        rows.filter(pk=pk).update(**{column: name})
    return len(other)


def _channels(account_pk: int, client: MattermostClient) -> int:
    """How many channel settings name their channel otherwise now."""
    before = timezone.now() - OLD
    rows = KnownChannel.objects.filter(account=account_pk, type__in=NAMED_KINDS, fetched_at__lt=before)
    old = list(rows.order_by("fetched_at").values_list("channel_id", flat=True)[:MOST_CHANNELS])
    found: list[Channel] = []
    for channel_id in old:
        try:
            found.append(client.channel(channel_id))
        except MattermostError as error:
            if error.status not in (400, 403, 404):  # gone, or the bot may not see it any more
                raise
    reading.remember_channels(account_pk, found)
    KnownChannel.objects.filter(account=account_pk, channel_id__in=old).update(fetched_at=timezone.now())
    names = {channel.id: (channel.display_name or channel.name)[:128] for channel in found}
    settings = GroupOverride.objects.filter(Q(account=account_pk) | Q(account=None))
    return _rename(settings, "channel_id", "channel_name", names)
