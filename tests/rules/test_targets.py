"""What the words of a target mean."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mattermost_bridge.rules.targets import Meaning, Spoken, UnreadableTarget, other_of, read_target

ID, OTHER = "64ifufp".ljust(26, "a"), "zz".ljust(26, "9")


@pytest.mark.parametrize(
    ("words", "meaning", "value", "team"),
    [
        (f"channel:{ID}", Meaning.CHANNEL_ID, ID, ""),
        (f"  CHANNEL: {ID} ", Meaning.CHANNEL_ID, ID, ""),
        (f"group:{ID}", Meaning.CHANNEL_ID, ID, ""),
        ("channel:support", Meaning.CHANNEL_NAME, "support", ""),
        ("channel:#Support", Meaning.CHANNEL_NAME, "support", ""),
        ("#support", Meaning.CHANNEL_NAME, "support", ""),
        ("~town-square", Meaning.CHANNEL_NAME, "town-square", ""),
        ("support", Meaning.CHANNEL_NAME, "support", ""),
        ("Sales/support", Meaning.CHANNEL_NAME, "support", "sales"),
        ("#sales/support", Meaning.CHANNEL_NAME, "support", "sales"),
        ("channel:sales/support", Meaning.CHANNEL_NAME, "support", "sales"),
        (ID.upper(), Meaning.CHANNEL_NAME, ID, ""),
        (f"#{ID}", Meaning.CHANNEL_NAME, ID, ""),
        (f"user:{ID}", Meaning.USER_ID, ID, ""),
        (f"User:{ID}", Meaning.USER_ID, ID, ""),
        (f"mattermost:{ID}", Meaning.USER_ID, ID, ""),
        ("user:@Carol", Meaning.USERNAME, "carol", ""),
        ("@Carol", Meaning.USERNAME, "carol", ""),
        ("@carol.the-2nd_", Meaning.USERNAME, "carol.the-2nd_", ""),
        (ID, Meaning.BARE_ID, ID, ""),
        (f" {ID}\n", Meaning.BARE_ID, ID, ""),
        (f"{ID}__{OTHER}", Meaning.DIRECT_NAME, f"{ID}__{OTHER}", ""),
    ],
)
def test_a_target_is_read_by_the_grammar(words, meaning, value, team):
    assert read_target(words) == Spoken(meaning, value, team)


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        ("", "Recipient is required for Mattermost sends"),
        (" \t", "Recipient is required"),
        ("channel:", "Channel id is required"),
        ("channel: ", "Channel id is required"),
        ("#", "Channel name is required"),
        ("channel:#", "Channel name is required"),
        ("user:", "User id is required"),
        ("mattermost: ", "User id is required"),
        ("@", "Username is required"),
        ("user:@", "Username is required"),
        ("user:carol", "is no user id.* write @carol"),
        ("user:two words", "is no user id.*Write @username"),
        ("@two words", "is no username"),
        ("two words", "names no channel"),
        ("a/b/c", "names no channel"),
        ("https://x", "names no channel"),
        ("/support", "names no channel"),
        ("x" * 200, "names no channel"),
    ],
)
def test_words_that_name_nothing_get_a_sentence(words, sentence):
    with pytest.raises(UnreadableTarget, match=sentence) as problem:
        read_target(words)
    assert len(str(problem.value)) < 400


@given(st.text(max_size=80))
def test_any_words_are_read_or_refused(words):
    try:
        spoken = read_target(words)
    except UnreadableTarget:
        return
    assert spoken.value == spoken.value.lower()
    assert not set(spoken.value) & set("/ :@#%?")


def test_the_other_end_of_a_direct_channel_is_the_other_id():
    assert other_of(f"{ID}__{OTHER}", ID) == OTHER
    assert other_of(f"{ID}__{OTHER}", OTHER) == ID
    assert other_of(f"{ID}__{OTHER}", "b" * 26) == ""
    assert other_of("support", ID) == ""
