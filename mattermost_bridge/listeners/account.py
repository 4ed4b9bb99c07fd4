"""One account's listening: connect, sign in, listen, and after every end again, as slowly as its reason asks."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import timedelta

import structlog
from django.conf import settings as django_settings
from django.db import DatabaseError, InterfaceError
from django.utils import timezone

from mattermost_bridge.config.effective import AccountSettings
from mattermost_bridge.listeners.paging import IncompleteError
from mattermost_bridge.listeners.session import Session, SessionEndedError, SessionRefusedError
from mattermost_bridge.listeners.tools import Tools
from mattermost_bridge.mattermost.errors import MattermostError
from mattermost_bridge.mattermost.rest import MattermostClient
from mattermost_bridge.mattermost.stream import StreamError, open_stream
from mattermost_bridge.models.states import ConnectionPhase
from mattermost_bridge.rules.retry import reconnect_delay, with_retry_after
from mattermost_bridge.services import listeners, outbox, reading

log = structlog.get_logger(__name__)

CONNECT_SECONDS = 5.0
REFUSED = (
    "The server refuses the bot token. It is wrong or was revoked, or the bot account is disabled. "
    "Check both in Mattermost, then enter a token that works."
)
NOT_AGAIN = "The token is tried again now and then, and at once when it is changed."


@dataclass(frozen=True)
class End:
    """How an attempt to listen ended. `server_away`: the server could not be reached at all. `at_once`: the token has
    to be looked at, before anything else is said."""

    reason: str
    server_away: bool = False
    refused: bool = False
    at_once: bool = False
    retry_after: float | None = None


class _WrongBotError(Exception):
    """The token is another bot's."""


class Listening:
    """An account that this worker listens for. `run` ends only by being cancelled."""

    def __init__(self, settings: AccountSettings, tools: Tools) -> None:
        self.settings = settings
        self._tools = tools
        self._session: Session | None = None
        self._failures = 0
        self._ready = self._paused = self._answered = self._refused = False

    @property
    def is_refused(self) -> bool:
        """Whether the server refused the token at the last attempt."""
        return self._refused

    def take_heard(self) -> bool:
        """Whether something was heard since the last call."""
        session = self._session
        heard = session is not None and session.heard
        if session is not None:
            session.heard = False
        return heard

    async def run(self) -> None:
        """Listen, for ever."""
        while True:
            end = await self._attempt()
            was_ready, self._ready, self._session = self._ready, False, None
            if end.at_once and was_ready:
                continue
            self._failures += 1
            self._refused = end.refused
            await self._pause(end)

    async def _attempt(self) -> End:
        """Listen as long as it goes; how it ended."""
        self._answered = False
        try:
            await self._listen()
        except _WrongBotError as error:
            return End(f"{error} {NOT_AGAIN}", refused=True)
        except SessionRefusedError as error:
            return End(str(error), at_once=True)
        except MattermostError as error:
            if error.is_unauthorized:
                return End(f"{REFUSED} {NOT_AGAIN}" if error.sent else str(error), refused=True)
            # What fails although the server has just answered is no outage: its probes would get through every time.
            away = error.is_server_trouble and not self._answered
            return End(str(error), server_away=away, retry_after=error.retry_after)
        except (StreamError, SessionEndedError, IncompleteError) as error:
            return End(str(error))
        except (DatabaseError, InterfaceError) as error:
            return End(f"The database was away: {error}"[:500])
        except Exception as error:
            # A fault of ours. It must neither end the listening in silence nor hide: it is shown, with growing pauses.
            log.exception("listening failed", account=self.settings.account_id)
            return End(f"An unexpected error ended the connection: {type(error).__name__}: {error}"[:500])
        return End("The connection ended.")

    async def _listen(self) -> None:
        settings, threads = self.settings, self._tools.threads
        # While the server is away, the state stays what it is until somebody answers.
        if not self._paused:
            await self._phase(ConnectionPhase.CONNECTING)
        timeout = (CONNECT_SECONDS, django_settings.TIMES["http_timeout"])
        client = MattermostClient(settings.base_url, settings.token, timeout=timeout)
        try:
            # REST first: only it says that a token is bad. The WebSocket just closes, as it does when a server stops.
            bot = await threads.http(client.me)
            self._answered = True
            if problem := await threads.db(listeners.learn_bot, settings.pk, bot.id, bot.username):
                raise _WrongBotError(problem)
            await threads.db(outbox.unpark, settings.pk)
            if self._paused:
                await self._phase(ConnectionPhase.CONNECTING)
            await self._hear(client, bot.id)
        finally:
            client.close()

    async def _hear(self, client: MattermostClient, bot_id: str) -> None:
        settings, threads = self.settings, self._tools.threads
        types = await threads.db(reading.channel_types, settings.pk)
        async with open_stream(settings.base_url, settings.token, open_timeout=CONNECT_SECONDS) as stream:
            await self._phase(ConnectionPhase.AUTHENTICATING)
            hello = await stream.authenticate()
            await threads.db(listeners.note_server, settings.pk, version=hello.server_version)
            await self._phase(ConnectionPhase.CATCHING_UP)
            self._session = Session(settings.pk, bot_id, stream, client, types, self._tools, self._now_ready)
            await self._session.run(hello)

    async def _now_ready(self) -> None:
        self._ready, self._paused, self._failures = True, False, 0
        await self._phase(ConnectionPhase.READY)

    async def _pause(self, end: End) -> None:
        """Say why nothing is heard, and wait before the next attempt."""
        times, threads, settings = django_settings.TIMES, self._tools.threads, self.settings
        chance = self._tools.clock.random()
        if end.refused:
            # Never sooner than said: at most three authentications come in five minutes.
            phase, seconds = ConnectionPhase.TOKEN_REFUSED, times["token_retry"] * (1 + 0.2 * chance)
        else:
            # The rule counts from 2 s on; tests and drills shorten that.
            scale = times["reconnect_first"] / reconnect_delay(1, 0.5)
            seconds = min(scale * reconnect_delay(self._failures, chance), times["reconnect_longest"] * 1.2)
            phase, seconds = ConnectionPhase.BACKING_OFF, with_retry_after(seconds, end.retry_after)
        try:
            if end.refused:
                await threads.db(outbox.park, settings.pk, end.reason)
            await self._phase(phase, end.reason, seconds)
        except (DatabaseError, InterfaceError) as error:
            log.warning("a connection's state could not be noted", account=settings.account_id, error=str(error))
        self._paused = True
        if end.server_away:
            await self._tools.outages.wait(settings.base_url, settings.token, seconds)
        else:
            await self._tools.clock.sleep(seconds)

    async def _phase(self, phase: ConnectionPhase, reason: str = "", seconds: float | None = None) -> None:
        next_try = None if seconds is None else timezone.now() + timedelta(seconds=seconds)
        await self._tools.threads.db(
            listeners.set_phase,
            self.settings.pk,
            phase,
            reason,
            next_try,
            holder=self._tools.holder,
            failures=self._failures,
        )
