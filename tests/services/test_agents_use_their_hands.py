"""Agents that take tools: what they send, where they may not, and that nothing is done twice.

A real HTTP server asks for tools as a model does; the posts stand in the sandbox.
"""

from __future__ import annotations

import json
from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from mattermost_bridge.agents.base import Deadline
from mattermost_bridge.listeners import drafts
from mattermost_bridge.mattermost.rest import close_clients
from mattermost_bridge.mattermost.types import Post
from mattermost_bridge.models import (
    AccessEntry,
    Agent,
    AuditEntry,
    BlockedUser,
    ButtonSet,
    Conversation,
    Delivery,
    InboundEvent,
    Turn,
    TurnRound,
)
from mattermost_bridge.services import agent_hands, inbox, retention, targets, tool_rounds, turn_results, turn_runner
from mattermost_bridge.tasks.events import process_event
from tests.agents.openai_server import OpenAIServer, asks, in_rounds, says
from tests.bridge import TASKS, make_account

pytestmark = pytest.mark.django_db(transaction=True)

BUTTONS = [[{"text": "Yes", "callback_data": "yes"}, {"text": "No", "callback_data": "no"}]]


@pytest.fixture
def model():
    with OpenAIServer() as running:
        yield running


@pytest.fixture
def account(sandbox, model):
    agent = Agent.objects.create(
        slug="hands", backend="openai_compatible", base_url=model.base_url, model="test-model", takes_tools=True,
        total_time=30,
    )  # fmt: skip
    account = make_account(
        dm_policy="open", group_policy="open", own_allow_from=True, agent=agent, agent_targets=["#off-topic", "@bob"],
        capabilities=["inlineButtons"], base_url=sandbox.base_url, bot_token=sandbox.token("durar"),
        bot_user_id=sandbox.user_id("durar"),
    )  # fmt: skip
    AccessEntry.objects.create(account=account, list="dm", value="*")
    targets.forget()
    yield account
    close_clients()


@pytest.fixture
def ops(sandbox):
    """A channel where the bot is a member, beside the one in which it is asked."""
    channel_id = sandbox.channel_id("off-topic")
    sandbox.api("alice", "POST", f"/channels/{channel_id}/members", {"user_id": sandbox.user_id("durar")})
    return channel_id


@pytest.fixture
def hear(sandbox, account, hinted):
    """alice writes to the bot in the channel support; the bot answers."""

    def ask(text: str = "@durar do it", *, run: bool = True, root_id: str = "") -> dict:
        post = sandbox.post("alice", "support", text, root_id=root_id)
        inbox.record(account.pk, [drafts.from_caught_up(Post.from_json(post), post["channel_id"], "O", "alice")])
        if run:
            hinted.run()
        return post

    return ask


def said(sandbox, channel: str) -> list[str]:
    bot = sandbox.user_id("durar")
    return [post["message"] for post in sandbox.posts(channel) if post["user_id"] == bot]


def results(turn: Turn | None = None) -> list[str]:
    rows = TurnRound.objects.filter(turn=turn or Turn.objects.get()).order_by("number")
    return [result["text"] for row in rows for result in row.results]


def test_it_sends_to_a_channel_that_the_account_lists_and_answers_in_its_own(sandbox, model, hear, ops):
    send = {"action": "send", "to": "#off-topic", "message": "Deploy is due."}
    model.reply(in_rounds(asks(send, text="I tell them."), says("Told.", usage=(20, 5))))
    hear()
    assert said(sandbox, "off-topic") == ["Deploy is due."]
    assert said(sandbox, "support") == ["Told."]
    turn, first, second = Turn.objects.get(), *model.requests
    assert [tool["function"]["name"] for tool in first.body["tools"]] == ["message"]
    assert second.messages[-2]["content"] == "I tell them."
    assert json.loads(second.messages[-2]["tool_calls"][0]["function"]["arguments"]) == send
    assert second.messages[-1]["tool_call_id"] == "c0"
    assert json.loads(second.messages[-1]["content"])["ok"] is True
    assert (turn.state, turn.answer, turn.input_tokens) == ("done", "Told.", 20)
    assert list(Delivery.objects.order_by("pk").values_list("turn", "round", "call")) == [
        (turn.pk, 1, 0),
        (turn.pk, None, None),
    ]
    audited = AuditEntry.objects.get(verb="message.send")
    assert (audited.actor_name, audited.via) == ("hands", "agent")


@pytest.mark.parametrize("where", ["#support2", "@carol", "channel:" + "z" * 26, "user:" + "z" * 26, "nowhere-at-all"])
def test_it_is_refused_everywhere_else_and_not_told_what_exists_there(sandbox, model, hear, where):
    calls = [{"action": "send", "to": where, "message": "Hello."}, {"action": "read", "to": where}]
    model.reply(in_rounds(asks(*calls), says("I may not.")))
    hear()
    assert said(sandbox, "support") == ["I may not."]
    assert Delivery.objects.count() == 1
    sentence = f"Error: You may not act in {where}. You may in this conversation, and in: #off-topic, @bob."
    assert results() == [sentence, sentence]


