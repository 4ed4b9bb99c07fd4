"""Everything that `make run` starts, on free ports and fresh data, and tabs of a browser to work with it."""

from __future__ import annotations

import os
import re
import shutil
import sys
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest
import redis
from playwright.sync_api import Browser, Page, expect

from tests.e2e.databases import clean_environment, fresh_database
from tests.e2e.processes import REPOSITORY, Process, wait_for
from tests.e2e.stack import free_port, own_redis

#: From here on are the Redis databases that no other tests use, where the environment names a server.
FIRST_NUMBER = 8


@dataclass
class Running:
    """A running Durar with its sandbox: addresses, and what it printed."""

    panel: str
    sandbox: str
    password: str
    environment: dict[str, str]

    def sign_in(self, page: Page) -> None:
        """Sign in as the administrator that the first run made."""
        page.goto(self.panel)
        page.get_by_label("Username").fill("admin")
        page.get_by_label("Password").fill(self.password)
        page.keyboard.press("Enter")
        expect(page.get_by_role("link", name="Overview").first).to_be_visible()

    def chat(self, page: Page, person: str, place: str = "dm-durar") -> None:
        """Open the sandbox's chat page as a person."""
        page.goto(f"{self.sandbox}/#{person}/dm-durar")
        expect(page.get_by_test_id("connection")).to_have_attribute("data-state", "live")
        page.get_by_test_id(place).click()


@contextmanager
def up() -> Iterator[Running]:
    """`Durar up --sandbox` as a new user starts it."""
    folder = Path(tempfile.mkdtemp(prefix="durar-browser-"))
    state = folder / "state"
    state.mkdir(mode=0o700)
    database = fresh_database(state, os.environ.get("DATABASE_URL", ""))
    environment = clean_environment() | database.environment | {"PYTHONUNBUFFERED": "1"}
    if server := os.environ.get("REDIS_URL"):
        environment["REDIS_URL"] = own_redis(server, FIRST_NUMBER)
        redis.Redis.from_url(environment["REDIS_URL"]).flushdb()
    port, sandbox_port = free_port(), free_port()
    command = [sys.executable, str(REPOSITORY / "manage.py"), "up", "--sandbox"]
    command += ["--port", str(port), "--sandbox-port", str(sandbox_port)]
    process = Process("up", command, environment, folder / "up.log")
    process.start()
    try:
        log = folder / "up.log"
        wait_for(lambda: f"Sandbox  http://127.0.0.1:{sandbox_port}" in log.read_text(), 90, what="both addresses")
        password = re.search(r"^\s+password\s+(\S+)$", log.read_text(), re.MULTILINE)
        assert password, log.read_text()
        yield Running(f"http://127.0.0.1:{port}", f"http://127.0.0.1:{sandbox_port}", password[1], environment)
    finally:
        process.terminate()
        process.stop()
        database.drop()
        shutil.rmtree(folder, ignore_errors=True)


@pytest.fixture
def tab(browser: Browser):
    """Open a new tab in a context of its own; errors of a page's scripts fail the test."""
    errors = []

    def open_tab(width: int = 1440, height: int = 900, scheme: str = "light") -> Page:
        context = browser.new_context(viewport={"width": width, "height": height}, color_scheme=scheme)
        page = context.new_page()
        page.set_default_timeout(20_000)
        page.on("pageerror", lambda error: errors.append(str(error)))
        return page

    expect.set_options(timeout=20_000)
    yield open_tab
    for context in browser.contexts:
        context.close()
    assert errors == []
