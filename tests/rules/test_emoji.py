"""What name is sent for what somebody wrote as an emoji."""

from __future__ import annotations

import re

import pytest

from mattermost_bridge.rules import emoji
from mattermost_bridge.rules.emoji import emoji_name


@pytest.mark.parametrize(
    ("words", "name"),
    [
        ("thumbsup", "thumbsup"),
        (":+1:", "+1"),
        (" :thumbsup: ", "thumbsup"),
        ("::x", "x"),
        ("👍", "thumbsup"),
        ("✅", "white_check_mark"),
        ("❤️", "heart"),
        ("❤", "heart"),
        ("👀", "eyes"),
        ("👍🏽", "thumbsup_medium_skin_tone"),
        ("🙏🏿", "pray_dark_skin_tone"),
        (":👋:", "wave"),
        ("🤷🏽", "shrug"),
        ("🦄", "🦄"),
        ("our_own_emoji", "our_own_emoji"),
        ("", ""),
        ("::", ""),
    ],
)
def test_names_lose_colons_and_glyphs_become_names(words, name):
    assert emoji_name(words) == name


def test_every_glyph_has_a_name_that_a_server_takes():
    assert len(emoji._NAMES) >= 24
    for glyph, name in emoji._NAMES.items():
        assert re.fullmatch(r"[a-z0-9_+-]+", name)
        assert "\ufe0f" not in glyph
