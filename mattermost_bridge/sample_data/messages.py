"""Makes what made-up people say and what comes of it: events, turns and deliveries, in bulk."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from django.db import transaction

from mattermost_bridge.models import Conversation, Delivery, InboundEvent, KnownPerson, Turn
from mattermost_bridge.models.states import DeliveryKind, DeliveryState, EventOutcome, EventState
from mattermost_bridge.models.states import TurnState as Turned
from mattermost_bridge.rules.reasons import Reason
from mattermost_bridge.sample_data import texts
from mattermost_bridge.sample_data.times import times_as_given

BATCH = 5000
#: Of a thousand messages so many end each way; the others are answered, as far as deliveries go.
SHARES = (
    (700, EventState.DECIDED, EventOutcome.IGNORED, Reason.NO_MENTION),
    (25, EventState.DECIDED, EventOutcome.IGNORED, Reason.SYSTEM_POST),
    (30, EventState.DECIDED, EventOutcome.REFUSED, Reason.GROUP_NOT_LISTED),
    (10, EventState.DECIDED, EventOutcome.REFUSED, Reason.BLOCKED),
    (12, EventState.DECIDED, EventOutcome.CHALLENGED, Reason.PAIRING_REQUIRED),
)


@dataclass(frozen=True)
class Place:
    """A conversation with what messages in it need."""

    conversation: Conversation
    person: KnownPerson


@dataclass(frozen=True)
class Messages:
    """What people said until `now`, in the places that they are given."""

    random: random.Random
    now: datetime
    new_id: Callable[[str], str]
    say: Callable[[str], None]

    def make(self, places: list[Place], count: int, deliveries: int, days: int) -> None:
        """So many events, oldest first, over so many days; those that are answered with turn and delivery."""
        if not places:
            return
        made, answers = 0, 0
        moments = self._moments(count, days)
        while chunk := list(islice(moments, BATCH)):
            events, turns, posts = [], [], []
            for at in chunk:
                made += 1
                place = places[int(len(places) * self.random.random() ** 3)]
                event = self._event(place, at)
                events.append(event)
                if made * deliveries // count > answers:
                    answers += 1
                    turn, delivery = self._answer(place, event, at)
                    turns.append(turn)
                    posts.append(delivery)
            self._save(events, turns, posts)
            if made % (BATCH * 20) == 0:
                self.say(f"{made} events")
        self.say(f"{made} events, {answers} deliveries")

    @transaction.atomic
    def _save(self, events: list[InboundEvent], turns: list[Turn], deliveries: list[Delivery]) -> None:
        with (
            times_as_given(InboundEvent, "received_at"),
            times_as_given(Turn, "created_at"),
            times_as_given(Delivery, "created_at"),
        ):
            Turn.objects.bulk_create(turns, BATCH)
            InboundEvent.objects.bulk_create(events, BATCH)
            Delivery.objects.bulk_create(deliveries, BATCH)

    def _moments(self, count: int, days: int) -> Iterator[datetime]:
        """So many moments until now, in order; by day there are more than by night."""
        whole = days * 86400.0
        begin = self.now - timedelta(seconds=whole)
        for number in range(count):
            seconds = whole * (number + self.random.random()) / count
            day, within = divmod(seconds, 86400)
            # Pulls moments towards the middle of the working day, without changing their order.
            share = within / 86400
            pulled = share + 0.12 * (1 if share < 0.5 else -1) * (4 * share * (1 - share)) * abs(0.5 - share) * 2
            yield begin + timedelta(seconds=day * 86400 + pulled * 86400)

    def _event(self, place: Place, at: datetime) -> InboundEvent:
        state, outcome, reason = self._ending()
        conversation, person = place.conversation, place.person
        post = self.new_id("post")
        return InboundEvent(
            account_id=conversation.account_id, dedupe_key=post, post_id=post, channel_id=conversation.channel_id,
            channel_type=conversation.channel_type, user_id=person.user_id, username=person.username,
            text=self.random.choice(texts.CHATTER), create_at=int(at.timestamp() * 1000), received_at=at,
            payload={"type": "", "file_ids": []}, state=state, outcome=outcome, reason=reason, decided_at=at,
            trail=[{"name": "mention of @bot", "value": "not found", "source": "post", "passed": False}],
        )  # fmt: skip

    def _ending(self) -> tuple[EventState, EventOutcome, Reason]:
        drawn = self.random.randrange(sum(share for share, *_rest in SHARES))
        for share, state, outcome, reason in SHARES:
            drawn -= share
            if drawn < 0:
                return state, outcome, reason
        raise AssertionError("the shares are drawn from their own sum")

    def _answer(self, place: Place, event: InboundEvent, at: datetime) -> tuple[Turn, Delivery]:
        """Let the event be answered: mostly well, one in 400 not at all, one in 300 not delivered."""
        failed, dead = self.random.random() < 1 / 400, self.random.random() < 1 / 300
        took = timedelta(seconds=self.random.lognormvariate(0.9, 0.7))
        event.text, event.trail = self.random.choice(texts.QUESTIONS), []
        event.outcome, event.reason = EventOutcome.ADMITTED, Reason.ADMITTED_DM_LISTED
        event.state = EventState.FAILED if failed else EventState.ANSWERED
        event.conversation = place.conversation
        kind, error = self.random.choice(texts.TURN_ERRORS) if failed else ("", "")
        turn = Turn(
            conversation=place.conversation, state=Turned.FAILED if failed else Turned.DONE, starts=1,
            question=event.text, answer="" if failed else self.random.choice(texts.ANSWERS), error_kind=kind,
            error=error, model="large", input_tokens=self.random.randrange(200, 4000),
            output_tokens=self.random.randrange(5, 400),
            trigger_at=event.create_at, created_at=at, started_at=at, finished_at=at + took,
            agent_id=place.conversation.account.agent_id,
        )  # fmt: skip
        event.turn = turn
        delivery = Delivery(
            account_id=place.conversation.account_id, turn=turn, channel_id=place.conversation.channel_id,
            kind=DeliveryKind.FAILURE if failed else DeliveryKind.ANSWER, text=turn.answer or "Something went wrong.",
            state=DeliveryState.DEAD if dead else DeliveryState.SENT, attempts=3 if dead else 1,
            error=self.random.choice(texts.DELIVERY_ERRORS) if dead else "", since_ms=event.create_at,
            post_id="" if dead else self.new_id("post"), created_at=at + took, settled_at=at + took,
            posted_at_ms=0 if dead else int((at + took).timestamp() * 1000),
        )  # fmt: skip
        return turn, delivery
