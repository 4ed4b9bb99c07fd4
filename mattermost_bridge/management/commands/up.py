"""`Durar up`: everything that one machine runs, in one log, until Ctrl-C."""

from __future__ import annotations

import os
import time
from argparse import ArgumentTypeError
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from celery import current_app
from django.conf import settings
from django.core.checks import ERROR, WARNING, run_checks
from django.core.exceptions import ImproperlyConfigured
from django.core.management.base import BaseCommand, CommandParser
from django.db import OperationalError, connections

from mattermost_bridge.launcher import broker, plan, words
from mattermost_bridge.launcher.errors import CannotStartError
from mattermost_bridge.launcher.forked import CAN_FORK, preload
from mattermost_bridge.launcher.output import Output
from mattermost_bridge.launcher.preflight import only_one, port_is_free
from mattermost_bridge.launcher.readiness import Readiness
from mattermost_bridge.launcher.supervisor import Supervisor
from mattermost_bridge.live import messages as live
from mattermost_bridge.logging import redact_text
from mattermost_bridge.management import database
from mattermost_bridge.models.fields import WrongKeyError
from mattermost_bridge.services import buttons, installation

#: How many accounts one process listens for, unless told otherwise.
LISTENERS = 200
#: Seconds that the embedded broker may take to answer; it takes milliseconds.
BROKER_LIMIT = 10.0


def _port(word: str) -> int:
    if not word.isdecimal() or not 1 <= int(word) <= 65535:
        raise ArgumentTypeError(f"{word} is no port: a whole number from 1 to 65535")
    return int(word)


def _count(word: str) -> int:
    if not word.isdecimal() or int(word) < 1:
        raise ArgumentTypeError(f"{word} is no number of accounts: a whole number from 1")
    return int(word)


class Command(BaseCommand):
    """Start the web panel, the workers, the scheduler and what they need; stop all of it on Ctrl-C."""

    help = (
        "Starts everything that one machine runs: the panel, the listeners and workers, the scheduler, an embedded "
        "broker unless REDIS_URL names one, and on request the sandbox. Stops it on Ctrl-C."
    )
    # Durar's own checks run below; Django's cost a second of every start.
    requires_system_checks: list[str] = []

    def add_arguments(self, parser: CommandParser) -> None:
        """The options of `up`."""
        parser.add_argument("--sandbox", action="store_true", help="also start a small Mattermost to try Durar on")
        parser.add_argument("--port", type=_port, default=settings.PORT, help="of the panel (default: %(default)s)")
        parser.add_argument(
            "--bind", default="127.0.0.1", help="address that the panel listens on (default: %(default)s)"
        )
        parser.add_argument("--sandbox-port", type=_port, default=18790, help="of the sandbox (default: %(default)s)")
        parser.add_argument(
            "--listeners", type=_count, default=LISTENERS, help="accounts to listen for at most (default: %(default)s)"
        )

    def handle(self, **given: Any) -> None:
        """Run until asked to stop. A start that fails is one sentence on standard error and exit status 1."""
        os.umask(0o077)  # the database, the log of tasks and the sandbox's state are this user's alone
        live.stay_silent()  # no page is open yet, and who forks must have no threads
        try:
            self._up(_options(given))
        except (CannotStartError, ImproperlyConfigured, WrongKeyError) as error:
            raise SystemExit(redact_text(str(error))) from error

    def _up(self, options: plan.Options) -> None:
        with ExitStack() as stack:
            stack.enter_context(only_one(options.state))
            server = _preflight(options)
            helpers = []
            if options.broker_socket and server:
                broker.prepare(options.broker_socket)
                stack.callback(broker.clean, options.broker_socket)
                helpers.append(plan.embedded_broker(options.broker_socket, server))
            if options.sandbox_port:
                helpers.append(plan.sandbox(options))
            workers = plan.workers(options)
            output = Output([program.name for program in [*workers, *helpers]], as_json=settings.LOG_JSON)
            environment = _pass_on(options)
            supervisor = stack.enter_context(
                Supervisor(
                    output, folder=settings.BASE_DIR, environment=environment, roster=options.state / "processes.json"
                )
            )
            supervisor.start(helpers)
            made = _prepare(options, output)
            if CAN_FORK:
                preload(plan.PRELOADED)
                current_app.loader.import_default_modules()
            try:
                if options.broker_socket:
                    _wait_for_broker(supervisor, options.broker_socket)
                supervisor.start(workers)
                panel = plan.web_url(options.bind, options.port)
                sandbox = plan.web_url("", options.sandbox_port) if options.sandbox_port else ""
                ready = Readiness(panel, sandbox)
                supervisor.run(until=ready)
            finally:
                # Also when the start was broken off: nobody can be told again.
                for line in words.administrator(*made) if made else []:
                    output.plain(line)
            if not supervisor.stopping:
                for line in words.farewell(panel=panel, sandbox=sandbox, missing=ready.missing):
                    output.plain(line)
            supervisor.run()


