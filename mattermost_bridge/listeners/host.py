"""One thread with one asyncio loop that holds the leases of many accounts and listens for each of them."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from collections.abc import Iterable
from dataclasses import dataclass

import structlog
from django.conf import settings as django_settings
from django.db import DatabaseError, InterfaceError

from mattermost_bridge.config.effective import AccountSettings, settings_for
from mattermost_bridge.listeners.account import Listening
from mattermost_bridge.listeners.clock import Clock, Timer
from mattermost_bridge.listeners.outages import Outages
from mattermost_bridge.listeners.threads import Threads
from mattermost_bridge.listeners.tools import Tools
from mattermost_bridge.models import Account
from mattermost_bridge.services import listeners
from mattermost_bridge.services.keeping import holder as process_holder

log = structlog.get_logger(__name__)

#: Seconds between two looks at the leases: what an operator changes, and what another worker gave back, is seen then.
LOOK_SECONDS = 1.0
#: Of the accounts that nobody holds a worker takes half at a look, so that others get theirs.
MOST_CLAIMS = 16
#: Seconds after which an account that is not configured is looked at again: its token may come from a file.
REST_SECONDS = 60.0
STOPPED = "The worker was stopped."
CLOSE_SECONDS = 1.0


@dataclass
class _Held:
    """An account whose lease is ours until `until`, by our monotonic clock."""

    listening: Listening
    task: asyncio.Task[None]
    generation: int
    until: float


class ListenerHost:
    """Holds up to `max_accounts` accounts from `start` to `stop`. Needs the database and no broker."""

    def __init__(self, max_accounts: int, *, holder: str | None = None, clock: Clock | None = None) -> None:
        self.max_accounts = max_accounts
        self.holder = holder or process_holder()
        self._clock = clock or Clock()
        self._held: dict[int, _Held] = {}
        # Accounts to leave alone: under which version of the settings that was seen, and until when it is believed.
        self._resting: dict[int, tuple[int, float]] = {}
        self._version = -1
        self._renewed = 0.0
        self._watch: Timer | None = None
        self._thread: threading.Thread | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._stopping: asyncio.Event | None = None
        self._started = threading.Event()

    @property
    def accounts(self) -> set[int]:
        """The accounts whose lease this host holds."""
        return set(self._held)

    def start(self) -> None:
        """Start the thread, and return once its loop runs."""
        self._thread = threading.Thread(target=self._run, name="durar-listeners", daemon=True)
        self._thread.start()
        self._started.wait()

    def stop_soon(self) -> None:
        """Begin to stop, without waiting; may be called from a signal handler. `stop` is still to come."""
        if self._loop is not None and self._stopping is not None:
            with contextlib.suppress(RuntimeError):  # the loop is closed already
                self._loop.call_soon_threadsafe(self._stopping.set)

    def stop(self, timeout: float = 30.0) -> None:
        """Close all connections and give the leases back at once; return when that is done."""
        if self._thread is None:
            return
        self.stop_soon()
        self._thread.join(timeout)
        if self._thread.is_alive():
            log.error("the listeners did not stop in time", seconds=timeout)
        self._thread = None

    def _run(self) -> None:
        with asyncio.Runner() as runner:
            runner.run(self._main())

    async def _main(self) -> None:
        self._loop, self._stopping = asyncio.get_running_loop(), asyncio.Event()
        threads = Threads()
        self._tools = Tools(self.holder, self._clock, threads, Outages(self._clock, threads))
        self._started.set()
        try:
            while not self._stopping.is_set():
                more = await self._look()
                await self._clock.wait(self._stopping, LOOK_SECONDS / 5 if more else LOOK_SECONDS)
        finally:
            await self._leave()
            await asyncio.to_thread(threads.close)

    async def _leave(self) -> None:
        """Close everything, then give the leases back."""
        if self._watch is not None:
            self._watch.cancel()
        held = list(self._held)
        await self._end(held)
        try:
            await self._tools.threads.db(listeners.give_back, self.holder, held, STOPPED)
        except (DatabaseError, InterfaceError) as error:
            log.warning("leases could not be given back; they run out by themselves", error=str(error))

    async def _look(self) -> bool:
        """Renew what is ours, drop what should rest, claim what is free; whether there is more to claim."""
        try:
            if self._clock.now() - self._renewed >= django_settings.TIMES["listener_renew"]:
                await self._renew()
            survey = await self._tools.threads.db(listeners.survey, self.holder, self._version)
            await self._follow(survey)
            return await self._claim(survey)
        except (DatabaseError, InterfaceError) as error:
            # Until the leases end, all go on listening: what they hear cannot be kept, so each closes by itself.
            log.warning("the leases could not be looked at", error=str(error))
        except Exception:
            # A fault of ours must not end the listening of all accounts in silence: it is logged at every look.
            log.exception("looking at the leases failed")
        return False

    # Leases

    async def _renew(self) -> None:
        asked = self._clock.now()
        ours = set(self._held)
        kept = await self._tools.threads.db(listeners.renew, self.holder, ours)
        self._renewed = asked
        for pk in kept & set(self._held):
            self._held[pk].until = asked + _safe_length()
        await self._lose(ours - kept, "Another worker holds the account.")
        self._watch_leases()
        if heard := [pk for pk, held in self._held.items() if held.listening.take_heard()]:
            await self._tools.threads.db(listeners.note_heard, heard)

    def _watch_leases(self) -> None:
        """Be there when the first lease ends unrenewed, whatever the database does."""
        if self._watch is not None:
            self._watch.cancel()
            self._watch = None
        if self._held:
            seconds = min(held.until for held in self._held.values()) - self._clock.now()
            self._watch = self._clock.call_later(max(0.0, seconds), self._leases_end)

    def _leases_end(self) -> None:
        self._watch = None
        now = self._clock.now()
        late = [pk for pk, held in self._held.items() if held.until <= now]
        for pk in late:
            log.warning("a lease could not be renewed; its connection is closed", account=pk)
            held = self._held.pop(pk)
            held.task.cancel()
            # A second cancel ends the polite closing, too: after this moment another worker may listen.
            asyncio.get_running_loop().call_soon(held.task.cancel)
        self._watch_leases()

    async def _lose(self, pks: Iterable[int], why: str) -> None:
        for pk in pks:
            log.warning("a lease was lost", account=pk, why=why)
        await self._end(pks)

    async def _end(self, pks: Iterable[int]) -> None:
        """Close these accounts' connections, politely for a second."""
        tasks = {held.task for pk in list(pks) if (held := self._held.pop(pk, None)) is not None}
        for task in tasks:
            task.cancel()
        if tasks:
            _, stuck = await asyncio.wait(tasks, timeout=CLOSE_SECONDS)
            for task in stuck:
                task.cancel()
            if stuck:
                await asyncio.wait(stuck, timeout=CLOSE_SECONDS)

    # Accounts

    async def _follow(self, survey: listeners.Survey) -> None:
        """Do what operators changed: reconnect, or let go what should not be listened for any more."""
        changed = survey.version != self._version
        self._version = survey.version
        for pk, held in list(self._held.items()):
            generation = survey.mine.get(pk)
            if generation is None:
                await self._lose([pk], "Another worker holds the account.")
                continue
            is_same = held.generation == generation and not changed and not held.task.done()
            if is_same and not held.listening.is_refused:  # a refused token may come from a file that changes
                continue
            settings = await self._settings(pk)
            if settings is None or not settings.listens:
                await self._end([pk])
                await self._let_rest(pk, settings, self.holder)
            elif held.generation != generation or held.task.done() or _other_server(settings, held.listening.settings):
                await self._end([pk])
                self._listen(settings, generation, held.until)
        # Ours by name, but nobody here listens: left over when a look was cut short.
        if orphans := set(survey.mine) - set(self._held):
            await self._tools.threads.db(listeners.give_back, self.holder, orphans, STOPPED)

    async def _claim(self, survey: listeners.Survey) -> bool:
        wanted: list[tuple[int, int]] = []
        for pk, generation in survey.free.items():
            version, until = self._resting.get(pk, (-1, 0.0))
            if version != survey.version or self._clock.now() >= until:
                wanted.append((pk, generation))
        room = self.max_accounts - len(self._held)
        take = min(room, MOST_CLAIMS, (len(wanted) + 1) // 2)
        more = False
        for pk, generation in wanted:
            settings = await self._settings(pk)
            if settings is None or not settings.listens:
                await self._let_rest(pk, settings, "")
                continue
            if take <= 0:
                more = room > 0
                break
            asked = self._clock.now()
            if await self._tools.threads.db(listeners.claim, pk, self.holder):
                take, room = take - 1, room - 1
                self._listen(settings, generation, asked + _safe_length())
                self._watch_leases()
        return more

    def _listen(self, settings: AccountSettings, generation: int, until: float) -> None:
        listening = Listening(settings, self._tools)
        task = asyncio.create_task(listening.run(), name=f"listen-{settings.account_id}")
        self._held[settings.pk] = _Held(listening, task, generation, until)

    async def _settings(self, pk: int) -> AccountSettings | None:
        try:
            return await self._tools.threads.db(settings_for, pk)
        except Account.DoesNotExist:
            return None

    async def _let_rest(self, pk: int, settings: AccountSettings | None, holder: str) -> None:
        """Nobody should listen for this account now: say why, and give its lease back if it is ours."""
        resting = listeners.resting_phase(settings) if settings is not None else None
        if settings is None or resting is None:
            return
        self._resting[pk] = (settings.version, self._clock.now() + REST_SECONDS)
        phase, reason = resting
        await self._tools.threads.db(listeners.rest, pk, phase, reason, holder)


def _safe_length() -> float:
    """How long a lease counts here: a little less than in the database, since closing takes a moment."""
    length = django_settings.TIMES["listener_lease"]
    return length - min(1.0, length / 5)


def _other_server(new: AccountSettings, old: AccountSettings) -> bool:
    return (new.base_url, new.token) != (old.base_url, old.token)
