"""A fresh database for each stack: a copy of one that was migrated once for this test run."""

from __future__ import annotations

import atexit
import contextlib
import fcntl
import os
import secrets
import shutil
import subprocess
import sys
import tempfile
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

import psycopg
from cryptography.fernet import Fernet
from psycopg import sql

from tests.e2e.processes import REPOSITORY

#: Names a folder that all processes of a test run share, and that is removed after it.
SHARED = "DURAR_TESTS_SHARED"
#: Nothing of the surroundings may reach a stack but what is handed over: not the developer's bot, not their broker.
_OURS = ("DURAR_", "DJANGO_", "MATTERMOST_", "REDIS_", "DATABASE_", "CELERY_", "PYTEST_")
_KEYS = {"DJANGO_SECRET_KEY": secrets.token_urlsafe(50), "DURAR_ENCRYPTION_KEYS": Fernet.generate_key().decode()}


def clean_environment() -> dict[str, str]:
    """This process's environment without anything that is Durar's."""
    return {name: value for name, value in os.environ.items() if not name.startswith(_OURS)}


@dataclass(frozen=True)
class Database:
    """A stack's own database; `environment` is what its processes are given."""

    environment: dict[str, str]
    url: str = ""

    def drop(self) -> None:
        """Remove it; one that lies in the state directory goes with that."""
        if self.url:
            _drop(self.url)


def fresh_database(state: Path, server_url: str = "") -> Database:
    """Make a migrated database: in the state directory, or on the PostgreSQL server of `server_url`."""
    template = _template(server_url)
    if not server_url:
        shutil.copytree(template, state, dirs_exist_ok=True)
        return Database({"DURAR_STATE_DIR": str(state)})
    url = _renamed(server_url, f"durar_e2e_{secrets.token_hex(6)}")
    with _administration(server_url) as connection:
        statement = sql.SQL("CREATE DATABASE {} TEMPLATE {}")
        connection.execute(statement.format(_name(url), _name(str(template))))
    return Database({"DURAR_STATE_DIR": str(state), "DATABASE_URL": url, **_KEYS}, url)


@cache
def _template(server_url: str) -> Path | str:
    """The migrated model of this process's databases: a state directory, or the address of a database."""
    if not server_url and (shared := os.environ.get(SHARED)):
        return _shared_template(Path(shared))
    state = Path(tempfile.mkdtemp(prefix="durar-e2e-model-"))
    atexit.register(shutil.rmtree, state, ignore_errors=True)
    if not server_url:
        _migrate({"DURAR_STATE_DIR": str(state)})
        return state
    url = _renamed(server_url, f"durar_e2e_model_{secrets.token_hex(6)}")
    with _administration(server_url) as connection:
        connection.execute(sql.SQL("CREATE DATABASE {}").format(_name(url)))
    atexit.register(_drop, url)
    _migrate({"DURAR_STATE_DIR": str(state), "DATABASE_URL": url, **_KEYS})
    return url


def _shared_template(folder: Path) -> Path:
    """The one model of all processes of a test run: who comes first makes it, the others wait for it."""
    model = folder / "e2e-model"
    with (folder / "e2e-model.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not model.exists():
            draft = folder / f"e2e-model-{os.getpid()}"
            draft.mkdir(mode=0o700)
            _migrate({"DURAR_STATE_DIR": str(draft)})
            draft.rename(model)
    return model


def _migrate(environment: dict[str, str]) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", "migrate", "--verbosity", "0"],
        cwd=REPOSITORY,
        env=clean_environment() | environment,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, f"migrate failed:\n{done.stdout}{done.stderr}"


def _renamed(url: str, name: str) -> str:
    return urlunsplit(urlsplit(url)._replace(path=f"/{name}"))


def _name(url: str) -> sql.Identifier:
    return sql.Identifier(urlsplit(url).path.lstrip("/"))


def _administration(url: str) -> psycopg.Connection[tuple]:
    return psycopg.connect(url, autocommit=True, connect_timeout=10)


def _drop(url: str) -> None:
    # A server that is gone, as the drill's own is in the end, has taken its databases along.
    with contextlib.suppress(psycopg.OperationalError), _administration(_renamed(url, "postgres")) as connection:
        connection.execute(sql.SQL("DROP DATABASE IF EXISTS {} WITH (FORCE)").format(_name(url)))
