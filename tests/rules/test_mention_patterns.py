"""Further words that count as a mention: regular expressions, and the agent's own name."""

from __future__ import annotations

from dataclasses import replace

import pytest

from mattermost_bridge.rules import mention_patterns
from mattermost_bridge.rules.decide import decide
from mattermost_bridge.rules.mention_patterns import LONGEST_PATTERN, MOST_PATTERNS, find_pattern, pattern_problem
from mattermost_bridge.rules.reasons import Reason
from mattermost_bridge.rules.types import ChannelType, IncomingPost, Policy

POLICY = Policy("ops", "bot1", "durar", has_agent=True, group_policy="open")


@pytest.mark.parametrize(
    ("patterns", "text", "matches"),
    [
        ((r"\bhelper\b",), "Hey HELPER, listen", True),
        ((r"\bhelper\b",), "helpers", False),
        ((r"\bдурар\b",), "эй, ДУРАР!", True),
        ((r"^hey",), "oh hey", False),
        (("helper",), "hel\u200bper", True),
        (("helper",), "`helper`", False),
        (("helper",), "```\nhelper\n```\n", False),
        (("nothing", "helper"), "helper", True),
        ((), "helper", False),
    ],
)
def test_a_text_that_matches_a_pattern_mentions_the_bot(patterns, text, matches):
    policy = replace(POLICY, mention_patterns=patterns)
    assert bool(find_pattern(text, policy).pattern) is matches
    reason = decide(IncomingPost("p", "u", "", "c", ChannelType.OPEN, text), policy, now_ms=0).reason
    assert reason is (Reason.ADMITTED_MENTIONED if matches else Reason.NO_MENTION)


@pytest.mark.parametrize(
    ("name", "text", "matches"),
    [
        ("Night Watch", "ask night  watch please", True),
        ("Night Watch", "@night watch", True),
        ("Night Watch", "nightwatch", False),
        ("Özgür", "hallo özgür!", True),
        ("C++ (bot)", "the c++ (bot) knows", True),
        ("Echo", "echoes", False),
        ("  ", "anything", False),
        ("", "anything", False),
    ],
)
def test_without_patterns_the_agent_s_name_counts(name, text, matches):
    assert bool(find_pattern(text, replace(POLICY, agent_name=name)).pattern) is matches


def test_an_empty_list_switches_the_name_off_too():
    assert find_pattern("Echo?", replace(POLICY, agent_name="Echo", mention_patterns=())).pattern == ""


@pytest.mark.parametrize("pattern", ["(", "[a", "(?<x", "a{2,1}", "\\", "", "a*", "x?", "a" * (LONGEST_PATTERN + 1)])
def test_a_pattern_that_cannot_be_used_says_so_and_is_left_out(pattern):
    problem = pattern_problem(pattern)
    assert problem.startswith("must ")
    assert problem.endswith(".")
    found = find_pattern("aaa helper", replace(POLICY, mention_patterns=(pattern, "helper")))
    assert found.pattern == "helper"
    assert found.problems[0].endswith(f"is not used: it {problem}")


def test_a_pattern_that_would_search_without_end_is_stopped_and_said(monkeypatch):
    monkeypatch.setattr(mention_patterns, "SEARCH_SECONDS", 0.001)
    evil = r"(a+)+$"
    assert pattern_problem(evil) == ""
    found = find_pattern("a" * 5000 + "!", replace(POLICY, mention_patterns=(evil,)))
    assert found.pattern == ""
    assert "takes too long" in found.problems[0]


def test_only_so_many_patterns_are_used():
    policy = replace(POLICY, mention_patterns=(*["nothing"] * MOST_PATTERNS, "helper"))
    found = find_pattern("helper", policy)
    assert found.pattern == ""
    assert "first 50 of 51" in found.problems[0]


def test_the_trail_says_which_pattern_matched_and_which_cannot_be_used():
    policy = replace(POLICY, mention_patterns=("(", "helper"), sources=(("mention_patterns", "defaults"),))
    trail = decide(IncomingPost("p", "u", "", "c", ChannelType.OPEN, "helper"), policy, now_ms=0).trail
    (check,) = [check for check in trail if check.name == "mention patterns"]
    assert check.source == "defaults"
    assert "must be a regular expression" in check.value
    assert "helper matches" in check.value


def test_patterns_that_search_without_end_have_a_time_together(monkeypatch):
    monkeypatch.setattr(mention_patterns, "SEARCH_SECONDS", 0.001)
    monkeypatch.setattr(mention_patterns, "TOGETHER_SECONDS", 0.002)
    evil = tuple(rf"(a+)+{n}$" for n in range(5))
    found = find_pattern("a" * 5000 + "!", replace(POLICY, mention_patterns=evil))
    assert found.pattern == ""
    assert sum("takes too long." in problem for problem in found.problems) == 2
    assert sum("comes after others" in problem for problem in found.problems) == 3
