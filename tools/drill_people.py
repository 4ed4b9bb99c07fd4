"""Ten people who write, and a hand that kills processes meanwhile: what the drill does to a stack."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from mattermost_bridge.agents.echo import long_answer
from mattermost_bridge.rules.chunking import split_text
from tests.e2e.stack import Stack

PEOPLE = tuple(f"person{number:02d}" for number in range(1, 11))
MESSAGES = 5
CHANNELS = ("support", "incidents")
#: Who may die. Two of each kind that holds something, so that there is somebody to take over.
VICTIMS = ("ears", "ears-2", "voices", "scheduler", "web", "broker")
#: Seconds from one death to the next, and from a death to the start of the same process.
BETWEEN_DEATHS = (2.0, 8.0)
UNTIL_RESTART = (0.2, 4.0)
LONG = tuple(split_text(long_answer(), 4000))


@dataclass(order=True)
class Deed:
    """Something that happens `at` so many seconds after the beginning."""

    at: float
    what: str = field(compare=False)
    who: str = field(compare=False)
    number: int = field(compare=False, default=0)


def plan(dice: random.Random, seconds: float) -> list[Deed]:
    """Everything that is going to happen, in order; the same dice make the same plan."""
    deeds = [Deed(dice.uniform(0, seconds), "post", person) for person in PEOPLE for _ in range(MESSAGES)]
    busy_until = dict.fromkeys(VICTIMS, 0.0)
    at = dice.uniform(*BETWEEN_DEATHS)
    while at < seconds:
        victim = dice.choice([name for name in VICTIMS if busy_until[name] <= at] or ["nobody"])
        if victim != "nobody":
            back = at + dice.uniform(*UNTIL_RESTART)
            deeds += [Deed(at, "kill", victim), Deed(back, "start", victim)]
            # A process that is never up proves little: let it live for a moment.
            busy_until[victim] = back + 3.0
        if dice.random() < 0.2:
            deeds.append(Deed(at + dice.uniform(0, 1), "forget", "broker"))
        at += dice.uniform(*BETWEEN_DEATHS)
    return sorted(deeds)


class Writers:
    """The ten people. Each has places to write in, and says something else each time."""

    def __init__(self, stack: Stack, dice: random.Random) -> None:
        self._stack, self._dice = stack, dice
        self._roots: dict[str, str] = {}
        self._count = 0

    def post(self, person: str) -> None:
        """Write one message: directly, in a channel or in a thread, and of some kind."""
        self._count += 1
        place = self._dice.choices(("direct", "channel", "thread"), (6, 2, 2))[0]
        text, answers = self._words(f"{person} says number {self._count}")
        ledger = self._stack.ledger
        if place == "direct":
            ledger.post(person, "@durar", text, answers=answers)
            return
        channel = self._dice.choice(CHANNELS)
        root = ""
        if place == "thread":
            root = self._roots.get(channel) or self._open_thread(channel)
        ledger.post(person, channel, f"@durar {text}", root_id=root, answers=answers)

    def _open_thread(self, channel: str) -> str:
        """A post that nobody has to answer, to write below."""
        opened = self._stack.ledger.post(PEOPLE[0], channel, "a thread among people", answers=())
        self._roots[channel] = opened.post_id
        return opened.post_id

    def _words(self, plain: str) -> tuple[str, tuple[str, ...]]:
        """A text and the answers that it deserves."""
        kind = self._dice.choices(("plain", "slow", "long"), (5, 4, 1))[0]
        if kind == "slow":
            seconds = self._dice.choice((1, 2, 4))
            return f"slow {seconds}", (f"This answer took {seconds} second{'s' * (seconds > 1)}, as you asked.",)
        if kind == "long":
            return "long", LONG
        return plain, (f"You said: {plain}",)
