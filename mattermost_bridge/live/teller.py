"""The thread that tells open pages what changed: it gathers for a moment, then sends one message for each account.

What one task does to a message's records is committed within some 20 ms, the POST included, so it goes out as one
message and no task waits for it. While the broker is away the thread keeps in mind what kinds of records changed, and
tells it when the broker is back.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import socket
import threading
from collections import defaultdict
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import structlog
from redis.exceptions import RedisError

from mattermost_bridge.services.best_effort import TRY_SECONDS, BestEffort

if TYPE_CHECKING:
    from mattermost_bridge.live.messages import Change, Changed, Kind

    Pending = dict[tuple[int | None, Kind], set[int] | None]

log = structlog.get_logger(__name__)

#: From the first change to the message.
GATHER_SECONDS = 0.1
#: More keys of one kind are not named: then any may have changed.
MOST_IDS = 50
EVERYBODY = "everybody"


def group_of(account_pk: int | None) -> str:
    """The channel layer's group of those who look at an account; None: of everybody who looks at anything."""
    return EVERYBODY if account_pk is None else f"account.{account_pk}"


class Teller:
    """Gathers changes of this process and sends them; its thread starts with the first one."""

    def __init__(self) -> None:
        self.reset()

    def reset(self) -> None:
        """As new. For a forked child, which has none of its parent's threads."""
        self._wake = threading.Condition()
        self._pending: Pending = {}
        self._sending = self._hurry = self._silent = False
        self._thread: threading.Thread | None = None
        self._tries = BestEffort("broker away: open pages are told later, and look by themselves meanwhile")

    def add(self, account_pk: int | None, kind: Kind, ids: Iterable[int]) -> None:
        """Note that these records changed; no ids: any of them."""
        with self._wake:
            if self._silent:
                return
            first = not self._pending
            _merge(self._pending, (account_pk, kind), set(ids) or None)
            if self._thread is None:
                self._thread = threading.Thread(target=self._run, name="durar-teller", daemon=True)
                self._thread.start()
                atexit.register(self.flush)
            elif first:  # later ones must not wake it: it waits for them
                self._wake.notify_all()

    def stay_silent(self) -> None:
        """Tell nothing from now on."""
        with self._wake:
            self._silent = True
            self._pending.clear()

    def flush(self, limit: float = 1.0) -> bool:
        """Send what was gathered now; False when that took longer than `limit` seconds or did not work."""
        with self._wake:
            if self._thread is None:
                return True
            self._hurry = True
            self._wake.notify_all()
            done = self._wake.wait_for(self._told_or_away, limit)
            self._hurry = False
            return done and not self._pending

    def _told_or_away(self) -> bool:
        return not self._sending and (not self._pending or self._tries.quiet_for > 0)

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=_Loop) as runner:
            while True:
                batch = self._gathered()
                told = self._told(runner, batch)
                with self._wake:
                    self._sending = False
                    if not told and not self._silent:
                        for key in batch:
                            _merge(self._pending, key, None)
                    self._wake.notify_all()

    def _told(self, runner: asyncio.Runner, batch: Pending) -> bool:
        """Send a batch; False when it is to be sent later."""
        try:
            if self._tries.attempt(lambda: runner.run(_send(batch))):
                return True
            # The connection may be in the middle of something.
            runner.run(_hang_up())
        except Exception:
            # A defect must not end the thread: later changes would never be told.
            log.exception("open pages could not be told of changes", kinds=sorted({kind for _, kind in batch}))
            return True
        return False

    def _gathered(self) -> Pending:
        """Wait for a change, then a moment for those that follow (or while the broker is away), and take them all."""
        with self._wake:
            self._wake.wait_for(lambda: self._pending)
            quiet_for = self._tries.quiet_for
            self._wake.wait_for(
                lambda: self._hurry and not quiet_for, quiet_for + 0.01 if quiet_for else GATHER_SECONDS
            )
            batch, self._pending = self._pending, {}
            self._sending = True
            return batch


def _merge(pending: Pending, key: tuple[int | None, Kind], ids: set[int] | None) -> None:
    if key not in pending:
        pending[key] = ids
    elif (known := pending[key]) is not None:
        pending[key] = None if ids is None or len(known) + len(ids) > MOST_IDS else known | ids


async def _send(batch: Pending) -> None:
    """One message for each account."""
    from channels.layers import get_channel_layer

    changes: dict[int | None, list[Change]] = defaultdict(list)
    for (account_pk, kind), ids in batch.items():
        changes[account_pk].append({"account": account_pk, "kind": kind, "ids": sorted(ids or ())})
    layer: Any = get_channel_layer()
    async with asyncio.timeout(TRY_SECONDS):
        for account_pk, changed in changes.items():
            message: Changed = {"type": "live.changed", "changes": changed}
            await layer.group_send(group_of(account_pk), message)


async def _hang_up() -> None:
    """Let go of the connection."""
    from channels.layers import get_channel_layer

    layer: Any = get_channel_layer()
    try:
        async with asyncio.timeout(TRY_SECONDS):
            await layer.flush()
    except (RedisError, OSError, TimeoutError) as error:
        log.debug("the connection to the broker could not be closed in order", error=str(error))


class _Loop(asyncio.SelectorEventLoop):
    """A loop of one thread, which may wait for a name to be looked up: threads for that cannot be started any more
    when a command has ended and still has to tell what it changed."""

    async def getaddrinfo(self, host: Any, port: Any, **how: Any) -> Any:  # type: ignore[override]
        """The addresses of a host."""
        return socket.getaddrinfo(host, port, **how)


teller = Teller()
os.register_at_fork(after_in_child=teller.reset)