def _options(given: dict[str, Any]) -> plan.Options:
    """What was asked for, with what the settings say."""
    bind = given["bind"]
    hosts = list(settings.ALLOWED_HOSTS)
    named = f"[{bind}]" if ":" in bind else bind
    if bind not in plan.EVERY_ADDRESS and named not in hosts:
        hosts.append(named)
    return plan.Options(
        bind=bind,
        port=given["port"],
        listeners=given["listeners"],
        sandbox_port=given["sandbox_port"] if given["sandbox"] else None,
        state=settings.STATE_DIR,
        broker_socket=settings.BROKER_SOCKET if settings.EMBEDDED_BROKER else None,
        stop_grace=settings.TIMES["stop_grace"],
        allowed_hosts=hosts,
    )


def _pass_on(options: plan.Options) -> dict[str, str]:
    """What was asked for becomes a setting: here, for the processes that are forked, and in the environment of the
    others, which is returned."""
    settings.PORT, settings.PORT_GIVEN = options.port, True
    settings.ALLOWED_HOSTS = options.allowed_hosts
    own = {"DURAR_PORT": str(options.port), "DURAR_ALLOWED_HOSTS": ",".join(options.allowed_hosts)}
    return os.environ | own | {"PYTHONUNBUFFERED": "1"}


def _preflight(options: plan.Options) -> Any:
    """Look at everything that can be looked at before something starts. Returns the embedded broker's program, if one
    is needed. Raises CannotStartError."""
    if options.port == options.sandbox_port:
        raise CannotStartError("The panel and the sandbox cannot share a port. Choose another with --sandbox-port.")
    port_is_free(options.bind, options.port, "--port")
    if options.sandbox_port:
        port_is_free("127.0.0.1", options.sandbox_port, "--sandbox-port")
    return broker.find_server() if options.broker_socket else None


def _wait_for_broker(supervisor: Supervisor, socket: Path) -> None:
    """Keep the log going until the broker answers. Raises CannotStartError when it does not."""
    end = time.monotonic() + BROKER_LIMIT
    supervisor.run(until=lambda: broker.answers(socket) or time.monotonic() > end)
    if not supervisor.stopping and not broker.answers(socket):
        raise CannotStartError(
            f"The embedded broker did not answer on {socket} within {BROKER_LIMIT:g} s. Its lines above say why; "
            "REDIS_URL can name another server."
        )


def _prepare(options: plan.Options, output: Output) -> tuple[str, str] | None:
    """Bring the database up to date, look at the keys, and make what the first run needs: name and password of the
    administrator if one was made. Raises CannotStartError."""
    try:
        if not database.is_up_to_date():
            output.say("Preparing the database.")
            database.bring_up_to_date()
        installation.check_keys()
        installation.ensure_defaults()
        buttons.note_port(options.port)
        _check(output)
        made = installation.ensure_administrator()
        if options.sandbox_port:
            # Only here and in the command `sandbox`: nothing else knows that there is one.
            from mattermost_bridge.management import sandbox_accounts

            sandbox_accounts.provide(plan.web_url("", options.sandbox_port))
    except OperationalError as error:
        raise CannotStartError(database.why_unusable(error)) from error
    finally:
        connections.close_all()
    return made


def _check(output: Output) -> None:
    """Say what Durar's own checks warn of; the first error stops the start."""
    for found in run_checks(tags=["durar"], databases=["default"]):
        sentence = f"{found.msg} {found.hint or ''}".strip()
        if found.level >= ERROR:
            raise CannotStartError(f"{sentence} ({found.id})")
        if found.level >= WARNING:
            output.say(f"Warning: {sentence} ({found.id})")
