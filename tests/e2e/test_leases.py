"""Two workers, three accounts: each is held once at any time, and moves when its worker dies or stops."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import pytest

from mattermost_bridge.sandbox.testing import SandboxClient
from tests.e2e.stack import Stack, holder_pid

pytestmark = pytest.mark.processes

BOTS = ("durar", "helper", "scout")
WORKERS = ("worker-1", "worker-2")


class Watcher:
    """Looks all the time at who holds which account, and how many sockets each bot has."""

    def __init__(self, stack: Stack) -> None:
        self._stack, self._sandbox = stack, SandboxClient(stack.sandbox.base_url)
        self.most_sockets = dict.fromkeys(BOTS, 0)
        self.holders: dict[str, list[str]] = {bot: [] for bot in BOTS}
        self.looks = 0
        self._end = threading.Event()
        self._thread = threading.Thread(target=self._watch)

    def __enter__(self) -> Watcher:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._end.set()
        self._thread.join()

    def _watch(self) -> None:
        while not self._end.wait(0.02):
            rows = self._stack.console.rows("ListenerLease", "holder", "account__account_id")
            assert len(rows) == len({row["account__account_id"] for row in rows})
            for row in rows:
                seen = self.holders[row["account__account_id"]]
                if row["holder"] and row["holder"] not in seen[-1:]:
                    seen.append(row["holder"])
            for bot in BOTS:
                self.most_sockets[bot] = max(self.most_sockets[bot], self._sandbox.sockets(bot))
            self.looks += 1


@pytest.fixture(scope="module")
def stack() -> Iterator[Stack]:
    """Three accounts and two workers that may each listen for all of them."""
    with Stack(forked=False) as stack:
        stack.open_to_all(*BOTS)
        stack.start("scheduler", *WORKERS)
        stack.wait_ready(*BOTS)
        yield stack


def holding(stack: Stack, bot: str) -> str:
    """The name of the worker that holds the account; "" while nobody does."""
    (row,) = stack.console.rows("ListenerLease", "holder", account__account_id=bot)
    return next((name for name in WORKERS if stack.processes[name].pid == holder_pid(row["holder"])), "")


def test_accounts_are_held_once_and_move_after_a_kill_and_after_a_graceful_stop(stack: Stack) -> None:
    with Watcher(stack) as watcher:
        for how in (stack.kill, stack.stop):
            victim = holding(stack, "durar")
            how(victim)
            for bot in BOTS:
                stack.ledger.post("carol", f"@{bot}", f"nobody may listen now, after {how.__name__}", bot=bot)
            stack.wait_ready(*BOTS)
            other = holding(stack, "durar")
            assert other != victim
            assert {holding(stack, bot) for bot in BOTS} == {other}
            stack.start(victim)
        stack.wait_answered()

    stack.assert_whole()
    assert watcher.most_sockets == dict.fromkeys(BOTS, 1)
    assert watcher.looks > 10
    # A lease that goes back and forth would show here: each holder held once, one after the other.
    for seen in watcher.holders.values():
        assert len(seen) == len(set(seen))


def test_a_worker_that_stops_gives_its_accounts_back_at_once(stack: Stack) -> None:
    victim = holding(stack, "helper")
    stack.stop(victim)

    rows = stack.console.rows("ListenerLease", "holder", "expires_at", account__account_id="helper")
    assert holder_pid(rows[0]["holder"]) != stack.processes[victim].pid
    stack.wait_ready(*BOTS)
    changes = stack.console.rows("ConnectionChange", "new", "reason", order="-pk", account__account_id="helper")
    assert "The worker was stopped." in [change["reason"] for change in changes]
    stack.start(victim)


def test_a_worker_that_stops_gives_its_accounts_back_before_its_turns_end(stack: Stack) -> None:
    """Sockets close and leases are free at once; a turn that runs gets its time, is put back, and is answered once."""
    victim = holding(stack, "durar")
    answer = "This answer took 6 seconds, as you asked."
    stack.ledger.post("dave", "@durar", "slow 6", answers=(answer,))
    stack.wait_for(lambda: stack.console.count("Turn", state="running"), what="the turn to run")
    stack.processes[victim].terminate()
    stack.wait_for(
        lambda: holding(stack, "durar") not in ("", victim) and stack.ready("durar"),
        what="another worker to listen for durar",
    )
    assert stack.console.count("Turn", state="running"), "the account moved only after its worker's last turn"
    stack.ledger.post("carol", "@durar", "while the old worker still works")

    assert stack.processes[victim].wait_dead() == 0
    stack.wait_answered()
    stack.assert_whole()
    (turn,) = stack.console.rows("Turn", "starts", question="slow 6")
    assert turn["starts"] == 1, "a start that a graceful stop took back counted"
    stack.start(victim)
