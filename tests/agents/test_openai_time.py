"""The total time holds whatever the server does, and a running answer can be stopped."""

from __future__ import annotations

import threading

import pytest

from mattermost_bridge.agents.base import AgentError, Deadline, ErrorKind

from .conftest import ask, failure
from .openai_server import Exchange, Reply, drips, hangs


def drips_header() -> Reply:
    def reply(exchange: Exchange) -> None:
        exchange.send_bytes(b"HTTP/1.1 200 OK\r\nX-Slow: ")
        exchange.until_client_leaves(lambda: exchange.send_bytes(b"."))

    return reply


@pytest.mark.parametrize(
    ("reply", "progress"),
    [
        (hangs(), "had not responded"),
        (drips_header(), "had not responded"),
        (drips(), "no text had arrived"),
        (drips("So far"), "6 characters of the answer had arrived"),
    ],
    ids=["silence", "drip in the headers", "drip in the stream", "drip after text"],
)
def test_an_answer_that_is_never_done_ends_with_the_total_time(server, config, reply, progress):
    ask(config())  # the client library is loaded by now
    server.reply(reply)
    error = failure(config(total_time=0.5))
    assert error.kind == ErrorKind.TIMEOUT
    assert "not done within 0.5 seconds" in error.cause
    assert progress in error.cause
    assert server.client_left.wait(30)


def test_the_callers_deadline_holds_when_it_is_shorter(server, config):
    ask(config())
    server.reply(drips())
    with pytest.raises(AgentError, match=r"not done within 0\.4 seconds"):
        ask(config(total_time=600), deadline=Deadline(0.4))


@pytest.mark.parametrize("reply", [hangs(), drips("So far")], ids=["before the response", "within the stream"])
def test_cancelling_ends_a_running_answer_and_closes_its_connection(server, config, reply):
    server.reply(reply)
    deadline, errors = Deadline(600), []

    def run() -> None:
        try:
            ask(config(total_time=600), deadline=deadline)
        except AgentError as error:
            errors.append(error)

    thread = threading.Thread(target=run)
    thread.start()
    assert server.received.wait(60)
    deadline.cancel("the conversation's lease was lost")
    thread.join(timeout=60)
    assert [error.kind for error in errors] == [ErrorKind.CANCELLED]
    assert "because the conversation's lease was lost" in errors[0].cause
    assert server.client_left.wait(30)


def test_a_deadline_that_is_over_calls_nobody(server, config):
    for deadline, kind in ((Deadline(0), ErrorKind.TIMEOUT), (Deadline(600), ErrorKind.CANCELLED)):
        if kind == ErrorKind.CANCELLED:
            deadline.cancel()
        with pytest.raises(AgentError) as caught:
            ask(config(), deadline=deadline)
        assert caught.value.kind == kind
    assert server.requests == []


def test_a_cancelled_answer_leaves_the_next_one_alone(server, config):
    server.reply(drips("So far"))
    assert failure(config(total_time=0.3)).kind == ErrorKind.TIMEOUT
    server.reply(lambda exchange: exchange.send(200, {"choices": [{"message": {"content": "Fine."}}]}))
    assert ask(config()).text == "Fine."
