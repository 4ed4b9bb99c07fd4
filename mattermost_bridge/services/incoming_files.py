"""Files of the posts that a turn answers: read from the server within a size and a time, outside of transactions."""

from __future__ import annotations

import time

import structlog

from mattermost_bridge.agents.base import Deadline
from mattermost_bridge.config.effective import AccountSettings
from mattermost_bridge.mattermost.calls import TooLong
from mattermost_bridge.mattermost.errors import MattermostError
from mattermost_bridge.mattermost.rest import MattermostClient
from mattermost_bridge.mattermost.types import FileInfo
from mattermost_bridge.rules.files import (
    LONGEST_TEXT,
    LONGEST_TEXTS,
    Incoming,
    Shown,
    image_type,
    size_in_words,
    text_of,
    wanted_as,
)
from mattermost_bridge.services.clients import client_of
from mattermost_bridge.services.turns import Taken

log = structlog.get_logger(__name__)

#: Mebibytes of one file where nothing says otherwise (`mediaMaxMb`); all files of a turn together may be three such.
BUILT_IN_MB = 8.0
TOGETHER = 3
#: So many files of a turn are read: what one post of Mattermost can carry.
MOST_FILES = 10
#: So long, in seconds, all files of a turn may take.
SECONDS = 60.0


def fetch(taken: Taken, *, takes_images: bool, deadline: Deadline) -> tuple[Incoming, ...]:
    """The files of a turn's posts, in order, as its agent is shown them; () without a call when there are none.

    Raises nothing of the server's: a file that could not be read is there with the reason.
    """
    ids = [file_id for event in taken.events for file_id in event.payload.get("file_ids") or () if file_id]
    ids = list(dict.fromkeys(str(file_id) for file_id in ids))
    if not ids:
        return ()
    reader = _Reader(taken.settings, deadline, takes_images=takes_images)
    files = [reader.read(file_id) for file_id in ids[:MOST_FILES]]
    if more := len(ids) - MOST_FILES:
        files += [] if more < 0 else [_unread(f"{more} more", f"only {MOST_FILES} files of a message are read")]
    return tuple(files)


class _Reader:
    """Reads one file after the other, as long as size, time and the server allow."""

    def __init__(self, account: AccountSettings, deadline: Deadline, *, takes_images: bool) -> None:
        self._account, self._deadline, self._takes_images = account, deadline, takes_images
        self._end = time.monotonic() + SECONDS
        self._one = int((account.media_max_mb or BUILT_IN_MB) * 2**20)
        self._room = self._one * TOGETHER
        self._characters = LONGEST_TEXTS
        self._gone = ""  # why no more files are asked for

    def read(self, file_id: str) -> Incoming:
        """One file, as far as it can be had."""
        if self._left() <= 0 and not self._gone:
            self._gone = f"the files of this message took longer than {SECONDS:g} seconds"
        if self._gone:
            return _unread(file_id, self._gone)
        client = client_of(self._account)
        try:
            info = client.file_info(file_id)
        except MattermostError as error:
            return _unread(file_id, self._why(error, file_id))
        name = info.name or file_id
        shown, note = wanted_as(name, info.mime_type, takes_images=self._takes_images)
        if shown is Shown.NAMED:
            return Incoming(name, info.mime_type, info.size, shown, note=note)
        if info.size > self._one:
            return _unread(name, self._too_large(), info)
        if info.size > self._room:
            most = size_in_words(self._one * TOGETHER)
            return _unread(name, f"the files of this message are larger than {most} together", info)
        try:
            data = self._content(client, file_id)
        except MattermostError as error:
            return _unread(name, self._why(error, file_id), info)
        self._room -= len(data)
        return self._image(info, name, data) if shown is Shown.IMAGE else self._text(info, name, data)

    def _content(self, client: MattermostClient, file_id: str) -> bytes:
        return client.file_content(file_id, longest=min(self._one, self._room), total=max(0.1, self._left()))

    def _image(self, info: FileInfo, name: str, data: bytes) -> Incoming:
        kind = image_type(data)
        if not kind:
            return _unread(name, "its bytes are no image of a type that agents take", info)
        return Incoming(name, kind, len(data), Shown.IMAGE, data=data)

    def _text(self, info: FileInfo, name: str, data: bytes) -> Incoming:
        text, note = text_of(data, min(LONGEST_TEXT, self._characters))
        if not text:
            return Incoming(name, info.mime_type, len(data), Shown.NAMED, note=note or "it is empty")
        self._characters -= len(text)
        return Incoming(name, info.mime_type, len(data), Shown.TEXT, text=text, note=note)

    def _left(self) -> float:
        return min(self._end - time.monotonic(), self._deadline.remaining())

    def _too_large(self) -> str:
        return f"it is larger than the {size_in_words(self._one)} that this account reads (mediaMaxMb)"

    def _why(self, error: MattermostError, file_id: str) -> str:
        """A failure in half a sentence; a server that is away, or refuses the token, is not asked for the others."""
        log.warning("a file could not be read", account=self._account.account_id, file_id=file_id, error=str(error))
        if isinstance(error, TooLong):
            return self._too_large()
        if error.status == 404:
            return "it is not there any more"
        if error.status == 403:
            return "the bot may not see it"
        why = str(error).rstrip(".")
        if error.is_server_trouble or error.is_unauthorized or error.is_rate_limited:
            self._gone = why
        return why


def _unread(name: str, why: str, info: FileInfo | None = None) -> Incoming:
    return Incoming(name, info.mime_type if info else "", info.size if info else 0, Shown.UNREAD, note=why)
