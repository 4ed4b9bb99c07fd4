"""What people set for a session by slash commands holds for the answers that follow, and skills may be written, too."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from mattermost_bridge.config import effective
from mattermost_bridge.models import Agent, BridgeDefaults, Conversation, InboundEvent, Skill, Turn
from mattermost_bridge.services import inbox, turns
from tests.agents.openai_server import OpenAIServer, says, streams
from tests.bridge import direct_post, post
from tests.services.incoming.making import open_account

pytestmark = pytest.mark.django_db(transaction=True)


@pytest.fixture
def model():
    """A server with a model."""
    with OpenAIServer() as running:
        yield running


def chunk(**delta):
    """A piece of a streamed answer."""
    return {"id": "c", "object": "chat.completion.chunk", "created": 1, "model": "m",
            "choices": [{"index": 0, "delta": delta, "finish_reason": None}]}  # fmt: skip


def begun(hinted, account, **options):
    """A session in which these options are set."""
    inbox.record(account.pk, [direct_post("begin")])
    hinted.run()
    Conversation.objects.update(options=options)


def test_model_and_level_of_the_session_are_asked(hinted, server, model):
    agent = Agent.objects.create(slug="a", backend="openai_compatible", base_url=model.base_url, model="small")
    Agent.objects.create(slug="b", backend="openai_compatible", base_url=model.base_url, model="large")
    account = open_account(agent=agent)
    model.reply(says("Hello."), says("Hello."), says("Hello."))
    begun(hinted, account, model="large", think="high")
    inbox.record(account.pk, [direct_post("again")])
    hinted.run()
    Conversation.objects.update(options={"model": "nobody has it"})
    inbox.record(account.pk, [direct_post("and again")])
    hinted.run()
    asked = [(one.body["model"], one.body.get("reasoning_effort")) for one in model.requests]
    assert asked == [("small", None), ("large", "high"), ("small", None)]


def test_reasoning_and_what_it_took_are_shown_where_they_are_wanted(hinted, server, model):
    agent = Agent.objects.create(slug="a", backend="openai_compatible", base_url=model.base_url, model="small")
    account = open_account(agent=agent)
    thoughts = streams(chunk(reasoning_content="Let me see."), chunk(content="Yes."))
    model.reply(thoughts, thoughts)
    begun(hinted, account, reasoning="on", verbose="on")
    inbox.record(account.pk, [direct_post("again")])
    hinted.run()
    plain, dressed = server.texts()
    assert plain == "Yes."
    assert dressed.startswith("> Let me see.\n\nYes.\n\n*m · ")
    assert Turn.objects.order_by("-pk").first().answer == "Yes."


def test_what_waits_is_answered_together_where_it_is_collected(hinted, server):
    account = open_account()
    begun(hinted, account, queue="collect")
    held = {"lease_holder": "another", "lease_until": timezone.now() + timedelta(hours=1)}
    Conversation.objects.update(**held)
    for text in ("one", "two", " /status", "three"):
        inbox.record(account.pk, [direct_post(text)])
    hinted.run()
    assert InboundEvent.objects.filter(turn=None, state="decided").count() == 4
    Conversation.objects.update(lease_holder="", lease_until=None)
    hinted.send(turns.RUN, (Conversation.objects.get().pk,))
    hinted.run()
    questions = Turn.objects.order_by("pk").values_list("question", flat=True)
    assert [one.strip() for one in questions] == ["begin", "one\ntwo", "/status", "three"]
    assert len(server.texts()) == 4


@pytest.mark.parametrize("text", ["/summary this\nand that", "  /oc_summary  this\nand that"])
def test_a_skill_may_be_written(hinted, server, text):
    account = open_account()
    Skill.objects.create(name="summary", prompt="Sum up: {args}")
    inbox.record(account.pk, [direct_post(text), post(f"@durar {text}")])
    hinted.run()
    assert set(Turn.objects.values_list("question", flat=True)) == {"Sum up: this\nand that"}


def test_a_skill_is_not_read_out_of_texts_where_commands_are_off_or_it_is_another_word(hinted, server):
    account = open_account()
    Skill.objects.create(name="summary", prompt="Sum up: {args}")
    inbox.record(account.pk, [direct_post("/summaryx this"), direct_post("see /summary this")])
    hinted.run()
    BridgeDefaults.objects.update(control_commands=False)
    effective.bump_version()
    inbox.record(account.pk, [direct_post("/summary this")])
    hinted.run()
    questions = Turn.objects.order_by("pk").values_list("question", flat=True)
    assert list(questions) == ["/summaryx this", "see /summary this", "/summary this"]


def test_help_names_the_skills(hinted, server):
    account = open_account()
    Skill.objects.create(name="summary", prompt="Sum up: {args}", description="Sums up what you say.")
    inbox.record(account.pk, [direct_post("/help")])
    hinted.run()
    assert "- `/summary` Sums up what you say." in server.texts()[0]
