"""Every reason tells an operator what happened and what to do."""

from __future__ import annotations

import pytest

from mattermost_bridge.rules.reasons import REASONS, Reason
from mattermost_bridge.rules.types import Outcome


@pytest.mark.parametrize("reason", list(Reason))
def test_a_reason_has_a_sentence_and_a_short_label(reason):
    assert reason.sentence.endswith(".")
    assert reason.sentence[0].isupper()
    assert 2 <= len(reason.label.split()) <= 4
    assert reason.remedy == "" or reason.remedy.endswith(".")


@pytest.mark.parametrize(
    "reason", [reason for reason in Reason if reason.outcome in (Outcome.REFUSED, Outcome.WAITING)]
)
def test_somebody_who_was_refused_or_waits_can_be_helped(reason):
    assert reason.remedy


@pytest.mark.parametrize("reason", [r for r in Reason if r.outcome is Outcome.ADMITTED])
def test_nothing_needs_doing_about_what_was_admitted(reason):
    assert reason.remedy == ""


def test_a_stored_code_leads_back_to_its_reason():
    assert len(REASONS) == len(Reason)
    for code, reason in REASONS.items():
        assert reason == code
        assert Reason(code) is reason
        assert code == reason.name.lower()


def test_labels_tell_reasons_apart():
    assert len({reason.label for reason in Reason}) == len(Reason)
