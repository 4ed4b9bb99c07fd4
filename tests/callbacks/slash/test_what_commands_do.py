"""What each built-in command and each skill does, and who sees the answer."""

from __future__ import annotations

import asyncio
import json
import threading

import pytest
import requests

from mattermost_bridge.callbacks import commands
from mattermost_bridge.callbacks.guard import Call
from mattermost_bridge.models import (
    Agent,
    Conversation,
    Delivery,
    InboundEvent,
    SlashCommand,
    Turn,
)
from mattermost_bridge.sandbox.client import wait_for
from mattermost_bridge.services import slash_commands
from tests.callbacks.slash.calls import PATH, form, said

# What does not need the agent


@pytest.mark.parametrize("version", ["5.37", "11"])
def test_status_is_answered_at_once_and_only_to_the_asker(sandbox, bot, hints, version):
    sandbox.settings(version=version)
    text = said(sandbox.execute("alice", "/oc_status", "support"))
    assert "- Account: Operations (default)\n- Agent: Helper\n- Model: small\n- Last turn here: none yet" in text
    assert "- Session: agent:" in text
    assert not Delivery.objects.exists()
    assert not hints.given
    event = InboundEvent.objects.get()
    assert (event.kind, event.state, event.outcome, event.username) == ("command", "answered", "admitted", "alice")
    assert event.payload["answer"] == text
    assert SlashCommand.objects.get(name="status").last_used_at is not None


def test_help_names_the_commands_under_the_accounts_prefix_and_its_skills(sandbox, bot):
    text = said(sandbox.execute("alice", "/oc_help", "support"))
    for line in ("`/oc_status`", "`/oc_think [off|low|medium|high]`", "`/oc_summary [args]`"):
        assert line in text


def test_a_new_session_begins_after_the_command(sandbox, bot, hints):
    assert "A new session begins here" in said(sandbox.execute("alice", "/oc_new", "support"))
    assert Conversation.objects.get().fresh_since == InboundEvent.objects.get().create_at > 0


def test_what_waits_is_dropped_by_stop(sandbox, bot, hints):
    said(sandbox.execute("alice", "/oc_status", "support"))
    said(sandbox.execute("alice", "/oc_summary one", "support"))
    waiting = InboundEvent.objects.get(state="new")
    changes = {"state": "decided", "outcome": "admitted", "conversation": Conversation.objects.get()}
    InboundEvent.objects.filter(pk=waiting.pk).update(**changes)
    assert said(sandbox.execute("alice", "/oc_stop", "support")) == "1 message that waited is dropped."
    waiting.refresh_from_db()
    assert waiting.reason == "stopped"
    hints.run()
    assert not Delivery.objects.exists()
    assert said(sandbox.execute("alice", "/oc_stop", "support")) == "There is nothing to stop here."


def test_a_running_answer_is_stopped(sandbox, bot, hints):
    said(sandbox.execute("alice", "/oc_status", "support"))
    conversation = Conversation.objects.get()
    turn = Turn.objects.create(conversation=conversation, state="running", trigger_at=1)
    assert said(sandbox.execute("alice", "/oc_stop", "support")) == "Stopped."
    turn.refresh_from_db()
    assert turn.state == "cancelled"
    fence = conversation.fence
    conversation.refresh_from_db()
    assert (conversation.fence, conversation.lease_until) == (fence + 1, None)


@pytest.mark.parametrize(
    ("line", "key", "value"),
    [
        ("/oc_think high", "think", "high"),
        ("/oc_reasoning ON", "reasoning", "on"),
        ("/oc_verbose on", "verbose", "on"),
        ("/oc_queue collect", "queue", "collect"),
    ],
)
def test_an_option_is_set_shown_and_refused(sandbox, bot, line, key, value):
    assert f"is {value} in this session from now on" in said(sandbox.execute("alice", line, "support"))
    assert Conversation.objects.get().options == {key: value}
    word = line.partition(" ")[0]
    assert f"is {value} in this session" in said(sandbox.execute("alice", word, "support"))
    assert "is no choice here" in said(sandbox.execute("alice", f"{word} sideways", "support"))
    assert f": {value}" in said(sandbox.execute("alice", "/oc_status", "support"))


