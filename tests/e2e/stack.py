"""A whole Durar in processes of its own: broker, sandbox, workers, scheduler, web, on free ports and fresh data."""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import sys
import tempfile
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar
from urllib.parse import urlsplit, urlunsplit

import redis
import requests

from mattermost_bridge.launcher import broker, plan
from mattermost_bridge.sandbox import world
from mattermost_bridge.sandbox.testing import SandboxProcess
from tests.e2e.console import Console
from tests.e2e.databases import clean_environment, fresh_database
from tests.e2e.ledger import Ledger
from tests.e2e.nursery import Nursery
from tests.e2e.processes import REPOSITORY, Process, wait_for

T = TypeVar("T")

#: Leases and claims of a few seconds, so that what a killed worker held is free again soon.
SHORT_TIMES = {
    "DURAR_LISTENER_LEASE": "3",
    "DURAR_LISTENER_RENEW": "0.8",
    "DURAR_CONVERSATION_LEASE": "3",
    "DURAR_CONVERSATION_RENEW": "0.8",
    "DURAR_DELIVERY_CLAIM": "3.5",
    "DURAR_DELIVERY_MARGIN": "2.5",
    "DURAR_HTTP_TIMEOUT": "2",
    "DURAR_DELIVERY_BACKOFF": "0.3",
    "DURAR_AFTER_TIMEOUT": "1",
    "DURAR_SWEEP_HINT_AGAIN": "2",
    "DURAR_STOP_GRACE": "2",
    "DURAR_PING_EVERY": "5",
    "DURAR_RECONNECT_FIRST": "0.3",
    "DURAR_RECONNECT_LONGEST": "2",
    "DURAR_PROBE_EVERY": "0.5",
}
#: What kind of worker takes from which queues; `worker` does everything in one process.
QUEUES = {"ears": "events,deliveries,upkeep", "voices": "turns", "worker": "events,deliveries,upkeep,turns"}
LIMIT = 40.0


