"""Buttons: ids that Mattermost routes, what is dropped, what a context cannot override, and what replaces them."""

from __future__ import annotations

import re
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mattermost_bridge.rules.buttons import (
    actions_of,
    confirmation,
    context_of,
    name_of,
    read_buttons,
    safe_id,
    without_buttons,
)


@pytest.mark.parametrize(
    ("given_id", "safe"),
    [
        ("approve", "approve"),
        ("ask-for_more", "askformore"),
        ("a b.c:d/é", "abcd"),
        ("--", ""),
        ("", ""),
        ("بله", "b13159f8c7432"),  # letters of other scripts get an id of their own
    ],
)
def test_ids_keep_only_what_mattermost_routes(given_id: str, safe: str) -> None:
    assert safe_id(given_id) == safe


def test_rows_and_a_flat_list_mean_the_same() -> None:
    yes, no = {"text": "Yes", "callback_data": "yes"}, {"text": "No", "callback_data": "no", "style": "danger"}
    assert read_buttons([[yes], [no]]) == read_buttons([yes, no]) == read_buttons([[yes, no]])


def test_other_names_of_the_fields_are_read() -> None:
    buttons = read_buttons(
        [{"id": "one", "callback_data": "two", "label": "One"}, {"callback_data": 3, "name": "Three"}]
    )
    assert [(one.id, one.name, one.value, one.style) for one in buttons] == [
        ("one", "One", "one", "default"),
        ("3", "Three", "3", "default"),
    ]


def test_a_button_without_an_id_or_a_name_is_dropped() -> None:
    assert read_buttons([[{"text": "No data"}, {"callback_data": "x"}, {"text": " ", "callback_data": "x"}]]) == []
    assert read_buttons([[{"text": "Only signs", "callback_data": "-_-"}]]) == []


def test_an_unknown_style_counts_as_the_default_one() -> None:
    styles = ["Primary", "danger", "success", "#ff0000", None]
    buttons = read_buttons([{"text": "B", "callback_data": f"b{n}", "style": one} for n, one in enumerate(styles)])
    assert [one.style for one in buttons] == ["primary", "danger", "default", "default", "default"]


@pytest.mark.parametrize("rows", [None, 5, "[[]]", {"text": "B", "callback_data": "b"}, [["b"]], [5], [[{}, None]]])
def test_what_is_no_list_of_objects_gets_a_sentence(rows: Any) -> None:
    with pytest.raises(ValueError, match=r"object|rows"):
        read_buttons(rows)


def test_a_context_that_is_no_object_gets_a_sentence() -> None:
    with pytest.raises(ValueError, match='The context of the button "Yes" is no object'):
        read_buttons([{"text": "Yes", "callback_data": "yes", "context": ["a"]}])


@given(st.lists(st.text("aA1-_é ", max_size=4), max_size=12))
def test_ids_are_unique_in_a_post(ids: list[str]) -> None:
    buttons = read_buttons([[{"text": "B", "callback_data": one} for one in ids]])
    found = [one.id for one in buttons]
    assert len(set(found)) == len(found)
    assert all(re.fullmatch(r"[A-Za-z0-9]+", one) for one in found)


def test_a_custom_context_cannot_override_what_is_signed_about_the_button() -> None:
    custom = {
        "action_id": "no",
        "callback_data": "no",
        "__openclaw_channel_id": "elsewhere",
        "__durar_generation": "old",
        "_token": "forged",
        "ticket": 7,
    }
    (button,) = read_buttons([{"text": "Yes", "callback_data": "y-es", "context": custom}])
    assert context_of(button, channel_id="here", generation="new") == {
        "action_id": "yes",
        "callback_data": "y-es",
        "__openclaw_channel_id": "here",
        "__durar_generation": "new",
        "ticket": 7,
    }
    assert context_of(button) == {"action_id": "yes", "callback_data": "y-es", "ticket": 7}


ACTIONS = [{"id": "yes", "name": "Yes", "type": "button"}, {"id": "", "name": "None"}, {"id": "x"}, "odd"]


def test_actions_are_found_in_props_of_any_shape() -> None:
    props = {"attachments": [{"actions": ACTIONS}, "odd", {"actions": None}, {"actions": "odd"}]}
    assert [one["id"] for one in actions_of(props)] == ["yes"]
    assert name_of("yes", props) == "Yes"
    assert name_of("other", props) == "other"
    for odd in ({}, None, [], {"attachments": "odd"}, {"attachments": {"actions": ACTIONS}}):
        assert actions_of(odd) == []


def test_a_confirmation_takes_the_place_of_all_buttons_and_nothing_else_goes() -> None:
    line = confirmation("Yes", "alice")
    assert line == "✓ **Yes** selected by @alice"
    props = {
        "from_bot": "true",
        "durar_mark": "m",
        "attachments": [
            {"text": "Approve?", "color": "#00f", "actions": ACTIONS},
            {"text": "", "actions": ACTIONS},
            {"title": "Ticket 7", "fields": [{"title": "State", "value": "open"}]},
        ],
    }
    assert without_buttons(props, line) == {
        "from_bot": "true",
        "durar_mark": "m",
        "attachments": [
            {"text": "Approve?", "color": "#00f"},
            {"title": "Ticket 7", "fields": [{"title": "State", "value": "open"}]},
            {"text": line},
        ],
    }
    assert without_buttons(None, line) == {"attachments": [{"text": line}]}
