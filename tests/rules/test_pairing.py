"""Pairing codes, who gets one, and what the stranger reads."""

from __future__ import annotations

import itertools
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mattermost_bridge.rules import texts
from mattermost_bridge.rules.pairing import (
    ALPHABET,
    CODE_TRIES,
    MAX_WAITING,
    NOTICE_INTERVAL_MS,
    TTL_MS,
    NoFreeCode,
    after_looking_at_requests,
    approve_command,
    challenge_text,
    check_template,
    is_expired,
    new_code,
    normalise_code,
    notice_due,
)
from mattermost_bridge.rules.reasons import Reason
from mattermost_bridge.rules.types import Check, Decision, Outcome

STRANGER = Decision(Outcome.CHALLENGED, Reason.PAIRING_REQUIRED, (Check("pairing", "not approved", "pairings", False),))
COMMAND = "Durar pairing approve mattermost ABCD2345"


def test_a_code_has_eight_symbols_that_are_not_mistaken_for_each_other():
    assert len(ALPHABET) == len(set(ALPHABET)) == 32
    assert not set(ALPHABET) & set("0O1I")
    code = new_code(random.Random(1).choice, ())
    assert len(code) == 8
    assert set(code) <= set(ALPHABET)


def test_a_code_that_is_taken_is_not_given_out_again():
    symbols = itertools.chain("A" * 8, "A" * 8, "B" * 8)
    assert new_code(lambda _: next(symbols), {"AAAAAAAA"}) == "BBBBBBBB"


def test_a_broken_source_of_randomness_is_noticed_after_500_tries():
    drawn = []

    def choice(alphabet: str) -> str:
        drawn.append(alphabet)
        return "A"

    with pytest.raises(NoFreeCode, match="source of randomness"):
        new_code(choice, {"AAAAAAAA"})
    assert len(drawn) == CODE_TRIES * 8


@pytest.mark.parametrize("typed", ["ABCD2345", " abcd2345\n", "`ABCD2345`", "```\nAbcd2345\n```"])
def test_a_code_is_understood_as_people_type_and_paste_it(typed):
    assert normalise_code(typed) == "ABCD2345"


@pytest.mark.parametrize(("age", "expired"), [(0, False), (TTL_MS, False), (TTL_MS + 1, True)])
def test_a_code_holds_one_hour_from_its_creation(age, expired):
    assert is_expired(5_000, 5_000 + age) is expired


def test_a_request_whose_creation_is_unknown_has_expired():
    assert is_expired(None, 0)


def test_a_stranger_is_told_once_an_hour_that_the_queue_is_full():
    assert notice_due(None, 1)
    assert not notice_due(1_000, 1_000 + NOTICE_INTERVAL_MS - 1)
    assert notice_due(1_000, 1_000 + NOTICE_INTERVAL_MS)


@pytest.mark.parametrize(
    ("has_request", "waiting", "outcome", "reason"),
    [
        (False, 0, Outcome.CHALLENGED, Reason.PAIRING_REQUIRED),
        (False, MAX_WAITING - 1, Outcome.CHALLENGED, Reason.PAIRING_REQUIRED),
        (False, MAX_WAITING, Outcome.REFUSED, Reason.PAIRING_QUEUE_FULL),
        (True, 1, Outcome.CHALLENGED, Reason.PAIRING_REPEATED),
        (True, MAX_WAITING, Outcome.CHALLENGED, Reason.PAIRING_REPEATED),
    ],
)
def test_at_most_three_wait_and_nobody_gets_a_second_code(has_request, waiting, outcome, reason):
    decision = after_looking_at_requests(STRANGER, has_request=has_request, waiting=waiting)
    assert (decision.outcome, decision.reason) == (outcome, reason)
    assert decision.outcome is reason.outcome
    assert decision.trail[0] == STRANGER.trail[0]
    assert len(decision.trail) == 2


def test_a_decision_about_somebody_who_is_admitted_is_left_alone():
    admitted = Decision(Outcome.ADMITTED, Reason.ADMITTED_DM_PAIRED, (), "key")
    assert after_looking_at_requests(admitted, has_request=True, waiting=9) is admitted


def test_the_command_names_the_account_only_when_it_is_not_the_default_one():
    assert approve_command("ABCD2345", "default") == COMMAND
    assert approve_command("ABCD2345", "ops") == f"{COMMAND} --account ops"


def test_the_challenge_names_the_person_the_code_the_command_and_the_panel():
    text = challenge_text("", "user1", "ABCD2345", COMMAND, "https://durar.example/pairings/")
    assert text == (
        "Durar: access not configured.\n\n"
        "Your Mattermost user id: user1\n"
        "Pairing code:\n```\nABCD2345\n```\n\n"
        f"Ask the bot owner to approve with:\n```\n{COMMAND}\n```\n"
        "or in the panel: https://durar.example/pairings/"
    )


def test_without_a_panel_address_its_line_is_left_out():
    text = challenge_text("", "user1", "ABCD2345", COMMAND, "")
    assert text.endswith(f"```\n{COMMAND}\n```")
    assert "panel" not in text


def test_a_template_of_ones_own_keeps_other_braces_and_never_fills_in_what_a_value_contains():
    text = challenge_text("{user_id} {code} {other} {} {{x}} {", "{code}", "ABCD2345", COMMAND, "")
    assert text == "{code} ABCD2345 {other} {} {{x}} {"


@given(st.text(max_size=100))
def test_no_template_makes_the_challenge_fail(template):
    assert "ABCD2345" in challenge_text(template + "{code}", "user1", "ABCD2345", COMMAND, "https://durar.example/")


@pytest.mark.parametrize("template", ["", "  \n", "{code}", "Hello {user_id}, your code is {code}."])
def test_a_template_with_the_code_is_right(template):
    assert check_template(template) == []


def test_what_is_wrong_with_a_template_is_said_in_sentences():
    assert "lacks {code}" in check_template("Ask the owner.")[0]
    assert "on a line of its own" in check_template("{code} or {panel}")[0]
    assert "4000" in check_template("{code}" + "x" * 4000)[0]
    assert "4000" in check_template("{code}{panel}\n{code}" + "{command}" * 60)[0]
    assert all(problem.endswith(".") for problem in check_template("x" * 5000))


@pytest.mark.parametrize(
    "text",
    [texts.APPROVED, texts.PAIRING_QUEUE_FULL, texts.AGENT_FAILED, texts.AGENT_TOO_SLOW, texts.WORKER_DIED],
)
def test_what_people_are_told_is_short_and_gives_nothing_away(text):
    assert text.endswith(".")
    assert len(text) < 200
    assert "{" not in text
