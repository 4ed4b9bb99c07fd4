"""Text that a database or a socket would refuse is made safe, and nothing else is changed."""

import json

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from mattermost_bridge.mattermost.text import MAX_DEPTH, clean, dumps, loads

relaxed = settings(deadline=None, suppress_health_check=[HealthCheck.too_slow])
"""The machine may be busy: how long an example takes says nothing."""

json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(st.characters(exclude_categories=())),
    lambda inner: st.lists(inner) | st.dictionaries(st.text(st.characters(exclude_categories=())), inner),
)


def test_nul_and_lone_surrogates_become_replacement_characters_everywhere():
    value = {"a\x00": ["b\x00c", {"d": "\ud83d alone"}], "n": 1, "t": True, "none": None}
    assert clean(value) == {"a�": ["b�c", {"d": "� alone"}], "n": 1, "t": True, "none": None}


def test_whole_characters_beyond_the_basic_plane_stay():
    assert loads('"\\ud83d\\ude00 \\ud83d"') == "😀 �"


def test_numbers_that_json_cannot_express_become_null():
    assert clean([float("nan"), float("inf"), 1.5]) == [None, None, 1.5]
    assert loads("[1e999]") == [None]


@relaxed
@given(json_values)
def test_whatever_was_cleaned_can_be_encoded_and_is_clean(value):
    cleaned = clean(value)
    assert json.loads(dumps(value)) == json.loads(json.dumps(cleaned))
    assert clean(cleaned) == cleaned
    assert b"\x00" not in dumps(value)
    assert b"\\u0000" not in dumps(value)


def test_what_is_sent_is_utf8_and_not_escapes():
    assert dumps({"message": "سلام"}) == '{"message":"سلام"}'.encode()


@pytest.mark.parametrize("depth", [200, 5000])
@pytest.mark.parametrize(("opening", "closing"), [("[", "]"), ('{"a":', "}"), ('[{"a":', "}]")])
def test_json_nested_deeper_than_anybody_needs_loses_only_its_depths(depth, opening, closing):
    deep = opening * depth + '"]["' + closing * depth
    value = loads('{"id":"p1","props":' + deep + ',"message":"he said \\"[\\" [x]"}')
    assert value["id"] == "p1"
    assert value["message"] == 'he said "[" [x]'
    levels = 0
    inner = value["props"]
    while inner:
        inner = inner["a"] if isinstance(inner, dict) else inner[0]
        levels += 1
    assert 0 < levels <= MAX_DEPTH
    json.dumps(value)


@pytest.mark.parametrize("text", ["", "[" * 5000, "[" * 5000 + '"' + '\\"' * 5000, "{'a': 1}", "[" * 3000 + "]" * 2999])
def test_what_is_no_json_is_a_value_error(text):
    with pytest.raises(ValueError, match=r"."):
        loads(text)


def test_bytes_that_are_no_utf8_are_read_with_replacements():
    assert loads(b'"a\xff"') == "a�"
