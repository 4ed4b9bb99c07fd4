"""What catch-up keeps: how far each channel and account was read, names for channels and people, events held back."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from dataclasses import dataclass
from datetime import timedelta

from django.utils import timezone

from mattermost_bridge.mattermost.types import Channel, User
from mattermost_bridge.models import (
    ChannelCursor,
    Conversation,
    InboundEvent,
    KnownChannel,
    KnownPerson,
    ListenerLease,
)
from mattermost_bridge.models.states import EventKind, EventState

_DIRECT = ("D", "G")
#: Where the bot was talked to within so many days, somebody may still react to what was said.
TALK_DAYS = 7
MOST_TALKS = 100


@dataclass(frozen=True, slots=True)
class StandingReaction:
    """A reaction that the inbox knows of and that nobody took back; `at` is the server's milliseconds."""

    post_id: str
    emoji_name: str
    user_id: str
    at: int


def proven_until(account_pk: int) -> int:
    """The server time in milliseconds up to which nothing of the account can be missing; 0 when it never listened."""
    return ListenerLease.objects.filter(pk=account_pk).values_list("proven_until", flat=True).first() or 0


def set_proven(account_pk: int, holder: str, server_ms: int) -> None:
    """Nothing is missing up to this server time. Only for who holds the lease, and only forward."""
    ListenerLease.objects.filter(pk=account_pk, holder=holder, proven_until__lt=server_ms).update(
        proven_until=server_ms
    )


def cursors(account_pk: int) -> dict[str, tuple[int, int]]:
    """For each channel that was ever read: its newest stored create_at, and its last_post_at when it was read."""
    rows = ChannelCursor.objects.filter(account=account_pk)
    return {
        channel: (stored, read)
        for channel, stored, read in rows.values_list("channel_id", "stored_until", "read_last_post_at")
    }


def channel_types(account_pk: int) -> dict[str, str]:
    """The type of every channel that is known by id."""
    rows = KnownChannel.objects.filter(account=account_pk).exclude(type="")
    return dict(rows.values_list("channel_id", "type"))


def direct_channels(account_pk: int) -> set[str]:
    """The ids of all direct and group channels in which the bot ever was."""
    known = KnownChannel.objects.filter(account=account_pk, type__in=_DIRECT).values_list("channel_id", flat=True)
    read = ChannelCursor.objects.filter(account=account_pk, channel_type__in=_DIRECT)
    return {*known, *read.values_list("channel_id", flat=True)}


def remember_channels(account_pk: int, channels: Iterable[Channel]) -> None:
    """Keep type and names of these channels; rows that say the same already are left alone."""
    wanted = {
        channel.id: KnownChannel(
            account_id=account_pk,
            channel_id=channel.id,
            type=channel.type[:1],
            name=channel.name[:128],
            display_name=channel.display_name[:128],
            team_id=channel.team_id[:26],
            fetched_at=timezone.now(),
        )
        for channel in channels
        if len(channel.id) <= 26
    }
    fields = ("type", "name", "display_name", "team_id")
    rows = KnownChannel.objects.filter(account=account_pk, channel_id__in=list(wanted))
    for channel_id, *values in rows.values_list("channel_id", *fields):
        if values == [getattr(wanted[channel_id], name) for name in fields]:
            del wanted[channel_id]
    if wanted:
        KnownChannel.objects.bulk_create(
            wanted.values(),
            update_conflicts=True,
            unique_fields=["account", "channel_id"],
            update_fields=[*fields, "fetched_at"],
            batch_size=100,
        )


def remember_people(account_pk: int, people: Iterable[User]) -> None:
    """Keep the usernames of these people."""
    rows = [
        KnownPerson(
            account_id=account_pk,
            user_id=user.id,
            username=user.username[:64],
            display_name=f"{user.first_name} {user.last_name}".strip()[:128],
            is_bot=user.is_bot,
            fetched_at=timezone.now(),
        )
        for user in people
        if len(user.id) <= 26
    ]
    if rows:
        KnownPerson.objects.bulk_create(
            rows,
            update_conflicts=True,
            unique_fields=["account", "user_id"],
            update_fields=["username", "display_name", "is_bot", "fetched_at"],
            batch_size=100,
        )


def missing(account_pk: int, dedupe_keys: Collection[str]) -> set[str]:
    """Those of the keys that the inbox lacks."""
    lacking = set(dedupe_keys)
    keys = list(dedupe_keys)
    for start in range(0, len(keys), 500):
        found = InboundEvent.objects.filter(account=account_pk, dedupe_key__in=keys[start : start + 500])
        lacking.difference_update(found.values_list("dedupe_key", flat=True))
    return lacking


def held_channels(account_pk: int) -> set[str]:
    """The channels of which live events are held back, perhaps by a worker that died while it caught up."""
    rows = InboundEvent.objects.filter(account=account_pk, state=EventState.HELD)
    return set(rows.order_by().values_list("channel_id", flat=True).distinct())


def talked_in(account_pk: int) -> set[str]:
    """The channels in which the bot was talked to lately: those where reactions are worth asking for."""
    since = timezone.now() - timedelta(days=TALK_DAYS)
    rows = Conversation.objects.filter(account=account_pk, last_active_at__gt=since).order_by("-last_active_at")
    return set(rows.values_list("channel_id", flat=True)[:MOST_TALKS])


def standing_reactions(account_pk: int, channel_id: str, post_ids: Collection[str]) -> list[StandingReaction]:
    """The reactions to these posts that are known, and that nobody is known to have taken back."""
    wanted = sorted(set(post_ids))
    of_channel = InboundEvent.objects.filter(account=account_pk, channel_id=channel_id, kind=EventKind.REACTION)
    last: dict[tuple[str, str, str], tuple[int, bool]] = {}
    for start in range(0, len(wanted), 500):
        # A channel may have any number of reactions to other posts: those are not even read.
        rows = of_channel.filter(post_id__in=wanted[start : start + 500]).order_by("create_at", "id")
        for post_id, emoji, user_id, at, removed in rows.values_list(
            "post_id", "payload__emoji_name", "user_id", "create_at", "payload__removed"
        ):
            last[post_id, emoji, user_id] = (at, bool(removed))
    return [StandingReaction(*key, at) for key, (at, removed) in last.items() if not removed]
