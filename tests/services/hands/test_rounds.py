"""Calls that cannot be carried out are said, rounds are bounded, and cost nothing where there are none."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.db import connection
from django.test.utils import CaptureQueriesContext
from django.utils import timezone

from mattermost_bridge.agents.base import Deadline
from mattermost_bridge.models import Agent, Turn, TurnRound
from mattermost_bridge.services import retention, tool_rounds
from tests.agents.openai_server import asks, in_rounds, says
from tests.services.hands.telling import results, said

pytestmark = pytest.mark.django_db(transaction=True)


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
