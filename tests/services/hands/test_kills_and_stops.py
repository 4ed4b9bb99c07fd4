"""A turn that was stopped sends nothing more; one whose worker was killed repeats nothing."""

from __future__ import annotations

from datetime import timedelta

import pytest
from django.utils import timezone

from mattermost_bridge.models import ButtonSet, Conversation, Delivery, InboundEvent, Turn, TurnRound
from mattermost_bridge.services import agent_hands, tool_rounds, turn_results, turn_runner
from mattermost_bridge.tasks.events import process_event
from tests.agents.openai_server import asks, in_rounds, says
from tests.bridge import TASKS
from tests.services.hands.telling import BUTTONS, said

pytestmark = pytest.mark.django_db(transaction=True)


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
