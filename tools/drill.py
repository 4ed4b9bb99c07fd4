"""`make drill`: people write while processes die at random, and a ledger says what became of every message.

For each database: ten people write five messages each while broker, workers, scheduler and web are killed and started
again and the broker forgets everything now and then. Then: how long an account takes to move after its worker was
killed and after it was stopped, and how long from the server's return after a minute away to *ready*. All lengths are
those that a deployment has. Exit status 1 when anything was lost, doubled or out of order.
"""

from __future__ import annotations

import argparse
import random
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402

from tests.e2e.processes import wait_for  # noqa: E402
from tests.e2e.stack import Stack, holder_pid  # noqa: E402
from tools import postgres  # noqa: E402
from tools.drill_live import PAGES, Live, look  # noqa: E402
from tools.drill_people import CHANNELS, PEOPLE, VICTIMS, Deed, Writers, plan  # noqa: E402

console = Console(highlight=False)
#: A turn whose worker died is free again after a minute, a delivery too; five deaths in a row take five.
PATIENCE = 420.0
MOVE_LIMIT = 120.0
#: Seconds; a figure above its aim is marked, and is no failure.
AIMS = {"kill": 15.0, "stop": 2.0, "return": 5.0, "live": 1.0}


@dataclass
class Outcome:
    """What a drill on one database came to."""

    database: str
    sent: int
    answered: int
    lost: int
    doubled: int
    out_of_order: int
    deaths: int
    rest: float
    moved: dict[str, float]
    live: Live
    faults: list[str]

    @property
    def clean(self) -> bool:
        """Whether nothing was lost, doubled or out of order."""
        return not self.faults


def main() -> int:
    """Drill each database that was asked for; the exit status."""
    options = arguments()
    console.print(f"[bold]Durar's drill[/], seed {options.seed} (repeat it with --seed {options.seed})")
    outcomes = [drill(database, options) for database in databases(options.database)]
    show(outcomes)
    return 0 if all(outcome.clean for outcome in outcomes) else 1


def arguments() -> argparse.Namespace:
    """The command line."""
    parser = argparse.ArgumentParser(prog="make drill", description=__doc__.splitlines()[0])
    parser.add_argument("--seconds", type=float, default=120.0, help="how long people write and processes die")
    parser.add_argument("--seed", type=int, default=random.SystemRandom().randrange(10**6), help="of everything random")
    parser.add_argument(
        "--database",
        choices=("sqlite", "postgres", "both"),
        help="default: SQLite, and PostgreSQL where it is installed",
    )
    parser.add_argument("--away", type=float, default=60.0, help="how long the Mattermost server is gone, in seconds")
    return parser.parse_args()


def databases(wanted: str | None) -> list[str]:
    """Which databases to drill."""
    if wanted is None:
        wanted = "both" if postgres.programs() else "sqlite"
        if wanted == "sqlite":
            console.print("PostgreSQL is not installed here, so only SQLite is drilled.")
    return ["sqlite", "postgres"] if wanted == "both" else [wanted]


def drill(database: str, options: argparse.Namespace) -> Outcome:
    """Drill one database."""
    dice = random.Random(options.seed)  # noqa: S311 - repeatable, not secret
    with served(database) as url, Stack(times={}, database_url=url, redis_url="", people=len(PEOPLE)) as stack:
        step(f"[bold]{database}[/]: starting a broker, two ears, voices, a scheduler, web and a sandbox")
        stack.open_to_all()
        for channel in CHANNELS[1:]:
            stack.sandbox.add_member("alice", channel, "durar")
        stack.start("scheduler", "ears", "ears-2", "voices", "web")
        stack.wait_ready()
        deaths = live_and_die(stack, plan(dice, options.seconds), Writers(stack, dice), options.seconds)
        rest = come_to_rest(stack)
        # First the stop: what is started again meanwhile has until the killed one's lease ends to be there.
        moved = {"stop": move(stack, "stop"), "kill": move(stack, "kill"), "return": come_back(stack, options.away)}
        come_to_rest(stack)
        step("somebody looks at the panel")
        live = look(stack, PEOPLE[0])
        return settle(database, stack, deaths, rest, moved | {"live": live.page}, live)


@contextmanager
def served(database: str) -> Iterator[str]:
    """The address of the database's server; "" for SQLite."""
    with postgres.temporary_server() if database == "postgres" else nullcontext("") as url:
        yield url


def live_and_die(stack: Stack, deeds: list[Deed], writers: Writers, seconds: float) -> int:
    """Do everything that is planned, at its time. Returns how many processes died."""
    start, deaths, said = time.monotonic(), 0, 0.0
    for deed in deeds:
        time.sleep(max(0.0, start + deed.at - time.monotonic()))
        if deed.what == "post":
            writers.post(deed.who)
        elif deed.what == "forget":
            if stack.processes["broker"].running:
                stack.flush_broker()
        elif deed.what == "kill":
            stack.kill(deed.who)
            deaths += 1
        else:
            stack.start(deed.who)
        if time.monotonic() - said > 10:
            said = time.monotonic()
            balance = stack.ledger.balance()
            step(
                f"{said - start:4.0f} of {seconds:.0f} s: {balance.deserving} asked, {balance.answered} answered, "
                f"{deaths} deaths; down: {', '.join(down(stack)) or 'nobody'}"
            )
    for name in down(stack):
        stack.start(name)
    return deaths