def test_it_writes_to_a_person_who_is_listed(sandbox, model, hear, hinted):
    model.reply(in_rounds(asks({"action": "send", "target": "@bob", "text": "Psst."}), says("Done.")))
    hear()
    hinted.run()
    assert said(sandbox, "bob,durar") == ["Psst."]


def test_it_reacts_to_the_message_that_it_answers_and_to_no_post_elsewhere(sandbox, model, hear):
    elsewhere = sandbox.post("alice", "town-square", "far away")["id"]
    calls = [{"action": "react", "emoji": "👍"}, {"action": "react", "emoji": "eyes", "messageId": elsewhere}]
    model.reply(in_rounds(asks(*calls), says("Seen.")))
    post = hear()
    reacted = sandbox.api("alice", "GET", f"/posts/{post['id']}/reactions")
    assert [(one["emoji_name"], one["user_id"]) for one in reacted] == [("thumbsup", sandbox.user_id("durar"))]
    assert not sandbox.api("alice", "GET", f"/posts/{elsewhere}/reactions")
    assert results()[0] == f"Reacted with :thumbsup: on {post['id']}"
    assert "is in another channel" in results()[1]


def test_reading_is_off_unless_it_is_allowed(sandbox, model, hear, account):
    model.reply(in_rounds(asks({"action": "read", "limit": 5}), says("Read.")))
    hear()
    assert "Switch on actions.messages" in results()[0]
    declared = model.requests[0].body["tools"][0]["function"]["parameters"]["properties"]["action"]["enum"]
    assert declared == ["send", "react", "buttons"]


def test_what_it_reads_comes_with_ids_and_names(sandbox, model, account, hear):
    account.actions_messages = True
    account.save()
    earlier = sandbox.post("alice", "support", "the build broke")
    model.reply(in_rounds(asks({"action": "read", "limit": 5}), says("Read.")))
    hear()
    read = json.loads(results()[0])["messages"]
    assert ("alice", "the build broke", earlier["id"]) in [(p["from"], p["text"], p["messageId"]) for p in read]


def later(sandbox, post: dict) -> None:
    """Wait for a later millisecond: of posts of the same one the id says which is later."""
    while sandbox.post("alice", "town-square", "tick")["create_at"] <= post["create_at"]:
        pass


def test_in_a_thread_it_reads_the_thread_and_the_channel_when_it_names_it(sandbox, model, account, hear):
    account.actions_messages = True
    account.save()
    root = sandbox.post("bob", "support", "the build broke")
    made = [root]
    for text in ("since noon", "again"):
        later(sandbox, made[-1])
        made.append(sandbox.post("carol", "support", text, root_id=root["id"]))
    later(sandbox, made[-1])
    later(sandbox, sandbox.post("bob", "support", "elsewhere in the channel"))
    calls = [{}, {"limit": 2}, {"before": made[-1]["id"]}, {"to": "#support", "limit": 1}, {"to": "#support"}]
    model.reply(in_rounds(asks(*({"action": "read", **call} for call in calls)), says("Read.")))
    hear("@durar read", root_id=root["id"])
    texts = [[post["text"] for post in json.loads(text)["messages"]] for text in results()]
    assert texts[:4] == [
        ["the build broke", "since noon", "again", "@durar read"],
        ["again", "@durar read"],
        ["the build broke", "since noon"],
        ["@durar read"],
    ]
    assert "elsewhere in the channel" in texts[4]


@pytest.mark.parametrize(
    ("mode", "seen"),
    [
        ("all", ["bob's", "carol's", "@durar read"]),
        ("allowlist", ["carol's", "@durar read"]),
        ("allowlist_quote", ["bob's", "carol's", "@durar read"]),
    ],
)
def test_it_reads_only_those_whom_it_may_hear_of(sandbox, model, account, hear, mode, seen):
    account.actions_messages, account.context_visibility = True, mode
    account.group_policy, account.own_group_allow_from = "allowlist", True
    account.save()
    for name in ("alice", "carol", "dave"):
        AccessEntry.objects.create(account=account, list="group", value=sandbox.user_id(name))
    BlockedUser.objects.create(account=account, user_id=sandbox.user_id("dave"))
    made = sandbox.post("bob", "support", "bob's")
    root = made["id"]
    for name in ("carol", "dave"):
        later(sandbox, made)
        made = sandbox.post(name, "support", f"{name}'s", root_id=root)
    later(sandbox, made)
    model.reply(in_rounds(asks({"action": "read"}), says("Read.")))
    hear("@durar read", root_id=root)
    assert [post["text"] for post in json.loads(results()[0])["messages"]] == seen


