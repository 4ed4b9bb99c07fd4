"""A thread keeps one client for an account, until its address or token changes."""

import threading

import pytest

from mattermost_bridge.mattermost import rest
from mattermost_bridge.mattermost.rest import client_for, close_clients, forget_client

URL = "http://127.0.0.1:1"


@pytest.fixture(autouse=True)
def _no_clients_left():
    close_clients()
    yield
    close_clients()


def test_the_same_account_gets_the_same_client():
    assert client_for("a", URL, "t1") is client_for("a", f"{URL}/api/v4/", " t1 ")


def test_another_account_gets_another_client():
    assert client_for("a", URL, "t1") is not client_for("b", URL, "t1")


@pytest.mark.parametrize(
    ("url", "token", "timeout"), [(URL, "t2", (5, 30)), ("http://127.0.0.1:2", "t1", (5, 30)), (URL, "t1", (1, 2))]
)
def test_a_change_makes_a_new_client(url, token, timeout):
    before = client_for("a", URL, "t1", timeout=(5, 30))
    after = client_for("a", url, token, timeout=timeout)
    assert after is not before
    assert client_for("a", url, token, timeout=timeout) is after


def test_a_forgotten_client_is_made_anew():
    before = client_for("a", URL, "t1")
    forget_client("a")
    forget_client("never there")
    assert client_for("a", URL, "t1") is not before


def test_another_thread_has_its_own():
    mine = client_for("a", URL, "t1")
    theirs = []
    thread = threading.Thread(target=lambda: theirs.append(client_for("a", URL, "t1")))
    thread.start()
    thread.join()
    assert theirs[0] is not mine


def test_a_thread_keeps_only_those_it_used_last(monkeypatch):
    monkeypatch.setattr(rest, "_MAX_CLIENTS", 2)
    first, second = client_for(1, URL, "t"), client_for(2, URL, "t")
    assert client_for(1, URL, "t") is first
    client_for(3, URL, "t")
    assert client_for(1, URL, "t") is first
    assert client_for(2, URL, "t") is not second
