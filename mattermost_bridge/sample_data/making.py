"""Makes the made-up records, in bulk: accounts with their days of connections, people, events, turns and deliveries."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from itertools import islice

from django.db import transaction
from django.utils import timezone

from mattermost_bridge.config import effective
from mattermost_bridge.models import (
    AccessEntry,
    Account,
    Agent,
    ConnectionChange,
    Conversation,
    Delivery,
    InboundEvent,
    KnownChannel,
    KnownPerson,
    ListenerLease,
    OutboxState,
    PairingRequest,
    Turn,
)
from mattermost_bridge.models.states import ConnectionPhase, DeliveryKind, DeliveryState, EventOutcome, EventState
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
class Amounts:
    """How many records of each kind to make, over how many days until now."""

    accounts: int = 12
    people: int = 200
    events: int = 5000
    deliveries: int = 600
    days: int = 30


@dataclass(frozen=True)
class _Place:
    """A conversation with what messages in it need."""

    conversation: Conversation
    person: KnownPerson


class Maker:
    """Makes one set of records; the same `seed` makes the same ones, apart from the time."""

    def __init__(self, amounts: Amounts, *, seed: int = 7, say: Callable[[str], None] = lambda text: None) -> None:
        self.amounts, self.say = amounts, say
        self.random = random.Random(seed)  # noqa: S311 - made-up records
        self.now = timezone.now()
        self.number = 0

    def make(self) -> None:
        """Make everything. What is interrupted leaves what was made: run it on a database of its own."""
        accounts = self._accounts()
        people = self._people(accounts)
        places = self._places(accounts, people)
        self._connections(accounts)
        self._waiting(accounts, people)
        self._messages(places)
        effective.bump_version()

    def _id(self, word: str) -> str:
        self.number += 1
        return f"{word}{self.number}".ljust(26, "x")[:26]

    @transaction.atomic
    def _accounts(self) -> list[Account]:
        agents = [
            Agent.objects.get_or_create(slug=f"{texts.PREFIX}{slug}", defaults=values)[0]
            for slug, values in (
                ("large", {"name": "Large model", "backend": "openai_compatible", "model": "large",
                           "base_url": "https://llm.example/v1"}),
                ("echo", {"name": "Echo", "backend": "echo"}),
            )
        ]  # fmt: skip
        start = Account.objects.filter(account_id__startswith=texts.PREFIX).count()
        made = []
        for number in range(start, start + self.amounts.accounts):
            team = texts.TEAMS[number % len(texts.TEAMS)]
            round_ = number // len(texts.TEAMS)
            made.append(
                Account(
                    account_id=f"{texts.PREFIX}{number + 1}",
                    name=f"{team} {round_ + 1}" if round_ else team,
                    base_url=f"https://chat{number % 3 or ''}.example",
                    bot_user_id=self._id("bot"),
                    bot_username=f"{team.split()[0].lower()}bot{number + 1}",
                    agent=None if number % 40 == 7 else agents[number % 5 == 4],
                    dm_policy="allowlist" if number % 30 == 11 else "",
                    group_policy=("", "open", "allowlist")[number % 3],
                    own_allow_from=number % 4 == 3,
                    own_group_allow_from=number % 3 == 2,
                    enabled=number % 25 != 20,
                )
            )
        with times_as_given(Account, "created_at"):
            for account in made:
                account.created_at = self.now - timedelta(days=self.amounts.days)
            Account.objects.bulk_create(made, BATCH)
        OutboxState.objects.bulk_create(OutboxState(account=account) for account in made)
        self.say(f"{len(made)} accounts")
        return made

    def _people(self, accounts: list[Account]) -> list[KnownPerson]:
        people = [
            KnownPerson(account=accounts[number % len(accounts)], user_id=self._id("user"), username=self._name(number))
            for number in range(self.amounts.people)
        ]
        KnownPerson.objects.bulk_create(people, BATCH)
        entries = [
            AccessEntry(
                account=person.account, list="dm" if number % 2 else "group", value=person.user_id,
                username=person.username, source="panel" if number % 3 else "pairing", note="On call this month",
            )
            for number, person in enumerate(people)
            if number % 2 or number % 3
        ]  # fmt: skip
        AccessEntry.objects.bulk_create(entries, BATCH)
        self.say(f"{len(people)} people")
        return people

    def _name(self, number: int) -> str:
        name, round_ = texts.NAMES[number % len(texts.NAMES)], number // len(texts.NAMES)
        return f"{name}{round_}" if round_ else name

    def _places(self, accounts: list[Account], people: list[KnownPerson]) -> list[_Place]:
        """For each person a direct channel, and for each account two channels in which somebody of it speaks."""
        channels = []
        for account in accounts:
            for name in ("town-square", "support"):
                known = KnownChannel(account=account, channel_id=self._id("channel"), type="O", name=name)
                known.display_name = name.replace("-", " ").capitalize()
                channels.append(known)
        speakers = {person.account_id: person for person in people}
        found = [(person, self._id("dm"), "D", f"@{person.username}") for person in people]
        direct = [
            KnownChannel(account_id=who.account_id, channel_id=one, type=kind) for who, one, kind, _title in found
        ]
        KnownChannel.objects.bulk_create([*channels, *direct], BATCH)
        found += [
            (speakers[known.account_id], known.channel_id, "O", known.display_name)
            for known in channels
            if known.account_id in speakers
        ]
        conversations = [
            Conversation(
                account_id=person.account_id, session_key=f"agent:main:mattermost:{kind}:{channel}", title=title,
                channel_id=channel, channel_type=kind, peer_id=person.user_id if kind == "D" else "",
            )
            for person, channel, kind, title in found
        ]  # fmt: skip
        Conversation.objects.bulk_create(conversations, BATCH)
        return [
            _Place(conversation, person) for conversation, (person, *_rest) in zip(conversations, found, strict=True)
        ]

    def _connections(self, accounts: list[Account]) -> None:
        leases, changes = [], []
        for number, account in enumerate(accounts):
            phase, reason, since = ConnectionPhase.READY, "", self.now - timedelta(days=2)
            if not account.enabled:
                phase = ConnectionPhase.DISABLED
            elif number % 30 == 4:
                phase, since = ConnectionPhase.TOKEN_REFUSED, self.now - timedelta(hours=3)
                reason = "The server refuses the token (401). It was revoked, or the bot is disabled."
            elif number % 30 == 17:
                phase, since = ConnectionPhase.BACKING_OFF, self.now - timedelta(minutes=25)
                reason = "The server cannot be reached: connection refused. It is tried again in 42 s."
            if account.enabled and phase != ConnectionPhase.READY:
                changes.append(ConnectionChange(account=account, at=since, old="ready", new=phase, reason=reason))
            elif account.enabled and number % 4 == 1:
                begin = self.now - timedelta(hours=self.random.uniform(2, 20))
                lost = "The server closed the connection (1006)."
                changes.append(ConnectionChange(account=account, at=begin, old="ready", new="backing_off", reason=lost))
                since = begin + timedelta(minutes=self.random.uniform(1, 90))
                changes.append(ConnectionChange(account=account, at=since, old="backing_off", new="ready"))
            held = phase not in (ConnectionPhase.DISABLED,)
            leases.append(
                ListenerLease(
                    account=account, phase=phase, reason=reason, since=since, holder="sample" if held else "",
                    expires_at=self.now + timedelta(hours=12) if held else None, server_version="10.5.1",
                    last_event_at=self.now - timedelta(minutes=self.random.randrange(1, 50)),
                )
            )  # fmt: skip
        ListenerLease.objects.bulk_create(leases, BATCH)
        with times_as_given(ConnectionChange, "at"):
            ConnectionChange.objects.bulk_create(changes, BATCH)

    def _waiting(self, accounts: list[Account], people: list[KnownPerson]) -> None:
        """A few people who wait to be paired."""
        rows = [
            PairingRequest(
                account=accounts[number % len(accounts)], user_id=self._id("user"), username=f"new.{person.username}",
                channel_id=self._id("dm"), code=self._code(), created_at=self.now - timedelta(minutes=7 * number + 2),
                expires_at=self.now + timedelta(minutes=58 - 7 * number),
            )
            for number, person in enumerate(people[: min(6, len(accounts))])
        ]  # fmt: skip
        PairingRequest.objects.bulk_create(rows)

    def _code(self) -> str:
        return "".join(self.random.choice("ABCDEFGHJKLMNPQRSTUVWXYZ23456789") for _ in range(8))

    def _messages(self, places: list[_Place]) -> None:
        """Events, oldest first; those that are answered with turn and delivery."""
        if not places:
            return
        made, answers = 0, 0
        moments = self._moments(self.amounts.events)
        while chunk := list(islice(moments, BATCH)):
            events, turns, deliveries = [], [], []
            for at in chunk:
                made += 1
                place = places[int(len(places) * self.random.random() ** 3)]
                event = self._event(place, at)
                events.append(event)
                if made * self.amounts.deliveries // self.amounts.events > answers:
                    answers += 1
                    turn, delivery = self._answer(place, event, at)
                    turns.append(turn)
                    deliveries.append(delivery)
            self._save(events, turns, deliveries)
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

    def _moments(self, count: int) -> Iterator[datetime]:
        """So many moments until now, in order; by day there are more than by night."""
        whole = self.amounts.days * 86400.0
        begin = self.now - timedelta(seconds=whole)
        for number in range(count):
            seconds = whole * (number + self.random.random()) / count
            day, within = divmod(seconds, 86400)
            # Pulls moments towards the middle of the working day, without changing their order.
            share = within / 86400
            pulled = share + 0.12 * (1 if share < 0.5 else -1) * (4 * share * (1 - share)) * abs(0.5 - share) * 2
            yield begin + timedelta(seconds=day * 86400 + pulled * 86400)

    def _event(self, place: _Place, at: datetime) -> InboundEvent:
        state, outcome, reason = self._ending()
        conversation, person = place.conversation, place.person
        post = self._id("post")
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

    def _answer(self, place: _Place, event: InboundEvent, at: datetime) -> tuple[Turn, Delivery]:
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
            post_id="" if dead else self._id("post"), created_at=at + took, settled_at=at + took,
            posted_at_ms=0 if dead else int((at + took).timestamp() * 1000),
        )  # fmt: skip
        return turn, delivery