class Stack:
    """A Durar of processes. Use as a context; it starts with broker, sandbox and console, the rest by `start`.

    `times` are DURAR_* lengths for the environment. `database_url` and `redis_url` name servers, which keep their data
    apart by an own database and number; without them everything is embedded. `staged` workers can be told to kill
    themselves at a stage (see `arm`). Processes are forks of one that has imported everything, as those of `Durar up`
    are; without `forked` each is a command of its own, as a service manager starts it. Process names: `broker`, `web`,
    `scheduler`, and `ears`, `voices` or `worker`, also with a number behind (`ears-2`). A further web (`web-2`) has a
    port of its own, and takes the first one's for the address of all.
    """

    def __init__(
        self,
        *,
        times: dict[str, str] | None = None,
        database_url: str | None = None,
        redis_url: str | None = None,
        own_broker: bool = False,
        staged: bool = False,
        forked: bool = True,
        people: int = 0,
        listeners: int = 8,
    ) -> None:
        self.folder = Path(tempfile.mkdtemp(prefix="durar-e2e-"))
        self.state = self.folder / "state"
        self.state.mkdir(mode=0o700)
        self._staged, self._listeners, self._forked = staged, listeners, forked
        url = os.environ.get("DATABASE_URL", "") if database_url is None else database_url
        self._server_url = url
        redis_url = os.environ.get("REDIS_URL", "") if redis_url is None else redis_url
        self._own_broker = own_broker or not redis_url
        self.redis_url = self._place_of_broker(redis_url)
        self._ports = {"web": free_port()}
        self._times = SHORT_TIMES if times is None else times
        self.processes: dict[str, Process] = {}
        self.sandbox = SandboxProcess(people=people)
        self.ledger = Ledger(self.sandbox)
        self.environment: dict[str, str] = {}

    def __enter__(self) -> Stack:
        try:
            self._prepare()
        except BaseException:
            self.close()
            raise
        return self

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        if kind is not None:
            sys.stderr.write(self.report())
        self.close()

    def _prepare(self) -> None:
        self._database = fresh_database(self.state, self._server_url)
        self.environment = (
            clean_environment()
            | self._database.environment
            | self._times
            | {
                "DURAR_PORT": str(self.web_port),
                "DURAR_E2E_ARM": str(self.folder / "arm"),
                "DURAR_E2E_WATCH": str(self.folder / "watch"),
                "DJANGO_SETTINGS_MODULE": "durar_site.settings",
                "PYTHONPATH": str(REPOSITORY),
                "PYTHONUNBUFFERED": "1",
            }
        )
        if self.redis_url:
            self.environment["REDIS_URL"] = self.redis_url
        if self._own_broker:
            self.start("broker")
        self.flush_broker()
        self.sandbox.start()
        self.nursery = Nursery(self.environment, self.folder / "nursery.log")
        self.console = Console(self.nursery, self.folder)

    def close(self) -> None:
        """End every process and remove all data."""
        for process in self.processes.values():
            process.kill()
        if "console" in self.__dict__:
            self.console.close()
        if "nursery" in self.__dict__:
            self.nursery.close()
        self.sandbox.kill()
        if "_database" in self.__dict__:
            self._database.drop()
        if self._own_broker and not self.redis_url:
            broker.clean(self._socket)
        shutil.rmtree(self.folder, ignore_errors=True)

    # Accounts

    def open_to_all(self, *bots: str) -> None:
        """Accounts for these bots of the sandbox (default: durar), each under its bot's name, answering everybody."""
        self.console.ask("open_to_all")
        for bot in bots or ("durar",):
            if bot not in {known.username for known in world.BOTS}:
                self.sandbox.add_bot(bot)
            token = self.sandbox.token(bot)
            self.console.ask("make_account", account_id=bot, base_url=self.sandbox.base_url, token=token)

    def phase(self, account_id: str = "durar") -> str:
        """Where the account's connection stands."""
        rows = self.console.rows("ListenerLease", "phase", account__account_id=account_id)
        return rows[0]["phase"] if rows else ""

    def wait_ready(self, *accounts: str, limit: float = LIMIT) -> None:
        """Wait until these accounts (default: durar) are ready, held by a worker that lives."""
        for account in accounts or ("durar",):
            self.wait_for(lambda account=account: self.ready(account), limit, what=f"{account} to be ready")

    def ready(self, account_id: str = "durar") -> bool:
        """Whether the account is ready and a living process of this stack holds it."""
        rows = self.console.rows("ListenerLease", "phase", "holder", account__account_id=account_id)
        alive = {process.pid for process in self.processes.values() if process.running}
        return bool(rows) and rows[0]["phase"] == "ready" and holder_pid(rows[0]["holder"]) in alive

    # Processes

    def start(self, *names: str) -> None:
        """Start processes by name. The broker is waited for, as `up` does it."""
        for name in names:
            if name not in self.processes:
                nursery = self.nursery if self._forked and name != "broker" else None
                log = self.folder / f"{name}.log"
                self.processes[name] = Process(name, self._command(name), self.environment, log, nursery)
            if name == "broker" and not self.redis_url:
                broker.prepare(self._socket)
            self.processes[name].start()
            if name == "broker":
                self.wait_for(self._broker_answers, what="the broker to answer")

    def kill(self, *names: str) -> None:
        """SIGKILL."""
        for name in names:
            self.processes[name].kill()

    def stop(self, *names: str) -> None:
        """SIGTERM, and wait; all at once."""
        for name in names:
            self.processes[name].terminate()
        for name in names:
            self.processes[name].stop()

    def arm(self, stage: str) -> None:
        """Let the next staged worker that reaches `stage` kill itself there, once."""
        assert self._staged, "only a stack of staged workers can be armed"
        draft = self.folder / "arm.draft"
        draft.write_text(stage)
        draft.rename(self.folder / "arm")

    @property
    def armed(self) -> bool:
        """Whether nobody has died of it yet."""
        return (self.folder / "arm").exists()

    def flush_broker(self) -> None:
        """FLUSHALL on a broker of our own; on one of the environment only what is this stack's."""
        with self._redis() as client:
            client.flushall() if self._own_broker else client.flushdb()

    # Waiting and looking

    @property
    def web_port(self) -> int:
        """Where the panel is."""
        return self._ports["web"]

    def port_of(self, name: str) -> int:
        """The port of a web process that was started."""
        return self._ports[name]

    def web_answers(self, name: str = "web") -> bool:
        """Whether a web process answers."""
        try:
            return requests.get(f"http://127.0.0.1:{self._ports[name]}/healthz", timeout=5).ok
        except requests.ConnectionError:
            return False

    def wait_for(self, condition: Callable[[], T], limit: float = LIMIT, *, what: str) -> T:
        """The first true value of `condition`. Raises AssertionError with the ledger and the logs' ends."""
        return wait_for(condition, limit, what=what)

    def wait_answered(self, limit: float = LIMIT) -> None:
        """Wait until every answer of the ledger is there and everything in the database has come to its end."""
        # The ledger reads whole channels, so it is asked when the database has nothing left to do.
        wait_for(lambda: self.at_rest() and self.ledger.settled(), limit, what="all answers, and rest", every=0.1)

    def at_rest(self) -> bool:
        """Whether no event, turn or delivery has anything before it, and no double waits to be deleted."""
        ask = self.console.count
        return not (
            ask("InboundEvent", state__in=["held", "new"])
            or ask("InboundEvent", state="decided", outcome="admitted")
            or ask("Turn", state="running")
            or ask("Delivery", state__in=["queued", "sending"])
            or self.console.ask("doubles")
        )

    def assert_whole(self) -> None:
        """Nothing lost, doubled or out of order; each admitted event has one turn, each mark one visible post."""
        balance = self.ledger.balance()
        assert balance.clean, "\n".join(balance.faults)
        assert not self.console.rows("Delivery", "error", state__in=["dead", "cancelled"])

    def report(self, lines: int = 60) -> str:
        """What a failure is understood by: the ledger's faults and the last lines of every process."""
        parts = ["", "=== the stack"]
        with contextlib.suppress(Exception):
            parts += self.ledger.balance().faults[:20]
        parts += [process.tail(lines) for process in self.processes.values()]
        console = self.folder / "console.log"
        if console.exists():
            parts += ["--- console", *console.read_text(errors="replace").splitlines()[-lines:]]
        return "\n".join([*parts, ""])

    def logs(self) -> str:
        """Everything that all processes wrote."""
        return "".join(path.read_text(errors="replace") for path in sorted(self.folder.glob("*.log")))

    # How each is started

    def _command(self, name: str) -> list[str]:
        kind = name.split("-")[0]
        if kind == "broker":
            return self._broker_command()
        options = plan.Options(
            bind="127.0.0.1",
            port=self._ports.setdefault(name, free_port()) if kind == "web" else self.web_port,
            listeners=self._listeners,
            sandbox_port=None,
            state=self.state,
            broker_socket=None,
            stop_grace=2.0,
            allowed_hosts=["127.0.0.1", "localhost"],
        )
        commands = {program.name: program.command for program in plan.workers(options)}
        command = list(commands["ears" if kind == "worker" else kind])
        if kind in QUEUES:
            command[command.index("--queues") + 1] = QUEUES[kind]
            command[command.index("--hostname") + 1] = f"{name}@%h"
            if self._staged:
                command[command.index("celery")] = "tests.e2e.staged_worker"
        return command

    def _place_of_broker(self, redis_url: str) -> str:
        """The address that processes are given; "" for the embedded broker, which they find in the state directory."""
        if not self._own_broker:
            return own_redis(redis_url)
        if redis_url:
            return f"redis://127.0.0.1:{free_port()}/0"
        return ""

    @property
    def _socket(self) -> Path:
        from durar_site.environment import broker_socket

        return broker_socket(self.state.resolve())

    def _broker_command(self) -> list[str]:
        command = broker.command(broker.find_server(), self._socket)
        if self.redis_url:
            # As a server of a grown deployment: on a port instead of a socket.
            port = self.redis_url.rsplit(":", 1)[1].split("/")[0]
            command = [command[0], "--port", port, "--bind", "127.0.0.1", "--save", "", "--appendonly", "no"]
        return command

    def _redis(self) -> redis.Redis:
        return redis.Redis.from_url(self.redis_url or f"unix://{self._socket}", socket_timeout=5)

    def _broker_answers(self) -> bool:
        try:
            with self._redis() as client:
                return bool(client.ping())
        except redis.RedisError:
            return False


def free_port() -> int:
    """A TCP port that nobody has right now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def holder_pid(holder: str) -> int:
    """The process id in a holder's name (host:pid:random); 0 when there is none."""
    parts = holder.split(":")
    return int(parts[-2]) if len(parts) >= 3 and parts[-2].isdecimal() else 0


def own_redis(url: str, first: int = 1) -> str:
    """The address of a database, numbered from `first` on, of the given Redis.

    Test processes that run at once are given different ones.
    """
    worker = "".join(filter(str.isdigit, os.environ.get("PYTEST_XDIST_WORKER", "")))
    return urlunsplit(urlsplit(url)._replace(path=f"/{first + int(worker or 0) % 7}"))