def test_a_model_is_shown_chosen_and_given_back(sandbox, bot):
    Agent.objects.create(slug="other", backend="echo", model="Large", base_url="http://m")
    Agent.objects.create(slug="elsewhere", backend="echo", model="secret", base_url="http://n")
    assert said(sandbox.execute("alice", "/oc_model", "support")).startswith("Current: small")
    assert said(sandbox.execute("alice", "/oc_model large", "support")) == "This session uses Large from now on."
    status = said(sandbox.execute("alice", "/oc_status", "support"))
    assert "- Model: Large\n" in status
    assert "Model of this session: Large" in status
    refused = said(sandbox.execute("alice", "/oc_model secret", "support"))
    assert "not available" in refused
    assert "`Large` [current]" in refused
    assert "own model again" in said(sandbox.execute("alice", "/oc_model default", "support"))
    assert Conversation.objects.get().options == {}


# Skills


def test_a_skill_is_asked_of_the_agent_and_answered_by_the_bot_where_it_was_typed(sandbox, bot, hints):
    assert said(sandbox.execute("alice", "/oc_summary  two  words ", "support")) == "Processing..."
    assert InboundEvent.objects.get().state == "new"
    hints.run()
    post = sandbox.posts("support")[-1]
    assert post["user_id"] == sandbox.user_id("durar")
    assert "Sum up: two  words" in post["message"]
    assert Turn.objects.get().question == "Sum up: two  words"
    assert post["root_id"] == ""


def test_processing_is_not_said_when_the_first_part_came_in_time(sandbox, bot, hints, monkeypatch):
    monkeypatch.setattr(commands, "WAIT_SECONDS", 20.0)
    answers: list[requests.Response] = []
    asker = threading.Thread(target=lambda: answers.append(sandbox.execute("alice", "/oc_summary x", "support")))
    asker.start()
    wait_for(lambda: bool(hints.given), what="the command in the inbox")
    hints.run()
    asker.join(20)
    assert said(answers[0]) == ""
    assert "Sum up: x" in sandbox.posts("support")[-1]["message"]


def test_another_process_after_a_restart_takes_the_same_commands(sandbox, bot, url):
    """Nothing is kept in memory: a callback that was made just now knows every token, and refuses the same."""
    command = SlashCommand.objects.get(name="status")
    right, wrong = form(command, sandbox, trigger_id="one"), form(command, sandbox, trigger_id="two", token="x" * 26)
    for callback in (commands.SlashCommands(), commands.SlashCommands()):
        for payload, status in ((right, 200), (wrong, 401)):
            call = Call("POST", PATH, {"content-type": "application/json"})
            answer = asyncio.run(callback.answer(call, json.dumps(payload).encode()))
            assert answer.status == status
    assert InboundEvent.objects.count() == 1


def test_answers_of_many_are_looked_for_at_once(bot, django_assert_num_queries):
    conversation = Conversation.objects.create(account=bot, session_key="s", channel_id="c" * 26)
    made = {}
    for name, state, deliveries in [
        ("not begun", "new", None), ("begun", "decided", []), ("sending", "answered", ["sending"]),
        ("sent", "answered", ["sent", "queued"]), ("lost", "answered", ["dead"]), ("failed", "failed", None),
    ]:  # fmt: skip
        turn = (
            Turn.objects.create(conversation=conversation, state="done", trigger_at=1)
            if deliveries is not None
            else None
        )
        event = InboundEvent.objects.create(account=bot, kind="command", dedupe_key=name, state=state, turn=turn)
        made[event.pk] = name
        for one in deliveries or ():
            Delivery.objects.create(account=bot, turn=turn, state=one, text="x")
    with django_assert_num_queries(2):
        found = slash_commands.with_first_part([*made, 10**9])
    assert {made.get(pk, "gone") for pk in found} == {"sent", "lost", "failed", "gone"}


def test_what_nobody_thought_of_is_said_in_words_for_people(sandbox, bot, monkeypatch):
    def fails(*_):
        raise RuntimeError("a defect")

    monkeypatch.setattr(slash_commands, "receive", fails)
    assert said(sandbox.execute("alice", "/oc_status", "support")) == (
        "Sorry, something went wrong processing that command."
    )
