"""Makes the made-up records, in bulk: accounts with their days of connections, people, and what is said."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta

from django.db import transaction
from django.utils import timezone

from mattermost_bridge.config import effective
from mattermost_bridge.models import (
    AccessEntry,
    Account,
    Agent,
    BlockedUser,
    ConnectionChange,
    KnownChannel,
    KnownPerson,
    ListenerLease,
    OutboxState,
    PairingRequest,
)
from mattermost_bridge.models.states import ConnectionPhase
from mattermost_bridge.sample_data import byside, texts
from mattermost_bridge.sample_data.messages import BATCH, Messages
from mattermost_bridge.sample_data.times import times_as_given
from mattermost_bridge.sample_data.ways import Place

#: So many people of an account speak in its channels.
SPEAKERS = 6


@dataclass(frozen=True)
class Amounts:
    """How many records of each kind to make, over how many days until now."""

    accounts: int = 12
    people: int = 200
    events: int = 5000
    deliveries: int = 600
    days: int = 30


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
        byside.make(accounts, people, self.now, self._id)
        effective.bump_version()
        wanted = self.amounts
        said = Messages(self.random, self.now, self._id, self.say)
        said.make(places, wanted.events, wanted.deliveries, wanted.days)

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
                    group_policy="" if number % 15 == 9 else ("open", "allowlist", "open")[number % 3],
                    own_allow_from=True,
                    own_group_allow_from=number % 3 == 1,
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
        entries, blocked = [], []
        for number, person in enumerate(people):
            # Of each account's people every other one may write directly, most others may in channels, and the rest
            # are strangers, of whom one was a nuisance.
            turn = number // len(accounts)
            listed = "dm" if turn % 2 == 0 else "group" if turn % 3 else ""
            if number % 50 == 49:
                blocked.append(
                    BlockedUser(
                        account=person.account, user_id=person.user_id, username=person.username,
                        reason="Advertised in every channel", blocked_at=self._some_time_ago(),
                    )
                )  # fmt: skip
            elif listed:
                by_pairing = listed == "dm" and turn % 3 == 0
                source, note = ("pairing", "") if by_pairing else ("panel", "On call this month")
                entries.append(
                    AccessEntry(
                        account=person.account, list=listed, value=person.user_id, username=person.username,
                        source=source, note=note, added_at=self._some_time_ago(),
                    )
                )  # fmt: skip
        with times_as_given(BlockedUser, "blocked_at"), times_as_given(AccessEntry, "added_at"):
            BlockedUser.objects.bulk_create(blocked, BATCH)
            AccessEntry.objects.bulk_create(entries, BATCH)
        self.say(f"{len(people)} people")
        return people

    def _some_time_ago(self) -> datetime:
        return self.now - timedelta(days=self.random.uniform(0, self.amounts.days))

    def _name(self, number: int) -> str:
        name, round_ = texts.NAMES[number % len(texts.NAMES)], number // len(texts.NAMES)
        return f"{name}{round_}" if round_ else name

    def _places(self, accounts: list[Account], people: list[KnownPerson]) -> list[Place]:
        """For each person a direct channel, and for each account two channels in which some of its people speak."""
        channels = []
        for account in accounts:
            for name in ("town-square", "support"):
                known = KnownChannel(account=account, channel_id=self._id("channel"), type="O", name=name)
                known.display_name = name.replace("-", " ").capitalize()
                channels.append(known)
        direct = [KnownChannel(account=one.account, channel_id=self._id("dm"), type="D") for one in people]
        KnownChannel.objects.bulk_create([*channels, *direct], BATCH)
        of_account: dict[int, list[KnownPerson]] = {}
        for person in people:
            of_account.setdefault(person.account_id, []).append(person)
        return [
            *(Place(person, channel, f"@{person.username}") for person, channel in zip(people, direct, strict=True)),
            *(
                Place(person, channel, channel.display_name)
                for channel in channels
                for person in of_account.get(channel.account_id, [])[:SPEAKERS]
            ),
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
        ConnectionChange.objects.bulk_create(sorted(changes, key=lambda one: one.at), BATCH)

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
