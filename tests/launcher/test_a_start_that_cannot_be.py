"""A start that cannot succeed is one sentence that says what to do, and exit status 1."""

from __future__ import annotations

import ast
import os
import socket
import subprocess
import sys

import pytest

from tests.e2e.databases import fresh_database
from tests.e2e.processes import REPOSITORY
from tests.launcher.up import environment_for, free_ports, refused

pytestmark = pytest.mark.processes


@pytest.fixture
def busy_port():
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        server.listen(1)
        yield server.getsockname()[1]


@pytest.fixture
def state(tmp_path):
    folder = tmp_path / "state"
    folder.mkdir(mode=0o700)
    return folder


def test_a_busy_port(state, busy_port):
    sentence = refused(state, "--port", str(busy_port))
    assert f"Port {busy_port} on 127.0.0.1 is in use" in sentence
    assert "--port" in sentence


def test_a_busy_port_of_the_sandbox(state, busy_port):
    sentence = refused(state, "--port", str(free_ports(1)[0]), "--sandbox", "--sandbox-port", str(busy_port))
    assert f"Port {busy_port} on 127.0.0.1 is in use" in sentence
    assert "--sandbox-port" in sentence


def test_one_port_for_both(state):
    assert "cannot share a port" in refused(state, "--port", "18790", "--sandbox")


def test_an_address_of_another_machine(state):
    assert "192.0.2.1 is no address of this machine" in refused(state, "--bind", "192.0.2.1")


def test_a_state_directory_that_cannot_be_written(tmp_path):
    (tmp_path / "file").touch()
    sentence = refused(tmp_path / "file" / "state")
    assert "cannot be written" in sentence
    assert "DURAR_STATE_DIR" in sentence


def test_a_missing_key(state):
    sentence = refused(state, DATABASE_URL="postgres://durar:pa55word@127.0.0.1:1/durar")
    assert "DJANGO_SECRET_KEY is missing" in sentence


def test_a_database_that_is_away(state):
    from cryptography.fernet import Fernet

    sentence = refused(
        state,
        *("--port", str(free_ports(1)[0])),
        DATABASE_URL="postgres://durar:pa55word@127.0.0.1:1/durar",
        DJANGO_SECRET_KEY="x" * 50,
        DURAR_ENCRYPTION_KEYS=Fernet.generate_key().decode(),
    )
    assert "The database cannot be used" in sentence
    assert "DATABASE_URL" in sentence
    assert "pa55word" not in sentence


def test_a_key_that_does_not_fit_the_database(state):
    from cryptography.fernet import Fernet

    fresh_database(state)
    code = "from mattermost_bridge.services import installation as i; i.ensure_defaults(); i.check_keys()"
    done = subprocess.run(
        [sys.executable, "manage.py", "shell", "--verbosity", "0", "-c", code],
        cwd=REPOSITORY,
        env=environment_for(state),
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    key = Fernet.generate_key().decode()
    sentence = refused(state, "--port", str(free_ports(1)[0]), DURAR_ENCRYPTION_KEYS=key)
    assert "cannot be read with the keys in DURAR_ENCRYPTION_KEYS" in sentence
    assert key not in sentence


def test_a_key_that_is_empty(state):
    (state / "encryption_key").touch()
    assert "encryption_key, which is empty" in refused(state)


def test_a_word_where_a_number_belongs(state):
    assert "DURAR_STOP_GRACE is 'soon'" in refused(state, DURAR_STOP_GRACE="soon")


def test_an_old_python_is_told_what_it_is():
    code = (
        "import sys, runpy; sys.version_info = (3, 10, 9, 'final', 0); runpy.run_path('manage.py', run_name='__main__')"
    )
    done = subprocess.run(
        [sys.executable, "-c", code],
        cwd=REPOSITORY,
        env=os.environ | {"PYTHONPATH": ""},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 1
    assert done.stderr.startswith("Durar needs Python 3.11 or newer; this is Python 3.10.")


def test_an_old_python_can_read_the_file_that_tells_it():
    ast.parse((REPOSITORY / "manage.py").read_text(), feature_version=(3, 4))
    assert 'f"' not in (REPOSITORY / "manage.py").read_text()
