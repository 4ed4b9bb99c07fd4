"""What becomes of made-up messages: the rules are asked, so that what an event's page shows is what they would say."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from mattermost_bridge.config.effective import AccountSettings, settings_for
from mattermost_bridge.models import Conversation, InboundEvent, KnownChannel, KnownPerson
from mattermost_bridge.models.states import EventKind, EventState
from mattermost_bridge.rules.pairing import after_looking_at_requests
from mattermost_bridge.rules.types import Decision, Outcome
from mattermost_bridge.sample_data import texts
from mattermost_bridge.services.decisions import decision_on, trail_of

#: In one of so many places somebody joins the channel now and then.
RARELY = 40


@dataclass(frozen=True)
class Place:
    """Where somebody writes to a bot, and what a conversation there is called."""

    person: KnownPerson
    channel: KnownChannel
    title: str


@dataclass(frozen=True)
class Way:
    """A kind of message in a place, and what the rules make of it. `conversation` has the admitted ones."""

    place: Place
    texts: tuple[str, ...]
    payload: dict[str, Any]
    decision: Decision
    trail: list[dict[str, Any]]
    address: str = ""
    conversation: Conversation | None = None

    def event(self, chance: random.Random, post_id: str, at: datetime) -> InboundEvent:
        """A message of this kind that was decided at once."""
        decision = self.decision
        event = _message(self.place, self.address + chance.choice(self.texts), self.payload, post_id, at)
        event.state, event.outcome, event.reason = EventState.DECIDED, decision.outcome.value, str(decision.reason)
        event.trail, event.reply_root, event.decided_at = self.trail, decision.reply_root, at
        event.conversation = self.conversation
        return event


def ways_of(places: list[Place], now: datetime, say: Callable[[str], None]) -> dict[Outcome, list[Way]]:
    """What can happen in the places, by what the rules say to it. Makes the conversations of what they admit.

    Messages that would wait for an agent are left out: no worker is there to whom they could be given.
    """
    settings: dict[int, AccountSettings] = {}
    conversations: dict[tuple[int, str], Conversation] = {}
    found: dict[Outcome, list[Way]] = {outcome: [] for outcome in Outcome}
    for number, place in enumerate(places):
        account_pk = place.person.account_id
        if account_pk not in settings:
            settings[account_pk] = settings_for(account_pk)
        for said, address, payload in _kinds(place, settings[account_pk], joins=number % RARELY == RARELY - 1):
            # The post that stands for all of this kind; no setting of the samples begins a thread under it.
            event = _message(place, address + said[0], payload, "", now)
            decision = after_looking_at_requests(
                decision_on(event, settings[account_pk], now=now), has_request=False, waiting=0
            )
            if decision.outcome is Outcome.WAITING:
                continue
            conversation = None
            if decision.outcome is Outcome.ADMITTED:
                key = (account_pk, decision.session_key)
                conversation = conversations.setdefault(key, _conversation(place, decision.session_key))
            way = Way(place, said, payload, decision, trail_of(decision), address, conversation)
            found[decision.outcome].append(way)
    Conversation.objects.bulk_create(conversations.values(), 5000)
    say(f"{len(conversations)} conversations")
    return found


def _kinds(place: Place, account: AccountSettings, *, joins: bool) -> list[tuple[tuple[str, ...], str, dict[str, Any]]]:
    """What people write there: the texts, what they begin with, and what else the post has."""
    if place.channel.type == "D":
        return [(texts.QUESTIONS, "", _payload())]
    joined = (texts.JOINED, f"{place.person.username} ", _payload("system_join_channel"))
    return [
        (texts.CHATTER, "", _payload()),
        (texts.QUESTIONS, f"@{account.bot_username} ", _payload()),
        *([joined] if joins else []),
    ]


def _payload(post_type: str = "") -> dict[str, Any]:
    return {"type": post_type, "file_ids": []}


def _message(place: Place, text: str, payload: dict[str, Any], post_id: str, at: datetime) -> InboundEvent:
    person, channel = place.person, place.channel
    return InboundEvent(
        account_id=person.account_id, kind=EventKind.POST, dedupe_key=post_id, post_id=post_id,
        channel_id=channel.channel_id, channel_type=channel.type, user_id=person.user_id, username=person.username,
        text=text, create_at=int(at.timestamp() * 1000), received_at=at, payload=payload,
    )  # fmt: skip


def _conversation(place: Place, key: str) -> Conversation:
    person, channel = place.person, place.channel
    return Conversation(
        account=person.account, session_key=key, title=place.title, channel_id=channel.channel_id,
        channel_type=channel.type, peer_id=person.user_id if channel.type == "D" else "",
    )  # fmt: skip