def test_buttons_stand_in_its_own_conversation_and_a_blank_answer_posts_nothing(sandbox, model, hear):
    model.reply(in_rounds(asks({"action": "buttons", "message": "Deploy?", "buttons": BUTTONS}), says("")))
    hear()
    assert said(sandbox, "support") == ["Deploy?"]
    shown = sandbox.posts("support")[-1]["props"]["attachments"][0]["actions"]
    assert [button["name"] for button in shown] == ["Yes", "No"]
    assert ButtonSet.objects.get().delivery == Delivery.objects.get()
    assert Turn.objects.get().state == "done"
    # What it said that way is part of what it is told later.
    model.reply(says("Still waiting."))
    hear("@durar and?")
    assert {"role": "assistant", "content": "Deploy?\n[Buttons]"} in model.requests[-1].messages


def test_without_inline_buttons_it_is_told_of_none_and_refused(sandbox, model, account, hear):
    account.capabilities = []
    account.save()
    model.reply(in_rounds(asks({"action": "buttons", "message": "Deploy?", "buttons": BUTTONS}), says("Write yes.")))
    hear()
    assert "buttons" not in model.requests[0].body["tools"][0]["function"]["parameters"]["properties"]
    assert "This chat has no buttons" in results()[0]


def test_files_come_only_from_below_the_folder_media(sandbox, model, hear, settings, tmp_path):
    settings.MEDIA_ROOT = str(tmp_path / "media")
    (tmp_path / "media").mkdir()
    (tmp_path / "media" / "chart.txt").write_text("a chart")
    (tmp_path / "secret.key").write_text("secret")
    calls = [
        {"action": "send", "message": path, "files": [path]} for path in ("chart.txt", "../secret.key", "/etc/hosts")
    ]
    model.reply(in_rounds(asks(*calls), says("Sent.")))
    hear()
    assert said(sandbox, "support") == ["chart.txt", "Sent."]
    assert [text.count("is not below the folder media") for text in results()] == [0, 1, 1]


def test_bad_arguments_are_said_and_the_agent_may_try_again(sandbox, model, hear):
    broken = ['{"action": "send", "mess', "[1]", {"action": "dance"}, {"action": "send", "message": " "},
              {"action": "send", "message": "x", "colour": "red"}, {"action": "send", "message": 5},
              {"action": "read", "limit": "all"}, {"action": "react"}, {"action": "buttons", "message": "x"},
              {"action": "buttons", "message": "x", "buttons": "[["},
              {"action": "buttons", "message": "x", "buttons": [[{"text": "no data"}]]},
              {"action": "send", "message": "x", "replyToId": "short"}]  # fmt: skip
    model.reply(in_rounds(asks(*broken), asks({"action": "send", "message": "Right."}), says("Done.")))
    hear()
    assert said(sandbox, "support") == ["Right.", "Done."]
    words = ("no JSON", "must be a JSON object", "Unsupported Mattermost action: dance", "message is empty",
             'takes no "colour"', "message must be a text", "limit must be", "react requires emoji",
             "needs buttons", "no JSON", "No button remains", "no post id")  # fmt: skip
    for text, word in zip(results(), words, strict=False):
        assert text.startswith("Error: ")
        assert word in text
    # The arguments that were no JSON are not sent back as they are: some servers fail on them.
    told = next(m for m in model.requests[1].messages if m.get("tool_calls"))["tool_calls"]
    assert told[0]["function"]["arguments"] == "{}"


def test_a_tool_that_does_not_exist_and_too_many_calls_are_said(sandbox, model, hear):
    many = [{"action": "send", "message": f"m{number}"} for number in range(18)]
    model.reply(in_rounds(asks({}, name="search"), asks(*many), says("Done.")))
    hear()
    assert results()[0] == 'Error: There is no tool "search". The only one is "message".'
    assert said(sandbox, "support") == [f"m{number}" for number in range(16)] + ["Done."]
    assert ["Only 16 calls" in text for text in results()[-3:]] == [False, True, True]


def test_a_model_that_asks_forever_is_stopped_with_a_sentence(sandbox, model, hear):
    model.reply(asks({"action": "react", "emoji": "eyes"}))
    hear()
    turn = Turn.objects.get()
    assert (turn.state, turn.error_kind) == ("failed", "bad_answer")
    assert "asked for tools 8 times in a row" in turn.error
    assert TurnRound.objects.count() == 8
    assert len(said(sandbox, "support")) == 1  # the person is told


