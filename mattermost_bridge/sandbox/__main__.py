"""`python -m mattermost_bridge.sandbox`: serve a sandbox until SIGTERM or Ctrl-C."""

import argparse
import asyncio
import errno
import sys
from pathlib import Path
from typing import NoReturn

from mattermost_bridge.sandbox.app import Sandbox
from mattermost_bridge.sandbox.server import Server, serve_until_stopped
from mattermost_bridge.sandbox.settings import OLD, VERSIONS, Settings
from mattermost_bridge.sandbox.snapshot import SnapshotError
from mattermost_bridge.sandbox.world import DEFAULT_PORT


class _Parser(argparse.ArgumentParser):
    def error(self, message: str) -> NoReturn:
        """Say what is wrong in one sentence; the usage is what --help is for."""
        _fail(f"The sandbox was not started: {message}; --help shows what it takes.")


def _fail(sentence: str) -> NoReturn:
    sys.stderr.write(f"{sentence}\n")
    sys.exit(1)


def _port(text: str) -> int:
    if not text.isdecimal() or int(text) > 65535:
        raise argparse.ArgumentTypeError(f"{text!r} is no port; give a number from 0 (any free one) to 65535")
    return int(text)


def _count(text: str) -> int:
    if not text.isdecimal() or int(text) > 10_000:
        raise argparse.ArgumentTypeError(f"{text!r} is no number from 0 to 10000")
    return int(text)


def _parse(arguments: list[str] | None) -> argparse.Namespace:
    parser = _Parser(prog="python -m mattermost_bridge.sandbox", description="A small Mattermost to try a bridge on.")
    parser.add_argument("--port", type=_port, default=DEFAULT_PORT, help=f"TCP port, 0 for any; {DEFAULT_PORT}")
    parser.add_argument("--bind", default="127.0.0.1", help="address to listen on; nobody needs a password here")
    parser.add_argument("--state", type=Path, metavar="FILE.json", help="keep posts, channels and members in this file")
    parser.add_argument("--server-version", choices=VERSIONS, default=OLD, help="which Mattermost to behave like")
    parser.add_argument("--seed-people", type=_count, default=0, metavar="N", help="add person01 ... personN")
    parser.add_argument("--watch-stdin", action="store_true", help="stop when the standard input ends")
    return parser.parse_args(arguments)


async def _run(options: argparse.Namespace) -> None:
    settings = Settings(version=options.server_version)
    sandbox = Sandbox(settings, state_file=options.state, people=options.seed_people)
    server = Server(sandbox, options.bind, options.port)
    await serve_until_stopped(server, watch_stdin=options.watch_stdin)


def main(arguments: list[str] | None = None) -> None:
    """Serve until told to stop; errors of the start are one sentence and exit status 1."""
    options = _parse(arguments)
    try:
        asyncio.run(_run(options))
    except SnapshotError as error:
        _fail(str(error))
    except OSError as error:
        busy = error.errno == errno.EADDRINUSE
        reason = "the port is in use" if busy else (error.strerror or str(error)).rstrip(".")
        _fail(f"The sandbox cannot listen on {options.bind} port {options.port}: {reason}.")


if __name__ == "__main__":
    main()
