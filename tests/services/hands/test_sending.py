"""An agent sends, reacts and offers buttons in its own conversation and where the account lists it."""

from __future__ import annotations

import json

import pytest

from mattermost_bridge.models import AuditEntry, ButtonSet, Delivery, Turn
from tests.agents.openai_server import asks, in_rounds, says
from tests.services.hands.telling import BUTTONS, results, said

pytestmark = pytest.mark.django_db(transaction=True)


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
