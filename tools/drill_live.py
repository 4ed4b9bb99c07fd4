"""The drill's look at open pages: from a fact to the changed page, and what ten open pages cost the workers."""

from __future__ import annotations

import os
import statistics
import time
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import requests

from tests.e2e.open_page import OpenPage
from tests.e2e.processes import wait_for
from tests.e2e.stack import Stack

POSTS = 20
PAGES = 10
#: Messages for each measurement of the workers' work.
LOAD = 60
LIMIT = 30.0
EVENTS = "mattermost_bridge/inboundevent/"
WORKERS = ("ears", "ears-2", "voices")


@dataclass(frozen=True)
class Live:
    """Medians, in seconds: from a person's post to the message of an open page, and to the page that shows it. And the
    workers' CPU time for one message and its answer, with no page open and with ten."""

    message: float
    page: float
    alone: float
    watched: float


def look(stack: Stack, person: str) -> Live:
    """Measure on a running stack that is at rest."""
    session = stack.console.ask("session", username="drill")
    messages, pages = [], []
    with OpenPage(stack.web_port, session) as page:
        page.ready()
        for number in range(POSTS):
            message, changed = _one(stack, page, person, session, f"is anybody looking, {number}?")
            messages.append(message)
            pages.append(changed)
            stack.wait_answered(LIMIT)
    alone = _work(stack, person, "one of many")
    with ExitStack() as open_pages:
        for _ in range(PAGES):
            open_pages.enter_context(OpenPage(stack.web_port, session)).ready()
        watched = _work(stack, person, "one of many that are watched")
    return Live(statistics.median(messages), statistics.median(pages), alone, watched)


def _one(stack: Stack, page: OpenPage, person: str, session: str, text: str) -> tuple[float, float]:
    """Seconds from a post to the message about it, and to the page on which it stands."""
    before = len(page.changes("event"))
    start = time.monotonic()
    stack.ledger.post(person, "@durar", text)
    wait_for(lambda: len(page.changes("event")) > before, LIMIT, what="the page to be told", every=0.002)
    told = page.changes("event")[before][0]
    answer = requests.get(
        f"http://127.0.0.1:{stack.web_port}/{EVENTS}", cookies={"durar_session": session}, timeout=LIMIT
    )
    if text not in answer.text:
        raise AssertionError(f"The page was told of a change and does not show it: {text}")
    return told - start, time.monotonic() - start


def _work(stack: Stack, person: str, text: str) -> float:
    """The workers' CPU seconds for one message and its answer."""
    before = _cpu(stack)
    for number in range(LOAD):
        stack.ledger.post(person, "@durar", f"{text}, {number}")
        if number % 10 == 9:
            stack.wait_answered(LIMIT)
    return (_cpu(stack) - before) / LOAD


def _cpu(stack: Stack) -> float:
    """CPU seconds of all workers so far."""
    total = 0
    for name in WORKERS:
        fields = Path(f"/proc/{stack.processes[name].pid}/stat").read_text().rpartition(")")[2].split()
        total += int(fields[11]) + int(fields[12])
    return total / os.sysconf("SC_CLK_TCK")
