"""The optional state file: written whole, atomically, shortly after a change and at the end."""

import asyncio
import base64
import contextlib
import json
import os
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Any

from mattermost_bridge.sandbox.records import Channel, Clock, Command, Post, Reaction, StoredFile, User
from mattermost_bridge.sandbox.state import State

FORMAT = 1
WAIT = 0.5
"""seconds between a change and the write, so that a burst is written once"""


class SnapshotError(Exception):
    """The state file cannot be read or written; the text says which and what to do."""


def pack(state: State) -> dict[str, Any]:
    """Return what a snapshot keeps, as plain values."""
    rows = sorted(state.posts.values(), key=lambda post: post.row)
    reactions = [reaction for per_post in state.reactions.values() for reaction in per_post.values()]
    return {
        "format": FORMAT,
        "users": [asdict(user) for user in state.users.values()],
        "tokens": {token: list(owner) for token, owner in state.tokens.items()},
        "team_members": dict(state.team_members),
        "team_admins": sorted(state.team_admins),
        "command_makers": sorted(state.command_makers),
        "commands": [asdict(command) for command in state.commands.values()],
        "channels": [asdict(channel) for channel in state.channels.values()],
        "posts": [asdict(post) for post in rows],
        "reactions": [asdict(reaction) for reaction in reactions],
        "files": [
            asdict(file) | {"content": base64.b64encode(file.content).decode("ascii")} for file in state.files.values()
        ],
    }


def unpack(data: dict[str, Any], clock: Clock) -> State:
    """Build a state from `pack`'s values. Raises KeyError, TypeError or ValueError when they are not such."""
    if data["format"] != FORMAT:
        raise ValueError(f"its format is {data['format']!r}, this sandbox reads {FORMAT}")
    state = State(clock)
    for values in data["users"]:
        user = User(**values)
        state.users[user.id] = state.users_by_name[user.username] = user
    state.tokens = {token: (user_id, bool(valid)) for token, (user_id, valid) in data["tokens"].items()}
    state.team_members = dict(data["team_members"])
    for values in data["channels"]:
        state.add_channel(Channel(**values))
    for values in data["posts"]:
        state.add_post(Post(**values))
    for values in data["reactions"]:
        reaction = Reaction(**values)
        state.reactions.setdefault(reaction.post_id, {})[reaction.user_id, reaction.emoji_name] = reaction
    for values in data.get("files", []):  # a file from before there were any is read too
        file = StoredFile(**(values | {"content": base64.b64decode(values["content"])}))
        state.files[file.id] = file
    state.commands = {values["id"]: Command(**values) for values in data.get("commands", [])}
    state.team_admins = set(data.get("team_admins", []))
    state.command_makers = set(data.get("command_makers", []))
    return state


class Snapshot:
    """Keeps one state file up to date; without a path it does nothing."""

    def __init__(self, path: Path | None) -> None:
        self.path = path
        self._timer: asyncio.TimerHandle | None = None
        self._writing: asyncio.Task[None] | None = None

    def load(self, clock: Clock) -> State | None:
        """Return the state in the file, or None when there is no file yet. Raises SnapshotError."""
        if self.path is None or not self.path.exists():
            return None
        try:
            return unpack(json.loads(self.path.read_text(encoding="utf-8")), clock)
        except OSError as error:
            raise SnapshotError(f"The state file {self.path} cannot be read: {error.strerror}.") from error
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise SnapshotError(
                f"The state file {self.path} is not one of this sandbox ({error}); move it away to start afresh."
            ) from error

    def check_writable(self) -> None:
        """Raise SnapshotError when the file could not be written later."""
        if self.path is not None and not (self.path.parent.is_dir() and os.access(self.path.parent, os.W_OK)):
            raise SnapshotError(f"The folder of the state file, {self.path.parent}, does not exist or is not writable.")

    def schedule(self, state: State) -> None:
        """Write the state soon; calls until then cost nothing."""
        if self.path is not None and self._timer is None:
            self._timer = asyncio.get_running_loop().call_later(WAIT, self._start, state)

    def _start(self, state: State) -> None:
        self._timer = None
        if self._writing is not None and not self._writing.done():
            self.schedule(state)
            return
        self._writing = asyncio.create_task(self._write_and_say(pack(state)))

    async def _write_and_say(self, data: dict[str, Any]) -> None:
        """Write while serving: a full disk is said, and the next change tries again."""
        try:
            await asyncio.to_thread(self.write, data)
        except SnapshotError as error:
            sys.stderr.write(f"{error}\n")

    async def finish(self, state: State) -> None:
        """Write the state for the last time, after any write that still runs."""
        if self.path is None:
            return
        if self._timer is not None:
            self._timer.cancel()
        if self._writing is not None:
            await asyncio.wait([self._writing])
        await asyncio.to_thread(self.write, pack(state))

    def write(self, data: dict[str, Any]) -> None:
        """Replace the file in one step, so that a kill leaves the old or the new one, never half of one."""
        if self.path is None:
            return
        part = self.path.with_name(f".{self.path.name}.{os.getpid()}")
        try:
            with part.open("w", encoding="utf-8") as file:
                json.dump(data, file, ensure_ascii=False, separators=(",", ":"))
                file.flush()
                os.fsync(file.fileno())
            part.replace(self.path)
        except OSError as error:
            with contextlib.suppress(OSError):
                part.unlink()
            raise SnapshotError(f"The state file {self.path} cannot be written: {error.strerror}.") from error
