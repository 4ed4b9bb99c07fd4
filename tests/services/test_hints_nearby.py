"""Hints that a worker takes itself: at once, no more than it can do, and never behind something slow."""

from __future__ import annotations

import threading

import pytest

from durar_site.celery import app
from mattermost_bridge.sandbox.testing import wait_for
from mattermost_bridge.services import nearby

NAME = "durar.events.process"


class Task:
    """A task that waits until it is let go."""

    def __init__(self) -> None:
        self.done: list[int] = []
        self.began = threading.Semaphore(0)
        self.go_on = threading.Event()

    def __call__(self, number: int) -> None:
        self.began.release()
        assert self.go_on.wait(20)
        self.done.append(number)


@pytest.fixture
def task(monkeypatch):
    """The task that hints name, in place of the real one."""
    made = Task()
    monkeypatch.setitem(app.tasks, NAME, made)
    return made


@pytest.fixture
def threads():
    """Two threads of a worker."""
    made = nearby._Threads()
    made.start(2)
    yield made
    made.stop()


def test_without_a_worker_nothing_is_taken():
    assert not nearby._Threads().offer(NAME, (1,))


def test_what_is_offered_is_done_and_other_kinds_are_left(threads, task):
    task.go_on.set()
    assert not threads.offer("durar.turns.run", (1,))
    assert threads.offer(NAME, (1,))
    threads.stop()
    assert task.done == [1]


def test_no_more_wait_than_there_is_room_for(threads, task):
    taken = [threads.offer(NAME, (number,)) for number in range(2 + nearby.MOST_WAITING + 3)]
    assert taken.count(True) == 2 + nearby.MOST_WAITING
    task.go_on.set()
    threads.stop()
    assert sorted(task.done) == list(range(2 + nearby.MOST_WAITING))


def test_behind_slow_tasks_nothing_queues(threads, task, monkeypatch):
    monkeypatch.setattr(nearby, "STUCK_SECONDS", 0.0)
    assert threads.offer(NAME, (1,))
    assert threads.offer(NAME, (2,))
    for _ in range(2):
        assert task.began.acquire(timeout=20)
    assert not threads.offer(NAME, (3,))
    task.go_on.set()


def test_a_task_that_fails_frees_its_place(threads, monkeypatch):
    def fails(number):
        raise RuntimeError("no")

    monkeypatch.setitem(app.tasks, NAME, fails)
    for number in range(5):
        assert threads.offer(NAME, (number,))
    wait_for(lambda: threads._room == 2 + nearby.MOST_WAITING and not threads._began, what="all places to be free")
