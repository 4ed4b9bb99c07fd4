"""Open pages are told by every process that changes something, also by one that ends right after it."""

from __future__ import annotations

import subprocess
import sys

import pytest

from tests.e2e.open_page import OpenPage
from tests.e2e.processes import REPOSITORY
from tests.e2e.stack import LIMIT, Stack

pytestmark = pytest.mark.processes


@pytest.fixture(scope="module")
def stack():
    """One worker and the web."""
    with Stack() as stack:
        stack.console.ask(
            "make_account", account_id="durar", base_url=stack.sandbox.base_url, token=stack.sandbox.token("durar")
        )
        stack.start("worker", "scheduler", "web")
        stack.wait_ready()
        stack.wait_for(stack.web_answers, what="the web to answer")
        yield stack


@pytest.fixture
def page(stack):
    """An administrator's open page."""
    with OpenPage(stack.web_port, stack.console.ask("session", username="olga")) as page:
        page.ready()
        yield page


def durar(stack: Stack, *words: str) -> None:
    """Run a command to its end."""
    command = [sys.executable, str(REPOSITORY / "manage.py"), *words]
    done = subprocess.run(command, env=stack.environment, capture_output=True, text=True, timeout=LIMIT, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_pairing_that_is_asked_for_and_one_that_a_command_approves_are_told(stack: Stack, page: OpenPage):
    stack.ledger.post("carol", "@durar", "hello", answers=())
    stack.wait_for(lambda: page.changes("pairing"), what="the request to be told")
    (request,) = stack.console.rows("PairingRequest", "code", "pk")
    assert page.changes("pairing")[0][1]["ids"] == [request["pk"]]
    before = len(page.changes("pairing"))
    durar(stack, "pairing", "approve", "mattermost", request["code"])
    stack.wait_for(lambda: len(page.changes("pairing")) > before, what="the approval to be told")
    stack.wait_for(lambda: page.changes("access"), what="the new access to be told")


def test_a_worker_that_stops_tells_that_its_connections_have_stopped(stack: Stack, page: OpenPage):
    stack.stop("worker")
    stack.wait_for(lambda: page.changes("connection"), what="the connection's end to be told")
    assert stack.phase() == "stopped"
    stack.start("worker")
    stack.wait_ready()


def test_the_pages_of_a_web_that_stops_are_told_to_come_back(stack: Stack, page: OpenPage):
    stack.stop("web")
    stack.wait_for(lambda: page.close_code is not None, what="the page to be closed")
    assert page.close_code == 1012
    stack.start("web")
    stack.wait_for(stack.web_answers, what="the web to answer")


def test_no_log_holds_a_traceback_when_the_broker_is_away(stack: Stack, page: OpenPage):
    if "broker" not in stack.processes:
        pytest.skip("the broker is the environment's own server, which is not ours to kill")
    stack.kill("broker")
    page.ping()
    stack.wait_for(lambda: page.of_type("away"), what="the page to be told that the broker is away")
    stack.start("broker")
    stack.wait_for(lambda: page.of_type("catch_up"), what="the page to be told to catch up")
    web = (stack.folder / "web.log").read_text()
    assert "Traceback" not in web
    assert web.count("the broker does not answer, so open pages look by themselves") == 1
