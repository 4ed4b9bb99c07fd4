"""Keys do not survive in a text."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mattermost_bridge.agents.redaction import redact

KEY = "sk-proj-Zq8vT3mWcY5nRb7xKd2LfGhJ"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        (f"Incorrect API key provided: {KEY}.", "Incorrect API key provided: [redacted]."),
        ("Incorrect API key: sk-proj-Zq8v**********fGhJ.", "Incorrect API key: [redacted]."),
        ("the key …Kd2LfGhJ is old", "the key [redacted] is old"),
        (f"header 'Authorization: Bearer {KEY}'", "header 'Authorization: Bearer [redacted]"),
        ("also sk-another_key_of_somebody else", "also [redacted] else"),
        ("nothing to hide", "nothing to hide"),
    ],
)
def test_a_key_its_ends_and_what_looks_like_one_are_taken_out(text: str, left: str):
    assert redact(text, KEY) == left


@given(st.text(), st.text(st.characters(min_codepoint=33, max_codepoint=126), min_size=4, max_size=60), st.text())
def test_the_key_is_never_left(before: str, key: str, after: str):
    left = redact(f"{before}{key}{after}", key)
    assert key not in left.replace("[redacted]", "")


def test_a_placeholder_for_a_key_does_not_spoil_the_text():
    assert redact("model x is not an example", "x") == "model x is not an example"