def down(stack: Stack) -> list[str]:
    """Processes that are dead right now."""
    return [name for name in VICTIMS if not stack.processes[name].running]


def come_to_rest(stack: Stack) -> float:
    """Wait until everything is answered, or patience ends; the seconds that it took."""
    start = time.monotonic()
    try:
        stack.wait_answered(PATIENCE)
    except AssertionError as error:
        step(f"[red]{error}[/]")
    taken = time.monotonic() - start
    step(f"all is at rest {taken:.1f} s later")
    return taken


def move(stack: Stack, how: str) -> float:
    """Kill or stop the worker that listens; the seconds until another one is ready."""
    stack.wait_ready(limit=MOVE_LIMIT)
    pid = holder_pid(stack.console.rows("ListenerLease", "holder")[0]["holder"])
    (victim,) = [name for name in VICTIMS if stack.processes[name].running and stack.processes[name].pid == pid]
    start = time.monotonic()
    if how == "kill":
        stack.kill(victim)
    else:
        stack.processes[victim].terminate()
    stack.ledger.post(PEOPLE[0], "@durar", f"written while the account moves ({how})")
    wait_for(lambda: held_by_another(stack, pid), MOVE_LIMIT, what="the account to move", every=0.02)
    taken = time.monotonic() - start
    stack.stop(victim)
    stack.start(victim)
    step(f"{taken:.1f} s until another worker was ready after {victim} was {'killed' if how == 'kill' else 'stopped'}")
    return taken


def held_by_another(stack: Stack, pid: int) -> bool:
    """Whether the account is ready at another process than `pid`."""
    (row,) = stack.console.rows("ListenerLease", "holder", "phase")
    return row["phase"] == "ready" and holder_pid(row["holder"]) not in (0, pid)


def come_back(stack: Stack, away: float) -> float:
    """The server is gone for a while; the seconds from its return until the account is ready."""
    stack.wait_ready(limit=MOVE_LIMIT)
    step(f"the Mattermost server goes away for {away:.0f} s")
    stack.sandbox.control("POST", "gone")
    wait_for(lambda: stack.phase() != "ready", MOVE_LIMIT, what="Durar to notice")
    time.sleep(away)
    stack.sandbox.back()
    start = time.monotonic()
    wait_for(lambda: stack.phase() == "ready", MOVE_LIMIT, what="durar to be ready", every=0.02)
    taken = time.monotonic() - start
    stack.ledger.post(PEOPLE[0], "@durar", "written after the server's return")
    step(f"{taken:.1f} s from its return to ready")
    return taken


def settle(database: str, stack: Stack, deaths: int, rest: float, moved: dict[str, float], live: Live) -> Outcome:
    """The outcome; a stack with a fault shows its logs."""
    balance = stack.ledger.balance()
    faults = list(balance.faults)
    faults += [
        f"a delivery is {row['state']}: {row['error']}"
        for row in stack.console.rows("Delivery", "state", "error", state__in=["dead", "cancelled"])
    ]
    if faults:
        console.print(stack.report(), markup=False)
    return Outcome(
        database,
        balance.deserving,
        balance.answered,
        len(balance.lost),
        len(balance.doubled) + len(balance.unexpected),
        len(balance.out_of_order),
        deaths,
        rest,
        moved,
        live,
        faults,
    )


def show(outcomes: list[Outcome]) -> None:
    """The ledger, and the times with their aims."""
    table = Table(title="The ledger")
    table.add_column("")
    for outcome in outcomes:
        table.add_column(outcome.database, justify="right")
    lines = {
        "messages that deserve an answer": lambda one: str(one.sent),
        "answered": lambda one: str(one.answered),
        "lost": lambda one: zero(one.lost),
        "doubled": lambda one: zero(one.doubled),
        "out of order": lambda one: zero(one.out_of_order),
        "processes killed": lambda one: str(one.deaths),
        "last answer after the last death": lambda one: f"{one.rest:.1f} s",
        "account moves after a kill (aim 15 s)": lambda one: timed(one, "kill"),
        "account moves after a graceful stop (aim 2 s)": lambda one: timed(one, "stop"),
        "ready after the server's return (aim 5 s)": lambda one: timed(one, "return"),
        "from a post to the message of an open page": lambda one: f"{one.live.message * 1000:.0f} ms",
        "from a post to the changed page (aim 1 s)": lambda one: timed(one, "live"),
        "workers' CPU for a message": lambda one: f"{one.live.alone * 1000:.1f} ms",
        f"workers' CPU for a message, {PAGES} pages open": lambda one: f"{one.live.watched * 1000:.1f} ms",
    }
    for label, value in lines.items():
        table.add_row(label, *(value(outcome) for outcome in outcomes))
    console.print(table)
    for outcome in outcomes:
        for fault in outcome.faults:
            console.print(f"[red]{outcome.database}: {fault}[/]")


def zero(count: int) -> str:
    """A count that should be none."""
    return "0" if not count else f"[red]{count}[/]"


def timed(outcome: Outcome, what: str) -> str:
    """A time, marked when it is above its aim."""
    seconds = outcome.moved[what]
    return f"{seconds:.1f} s" if seconds <= AIMS[what] else f"[yellow]{seconds:.1f} s[/]"


def step(text: str) -> None:
    """One line of progress."""
    console.print(f"[dim]{time.strftime('%H:%M:%S')}[/] {text}")


if __name__ == "__main__":
    sys.exit(main())
