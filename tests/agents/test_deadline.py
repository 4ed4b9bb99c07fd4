"""A deadline counts down on its own clock and can be cancelled from anywhere."""

from __future__ import annotations

import threading

from mattermost_bridge.agents.base import Deadline


class Clock:
    def __init__(self) -> None:
        self.now = 100.0

    def __call__(self) -> float:
        return self.now


def test_it_counts_down_to_zero_and_not_below():
    clock = Clock()
    deadline = Deadline(10, clock=clock)
    assert deadline.remaining() == 10
    clock.now += 4
    assert deadline.remaining() == 6
    assert not deadline.expired
    clock.now += 60
    assert deadline.remaining() == 0
    assert deadline.expired
    assert not deadline.cancelled


def test_a_cancelled_one_has_nothing_left_and_keeps_the_first_reason():
    deadline = Deadline(10, clock=Clock())
    deadline.cancel("the worker stops")
    deadline.cancel("something else")
    assert deadline.cancelled
    assert deadline.remaining() == 0
    assert deadline.reason == "the worker stops"


def test_waiting_ends_when_another_thread_cancels():
    waiting, results = threading.Event(), []
    deadline = Deadline(3600)

    def wait() -> None:
        waiting.set()
        results.append(deadline.wait(3000))

    thread = threading.Thread(target=wait)
    thread.start()
    assert waiting.wait(10)
    deadline.cancel()
    thread.join(timeout=30)
    assert results == [False]


def test_a_wait_that_fits_is_waited_and_one_that_does_not_fit_says_so():
    assert Deadline(3600).wait(0.001) is True
    assert Deadline(0.001).wait(3600) is False
    assert Deadline(-1).wait(0.001) is False


def test_callbacks_are_called_once_and_only_within_their_block():
    deadline, called = Deadline(10), []
    with deadline.on_cancel(lambda: called.append("too early")):
        pass
    with deadline.on_cancel(lambda: called.append("inside")):
        deadline.cancel()
        deadline.cancel()
    assert called == ["inside"]


def test_a_callback_on_a_cancelled_one_is_called_at_once():
    deadline, called = Deadline(10), []
    deadline.cancel()
    with deadline.on_cancel(lambda: called.append(True)):
        assert called == [True]
