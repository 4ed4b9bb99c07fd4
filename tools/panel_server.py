"""A panel full of made-up records, for tools that look at its pages: web server and broker, and no worker.

Without workers nothing changes the records while somebody looks, and no made-up account is found to have no token.
"""

from __future__ import annotations

import os
import secrets
import shutil
import socket
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PATIENCE = 60.0
NAME = "alice"


@dataclass(frozen=True)
class Panel:
    """A running panel: its address, who may sign in, its directory, and the environment of its processes."""

    url: str
    name: str
    password: str
    state: Path
    environment: dict[str, str]


@contextmanager
def panel(*sample: str, state: Path | None = None) -> Iterator[Panel]:
    """A running panel over what `make_sample_data` makes of these options. With `state`, in that directory, which is
    kept, and nothing is made when it has a database already."""
    folder = Path(tempfile.mkdtemp(prefix="durar-panel-"))
    kept = state or folder / "state"
    kept.mkdir(mode=0o700, parents=True, exist_ok=True)
    port, socket_path = _free_port(), folder / "broker.sock"
    environment = {
        **{name: value for name, value in os.environ.items() if not name.startswith(("DURAR_", "DATABASE_", "REDIS_"))},
        "DURAR_STATE_DIR": str(kept),
        "REDIS_URL": f"unix://{socket_path}",
        "DURAR_PORT": str(port),
        "DURAR_LOG_LEVEL": "WARNING",
    }
    password = secrets.token_urlsafe(16)
    processes: list[subprocess.Popen[bytes]] = []
    log = (folder / "log").open("w")
    try:
        _fill(kept, sample, password, environment)
        processes.append(_start([*_broker(), "--unixsocket", str(socket_path)], environment, log, folder))
        web = [sys.executable, "-m", "uvicorn", "durar_site.asgi:application", "--port", str(port), "--no-access-log"]
        processes.append(_start(web, environment, log, ROOT))
        url = f"http://127.0.0.1:{port}"
        _wait_for(f"{url}/healthz", folder / "log")
        yield Panel(url, NAME, password, kept, environment)
    finally:
        for process in reversed(processes):
            process.terminate()
        for process in processes:
            try:
                process.wait(15)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()
        log.close()
        shutil.rmtree(folder, ignore_errors=True)


def _fill(state: Path, sample: tuple[str, ...], password: str, environment: dict[str, str]) -> None:
    new = not (state / "durar.sqlite3").exists()
    _manage(environment, "migrate", "--verbosity=0", "--skip-checks")
    if new:
        _manage(environment, "make_sample_data", "--skip-checks", *sample)
    code = (
        "from django.contrib.auth.models import User\n"
        f"user, _ = User.objects.get_or_create(username={NAME!r}, is_staff=True, is_superuser=True)\n"
        f"user.set_password({password!r})\n"
        "user.save()\n"
    )
    _manage(environment, "shell", "--verbosity=0", "-c", code)


def _manage(environment: dict[str, str], *arguments: str) -> None:
    subprocess.run([sys.executable, str(ROOT / "manage.py"), *arguments], env=environment, check=True)  # noqa: S603


def _broker() -> list[str]:
    from mattermost_bridge.launcher.broker import find_server

    return [str(find_server()), "--port", "0", "--save", "", "--appendonly", "no"]


def _start(command: list[str], environment: dict[str, str], log: object, folder: Path) -> subprocess.Popen[bytes]:
    return subprocess.Popen(command, env=environment, stdout=log, stderr=subprocess.STDOUT, cwd=folder)  # type: ignore[call-overload,no-any-return]  # noqa: S603


def _wait_for(address: str, log: Path) -> None:
    end = time.monotonic() + PATIENCE
    while time.monotonic() < end:
        try:
            with urllib.request.urlopen(address, timeout=5) as answer:  # noqa: S310 - our own address
                if answer.status == 200:
                    return
        except (OSError, urllib.error.URLError):
            time.sleep(0.1)
    raise SystemExit(f"The panel did not start within {PATIENCE:.0f} s:\n{log.read_text()[-2000:]}")


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])
