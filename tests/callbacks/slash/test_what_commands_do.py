"""What each built-in command and each skill does, and who sees the answer."""

from __future__ import annotations

import asyncio
import json
import threading

import pytest
import requests

from mattermost_bridge.callbacks import commands
from mattermost_bridge.callbacks.guard import Call
from mattermost_bridge.config import effective
from mattermost_bridge.models import (
    AccessEntry,
    Agent,
    ButtonSet,
    Conversation,
    Delivery,
    InboundEvent,
    SlashCommand,
    Turn,
)
from mattermost_bridge.sandbox.client import wait_for
from tests.bridge import collected_hints
from tests.callbacks.conftest import click
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
    assert "Model of this session: Large" in said(sandbox.execute("alice", "/oc_status", "support"))
    refused = said(sandbox.execute("alice", "/oc_model secret", "support"))
    assert "not available" in refused
    assert "`Large` [current]" in refused
    assert "own model again" in said(sandbox.execute("alice", "/oc_model default", "support"))
    assert Conversation.objects.get().options == {}


def test_the_picker_is_for_its_opener_only_and_chooses(sandbox, bot, hints):
    AccessEntry.objects.create(account=bot, list="group", value=sandbox.user_id("bob"))
    effective.bump_version()
    Agent.objects.create(slug="other", backend="echo", model="large", base_url="http://m")
    assert said(sandbox.execute("alice", "/oc_models", "support")) == ""
    hints.run()
    post = sandbox.posts("support")[-1]
    actions = post["props"]["attachments"][0]["actions"]
    assert [one["name"] for one in actions] == ["large", "small [current]"]
    click(sandbox, post, actions[0]["id"], who="bob")
    assert Conversation.objects.get().options == {}
    assert click(sandbox, post, actions[0]["id"]).status_code == 200
    assert Conversation.objects.get().options == {"model": "large"}
    hints.run()
    seen = sandbox.posts("support")[-1]
    assert seen["props"]["attachments"] == [{"text": "This session uses large from now on."}]
    assert not Turn.objects.exists()
    assert ButtonSet.objects.get().used_at is not None


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


def test_a_skill_in_a_thread_is_answered_there_where_the_server_tells_of_it(sandbox, bot, hints):
    sandbox.settings(version="11")
    root = sandbox.post("bob", "support", "a thread")["id"]
    sandbox.execute("alice", "/oc_summary this", "support", root_id=root)
    hints.run()
    assert sandbox.posts("support")[-1]["root_id"] == root


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


def test_between_two_people_the_answer_goes_only_to_the_asker(sandbox, bot, hints):
    between = "alice,bob"
    before = len(sandbox.posts(between))
    assert said(sandbox.execute("alice", "/oc_summary this", between)) == "Processing..."
    hints.run()
    delivery = Delivery.objects.get()
    assert (delivery.state, delivery.post_id) == ("sent", "")
    assert "Sum up: this" in delivery.text
    assert len(sandbox.posts(between)) == before
    hooks = [call for call in sandbox.requests(path="hooks/commands")]
    assert len(hooks) <= 1


def test_an_answer_through_a_response_address_is_never_sent_twice(sandbox, bot, hints):
    said(sandbox.execute("alice", "/oc_summary this", "alice,bob"))
    name, args = hints.given.popleft()
    with collected_hints() as later:
        from tests.bridge import TASKS

        TASKS[name](*args)
    assert "durar.deliveries.drain" in later.names()
    Delivery.objects.update(unclear=True)
    later_names = [one for one in later.given]
    for one, arguments in later_names:
        TASKS[one](*arguments)
    delivery = Delivery.objects.get()
    assert delivery.state == "dead"
    assert "Nobody knows whether this answer was shown" in delivery.error


def test_a_response_address_of_another_host_is_not_used(sandbox, bot, hints, url):
    command = SlashCommand.objects.get(name="summary")
    people = "__".join(sorted([sandbox.user_id("alice"), sandbox.user_id("bob")]))
    for there in ("http://127.0.0.1:9/hooks/commands/abc", "https://evil.example/hooks/commands/abc", ""):
        call = form(command, sandbox, channel_name=people, response_url=there, trigger_id=f"x{there}")
        assert "The bot is not in this channel" in said(requests.post(url, data=call, timeout=30))
    hints.run()
    assert not Delivery.objects.exists()


def test_in_a_private_channel_without_the_bot_only_the_asker_sees_the_answer(sandbox, bot, hints):
    fields = {"team_id": sandbox.team_id, "name": "plans", "display_name": "Plans", "type": "P"}
    made = sandbox.api("alice", "POST", "/channels", fields)
    assert "- Account:" in said(sandbox.execute("alice", "/oc_status", made["id"]))
    assert said(sandbox.execute("alice", "/oc_models", made["id"])).startswith("Models of Helper:")
    assert said(sandbox.execute("alice", "/oc_summary this", made["id"])) == "Processing..."
    hints.run()
    assert Delivery.objects.get().state == "sent"
    assert sandbox.posts(made["id"]) == []
    assert set(InboundEvent.objects.values_list("channel_type", flat=True)) == {"P"}


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


# Who may
