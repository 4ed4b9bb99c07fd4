"""What importing people from a CSV file would do, line by line, compared with what is stored."""

from __future__ import annotations

import hashlib
import json
from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from mattermost_bridge.config.effective_lists import group_name_in
from mattermost_bridge.models import AccessEntry, Account, BlockedUser
from mattermost_bridge.models.states import AccessList, EntrySource
from mattermost_bridge.services import access
from mattermost_bridge.services.errors import Refused
from mattermost_bridge.services.people_csv import BLOCKED, Line, moment
from mattermost_bridge.services.records import check_end, owner_named

#: Whether the importing person may do this (a codename, as `add_accessentry`) for an account, None: for all of them.
May = Callable[[str, Account | None], bool]
#: Whose list, which list, who.
Key = tuple[int | None, str, str]
LISTS = (*AccessList.values, BLOCKED)


class Step(StrEnum):
    """What becomes of one line."""

    ADDED = "added"
    CHANGED = "changed"
    REMOVED = "removed"
    SAME = "same"
    REFUSED = "refused"


@dataclass(frozen=True)
class Planned:
    """One step of a plan: the line it comes from (0: the file lacks this person), and what it does, as a sentence."""

    line: int
    step: Step
    sentence: str
    key: Key | None = None
    pk: int | None = None
    account: Account | None = field(default=None, compare=False)
    username: str = ""
    note: str | None = None
    until: datetime | None = None


@dataclass(frozen=True)
class Plan:
    """All steps in the order of the file, removals last."""

    steps: tuple[Planned, ...]
    replaces: bool

    @property
    def counts(self) -> dict[str, int]:
        """How many lines come to each step."""
        found = Counter(planned.step for planned in self.steps)
        return {step.value: found[step] for step in Step}

    @property
    def changes(self) -> bool:
        """Whether it would change anything."""
        return any(planned.step in (Step.ADDED, Step.CHANGED, Step.REMOVED) for planned in self.steps)

    @property
    def obstacle(self) -> str:
        """Why it cannot be carried out; "" when it can."""
        if self.replaces and self.counts[Step.REFUSED]:
            return (
                "Lines were refused, and who is missing from the file would be removed: correct the refused lines, so "
                "that nobody loses a right by a misprint, or import without removing."
            )
        return "" if self.changes else "Nothing would change."

    @property
    def fingerprint(self) -> str:
        """The same for two plans that do the same."""
        steps = [
            (planned.step.value, planned.key, planned.note, planned.until and planned.until.isoformat())
            for planned in self.steps
            if planned.step != Step.REFUSED
        ]
        return hashlib.sha256(json.dumps([steps, self.replaces]).encode()).hexdigest()


def plan(lines: Iterable[Line], *, replaces: bool, may: May, problems: dict[int, str] | None = None) -> Plan:
    """What importing the lines would do. With `replaces`, whom the file lacks is taken off the lists that it names."""
    maker = _Planner(may, problems or {})
    steps = [maker.step(line) for line in lines]
    if replaces:
        steps += maker.removals()
    return Plan(tuple(steps), replaces)


def accounts_open_to(may: May) -> dict[str, Account]:
    """The accounts in which the person may add people, by their ids; others are as good as unknown to them."""
    accounts = Account.objects.defer("bot_token")
    return {each.account_id: each for each in accounts if may("add_accessentry", each) or may("add_blockeduser", each)}


