"""Tokens and keys go through a whole run with every kind of trouble, and then stand nowhere that anybody can read."""

from __future__ import annotations

import json
import re
import secrets
import subprocess
import sys
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from urllib.parse import urljoin, urlsplit

import pytest
import requests

from tests.e2e.processes import REPOSITORY
from tests.e2e.stack import SHORT_TIMES, Stack

pytestmark = pytest.mark.processes

PASSWORD = "an operator's long password 17"
AGENT_KEY = f"sk-e2e-{secrets.token_hex(12)}"
WRONG_TOKEN = "wrongtokenofnobody" + secrets.token_hex(4)
MOST_PAGES = 150


class Tattler(BaseHTTPRequestHandler):
    """An agent's server that repeats the key in its error, as some do."""

    def do_POST(self) -> None:
        """Refuse the key, and say which one it was."""
        body = json.dumps({"error": {"message": f"Incorrect API key provided: {AGENT_KEY}.", "type": "auth"}}).encode()
        self.send_response(401)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Nothing to say."""


@pytest.fixture(scope="module")
def tattler() -> Iterator[str]:
    """The address of that server."""
    server = ThreadingHTTPServer(("127.0.0.1", 0), Tattler)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield f"http://127.0.0.1:{server.server_address[1]}/v1"
    server.shutdown()
    thread.join()
    server.server_close()


@dataclass
class Run:
    """A stack after its run, and every secret that went through it."""

    stack: Stack
    secrets: dict[str, str]

    def assert_tells_nothing(self, text: str, where: str) -> None:
        """No secret stands in a text."""
        told = [name for name, value in self.secrets.items() if value in text]
        assert not told, f"{where} shows: {', '.join(told)}"


@pytest.fixture(scope="module")
def run(tattler: str) -> Iterator[Run]:
    """A run in which every secret was used, refused, replaced and repeated by servers."""
    with Stack(times=SHORT_TIMES | {"DURAR_PING_EVERY": "1", "DURAR_LOG_LEVEL": "DEBUG"}) as stack:
        stack.open_to_all()
        stack.start("scheduler", "worker", "web")
        stack.wait_ready()
        yield Run(stack, {**misuse_secrets(stack, tattler), **keys_of(stack)})


@pytest.fixture
def stack(run: Run) -> Stack:
    """The stack, so that a failure shows its report."""
    return run.stack


def misuse_secrets(stack: Stack, tattler: str) -> dict[str, str]:
    """Let servers refuse and repeat what they were given; the secrets by name."""
    sandbox = stack.sandbox
    first = sandbox.token("durar")
    stack.console.ask("make_operator", name="alice", password=PASSWORD)
    stack.ledger.post("carol", "@durar", "hello")
    stack.wait_answered()
    # A server that repeats the token in an error, which is kept with the delivery.
    body = {"id": "app.post.save.app_error", "message": f"bad session token={first}", "status_code": 500}
    sandbox.fault("answer", path="^/posts$", who="durar", status=500, body=body)
    sandbox.post("carol", "@durar", "what the server repeats")
    stack.wait_for(lambda: stack.console.count("DeliveryAttempt"), what="a failed attempt")
    # Mattermost 5.37 puts the whole token into its answer to a ping.
    sandbox.revoke("durar")
    stack.wait_for(lambda: stack.phase() == "token_refused", what="the token to be refused")
    with pytest.raises(AssertionError) as refusal:
        stack.console.ask("set_token", account_id="durar", token=f"{WRONG_TOKEN} with blanks")
    assert WRONG_TOKEN not in str(refusal.value)
    stack.console.ask("set_token", account_id="durar", token=WRONG_TOKEN)
    tried = "account__account_id"
    stack.wait_for(
        lambda: (
            stack.console.rows("ListenerLease", "generation", **{tried: "durar"})[0]["generation"] > 1
            and stack.phase() == "token_refused"
        ),
        what="the wrong token to be refused",
    )
    second = sandbox.issue_token("durar")
    stack.console.ask("set_token", account_id="durar", token=second)
    stack.wait_ready()
    stack.console.ask("use_agent", slug="tattler", base_url=tattler, key=AGENT_KEY)
    sandbox.post("carol", "@durar", "ask the agent")
    stack.wait_for(lambda: stack.console.count("Turn", state="failed"), what="the turn to fail")
    stack.wait_for(stack.at_rest, what="everything to come to rest")
    return {"first token": first, "wrong token": WRONG_TOKEN, "second token": second, "agent key": AGENT_KEY}


def keys_of(stack: Stack) -> dict[str, str]:
    """The stack's own keys and passwords, from the environment or from its state directory."""
    found = {"operator's password": PASSWORD}
    for name in ("DJANGO_SECRET_KEY", "DURAR_ENCRYPTION_KEYS"):
        if name in stack.environment:
            found[name] = stack.environment[name]
    for name in ("django_secret_key", "encryption_key"):
        if (stack.state / name).exists():
            found[name] = (stack.state / name).read_text().strip()
    for name in ("DATABASE_URL", "REDIS_URL"):
        password = urlsplit(stack.environment.get(name, "")).password
        if password and len(password) > 7:
            found[f"password of {name}"] = password
    return found


def test_no_secret_stands_in_the_logs(run: Run, stack: Stack) -> None:
    text = stack.logs()
    assert "delivery attempt failed" in text, "the logs are not the ones that were meant"
    run.assert_tells_nothing(text, "a log")


def test_no_secret_stands_in_clear_in_the_database(run: Run, stack: Stack) -> None:
    """Audit rows, error texts, connection changes, sessions: whatever a table holds."""
    text = stack.console.ask("everything_stored")
    assert "account.update" in text
    assert "bad session" in text
    run.assert_tells_nothing(text, "the database")


def test_no_secret_stands_on_a_page(run: Run, stack: Stack) -> None:
    pages = dict(walk(f"http://127.0.0.1:{stack.web_port}/"))
    assert len(pages) > 10, sorted(pages)
    for address, text in pages.items():
        run.assert_tells_nothing(text, f"the page {address}")


@pytest.mark.parametrize("command", [["config", "export"], ["pairing", "list", "--json"]])
def test_no_secret_stands_in_what_a_command_prints(run: Run, stack: Stack, command: list[str]) -> None:
    done = subprocess.run(
        [sys.executable, "manage.py", *command],
        cwd=REPOSITORY,
        env=stack.environment,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.strip()
    run.assert_tells_nothing(done.stdout + done.stderr, " ".join(command))


def walk(start: str) -> Iterator[tuple[str, str]]:
    """Sign in and read every page that can be reached by links, without those that do something."""
    session = requests.Session()
    session.trust_env = False
    login = session.get(urljoin(start, "login/"), timeout=20)
    field = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', login.text)
    assert field, login.text[:500]
    form = {"username": "alice", "password": PASSWORD, "csrfmiddlewaretoken": field[1], "next": "/"}
    home = session.post(login.url, data=form, timeout=20, headers={"Referer": login.url})
    assert home.ok
    assert "login" not in home.url, "signing in failed"
    waiting, seen = [start], {start}
    while waiting and len(seen) < MOST_PAGES:
        address = waiting.pop(0)
        page = session.get(address, timeout=20)
        assert page.status_code < 500, f"{address}: {page.status_code}"
        yield address, page.text
        for link in re.findall(r'href="([^"#?]+)', page.text):
            target = urljoin(address, link)
            if target.startswith(start) and target not in seen and "/static/" not in target and "logout" not in target:
                seen.add(target)
                waiting.append(target)
