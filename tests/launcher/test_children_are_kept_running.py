"""The supervisor: restarts with growing delays, one log, and an end that leaves nothing."""

from __future__ import annotations

import io
import json
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from mattermost_bridge.launcher.child import Backoff, how_it_ended
from mattermost_bridge.launcher.output import Output
from mattermost_bridge.launcher.plan import Program
from mattermost_bridge.launcher.supervisor import Supervisor

LIMIT = 30.0


class Run:
    """A supervisor over small programs, and what it wrote."""

    def __init__(self, folder: Path) -> None:
        self.stream = io.StringIO()
        self.roster = folder / "processes.json"
        output = Output(["one", "two"], stream=self.stream)
        self.supervisor = Supervisor(output, folder=folder, environment=dict(os.environ), roster=self.roster)

    @property
    def text(self) -> str:
        return self.stream.getvalue()

    def until(self, condition) -> None:
        """Run until the condition holds."""
        end = time.monotonic() + LIMIT
        self.supervisor.run(until=lambda: condition() or time.monotonic() > end)
        assert condition(), self.text

    def pid(self, name: str) -> int:
        return json.loads(self.roster.read_text())[name]


@pytest.fixture
def run(tmp_path):
    return Run(tmp_path)


def python(name: str, code: str, *, grace: float = LIMIT, rank: int = 0, noise: tuple[str, ...] = ()) -> Program:
    return Program(name, [sys.executable, "-u", "-c", code], grace=grace, stop_rank=rank, noise=noise)


def gone(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return True
    return False


STAYS = "import time; print('here'); time.sleep(600)"
STUBBORN = "import signal, time; signal.signal(signal.SIGTERM, lambda *_: print('no')); print('here'); time.sleep(600)"


def test_delays_double_from_one_second_to_thirty():
    backoff = Backoff()
    assert [backoff.after(lived=0.1) for _ in range(7)] == [1, 2, 4, 8, 16, 30, 30]


def test_a_minute_of_life_makes_the_next_death_a_first_one():
    backoff = Backoff()
    for _ in range(4):
        backoff.after(lived=0.1)
    assert backoff.after(lived=60) == 1
    assert backoff.after(lived=59.9) == 2


@pytest.mark.parametrize(
    ("status", "words"),
    [(3, "ended with exit status 3"), (-9, "was killed by SIGKILL"), (-99, "was killed by signal 99")],
)
def test_an_end_is_said_in_words(status, words):
    assert how_it_ended(status) == words


def test_both_outputs_arrive_line_by_line_with_the_name(run):
    with run.supervisor:
        run.supervisor.start([python("one", f"import sys; print('to err', file=sys.stderr); {STAYS}")])
        run.until(lambda: "here" in run.text)
    assert "one   | to err\n" in run.text
    assert "one   | here\n" in run.text
    assert "\x1b" not in run.text


def test_who_dies_is_started_again_and_its_last_words_are_shown(run):
    with run.supervisor:
        run.supervisor.start([python("one", "import sys; sys.stdout.write('half a line'); sys.exit(3)")])
        run.until(lambda: run.text.count("half a line") >= 2)
    assert "durar | one ended with exit status 3; starting it again in 1 s." in run.text


def test_a_program_that_is_not_there_is_said_and_tried_again(run):
    with run.supervisor:
        run.supervisor.start([Program("one", ["/nonexistent/program"], grace=1)])
        run.until(lambda: run.text.count("one cannot be started: No such file or directory") >= 2)
    assert "trying again in 2 s" in run.text


def test_noise_is_left_out(run):
    with run.supervisor:
        run.supervisor.start([python("one", f"print('warning: overcommit'); {STAYS}", noise=("overcommit",))])
        run.until(lambda: "here" in run.text)
    assert "overcommit" not in run.text


def test_no_secret_of_a_traceback_passes(run):
    with run.supervisor:
        run.supervisor.start([python("one", f"print('Authorization: Bearer abcdef123456'); {STAYS}")])
        run.until(lambda: "here" in run.text)
    assert "abcdef123456" not in run.text


def test_the_end_takes_everything_along_also_grandchildren(run):
    grandchild = "[sys.executable, '-c', 'import time; time.sleep(600)']"
    code = f"import subprocess, sys; print('pid', subprocess.Popen({grandchild}).pid);"
    with run.supervisor:
        run.supervisor.start([python("one", f"{code} {STAYS}"), python("two", STAYS)])
        run.until(lambda: run.text.count("here") == 2)
        pids = [run.pid("one"), run.pid("two"), int(run.text.split("pid ")[1].split()[0])]
    # A killed grandchild is reaped by whoever inherits it; until then it is dead, but still has its number.
    assert all(gone(pid) for pid in pids[:2])
    end = time.monotonic() + LIMIT
    while not gone(pids[2]) and Path(f"/proc/{pids[2]}/stat").read_text().rpartition(")")[2].split()[0] != "Z":
        assert time.monotonic() < end
        time.sleep(0.02)
    assert not run.roster.exists()


def test_what_works_is_stopped_before_what_it_works_with(run):
    says = "import signal, sys, time; signal.signal(signal.SIGTERM, lambda *_: sys.exit(print('stops'))); "
    with run.supervisor:
        run.supervisor.start([python("two", says + STAYS, rank=1), python("one", says + STAYS)])
        run.until(lambda: run.text.count("here") == 2)
    assert run.text.index("one   | stops") < run.text.index("two   | stops")


def test_who_does_not_stop_in_time_is_killed_and_said(run):
    with run.supervisor:
        run.supervisor.start([python("one", STUBBORN, grace=0.2)])
        run.until(lambda: "here" in run.text)
        pid = run.pid("one")
    assert gone(pid)
    assert "one did not stop in 0.2 s and is killed." in run.text
    assert "starting it again" not in run.text


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_stops_it(run, number):
    with run.supervisor as supervisor:
        supervisor.start([python("one", STAYS)])
        run.until(lambda: "here" in run.text)
        signal.raise_signal(number)
        supervisor.run()
        assert supervisor.stopping
        pid = run.pid("one")
    assert gone(pid)


def test_a_second_signal_kills_at_once(run):
    """The grace is long: without the second signal this test would run into its limit."""
    with run.supervisor as supervisor:
        supervisor.start([python("one", STUBBORN, grace=3600)])
        run.until(lambda: "here" in run.text)
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGINT)
        supervisor.run()
    assert "one is killed." in run.text


def test_signals_are_as_before_afterwards(run):
    before = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD)]
    with run.supervisor:
        pass
    after = [signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP, signal.SIGCHLD)]
    assert before == after


def test_an_error_in_the_middle_leaves_nothing_either(run):
    pids = []

    def broken() -> None:
        with run.supervisor:
            run.supervisor.start([python("one", STAYS)])
            run.until(lambda: "here" in run.text)
            pids.append(run.pid("one"))
            raise RuntimeError("broken")

    with pytest.raises(RuntimeError, match="broken"):
        broken()
    assert gone(pids[0])
