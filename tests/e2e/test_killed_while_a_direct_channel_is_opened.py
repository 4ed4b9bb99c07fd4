"""SIGKILL of the worker while it opens a direct channel: the messages that wait arrive, once and in order."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.e2e.stack import Stack

pytestmark = pytest.mark.processes
OPENING = {"method": "POST", "path": "^/channels/direct$", "who": "durar"}


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """A stack that is ready."""
    with Stack() as stack:
        stack.open_to_all()
        stack.start("scheduler", "worker")
        stack.wait_ready()
        yield stack


@pytest.mark.parametrize(("person", "stage"), [("carol", "before"), ("dave", "after")])
def test_messages_that_wait_survive_their_worker(stack: Stack, person: str, stage: str) -> None:
    """Killed before the server made the channel, and after it did while the answer was on its way."""
    hanging = stack.sandbox.fault("hang", stage=stage, **OPENING)
    for text in ("one", "two"):
        send(stack, person, text)
    stack.wait_for(lambda: stack.sandbox.held(hanging), what="the attempt to hang")
    stack.kill("worker")
    stack.sandbox.clear_faults()
    send(stack, person, "three")
    stack.start("worker")

    stack.wait_for(lambda: said(stack, person) == ["one", "two", "three"], what="the messages, in order")
    (row,) = stack.console.rows("DirectChannel", "state", "attempt", user_id=stack.sandbox.user_id(person))
    assert row == {"state": "ready", "attempt": 1}


def send(stack: Stack, person: str, text: str) -> None:
    """As an operator does in the panel, with the shortest time for an attempt."""
    stack.console.ask(
        "send_message",
        account_id="durar",
        user_id=stack.sandbox.user_id(person),
        text=text,
        overrides={"timeout_ms": 5000},
    )


def said(stack: Stack, person: str) -> list[str]:
    """What the person reads from the bot, oldest first."""
    return [post["message"] for post in stack.sandbox.posts(f"{person},durar")]
