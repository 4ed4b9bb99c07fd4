"""What the bot said, and what its agent was told of its calls."""

from __future__ import annotations

from mattermost_bridge.models import Turn, TurnRound

BUTTONS = [[{"text": "Yes", "callback_data": "yes"}, {"text": "No", "callback_data": "no"}]]


def said(sandbox, channel: str) -> list[str]:
    bot = sandbox.user_id("durar")
    return [post["message"] for post in sandbox.posts(channel) if post["user_id"] == bot]


def results(turn: Turn | None = None) -> list[str]:
    rows = TurnRound.objects.filter(turn=turn or Turn.objects.get()).order_by("number")
    return [result["text"] for row in rows for result in row.results]
