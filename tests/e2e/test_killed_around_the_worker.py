"""Broker, scheduler and web die, the broker forgets everything: what was sent is answered all the same, once."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import count

import pytest
import requests

from tests.e2e.stack import Stack

pytestmark = pytest.mark.processes
_numbers = count(1)


@pytest.fixture(scope="module")
def running() -> Iterator[Stack]:
    """Everything that a machine runs: web, ears, voices and a scheduler, with a broker that may be killed."""
    with Stack(own_broker=True) as stack:
        stack.open_to_all()
        stack.start("scheduler", "ears", "voices", "web")
        stack.wait_ready()
        yield stack


@pytest.fixture
def stack(running: Stack) -> Stack:
    """That stack, with every process up and the account ready."""
    for name in ("broker", "scheduler", "ears", "voices", "web"):
        if not running.processes[name].running:
            running.start(name)
    running.wait_ready()
    return running


@pytest.mark.parametrize("victim", ["scheduler", "broker", "web"])
def test_a_post_is_answered_once_though_another_process_dies(stack: Stack, victim: str) -> None:
    slow(stack, "carol", 1)
    stack.wait_for(lambda: stack.console.count("Turn", state="running"), what="the turn to run")
    stack.kill(victim)
    # The broker is away for the next ones, and so may be who sweeps: what is recorded waits for them.
    plain(stack, "carol")
    plain(stack, "dave")
    stack.start(victim)

    stack.wait_answered()
    stack.assert_whole()


def test_voices_that_die_while_they_run_a_turn_lose_nothing(stack: Stack) -> None:
    # Ears run turns in half of their slots, so the fifth goes to the voices.
    people = [f"voice{number}" for number in range(6)]
    stack.sandbox.add_people(*people)
    for who in people:
        slow(stack, who, 2)
    stack.wait_for(lambda: stack.console.count("Turn", state="running") == len(people), what="all turns to run")
    stack.kill("voices")
    stack.start("voices")

    stack.wait_answered()
    stack.assert_whole()


def test_twenty_posts_across_kills_and_a_broker_that_forgets_are_answered_once(stack: Stack) -> None:
    slow(stack, "carol", 2)
    stack.wait_for(lambda: stack.console.count("Turn", state="running"), what="the turn to run")
    events = {
        3: lambda: stack.flush_broker(),
        5: lambda: stack.kill("ears"),
        8: lambda: (stack.flush_broker(), stack.start("ears")),
        11: lambda: stack.wait_ready(),
        12: lambda: (stack.flush_broker(), stack.kill("ears", "voices")),
        16: lambda: (stack.start("ears", "voices"), stack.flush_broker()),
    }
    for number in range(20):
        plain(stack, ("carol", "dave")[number % 2])
        events.get(number, lambda: None)()
    stack.wait_ready()
    stack.flush_broker()

    stack.wait_answered()
    stack.assert_whole()
    assert stack.console.count("InboundEvent", state="answered") == stack.ledger.balance().deserving


def test_without_a_broker_posts_are_heard_and_kept(stack: Stack) -> None:
    stack.kill("broker")
    sent = [plain(stack, "carol") for _ in range(3)]
    stack.wait_for(
        lambda: stack.console.count("InboundEvent", post_id__in=[one.post_id for one in sent]) == len(sent),
        what="the posts to be recorded without a broker",
    )
    stack.start("broker")

    stack.wait_answered()
    stack.assert_whole()


def test_two_webs_take_the_same_slash_commands_before_and_after_they_die(stack: Stack) -> None:
    """Nothing about commands is kept in a process: both say the same, and each command is taken once."""
    ((account,),) = [row.values() for row in stack.console.rows("Account", "pk", account_id="durar")]
    stack.sandbox.may_make_commands("durar")
    stack.console.service("accounts:update", account, commands_native="on")
    stack.console.service("slash_teams:run", account)
    command = next(one for one in stack.sandbox.commands() if one["trigger"] == "oc_status")
    stack.start("web-2")
    try:
        for when in ("before", "after"):
            if when == "after":
                stack.kill("web", "web-2")
                stack.start("web", "web-2")
            for name in ("web", "web-2"):
                stack.wait_for(lambda name=name: stack.web_answers(name), what=f"{name} to answer")
            events = stack.console.count("InboundEvent", kind="command")
            wrong = [called(stack, name, command | {"token": "x" * 26}, when) for name in ("web", "web-2")]
            assert wrong == [(401, "Unauthorized: invalid command token.")] * 2
            right = [called(stack, name, command, when) for name in ("web-2", "web")]
            assert "- Account: " in right[0][1]
            assert right[1] == (200, "This command was taken already.")
            assert stack.console.count("InboundEvent", kind="command") == events + 1
            assert stack.sandbox.execute("alice", "/oc_status", "support").json()["text"].startswith("- Account: ")
    finally:
        stack.stop("web-2")
        stack.console.service("accounts:update", account, commands_native="off")


def called(stack: Stack, web: str, command: dict[str, str], trigger: str) -> tuple[int, str]:
    """Call a web as Mattermost calls for a command; the status and what whoever typed it sees."""
    form = {
        "token": command["token"], "team_id": command["team_id"], "command": f"/{command['trigger']}", "text": "",
        "channel_id": stack.sandbox.channel_id("support"), "channel_name": "support", "user_name": "alice",
        "user_id": stack.sandbox.user_id("alice"), "trigger_id": trigger,
    }  # fmt: skip
    url = f"http://127.0.0.1:{stack.port_of(web)}/api/channels/mattermost/command"
    answer = requests.post(url, data=form, timeout=30)
    return answer.status_code, answer.json()["text"]


def plain(stack: Stack, who: str):
    """A direct message that is echoed."""
    return stack.ledger.post(who, "@durar", f"number {next(_numbers)}")


def slow(stack: Stack, who: str, seconds: int):
    """A direct message that takes the agent some seconds."""
    answer = f"This answer took {seconds} second{'' if seconds == 1 else 's'}, as you asked."
    return stack.ledger.post(who, "@durar", f"slow {seconds}", answers=(answer,))
