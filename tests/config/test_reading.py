"""JSON5 texts: what they say, and where each problem stands."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mattermost_bridge.config.reading import ConfigError, read


def test_comments_bare_keys_and_trailing_commas_are_read():
    found = read("// note\n{a: [1, 'b', /* c */ {d: true},],\n \"e\": null}")
    assert found.content == {"a": [1, "b", {"d": True}], "e": None}
    assert found.at(("a", 2, "d")) == "a[2].d (line 2, column 23)"
    assert found.at(("e",)) == "e (line 3, column 2)"


def test_a_missing_key_has_the_place_of_what_is_around_it():
    assert read("{\n a: {}}").at(("a", "b")) == "a.b (line 2, column 2)"


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("{\n  a: 1,\n  b: }", "line 3, column 6"),
        ("{a: 1} x", "line 1, column 8"),
        ("{a: 'x\ny'}", "line 1"),
        ("{a: 1,\n a: 2}", "line 2, column 2"),
        ("[1]", "object"),
        ("  ", "empty"),
        ("[" * 5000, "deeply"),
        ("{a: '" + "x" * 1_100_000 + "'}", "longer"),
    ],
)
def test_a_text_that_is_none_says_where(text, place):
    with pytest.raises(ConfigError) as error:
        read(text)
    assert place in str(error.value)


def test_a_broken_line_with_a_secret_is_not_repeated():
    with pytest.raises(ConfigError) as error:
        read("{botToken: 'never-shown' 'again'}")
    assert "never" not in str(error.value)
    assert "line 1, column 26" in str(error.value)


JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(2**53), 2**53) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(st.dictionaries(st.text(max_size=5), JSON, max_size=4))
def test_every_key_of_any_json_has_its_place(value):
    text = json.dumps(value, indent=1)
    found = read(text)
    assert found.content == value
    for key in value:
        place = found.places[(key,)]
        assert text.split("\n")[place.line - 1][place.column - 1 :].startswith(json.dumps(key))
