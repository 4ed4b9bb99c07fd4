"""Listening needs the database and nothing else: a worker connects and keeps what it hears while the broker is away."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.stack import Stack

pytestmark = pytest.mark.processes


@pytest.fixture
def stack() -> Iterator[Stack]:
    with Stack(own_broker=True) as stack:
        stack.open_to_all()
        yield stack


def test_a_worker_hears_and_keeps_without_a_broker_and_answers_when_it_is_back(stack):
    stack.kill("broker")
    stack.start("ears")
    stack.wait_ready()

    stack.sandbox.post("carol", "@durar", "anybody there?")
    stack.wait_for(lambda: stack.console.count("InboundEvent", text="anybody there?") == 1, what="the event")

    stack.start("broker", "scheduler")
    stack.wait_for(lambda: stack.console.count("Delivery", state="sent") == 1, what="the answer")


def test_a_graceful_stop_gives_the_leases_back_and_ends_well(stack):
    stack.start("ears")
    stack.wait_ready()

    assert stack.processes["ears"].stop() == 0

    rows = stack.console.rows("ListenerLease", "holder", "phase", "reason")
    assert [row["holder"] for row in rows] == [""]
    assert rows[0]["phase"] == "stopped"
    assert stack.sandbox.sockets("durar") == 0


def test_a_worker_stops_although_the_broker_is_away(stack):
    stack.kill("broker")
    stack.start("ears")
    stack.wait_ready()

    stack.processes["ears"].stop()

    assert [row["holder"] for row in stack.console.rows("ListenerLease", "holder")] == [""]
