"""One form each for a state, a person, a channel, a time and a code."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from django.conf import settings

from mattermost_bridge.admin import looks
from mattermost_bridge.models import states

NOW = datetime(2026, 11, 22, 12, 0, 0, tzinfo=UTC)
TONED = [getattr(states, name) for name in states._TONES]


@pytest.mark.parametrize("choices", TONED)
def test_every_state_has_a_badge_in_a_tone_that_the_stylesheet_knows(choices):
    css = (Path(settings.BASE_DIR) / "static/durar/panel.css").read_text()
    for member in choices:
        badge = looks.state(choices, member.value)
        assert f"du-{member.tone}" in badge
        assert f".du-{member.tone} {{" in css
        assert f".dark .du-{member.tone} {{" in css


def test_a_state_that_nobody_knows_is_shown_as_it_is():
    assert "left over" in looks.state(states.TurnState, "left over")


def test_no_template_names_a_tone_or_a_colour():
    for path in (Path(settings.BASE_DIR) / "templates").rglob("*.html"):
        text = path.read_text()
        for word in ("du-good", "du-bad", "du-warning", "du-busy", "du-idle", "bg-red", "bg-green", "text-red", "#"):
            # A place on a page, a comment and a sign by its number are no colours.
            found = re.sub(r'(href|action)="[^"]*#|{#|#}|&#', "", text)
            assert word not in found.replace("du-button-good", ""), f"{path.name} names {word}"


def test_no_template_has_an_inline_script_or_style():
    for path in (Path(settings.BASE_DIR) / "templates").rglob("*.html"):
        text = path.read_text()
        assert "<script" not in text
        assert "style=" not in text
        assert "onclick" not in text


@pytest.mark.parametrize(
    ("ago", "words"),
    [
        (timedelta(seconds=2), "just now"),
        (timedelta(seconds=42), "42 s ago"),
        (timedelta(minutes=3, seconds=59), "3 min ago"),
        (timedelta(hours=5), "5 h ago"),
        (timedelta(days=1), "1 day ago"),
        (timedelta(days=12), "12 days ago"),
        (timedelta(minutes=-50), "in 50 min"),
    ],
)
def test_a_time_is_relative_in_one_unit(ago, words):
    assert looks.relative(NOW - ago, NOW) == words


def test_the_exact_time_stands_behind_the_relative_one():
    shown = looks.moment(NOW - timedelta(hours=1), NOW)
    assert 'datetime="2026-11-22T11:00:00+00:00"' in shown
    assert "2026-11-22" in shown.split('title="')[1]
    assert looks.moment(None) == looks.NOTHING


@pytest.mark.parametrize(("ms", "words"), [(340, "340 ms"), (1400, "1.4 s"), (125_000, "2 min"), (-3, "0 ms")])
def test_a_length_of_time(ms, words):
    assert looks.took_ms(ms) == words


def test_a_person_is_a_name_with_the_id_behind_it_or_the_id_alone():
    assert looks.person("carolid", "carol") == '<span class="du-person" title="carolid">@carol</span>'
    assert "<code" in looks.person("carolid")
    assert looks.person("") == looks.NOTHING


def test_a_channel_is_called_as_people_call_it():
    assert "Direct message" in looks.channel("id", "D", "a__b")
    assert ">~Town Square<" in looks.channel("id", "O", "Town Square")
    assert ">alice, bob<" in looks.channel("id", "G", "alice, bob")
    assert "<code" in looks.channel("id")


def test_what_people_wrote_is_escaped():
    nasty = "<b>&"
    for shown in (
        looks.person(nasty, nasty),
        looks.channel(nasty, "O", nasty),
        looks.code(nasty),
        looks.passage(nasty),
        looks.block(nasty),
        looks.badge(nasty, "good", nasty),
        looks.reason(nasty),
    ):
        assert "<b>" not in shown