class _Planner:
    """Compares lines with what is stored, which is read once."""

    def __init__(self, may: May, problems: dict[int, str]) -> None:
        self._may, self._problems = may, problems
        self._accounts = accounts_open_to(may)
        self._seen: dict[Key, int] = {}
        self._named: dict[tuple[int | None, str], Account | None] = {}
        self._entries: dict[Key, AccessEntry] = {}
        for entry in AccessEntry.objects.exclude(source=EntrySource.PAIRING).order_by("-pk"):
            self._entries[entry.account_id, entry.list, entry.value] = entry
        self._blocked = {(each.account_id, BLOCKED, each.user_id): each for each in BlockedUser.objects.all()}

    def step(self, line: Line) -> Planned:
        """What becomes of one line."""
        try:
            return self._step(line)
        except Refused as refused:
            return Planned(line.number, Step.REFUSED, str(refused))

    def _step(self, line: Line) -> Planned:
        account = self._account(line)
        if line.list not in LISTS:
            raise Refused(f"The list {line.list!r} does not exist. It is one of {', '.join(LISTS)}.")
        blocking = line.list == BLOCKED
        kind = "blockeduser" if blocking else "accessentry"
        if not self._may(f"add_{kind}", account):
            raise Refused(f"You may not change this list of {_whose(account, line.list)}.")
        if problem := self._problems.get(line.number):
            raise Refused(problem)
        if blocking and not access.USER_ID.fullmatch(line.user_id.lower()):
            raise Refused("A person is blocked by their Mattermost user id: 26 small letters and digits.")
        key = (account.pk if account else None, line.list, access.check_value(line.user_id))
        self._named[key[:2]] = account
        if key in self._seen:
            raise Refused(f"The same person stands on line {self._seen[key]} already.")
        self._seen[key] = line.number
        until = self._until(line)
        if blocking and until:
            raise Refused("A block has no end. Leave the column expires empty.")
        made = Planned(line.number, Step.ADDED, "", key, None, account, line.username, _short(line.note), until)
        return self._against_stored(made, line)

    def _account(self, line: Line) -> Account | None:
        if not line.account:
            return None
        account = self._accounts.get(line.account.lower())
        if account is None:
            raise Refused(f"There is no account {line.account} that you may change.")
        if account.is_archived:
            raise Refused(f"The account {account.account_id} is archived. Restore it first.")
        return account

    def _until(self, line: Line) -> datetime | None:
        try:
            return moment(line.expires or "")
        except ValueError:
            raise Refused(f"{line.expires!r} is no time. Write 2026-12-31 or 2026-12-31 18:00.") from None

    def _against_stored(self, made: Planned, line: Line) -> Planned:
        assert made.key is not None
        which, value = made.key[1:]
        whose, who = _whose(made.account, which), _who(value, line.username)
        if which == BLOCKED:
            if made.key in self._blocked:
                return replace(made, step=Step.SAME, sentence=f"{who} is blocked for {whose} already.")
            return replace(made, sentence=f"{who} is blocked for {whose}.")
        where = f"“{_label(which)}” of {whose}"
        entry = self._entries.get(made.key)
        if entry is None:
            check_end(made.until)
            end = f" until {made.until:%Y-%m-%d %H:%M}" if made.until else ""
            return replace(made, sentence=f"{who} is put on the list {where}{end}.")
        note = entry.note if line.note is None else made.note
        until = entry.expires_at if line.expires is None or _same(entry.expires_at, made.until) else made.until
        parts = []
        if note != entry.note:
            parts.append("another reason")
        if until != entry.expires_at:
            check_end(until)
            parts.append(f"until {until:%Y-%m-%d %H:%M}" if until else "without end")
        made = replace(made, pk=entry.pk, note=note, until=until)
        if not parts:
            return replace(made, step=Step.SAME, sentence=f"{who} is on the list {where} already.")
        if not self._may("change_accessentry", made.account):
            raise Refused(f"You may not change entries of {whose}.")
        return replace(made, step=Step.CHANGED, sentence=f"{who}, on the list {where}: {', '.join(parts)}.")

    def removals(self) -> list[Planned]:
        """Whom the file lacks, of the lists that it names."""
        stored: list[tuple[Key, AccessEntry | BlockedUser]] = [*self._entries.items(), *self._blocked.items()]
        found = []
        for key, record in sorted(stored, key=lambda pair: (str(pair[0][:2]), pair[1].pk)):
            if key[:2] not in self._named or key in self._seen:
                continue
            account = self._named[key[:2]]
            kind = "blockeduser" if key[1] == BLOCKED else "accessentry"
            where = _whose(account, key[1])
            if not self._may(f"delete_{kind}", account):
                found.append(Planned(0, Step.REFUSED, f"{record} stays: you may not remove entries of {where}."))
            elif key[1] == BLOCKED:
                found.append(Planned(0, Step.REMOVED, f"{record} is no longer blocked for {where}.", key, record.pk))
            else:
                sentence = f"{record} is taken off the list “{_label(key[1])}” of {where}."
                found.append(Planned(0, Step.REMOVED, sentence, key, record.pk, account))
        return found


def _whose(account: Account | None, which: str) -> str:
    return owner_named(account, "all accounts" if which == BLOCKED else "the defaults")


def _label(which: str) -> str:
    return str(AccessList(which).label)


def _who(value: str, username: str) -> str:
    if name := group_name_in(value):
        return f"The access group {name}"
    return f"@{username}" if username else ("Everybody (*)" if value == "*" else value)


def _short(note: str | None) -> str | None:
    return None if note is None else note[:200]


def _same(one: datetime | None, other: datetime | None) -> bool:
    """Files and forms know seconds only."""
    return (one and one.replace(microsecond=0)) == (other and other.replace(microsecond=0))
