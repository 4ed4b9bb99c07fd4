"""SQLite for a process with many threads that write.

SQLite lets one connection write at a time; the others ask again after 1, 2, 5, ... up to 100 ms, whoever asks first
gets it, and under load the unlucky ones wait for seconds. The threads of one process can do better: they queue for a
lock, which wakes the next one the moment a transaction ends. Between processes SQLite's own busy timeout remains.
"""

from __future__ import annotations

import threading
from collections import defaultdict

from django.db.backends.sqlite3 import base

#: One for each database file.
_queues: defaultdict[str, threading.Lock] = defaultdict(threading.Lock)


class DatabaseWrapper(base.DatabaseWrapper):
    """A connection that queues with those of the other threads before it begins a transaction."""

    _has_turn = False

    def _start_transaction_under_autocommit(self) -> None:
        # Waiting is no condition for correctness: when the turn does not come, SQLite's own timeout decides.
        self._has_turn = self._queue.acquire(timeout=self._wait)
        try:
            super()._start_transaction_under_autocommit()  # type: ignore[misc]  # Django has no stubs for it
        except BaseException:
            self._give_turn()
            raise

    def _commit(self) -> None:
        try:
            super()._commit()  # type: ignore[misc]  # Django has no stubs for it
        finally:
            # A commit that failed is rolled back by Django; holding on would only lock out who could make it better.
            self._give_turn()

    def _rollback(self) -> None:
        try:
            super()._rollback()  # type: ignore[misc]  # Django has no stubs for it
        finally:
            self._give_turn()

    def _close(self) -> None:
        try:
            super()._close()  # type: ignore[misc]  # Django has no stubs for it
        finally:
            self._give_turn()

    @property
    def _queue(self) -> threading.Lock:
        return _queues[str(self.settings_dict["NAME"])]

    @property
    def _wait(self) -> float:
        return float(self.settings_dict["OPTIONS"].get("timeout", 5))

    def _give_turn(self) -> None:
        if self._has_turn:
            self._has_turn = False
            self._queue.release()
