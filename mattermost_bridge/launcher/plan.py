"""Which processes one machine runs, and how each is started and stopped."""

from __future__ import annotations

import sys
from dataclasses import dataclass
from pathlib import Path

from mattermost_bridge.launcher import broker

# Tasks that run at the same time in one process. Ears wait for the database and for Mattermost, voices for agents.
EARS_SLOTS = 8
VOICES_SLOTS = 8
# A page that is being served may end; nobody needs it longer.
WEB_GRACE = 3
# What the forks run: the web server with its protocols, the workers and the scheduler.
PRELOADED = (
    "uvicorn.main",
    "uvicorn.protocols.http.auto",
    "uvicorn.protocols.websockets.auto",
    "uvicorn.loops.auto",
    "channels.generic.websocket",
    "channels_redis.pubsub",
    "celery.bin.celery",
    "celery.apps.worker",
    "celery.apps.beat",
    "celery.concurrency.thread",
    "kombu.transport.redis",
    "durar_site.urls",
)
# What Celery says, past every logger, when it is asked to stop.
WORKER_NOISE = ("worker: Warm shutdown", "worker: Hitting Ctrl+C again")
# Addresses that mean: listen on all of this machine's.
EVERY_ADDRESS = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}  # noqa: S104 - compared, not bound


@dataclass(frozen=True)
class Program:
    """One process: its name in the log, its command, and the seconds it may take to stop.

    With `fork` the command is `python -m MODULE ...` and the module may be run in a fork of this process instead.
    Programs with a higher `stop_rank` are stopped later: first what works, then what it works with. Lines that contain
    a text of `noise` are left out of the log.
    """

    name: str
    command: list[str]
    grace: float
    fork: bool = False
    stop_rank: int = 0
    noise: tuple[str, ...] = ()


@dataclass(frozen=True)
class Options:
    """What `up` was asked for. `broker_socket` is empty when REDIS_URL names a server."""

    bind: str
    port: int
    listeners: int
    sandbox_port: int | None
    state: Path
    broker_socket: Path | None
    stop_grace: float
    allowed_hosts: list[str]


def web_url(host: str, port: int) -> str:
    """The address for a browser on this machine of a server that listens on `host` and `port`."""
    host = EVERY_ADDRESS.get(host, host)
    return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"


def embedded_broker(socket: Path, server: Path) -> Program:
    """The embedded broker."""
    return Program("broker", broker.command(server, socket), grace=5, stop_rank=2, noise=broker.NOISE)


def sandbox(options: Options) -> Program:
    """The sandbox: a small Mattermost to try the bridge on."""
    state = options.state / "sandbox.json"
    command = _python("mattermost_bridge.sandbox", "--port", str(options.sandbox_port), "--state", str(state))
    return Program("sandbox", command, grace=5, stop_rank=1)


def workers(options: Options) -> list[Program]:
    """Web, ears, voices and the scheduler: what every deployment runs."""
    celery = [sys.executable, "-m", "celery", "-A", "durar_site", "--quiet", "--skip-checks"]
    quiet = ["--without-gossip", "--without-mingle", "--without-heartbeat", "--pool", "threads"]
    # A worker gives its turns `stop_grace` to end and then still has to put them back and to close its sockets.
    grace = options.stop_grace + 5
    return [
        Program(
            "web",
            [
                *_python("uvicorn", "durar_site.asgi:application"),
                *("--host", options.bind, "--port", str(options.port)),
                *("--lifespan", "off", "--log-level", "warning", "--no-access-log", "--no-server-header"),
                # uvicorn would believe every process of this machine; DURAR_TRUSTED_PROXIES says whom Durar believes.
                "--no-proxy-headers",
                *("--timeout-graceful-shutdown", str(WEB_GRACE)),
                # An open page says "ping" and hears some keys: large messages and compression are of no use to it.
                *("--ws-max-size", "4096", "--ws-per-message-deflate", "false"),
            ],
            grace=WEB_GRACE + 3,
            fork=True,
        ),
        Program(
            "ears",
            [
                *(*celery, "worker", *quiet, "--hostname", "ears@%h", "--concurrency", str(EARS_SLOTS)),
                *("--queues", "events,deliveries,upkeep", "--listeners", str(options.listeners)),
            ],
            grace=grace,
            fork=True,
            noise=WORKER_NOISE,
        ),
        Program(
            "voices",
            [
                *(*celery, "worker", *quiet, "--hostname", "voices@%h", "--concurrency", str(VOICES_SLOTS)),
                *("--queues", "turns"),
            ],
            grace=grace,
            fork=True,
            noise=WORKER_NOISE,
        ),
        Program(
            "scheduler",
            [*celery, "beat", "--schedule", str(options.state / "scheduler"), "--pidfile", ""],
            grace=5,
            fork=True,
        ),
    ]


def _python(module: str, *arguments: str) -> list[str]:
    return [sys.executable, "-m", module, *arguments]
