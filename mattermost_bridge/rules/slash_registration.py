"""Which slash commands an account should have, and what is to be done so that a team has exactly these."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

LONGEST_DESCRIPTION = 128
"""bytes; Mattermost refuses a longer description"""
LONGEST_TRIGGER = 128


@dataclass(frozen=True)
class Offered:
    """A command before it has a prefix: a built-in one, or a skill. `purpose` is "builtin" or "skill"."""

    purpose: str
    name: str
    description: str
    hint: str = ""


BUILT_INS: tuple[Offered, ...] = tuple(
    Offered("builtin", *words)
    for words in (
        ("status", "Show session status (model, usage, uptime)", ""),
        ("model", "View or change the current model", "[model-name]"),
        ("models", "Browse available models", "[provider]"),
        ("new", "Start a new conversation session", ""),
        ("help", "Show available commands", ""),
        ("think", "Set thinking/reasoning level", "[off|low|medium|high]"),
        ("reasoning", "Toggle reasoning mode", "[on|off]"),
        ("verbose", "Toggle verbose mode", "[on|off]"),
        ("queue", "Adjust active-run queue behavior", "[each|collect]"),
        ("stop", "Stop the answer that is being made", ""),
    )
)


@dataclass(frozen=True)
class Wanted:
    """A command as a team should have it."""

    trigger: str
    purpose: str
    name: str
    description: str
    hint: str
    url: str

    @property
    def fields(self) -> dict[str, Any]:
        """What Mattermost is told of it, beside team and trigger."""
        return {
            "method": "P",
            "url": self.url,
            "description": self.description,
            "auto_complete": True,
            "auto_complete_desc": self.description,
            "auto_complete_hint": self.hint,
        }

    @property
    def fingerprint(self) -> str:
        """A digest of the fields: the same for two commands that show and call the same."""
        return digest(self.fields)


@dataclass(frozen=True)
class Existing:
    """A command that a team has. `fields` are those of `Wanted.fields`."""

    id: str
    trigger: str
    creator_id: str
    fields: Mapping[str, Any]


class Kind(StrEnum):
    """What is to be done with one trigger."""

    CREATE = "create"
    UPDATE = "update"
    REUSE = "reuse"
    DELETE = "delete"
    SKIP_FOREIGN = "skip foreign"


@dataclass(frozen=True)
class Step:
    """One thing to do. `wanted` is None for what is deleted; `command_id` is "" for what is created or skipped."""

    kind: Kind
    trigger: str
    command_id: str = ""
    wanted: Wanted | None = None


def trigger_of(prefix: str, name: str) -> str:
    """The trigger of a command: its name behind the prefix, once, in small letters."""
    name = name.strip().lower()
    return (name if name.startswith(prefix) else f"{prefix}{name}")[:LONGEST_TRIGGER]


def wanted_commands(prefix: str, skills: Iterable[Offered], url: str) -> tuple[Wanted, ...]:
    """The built-in commands and the skills; of several with one trigger the first counts."""
    found: dict[str, Wanted] = {}
    for one in (*BUILT_INS, *skills):
        trigger = trigger_of(prefix, one.name)
        words = one.description.strip() or f"Run skill {one.name}"
        hint = one.hint.strip() or ("[args]" if one.purpose == "skill" else "")
        found.setdefault(trigger, Wanted(trigger, one.purpose, one.name, cut(words, LONGEST_DESCRIPTION), hint, url))
    return tuple(found.values())


def plan(
    wanted: Iterable[Wanted],
    existing: Iterable[Existing],
    *,
    me_id: str,
    known: Collection[str] = (),
    known_ids: Collection[str] = (),
) -> list[Step]:
    """What to do so that a team has the wanted commands once, and none of ours beside them.

    Ours is what the bot `me_id` made, and what is on record as ours (`known_ids`), whoever the bot was then. What the
    bot made and nobody wants is deleted only when its trigger is on record (`known`): the bot's owner may use it for
    other commands, too. What somebody else made stays as it is, also when it has a trigger that is wanted.
    """
    mine: dict[str, list[Existing]] = {}
    taken: set[str] = set()
    for one in existing:
        if one.creator_id == me_id or one.id in known_ids:
            mine.setdefault(one.trigger.lower(), []).append(one)
        else:
            taken.add(one.trigger.lower())
    steps: list[Step] = []
    triggers: set[str] = set()
    for want in wanted:
        triggers.add(want.trigger)
        own = sorted(mine.get(want.trigger, ()), key=lambda one: one.id not in known_ids)
        if own:
            # Doubles first: newer servers refuse to change a command whose trigger another one has.
            steps += [Step(Kind.DELETE, want.trigger, double.id) for double in own[1:]]
            kind = Kind.REUSE if dict(own[0].fields) == want.fields else Kind.UPDATE
            steps.append(Step(kind, want.trigger, own[0].id, want))
        elif want.trigger in taken:
            steps.append(Step(Kind.SKIP_FOREIGN, want.trigger, wanted=want))
        else:
            steps.append(Step(Kind.CREATE, want.trigger, wanted=want))
    gone = [
        Step(Kind.DELETE, trigger, one.id)
        for trigger, found in mine.items()
        if trigger not in triggers
        for one in found
        if trigger in known or one.id in known_ids
    ]
    return [*gone, *steps]


def cut(text: str, most: int) -> str:
    """The text in at most `most` bytes of UTF-8, without half a character at its end."""
    return text.encode("utf-8", "replace")[:most].decode("utf-8", "ignore")


def digest(value: Any) -> str:
    """A digest of plain values."""
    return hashlib.sha256(json.dumps(value, sort_keys=True, default=str).encode()).hexdigest()
