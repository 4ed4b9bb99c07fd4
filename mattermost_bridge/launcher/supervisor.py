"""The loop that keeps the children running, joins their lines into one log, and stops them in order.

It has one thread, because a child dies with the thread that started it, and because what runs between fork and exec
is only safe where no other thread may hold a lock.
"""

from __future__ import annotations

import json
import os
import selectors
import signal
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from types import FrameType
from typing import Any

from mattermost_bridge.launcher.child import Child, how_it_ended
from mattermost_bridge.launcher.output import Output
from mattermost_bridge.launcher.plan import Program

# Signals, lines and deaths wake the loop. Whether everything is ready yet wakes nobody and has to be asked.
SLEEP = 1.0
ASK_EVERY = 0.1


class Supervisor:
    """Runs programs until SIGINT, SIGTERM or SIGHUP. Use as a context: leaving it, for whatever reason, stops all."""

    def __init__(self, output: Output, *, folder: Path, environment: dict[str, str], roster: Path) -> None:
        """`roster` is the file that says, for scripts and people, which process has which id at the moment."""
        self._output = output
        self._roster = roster
        self._folder = folder
        self._environment = environment
        self._children: list[Child] = []
        self._selector = selectors.DefaultSelector()
        self._wake_read, self._wake_write = os.pipe()
        self._asked_to_stop = 0
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Supervisor:
        for end in (self._wake_read, self._wake_write):
            os.set_blocking(end, False)
        self._selector.register(self._wake_read, selectors.EVENT_READ, None)
        self._old_wakeup = signal.set_wakeup_fd(self._wake_write, warn_on_full_buffer=False)
        for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
            if signal.getsignal(number) != signal.SIG_IGN:  # nohup had a reason
                self._before[number] = signal.signal(number, self._stop_signal)
        # A handler, so that the death of a child wakes the loop.
        self._before[signal.SIGCHLD] = signal.signal(signal.SIGCHLD, lambda _number, _frame: None)
        return self

    def __exit__(self, *_: object) -> None:
        try:
            self._stop_all()
        finally:
            for child in self._children:
                child.end()
            for number, handler in self._before.items():
                signal.signal(number, handler)
            signal.set_wakeup_fd(self._old_wakeup)
            self._roster.unlink(missing_ok=True)
            self._selector.close()
            os.close(self._wake_read)
            os.close(self._wake_write)

    @property
    def stopping(self) -> bool:
        """Whether somebody asked us to stop."""
        return self._asked_to_stop > 0

    def start(self, programs: Iterable[Program]) -> None:
        """Start `programs` now, all at once."""
        for program in programs:
            child = Child(program, folder=self._folder, environment=self._environment)
            self._children.append(child)
            self._start(child)

    def run(self, until: Callable[[], bool] | None = None) -> None:
        """Keep everything running until somebody asks us to stop, or `until`, asked ten times a second, says yes."""
        while not self.stopping and not (until and until()):
            # Lines may come faster than that, and asking may cause lines.
            ask_again = time.monotonic() + (ASK_EVERY if until else SLEEP)
            while not self.stopping and (left := ask_again - time.monotonic()) > 0:
                self._turn(left)

    def _turn(self, longest: float) -> None:
        """Wait for something to happen, at most `longest` seconds, and see to it."""
        now = time.monotonic()
        starts = [child.start_at for child in self._children if child.start_at is not None]
        for key, _ in self._selector.select(max(0.0, min([now + longest, *starts]) - now)):
            if key.data is None:
                os.read(self._wake_read, 4096)
            elif self._show_new(key.data):
                self._selector.unregister(key.fileobj)
        for child in self._children:
            self._look_whether_dead(child)
            if child.start_at is not None and child.start_at <= time.monotonic() and not self.stopping:
                self._start(child)

    def _start(self, child: Child) -> None:
        try:
            child.start(time.monotonic())
        except OSError as error:
            delay = child.plan_restart(time.monotonic())
            self._output.say(f"{child.program.name} cannot be started: {error.strerror}; trying again in {delay:g} s.")
            return
        self._selector.register(child.output, selectors.EVENT_READ, child)
        self._write_roster()

    def _look_whether_dead(self, child: Child) -> None:
        """If `child` is dead, show its last words and plan its next life."""
        status = child.poll()
        if status is None:
            return
        if child.output.fileno() in self._selector.get_map():
            self._show_new(child)
            self._selector.unregister(child.output)
        child.end()
        self._write_roster()
        for line in child.lines.end():
            self._show(child, line)
        if not self.stopping:
            delay = child.plan_restart(time.monotonic())
            self._output.say(f"{child.program.name} {how_it_ended(status)}; starting it again in {delay:g} s.")

    def _show_new(self, child: Child) -> bool:
        """Show what `child` wrote. Whether its output is at the end: nothing will come any more."""
        while True:
            try:
                data = os.read(child.output.fileno(), 65536)
            except BlockingIOError:
                return False
            if not data:
                return True
            for line in child.lines.feed(data):
                self._show(child, line)

    def _show(self, child: Child, line: str) -> None:
        if line.strip() and not any(text in line for text in child.program.noise):
            self._output.line(child.program.name, line)

    def _write_roster(self) -> None:
        """Say which processes there are, as JSON: name to process id, our own as `up`."""
        ids = {"up": os.getpid()} | {child.program.name: child.pid for child in self._children if child.pid}
        draft = self._roster.with_suffix(".new")
        draft.write_text(json.dumps(ids) + "\n", encoding="utf-8")
        draft.replace(self._roster)

    def _stop_signal(self, _number: int, _frame: FrameType | None) -> None:
        self._asked_to_stop += 1

    def _stop_all(self) -> None:
        """Stop by rank, each rank in parallel; who does not stop in time, or after a second request, is killed."""
        self._asked_to_stop = max(self._asked_to_stop, 1)
        for rank in sorted({child.program.stop_rank for child in self._children}):
            children = [child for child in self._children if child.program.stop_rank == rank and child.running]
            for child in children:
                child.terminate()
            asked_at = time.monotonic()
            while running := [child for child in children if child.running]:
                for child in running:
                    grace = child.program.grace
                    if self._asked_to_stop > 1 or time.monotonic() - asked_at > grace:
                        reason = (
                            "is killed" if self._asked_to_stop > 1 else f"did not stop in {grace:g} s and is killed"
                        )
                        self._output.say(f"{child.program.name} {reason}.")
                        child.kill()
                        children.remove(child)
                self._turn(ASK_EVERY)
