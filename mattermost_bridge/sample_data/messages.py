"""Makes what made-up people say and what comes of it: events, turns and deliveries, in bulk."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from django.db import transaction

from mattermost_bridge.models import Conversation, Delivery, InboundEvent, Turn
from mattermost_bridge.models.states import DeliveryKind, DeliveryState, EventState
from mattermost_bridge.models.states import TurnState as Turned
from mattermost_bridge.rules.types import Outcome
from mattermost_bridge.sample_data import texts
from mattermost_bridge.sample_data.times import times_as_given
from mattermost_bridge.sample_data.ways import Place, Way, ways_of

BATCH = 5000
#: Of the messages that are not answered, so many parts end each way. Why, the rules say.
SHARES = ((725, Outcome.IGNORED), (40, Outcome.REFUSED), (12, Outcome.CHALLENGED))


@dataclass(frozen=True)
class Messages:
    """What people said until `now`, in the places that they are given."""

    random: random.Random
    now: datetime
    new_id: Callable[[str], str]
    say: Callable[[str], None]

    def make(self, places: list[Place], count: int, deliveries: int, days: int) -> None:
        """So many events, oldest first, over so many days; those that are answered with turn and delivery."""
        ways = ways_of(places, self.now, self.say)
        shares = [(share, ways[outcome]) for share, outcome in SHARES if ways[outcome]]
        if not shares:
            return
        made, answers = 0, 0
        moments = self._moments(count, days)
        while chunk := list(islice(moments, BATCH)):
            events, turns, posts = [], [], []
            for at in chunk:
                made += 1
                answered = made * deliveries // count > answers and bool(ways[Outcome.ADMITTED])
                way = self._one_of(ways[Outcome.ADMITTED] if answered else self._drawn(shares))
                event = way.event(self.random, self.new_id("post"), at)
                events.append(event)
                if answered:
                    answers += 1
                    turn, delivery = self._answer(way, event, at)
                    turns.append(turn)
                    posts.append(delivery)
            for event in events:
                if event.conversation is not None:
                    event.conversation.last_active_at = event.received_at
            self._save(events, turns, posts)
            if made % (BATCH * 20) == 0:
                self.say(f"{made} events")
        conversations = {way.conversation for way in ways[Outcome.ADMITTED] if way.conversation is not None}
        Conversation.objects.bulk_update(conversations, ["last_active_at"], BATCH // 10)
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

    def _one_of(self, ways: list[Way]) -> Way:
        """One of them; the first ones come oftener, as some people write more than others."""
        return ways[int(len(ways) * self.random.random() ** 3)]

    def _drawn(self, shares: list[tuple[int, list[Way]]]) -> list[Way]:
        return self.random.choices([ways for _share, ways in shares], [share for share, _ways in shares])[0]

    def _answer(self, way: Way, event: InboundEvent, at: datetime) -> tuple[Turn, Delivery]:
        """Let the event be answered: mostly well, one in 400 not at all, one in 300 not delivered."""
        failed, dead = self.random.random() < 1 / 400, self.random.random() < 1 / 300
        took = timedelta(seconds=self.random.lognormvariate(0.9, 0.7))
        event.state = EventState.FAILED if failed else EventState.ANSWERED
        account = way.place.person.account
        kind, error = self.random.choice(texts.TURN_ERRORS) if failed else ("", "")
        turn = Turn(
            conversation=way.conversation, state=Turned.FAILED if failed else Turned.DONE, starts=1,
            question=event.text, answer="" if failed else self.random.choice(texts.ANSWERS), error_kind=kind,
            error=error, model=account.agent.model if account.agent else "",
            input_tokens=self.random.randrange(200, 4000), output_tokens=self.random.randrange(5, 400),
            trigger_at=event.create_at, created_at=at, started_at=at, finished_at=at + took,
            agent_id=account.agent_id,
        )  # fmt: skip
        event.turn = turn
        delivery = Delivery(
            account_id=account.pk, turn=turn, channel_id=way.place.channel.channel_id,
            kind=DeliveryKind.FAILURE if failed else DeliveryKind.ANSWER, text=turn.answer or "Something went wrong.",
            state=DeliveryState.DEAD if dead else DeliveryState.SENT, attempts=3 if dead else 1,
            error=self.random.choice(texts.DELIVERY_ERRORS) if dead else "", since_ms=event.create_at,
            post_id="" if dead else self.new_id("post"), created_at=at + took, settled_at=at + took,
            posted_at_ms=0 if dead else int((at + took).timestamp() * 1000),
        )  # fmt: skip
        return turn, delivery