def test_all_rounds_share_the_agents_total_time(sandbox, model, hear, monkeypatch):
    class Clocked(Deadline):
        """Runs out as soon as a round was saved."""

        def remaining(self) -> float:
            return 0.0 if TurnRound.objects.exists() else super().remaining()

    monkeypatch.setattr(tool_rounds, "Deadline", Clocked)
    model.reply(asks({"action": "send", "message": "late"}))
    hear()
    turn = Turn.objects.get()
    assert (turn.state, turn.error_kind) == ("failed", "timeout")
    assert "within 30 seconds" in turn.error
    assert "late" not in said(sandbox, "support")


@pytest.mark.parametrize("when", ["while the server is asked", "while the model thinks"])
def test_after_a_stop_nothing_more_is_sent(sandbox, model, hear, account, monkeypatch, when):
    begin = agent_hands.Hands.begin

    def stop() -> None:
        """Another process decides it, so nobody cancels this one's agent."""
        monkeypatch.setattr(turn_runner, "stop_turn", lambda *_: None)
        hear("@durar /stop", run=False)
        process_event(InboundEvent.objects.latest("pk").pk)

    def stopped(hands, call, place):
        begun = begin(hands, call, place)
        stop()
        return begun

    if when == "while the server is asked":
        monkeypatch.setattr(agent_hands.Hands, "begin", stopped)
    ask = asks({"action": "send", "message": "too late"})

    def reply(exchange):
        if when == "while the model thinks":
            stop()
        ask(exchange)

    model.reply(reply)
    hear()
    assert said(sandbox, "support") == ["Stopped."]
    assert not Delivery.objects.filter(round=1).exists()
    assert len(model.requests) == 1
    assert Turn.objects.earliest("pk").state == "cancelled"


class Killed(BaseException):
    """The worker is gone."""


def killed_at(monkeypatch, place: object, name: str, when: str, at: int) -> None:
    """The worker dies before or after the `at`-th call of this function."""
    real, calls = getattr(place, name), []

    def dying(*args, **values):
        calls.append(name)
        if when == "before" and len(calls) == at:
            raise Killed
        result = real(*args, **values)
        if when == "after" and len(calls) == at:
            raise Killed
        return result

    monkeypatch.setattr(place, name, dying)


@pytest.mark.parametrize(
    ("place", "name", "when", "at"),
    [
        (tool_rounds, "_saved", "before", 1),
        (tool_rounds, "_saved", "after", 1),
        (tool_rounds, "_saved", "after", 2),
        (agent_hands.Hands, "begin", "before", 2),
        (agent_hands.Hands, "begin", "after", 1),
        (agent_hands.Hands, "begin", "after", 4),  # the reaction is made, and nobody knows
        (tool_rounds, "_note", "before", 1),
        (tool_rounds, "_note", "after", 3),
        (tool_rounds, "_call", "after", 1),
        (tool_rounds, "_call", "after", 3),
        (turn_results, "finish", "before", 1),
    ],
)
def test_a_worker_killed_between_rounds_repeats_nothing(
    sandbox, model, hear, hinted, ops, monkeypatch, place, name, when, at
):
    first = asks({"action": "send", "message": "one"}, {"action": "send", "to": "#off-topic", "message": "two"})
    second = asks({"action": "buttons", "message": "Deploy?", "buttons": BUTTONS}, {"action": "react", "emoji": "eyes"})
    model.reply(in_rounds(first, second, says("Done.")))
    killed_at(monkeypatch, place, name, when, at)
    with pytest.raises(Killed):
        hear()
    hinted.lose()
    Conversation.objects.update(lease_until=timezone.now() - timedelta(seconds=1))
    TASKS["durar.turns.run"](Conversation.objects.get().pk)
    TASKS["durar.deliveries.drain"](Turn.objects.get().conversation.account_id)
    assert said(sandbox, "support") == ["one", "Deploy?", "Done."]
    assert said(sandbox, "off-topic") == ["two"]
    assert Turn.objects.get().state == "done"
    assert [len(row.results) for row in TurnRound.objects.order_by("number")] == [2, 2]
    assert ButtonSet.objects.count() == 1


def test_an_agent_without_tools_is_offered_none_and_costs_no_query_for_them(sandbox, model, account, hear):
    Agent.objects.update(takes_tools=False)
    model.reply(says("Plain."))
    with CaptureQueriesContext(connection) as queries:
        hear()
    assert "tools" not in model.requests[0].body
    assert said(sandbox, "support") == ["Plain."]
    assert not [query for query in queries if "turnround" in query["sql"]]


def test_rounds_are_blanked_with_their_turn(model, hear):
    model.reply(in_rounds(asks({"action": "send", "message": "secret words"}), says("Done.")))
    hear()
    Turn.objects.update(created_at=timezone.now() - timedelta(days=31))
    retention.blank_old()
    row = TurnRound.objects.get()
    assert (row.calls, row.results, row.text) == ([], [], "")
