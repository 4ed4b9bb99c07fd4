"""Threads for what blocks: a few for the database, a few for HTTP, shared by all accounts of a worker."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from functools import partial
from typing import ParamSpec, TypeVar

from django.db import Error as DatabaseError
from django.db import close_old_connections, connections

DATABASE_THREADS = 4
HTTP_THREADS = 8

P = ParamSpec("P")
T = TypeVar("T")


class Threads:
    """Two small pools. A thread is made when it is first needed, and keeps its database connection."""

    def __init__(self) -> None:
        self._database = ThreadPoolExecutor(DATABASE_THREADS, "listener-db")
        self._http = ThreadPoolExecutor(HTTP_THREADS, "listener-http")

    async def db(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a call that uses the database. A connection that broke is closed: the next call gets a new one."""
        work = partial(_with_connection, call, *args, **kwargs)
        return await asyncio.get_running_loop().run_in_executor(self._database, work)

    async def http(self, call: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
        """Run a call that waits for a server."""
        return await asyncio.get_running_loop().run_in_executor(self._http, partial(call, *args, **kwargs))

    def close(self) -> None:
        """Let running database calls end and close their connections; calls to servers are left to their timeouts."""
        self._http.shutdown(wait=False, cancel_futures=True)
        # Connections belong to their threads, so each thread has to close its own: all of them meet here.
        together = threading.Barrier(DATABASE_THREADS)
        wait([self._database.submit(_close_connections, together) for _ in range(DATABASE_THREADS)])
        self._database.shutdown(wait=True)


def _with_connection(call: Callable[..., T], *args: object, **kwargs: object) -> T:
    close_old_connections()
    try:
        return call(*args, **kwargs)
    except DatabaseError:
        close_old_connections()
        raise


def _close_connections(together: threading.Barrier) -> None:
    try:
        together.wait(timeout=10)
    except threading.BrokenBarrierError:
        pass  # a thread is stuck in a call: it closes nothing, the others do
    finally:
        connections.close_all()
