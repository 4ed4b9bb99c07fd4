"""What people set for a session changes the request to the agent, and what is shown of its answer."""

from __future__ import annotations

import pytest

from mattermost_bridge.rules import session_options as rules


@pytest.mark.parametrize(
    ("extra", "options", "sent"),
    [
        ({"temperature": 1}, {}, {"temperature": 1}),
        ({"temperature": 1}, {"think": "high"}, {"temperature": 1, "reasoning_effort": "high"}),
        ({"reasoning_effort": "high"}, {"think": "low"}, {"reasoning_effort": "low"}),
        ({"reasoning_effort": "high"}, {"think": "default"}, {"reasoning_effort": "high"}),
        ({"reasoning_effort": "high", "x": 1}, {"think": "off"}, {"x": 1}),
    ],
)
def test_the_thinking_level_of_a_session_beats_the_agents_own(extra, options, sent):
    assert rules.extra_with(extra, options) == sent


@pytest.mark.parametrize(
    ("options", "shown"),
    [
        ({}, "Yes."),
        ({"reasoning": "off", "verbose": "off"}, "Yes."),
        ({"reasoning": "on"}, "> First\n>\n> second\n\nYes."),
        ({"verbose": "on"}, "Yes.\n\n*large · 5 + 7 tokens · 1.5 s*"),
        ({"verbose": "on", "reasoning": "on"}, "> First\n>\n> second\n\nYes.\n\n*large · 5 + 7 tokens · 1.5 s*"),
    ],
)
def test_an_answer_is_dressed_as_the_session_wants_it(options, shown):
    dressed = rules.dressed("Yes.", options, reasoning=" First\n\nsecond ", model="large", tokens=(5, 7), seconds=1.5)
    assert dressed == shown


def test_what_is_not_known_is_not_said():
    options = {"verbose": "on", "reasoning": "on"}
    assert rules.dressed("Yes.", options) == "Yes."
    assert rules.dressed("Yes.", options, tokens=(5, None), seconds=2) == "Yes.\n\n*2.0 s*"


def test_long_reasoning_is_cut():
    shown = rules.dressed("Yes.", {"reasoning": "on"}, reasoning="x" * 10_000)
    assert len(shown) < rules.LONGEST_REASONING + 20
    assert "…\n\nYes." in shown


def test_every_choice_has_a_meaning():
    for name, choices in rules.CHOICES.items():
        assert set(choices) == set(rules.MEANINGS[name])
        assert rules.LABELS[name]
    assert rules.in_words({"model": "large", "think": "low"}) == ["Model of this session: large", "Thinking: low"]
