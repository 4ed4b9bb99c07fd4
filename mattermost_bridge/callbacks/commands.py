"""POST /api/channels/mattermost/command, and every other configured path: somebody typed a slash command."""

from __future__ import annotations

import asyncio
import time

import structlog
from django.db import DatabaseError

from mattermost_bridge.callbacks.guard import Answer, Call, in_thread
from mattermost_bridge.rules.callback_urls import COMMAND_PATH
from mattermost_bridge.rules.slash_payload import INVALID, NOT_READY, WENT_WRONG, Refusal, ephemeral, read_call
from mattermost_bridge.services import slash_commands, slash_tokens

log = structlog.get_logger(__name__)

#: So long, in seconds, the first part of an answer is waited for; then people read `Processing...`.
WAIT_SECONDS = 2.0
LOOK_EVERY = 0.1
#: So long, in seconds, a configured path is believed; one that was just configured counts that much later.
PATHS_AGE = 2.0


class _Watch:
    """Looks for the answers to all commands that wait, at once: fifty people cost no more than one."""

    def __init__(self) -> None:
        self._waiting: dict[int, asyncio.Event] = {}
        self._looking: asyncio.Task[None] | None = None

    async def came(self, event_pk: int, seconds: float) -> bool:
        """Whether the first part of the answer came within so many seconds."""
        came = self._waiting.setdefault(event_pk, asyncio.Event())
        if self._looking is None or self._looking.done():
            self._looking = asyncio.create_task(self._look())
        try:
            async with asyncio.timeout(seconds):
                await came.wait()
        except TimeoutError:
            return False
        finally:
            self._waiting.pop(event_pk, None)
        return True

    async def _look(self) -> None:
        while self._waiting:
            try:
                found = await in_thread(slash_commands.with_first_part, list(self._waiting))
            except DatabaseError as error:
                log.warning("the answers to slash commands could not be looked for", error=str(error))
                return
            for event_pk in found & self._waiting.keys():
                self._waiting[event_pk].set()
            await asyncio.sleep(LOOK_EVERY)


class SlashCommands:
    """The callback of slash commands. What people read is JSON for them alone; the rest is plain text."""

    body_seconds = 5.0

    def __init__(self) -> None:
        self._paths: frozenset[str] = frozenset({COMMAND_PATH})
        self._read_at = float("-inf")
        self._watch = _Watch()

    def matches(self, path: str) -> bool:
        """Whether this is a path on which slash commands come in, as far as is known now."""
        return path in self._paths

    async def look(self, path: str) -> None:
        """Learn which paths are configured. The usual one needs no look, so it answers without a database."""
        if path == COMMAND_PATH or time.monotonic() - self._read_at < PATHS_AGE:
            return
        self._read_at = time.monotonic()
        try:
            self._paths = await in_thread(slash_commands.callback_paths)
        except DatabaseError as error:
            log.warning("the paths of slash commands could not be read; those known before hold", error=str(error))

    def wrong_method(self) -> Answer:
        """Commands are POSTed; a GET is how operators try whether Durar answers here."""
        return Answer(405, "Method Not Allowed", (("Allow", "POST"),))

    def too_large(self) -> Answer:
        """64 KiB are more than any command has."""
        return Answer(413, "Payload Too Large")

    def too_slow(self) -> Answer:
        """Mattermost sends a command in one go."""
        return Answer(408, "Request body timeout")

    def broken(self) -> Answer:
        """A body that is not what it says."""
        return Answer(400, INVALID)

    def failed(self) -> Answer:
        """A defect of ours, or the database is away. With another status people would read Mattermost's own words."""
        return Answer(200, ephemeral(WENT_WRONG))

    async def before_body(self, call: Call) -> Answer | None:
        """Nothing is taken before commands are registered."""
        return None if await in_thread(slash_tokens.is_ready) else Answer(503, ephemeral(NOT_READY))

    async def answer(self, call: Call, body: bytes) -> Answer:
        """Take the command, and wait a moment for what the bot says to it."""
        try:
            reply = await in_thread(slash_commands.receive, read_call(body, call.headers.get("content-type", "")))
        except Refusal as refusal:
            plain = refusal.status == 400
            return Answer(refusal.status, refusal.text if plain else ephemeral(refusal.text))
        if reply.event_pk is not None and await self._watch.came(reply.event_pk, WAIT_SECONDS):
            return Answer(200, {})
        return Answer(200, ephemeral(reply.text))
