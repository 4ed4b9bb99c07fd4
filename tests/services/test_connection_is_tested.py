"""*Test connection* against a real HTTP server: the bot and its teams, or a sentence that says what to change."""

from __future__ import annotations

import socket
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest

from mattermost_bridge.sandbox import world
from mattermost_bridge.services import probing
from mattermost_bridge.services.accounts import test_connection as ask


@pytest.fixture(autouse=True)
def short(monkeypatch):
    monkeypatch.setattr(probing, "TIMEOUT", (2.0, 2.0))


@pytest.fixture
def page():
    """A web server that answers as the test says: with `answers` by path, else with `answer`."""

    class Handler(BaseHTTPRequestHandler):
        def do_GET(self):
            status, kind, body = self.server.answers.get(self.path, self.server.answer)
            self.send_response(status)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *args):
            pass

    server = HTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, daemon=True)
    thread.start()
    server.answers, server.answer = {}, (404, "text/plain", b"")
    server.url = f"http://127.0.0.1:{server.server_port}"
    yield server
    server.shutdown()
    server.server_close()
    thread.join()


def test_the_bot_and_its_teams_are_named(sandbox):
    bot = world.BOTS[0]
    found = ask(f"{sandbox.base_url}/api/v4/", bot.token)
    assert (found.ok, found.problem) == (True, "")
    assert (found.bot_user_id, found.bot_username, found.display_name) == (bot.user_id, bot.username, bot.display_name)
    assert found.teams == (world.TEAM_DISPLAY_NAME,)


def test_a_token_from_the_environment_is_tried_too(sandbox, monkeypatch):
    monkeypatch.setenv("MATTERMOST_OPS", world.BOTS[0].token)
    assert ask(sandbox.base_url, "", token_ref="env:MATTERMOST_OPS").ok
    assert "not allowed" in ask(sandbox.base_url, "", token_ref="env:HOME").problem


def test_a_bot_without_a_team_is_warned_about(page):
    me = b'{"id": "bot0000000000000000000000x", "username": "lonely", "is_bot": true}'
    page.answers = {
        "/api/v4/users/me": (200, "application/json", me),
        "/api/v4/users/me/teams": (200, "application/json", b"[]"),
    }
    found = ask(page.url, "token")
    assert (found.ok, found.teams, found.display_name) == (True, (), "lonely")
    assert "@lonely is in no team" in found.warning


def test_a_refused_token_is_a_sentence_without_the_token(sandbox):
    found = ask(sandbox.base_url, "never-shown-token")
    assert not found.ok
    assert "refuses the bot token" in found.problem
    assert "never-shown" not in repr(found)


def test_a_persons_token_is_not_taken_for_a_bots(sandbox):
    found = ask(sandbox.base_url, world.token_of("carol"))
    assert not found.ok
    assert "@carol, who is a person and no bot" in found.problem


@pytest.mark.parametrize(
    ("answer", "sentence"),
    [
        ((200, "text/html", b"<html>Welcome</html>"), "no Mattermost server"),
        ((404, "text/html", b"<html>Not found</html>"), "no Mattermost server"),
        ((401, "text/html", b"<html>Sign in</html>"), "something other than Mattermost"),
        ((200, "application/json", b"[]"), "no Mattermost server"),
        ((429, "text/plain", b"limit exceeded"), "fewer calls"),
    ],
)
def test_something_else_at_the_address_is_said(page, answer, sentence):
    page.answer = answer
    found = ask(page.url, "never-shown-token")
    assert sentence in found.problem
    assert "never-shown" not in found.problem


def test_nobody_at_the_address_is_said():
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        url = f"http://127.0.0.1:{free.getsockname()[1]}"
    assert "cannot be reached" in ask(url, "token").problem


def test_an_https_address_of_a_port_without_tls_is_said(sandbox):
    found = ask(sandbox.base_url.replace("http:", "https:"), "token")
    assert "makes no encrypted connection" in found.problem


def test_a_server_that_does_not_answer_is_said(monkeypatch):
    monkeypatch.setattr(probing, "TIMEOUT", (0.2, 0.2))
    with socket.socket() as silent:
        silent.bind(("127.0.0.1", 0))
        silent.listen(1)
        found = ask(f"http://127.0.0.1:{silent.getsockname()[1]}", "token")
    assert "does not answer in time" in found.problem


@pytest.mark.parametrize(
    ("url", "token", "sentence"),
    [
        ("chat.example.com", "token", "http"),
        ("https://chat.example.com", "", "no bot token"),
        ("https://chat.example.com", "two words", "blank"),
    ],
)
def test_what_needs_no_server_is_said_at_once(url, token, sentence):
    assert sentence in ask(url, token).problem
