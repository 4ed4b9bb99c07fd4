"""Facts that only the records know, looked up when a decision asks for them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

from django.db.models import Max, Q

from mattermost_bridge.models import Delivery, InboundEvent, KnownChannel, KnownPerson
from mattermost_bridge.models.states import DeliveryState, EventKind, EventOutcome, EventState
from mattermost_bridge.rules.addressing import is_mentioned
from mattermost_bridge.rules.loops import WINDOW_MS
from mattermost_bridge.rules.types import Earlier, Fact, IncomingPost, Outcome, Policy

_UNDECIDED = (EventState.HELD, EventState.NEW, EventState.WAITING)


def with_fact(post: IncomingPost, fact: Fact, account_pk: int, policy: Policy) -> IncomingPost:
    """The post with one more fact. Each costs one or two queries."""
    return _LOOK_UP[fact](post, account_pk, policy)


def with_username(post: IncomingPost, account_pk: int) -> IncomingPost:
    """The post with its sender's name, where that is known: edits and reactions come without one."""
    known = KnownPerson.objects.filter(account=account_pk, user_id=post.user_id).values_list("username", flat=True)
    return replace(post, username=(known.first() or "").lower())


def _thread(post: IncomingPost, account_pk: int, policy: Policy) -> IncomingPost:
    """When the bot last wrote in the thread before the post; beginning the thread counts."""
    sent = Delivery.objects.filter(account=account_pk, state=DeliveryState.SENT, posted_at_ms__lte=post.create_at)
    last = sent.filter(Q(root_id=post.root_id) | Q(post_id=post.root_id)).aggregate(last=Max("posted_at_ms"))
    return replace(post, thread_answered_ms=last["last"] or 0)


def _earlier(post: IncomingPost, account_pk: int, policy: Policy) -> IncomingPost:
    """What is known of a post before an edit of it.

    A version that is still to be decided counts as admitted when it will be: the order in which workers decide must
    not let both wake the bot.
    """
    first = InboundEvent.objects.filter(account=account_pk, dedupe_key=post.post_id).first()
    if first is None:
        return replace(post, earlier=Earlier(known=False))
    edits = InboundEvent.objects.filter(
        account=account_pk,
        channel_id=post.channel_id,
        create_at__gte=first.create_at,
        create_at__lt=post.create_at,
        kind=EventKind.EDIT,
        post_id=post.post_id,
    )
    versions = [first, *edits]
    return replace(
        post,
        username=post.username or first.username.lower(),
        earlier=Earlier(
            known=True,
            admitted=any(one.outcome == EventOutcome.ADMITTED for one in versions) or _will_be_admitted(first),
            mentioned=any(is_mentioned(one.text, policy) for one in versions),
        ),
    )


def _will_be_admitted(event: InboundEvent) -> bool:
    from mattermost_bridge.config.effective import settings_for
    from mattermost_bridge.services.decisions import decision_on

    if event.state not in _UNDECIDED or event.outcome:
        return False
    return decision_on(event, settings_for(event.account_id)).outcome is Outcome.ADMITTED


def _bot_turns(post: IncomingPost, account_pk: int, policy: Policy) -> IncomingPost:
    """How many older posts of this bot in this channel were admitted within the time that counts."""
    older = Q(create_at__lt=post.create_at) | Q(create_at=post.create_at, post_id__lt=post.post_id)
    count = (
        InboundEvent.objects.filter(
            account=account_pk,
            user_id=post.user_id,
            outcome=EventOutcome.ADMITTED,
            channel_id=post.channel_id,
            kind__in=[EventKind.POST, EventKind.EDIT],
            create_at__gt=post.create_at - WINDOW_MS,
        )
        .filter(older)
        .filter(Q(payload__from_bot=True) | Q(payload__from_webhook=True))
        .count()
    )
    return replace(post, bot_turns=count)


def _team(post: IncomingPost, account_pk: int, policy: Policy) -> IncomingPost:
    known = KnownChannel.objects.filter(account=account_pk, channel_id=post.channel_id)
    return replace(post, team_id=known.values_list("team_id", flat=True).first() or "")


def _reacted(post: IncomingPost, account_pk: int, policy: Policy) -> IncomingPost:
    """The thread of the post that was reacted to: one that the bot made, or one that it heard."""
    made = Delivery.objects.filter(account=account_pk, post_id=post.post_id).values_list("root_id", flat=True).first()
    if made is not None:
        return replace(post, reacted=made)
    heard = InboundEvent.objects.filter(account=account_pk, dedupe_key=post.post_id)
    return replace(post, reacted=heard.values_list("root_id", flat=True).first() or "")


_LOOK_UP: dict[Fact, Callable[[IncomingPost, int, Policy], IncomingPost]] = {
    Fact.THREAD: _thread,
    Fact.EARLIER: _earlier,
    Fact.BOT_TURNS: _bot_turns,
    Fact.TEAM: _team,
    Fact.REACTED: _reacted,
}
