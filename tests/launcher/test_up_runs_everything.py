"""`Durar up --sandbox` from the first line to the last: started, used, hurt, stopped."""

from __future__ import annotations

import os
import re
import signal
import stat
import sys

import pytest
import requests

from durar_site.environment import broker_socket
from tests.launcher.up import Up, lives, refused

pytestmark = [
    pytest.mark.processes,
    pytest.mark.skipif(sys.platform != "linux", reason="Looks into /proc."),
]


@pytest.fixture(scope="module")
def up(tmp_path_factory):
    """One that runs, for all tests of this file; the last of them stop it."""
    up = Up(tmp_path_factory.mktemp("up"))
    try:
        up.start()
        yield up
    finally:
        up.close()


def test_the_addresses_come_last_and_the_administrator_above_them(up):
    lines = [line for line in up.text().splitlines() if " | " not in line]
    assert lines[-2:] == [f"Panel    {up.panel}", f"Sandbox  http://127.0.0.1:{up.sandbox_port}"]
    assert [line for line in lines[:-2] if line.startswith("An administrator was made.")]
    assert "Not everything is ready" not in up.text()


def test_the_administrator_can_sign_in_with_what_was_printed(up):
    name = re.search(r"^ +name +(\S+)$", up.text(), re.MULTILINE)[1]
    password = re.search(r"^ +password +(\S+)$", up.text(), re.MULTILINE)[1]
    with requests.Session() as browser:
        page = browser.get(f"{up.panel}/", timeout=30)
        form = {"username": name, "password": password, "csrfmiddlewaretoken": browser.cookies["durar_csrf"]}
        answer = browser.post(page.url, data=form, allow_redirects=False, timeout=30)
        assert answer.status_code == 302, answer.text[-2000:]
        assert "durar_session" in browser.cookies


def test_everything_is_ready(up):
    assert up.get("/healthz") == (200, b"ok\n")
    status, body = up.get("/readyz")
    assert status == 200, body


def test_every_process_is_named(up):
    names = set(up.ids())
    assert {"up", "web", "ears", "voices", "scheduler", "sandbox"} <= names
    assert all(lives(pid) for pid in up.ids().values())


def test_the_broker_is_for_this_user_only(up):
    path = broker_socket(up.state.resolve())
    assert stat.S_IMODE(path.stat().st_mode) == 0o700
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_no_file_of_the_state_directory_is_for_others(up):
    files = [path for path in up.state.rglob("*") if path.is_file()]
    assert files
    assert [path.name for path in files if stat.S_IMODE(path.stat().st_mode) & 0o077] == []


def test_what_mattermost_calls_is_answered_by_the_guard_whatever_host_it_names(up):
    elsewhere = {"Host": "gateway.internal"}
    answer = requests.post(f"{up.panel}/mattermost/interactions/nobody", json={}, headers=elsewhere, timeout=30)
    assert (answer.status_code, answer.json()) == (404, {"error": "Unknown account"})
    assert requests.get(f"{up.panel}/login/", headers=elsewhere, timeout=30).status_code == 400


def test_a_stranger_gets_a_code(up):
    sandbox = up.sandbox
    sandbox.post("carol", "@durar", "hello")
    up.wait_for(
        lambda: [post for post in sandbox.posts("carol,durar") if "code" in post["message"].lower()], "the code"
    )


@pytest.mark.parametrize("name", ["web", "ears", "voices", "scheduler", "broker", "sandbox"])
def test_a_process_that_dies_is_started_again_and_said(up, name):
    before = up.ids()[name]
    os.kill(before, signal.SIGKILL)
    up.wait_for(lambda: up.ids().get(name, before) != before, f"{name} to be started again")
    assert f"{name} was killed by SIGKILL; starting it again in" in up.text()
    up.wait_for(lambda: up.get("/readyz")[0] == 200, "everything to be ready again")


def test_a_second_one_in_the_same_state_directory_is_refused(up):
    extra = up.database.environment if up.database else {}
    sentence = refused(
        up.state, "--port", "1", **{key: value for key, value in extra.items() if key != "DURAR_STATE_DIR"}
    )
    assert f"Durar is already running in {up.state} (process {up.process.pid})." in sentence


def test_a_killed_one_leaves_nothing_and_can_be_started_again(up):
    before = up.ids()
    up.process.kill()
    up.wait_for(lambda: not any(lives(pid) for pid in before.values()), "the children to be gone")
    assert broker_socket(up.state.resolve()).exists()
    up.start()
    assert "administrator" not in up.text()
    assert not set(up.ids().values()) & set(before.values())
    assert up.get("/readyz")[0] == 200


def test_a_stopped_one_leaves_nothing_at_all(up):
    before = up.ids()
    assert up.process.stop() == 0
    assert not any(lives(pid) for pid in before.values())
    assert not broker_socket(up.state.resolve()).exists()
    assert not (up.state / "processes.json").exists()
    assert "is killed" not in up.text()
    assert "starting it again" not in up.text()
