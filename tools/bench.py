"""`make bench`: Durar beside a bare bot, against the sandbox, in one run, as ratios.

The bare bot (`tools/bare_bot.py`) is the least that any bot can do: WebSocket in, one call of the agent, one POST out,
nothing stored. Both use the echo agent, which answers at once, so what is measured is the way. Times are taken from a
person's post to the bot's post arriving on that person's own socket. Nothing here asserts anything: a figure that is
worse than the aim is marked.

The sandbox keeps posts in memory and makes one in well under a millisecond. A real Mattermost with its database took
about five milliseconds more for each on a machine like this (13 ms for the bare bot's direct message), so the figures
are taken twice: at the sandbox's own pace, where Durar's own work stands out, and at a server's pace, where it counts.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import signal
import socket
import statistics
import subprocess
import sys
import tempfile
import time
from contextlib import asynccontextmanager, contextmanager
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from rich.console import Console  # noqa: E402
from rich.table import Table  # noqa: E402

from mattermost_bridge.sandbox.testing import SandboxProcess  # noqa: E402
from tools.bench_people import Person, cpu_seconds, memory_mib, process_tree  # noqa: E402

console = Console()
WARM_UP = 10
AIM = 2.0
#: Seconds that the server takes for a post, and how the figure is named.
PACES = {0.0: "", 0.005: " at a server's pace"}


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


@contextmanager
def bare_bot(sandbox: SandboxProcess):
    """The yardstick, listening."""
    command = [sys.executable, str(ROOT / "tools" / "bare_bot.py"), sandbox.base_url, sandbox.token("durar")]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)  # noqa: S603
    try:
        yield process.pid
    finally:
        process.kill()
        process.wait()


@contextmanager
def durar(state: Path):
    """Everything that `Durar up` starts, on the state directory that `prepare` filled."""
    environment = {**os.environ, "DURAR_STATE_DIR": str(state)}
    command = [sys.executable, str(ROOT / "manage.py"), "up", "--port", str(free_port())]
    log = (state / "up.log").open("w")
    process = subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT, cwd=ROOT)  # noqa: S603
    try:
        yield process.pid
    finally:
        process.send_signal(signal.SIGTERM)
        process.wait(60)
        log.close()


def prepare(state: Path, sandbox: SandboxProcess) -> None:
    """A migrated database with one account that everybody may write to, and the echo agent."""
    os.environ["DURAR_STATE_DIR"] = str(state)
    os.environ["DJANGO_SETTINGS_MODULE"] = "durar_site.settings"
    import django
    from django.core.management import call_command

    django.setup()
    call_command("migrate", verbosity=0)
    from mattermost_bridge.config import effective
    from mattermost_bridge.models import AccessEntry, Account, Agent, ListenerLease, OutboxState

    account = Account.objects.create(
        account_id="default",
        base_url=sandbox.base_url,
        bot_token=sandbox.token("durar"),
        dm_policy="open",
        group_policy="open",
        own_allow_from=True,
        agent=Agent.objects.create(slug="echo", backend="echo", history_messages=0),
    )
    AccessEntry.objects.create(account=account, list="dm", value="*")
    ListenerLease.objects.create(account=account)
    OutboxState.objects.create(account=account)
    effective.bump_version()


@asynccontextmanager
async def connected(sandbox: SandboxProcess, names: list[str]):
    """These people, each with a socket of their own."""
    people = [Person(sandbox.base_url, name, sandbox.token(name)) for name in names]
    await asyncio.gather(*(person.connect() for person in people))
    try:
        yield people
    finally:
        await asyncio.gather(*(person.close() for person in people))


async def measure(
    sandbox: SandboxProcess, pid: int, started: float, samples: int, crowd: list[str]
) -> dict[str, float]:
    """All figures of one bot that is being started."""
    figures: dict[str, float] = {}
    async with connected(sandbox, ["alice"]) as (alice,):
        direct = sandbox.channel_id("alice,durar")
        support = sandbox.channel_id("support")
        # Written before the bot listens: Durar answers it, the bare bot never heard it and is asked until it does.
        await first_answer(alice, direct)
        figures["start to first answer, s"] = time.monotonic() - started
        for _ in range(WARM_UP):
            await alice.ask(direct, "warm up")
        await asyncio.sleep(3)
        root = (await alice.post(support, "a thread"))["id"]
        for pace in PACES:
            with paced(sandbox, pace):
                at = f", ms{PACES[pace]}"
                figures["direct message" + at] = await median(alice, samples, direct, "hello")
                figures["channel" + at] = await median(alice, samples, support, "@durar hello")
                figures["thread" + at] = await median(alice, samples, support, "@durar hello", root)
    for pace in PACES:
        with paced(sandbox, pace):
            figures[f"{len(crowd)} people at once, ms{PACES[pace]}"] = await crowded(sandbox, crowd)
    figures["memory, MiB"] = memory_mib(process_tree(pid))
    before = cpu_seconds(process_tree(pid))
    await asyncio.sleep(10)
    figures["idle CPU, % of a core"] = (cpu_seconds(process_tree(pid)) - before) * 10
    return figures


@contextmanager
def paced(sandbox: SandboxProcess, seconds: float):
    """Within the block the sandbox takes so long for a post, as a server with a database does."""
    if not seconds:
        yield
        return
    rule = {"kind": "delay", "method": "POST", "path": "^/posts$", "times": None, "seconds": seconds}
    sandbox.control("POST", "faults", **rule)
    try:
        yield
    finally:
        sandbox.control("DELETE", "faults")


async def crowded(sandbox: SandboxProcess, crowd: list[str]) -> float:
    """Everybody asks at once: milliseconds until the last one has an answer, the median of three times."""
    async with connected(sandbox, crowd) as people:
        channels = [sandbox.channel_id(f"{person.name},durar") for person in people]
        rounds = []
        for _ in range(3):
            begun = time.monotonic()
            await asyncio.gather(*(p.ask(c, "hello") for p, c in zip(people, channels, strict=True)))
            rounds.append((time.monotonic() - begun) * 1000)
            await asyncio.sleep(2)
    return statistics.median(rounds)


async def first_answer(person: Person, channel_id: str) -> None:
    """Ask until somebody answers."""
    for _ in range(120):
        try:
            await person.ask(channel_id, "are you there?", limit=1.0)
        except TimeoutError:
            continue
        return
    raise SystemExit("The bot did not answer within two minutes of its start.")


async def median(person: Person, samples: int, channel_id: str, text: str, root_id: str = "") -> float:
    """The median of so many questions, one after the other, in milliseconds."""
    times = []
    for _ in range(samples):
        times.append(await person.ask(channel_id, text, root_id=root_id))
        await asyncio.sleep(0.02)
    return statistics.median(times) * 1000


def main() -> None:
    """Measure both and print them beside each other."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--samples", type=int, default=100, help="questions for each median")
    parser.add_argument("--people", type=int, default=50, help="how many ask at once")
    options = parser.parse_args()
    crowd = [f"person{number}" for number in range(1, options.people + 1)]
    results = {}
    for name in ("bare bot", "Durar"):
        with tempfile.TemporaryDirectory(prefix="durar-bench-") as folder, SandboxProcess() as sandbox:
            sandbox.control("POST", "users/people", usernames=crowd)
            sandbox.add_member("alice", "support", "durar")
            state = Path(folder)
            if name == "Durar":
                prepare(state, sandbox)
            console.print(f"Measuring {name} ...")
            started = time.monotonic()
            bot = bare_bot(sandbox) if name == "bare bot" else durar(state)
            with bot as pid:
                results[name] = asyncio.run(measure(sandbox, pid, started, options.samples, crowd))
    table = Table("figure", "bare bot", "Durar", "ratio")
    for figure, bare in results["bare bot"].items():
        ours = results["Durar"][figure]
        ratio = ours / bare if bare else float("inf")
        timed = ", ms" in figure
        mark = "" if not timed else "  within twice" if ratio <= AIM else "  above twice"
        table.add_row(figure, f"{bare:.1f}", f"{ours:.1f}", f"{ratio:.2f}{mark}")
    console.print(table)


if __name__ == "__main__":
    main()
