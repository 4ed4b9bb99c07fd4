"""Long answers become posts that fit, in order, with every code block closed."""

from __future__ import annotations

import re

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from mattermost_bridge.rules.chunking import HARD_LIMIT, split_text

FENCE = re.compile(r" {0,3}(`{3,}|~{3,})(.*)")


def read(text: str) -> tuple[str, bool]:
    """What a reader sees of a text, without whitespace and fence lines, and whether its last code block is closed.

    Written apart from the code under test, after the CommonMark rules for fences.
    """
    seen, marker = [], ""
    for line in text.split("\n"):
        match = FENCE.fullmatch(line)
        if match and not marker and not (match[1][0] == "`" and "`" in match[2]):
            marker = match[1]
        elif match and marker and match[1][0] == marker[0] and len(match[1]) >= len(marker) and not match[2].strip():
            marker = ""
        else:
            seen.append(line)
    return "".join("".join(seen).split()), not marker


PROSE = st.text("ab .\u00e9\u06a9\U0001f600", min_size=0, max_size=120)
OPENING = st.sampled_from(["```", "```python", "~~~", "````md", "  ```sh", "~~~~ text", "   ~~~", "```js title=a"])
CODE = st.text("xy =\t", min_size=0, max_size=90)


@st.composite
def block(draw: st.DrawFn) -> str:
    opening = draw(OPENING)
    marker = re.match(r"\s*([`~]+)", opening)[1]
    other = "~~~" if marker[0] == "`" else "```"
    inner = draw(st.lists(st.one_of(CODE, st.just(other), st.just(marker[:-1])), max_size=12))
    return "\n".join([opening, *inner, marker])


ANSWER = st.lists(st.one_of(PROSE, block(), st.just("")), max_size=14).map("\n".join)
LIMIT = st.integers(50, 300)


@given(ANSWER, LIMIT)
def test_every_part_fits_and_says_something(text, limit):
    parts = split_text(text, limit)
    assert all(len(part) <= limit for part in parts)
    assert all(part.strip() for part in parts)
    assert bool(parts) == bool(text.strip())


@given(ANSWER, LIMIT)
@example("```python\n" + "x = 1\n" * 40 + "```\nafter", 50)
@example("```\n" + "x" * 60 + " ```" + "x" * 60 + "\n```", 50)
def test_nothing_but_whitespace_and_fence_lines_differs_and_every_part_closes_its_code(text, limit):
    parts = split_text(text, limit)
    seen = [read(part) for part in parts]
    assert "".join(part for part, _ in seen) == read(text)[0]
    assert all(closed for _, closed in seen)


@given(st.text("a`~ \n\t", max_size=600), st.integers(1, 80))
def test_any_mixture_of_fence_characters_keeps_the_limit_and_ends(text, limit):
    parts = split_text(text, limit)
    assert all(0 < len(part) <= limit and part.strip() for part in parts)
    letters = "".join(parts).count("a")
    # Only the info string of an opening line that is too long for a part may go.
    assert letters == text.count("a") or re.search(r"(?m)^ {0,3}(```|~~~)", text)


@given(st.text("ab \n", max_size=400), st.integers(1, 80))
def test_text_without_code_loses_only_whitespace(text, limit):
    assert "".join("".join(split_text(text, limit)).split()) == "".join(text.split())


@given(st.text(max_size=200), st.integers(200, 400))
def test_a_text_that_fits_is_returned_as_it_is(text, limit):
    assert split_text(text, limit) == ([text] if text.strip() else [])


def test_the_last_line_break_that_fits_is_preferred_to_whitespace():
    assert split_text("one two\nthree four five six", 20) == ["one two", "three four five six"]


def test_without_a_line_break_the_last_whitespace_is_taken():
    assert split_text("one two three four", 10) == ["one two", "three four"]


def test_without_whitespace_the_text_is_cut_at_the_limit():
    assert split_text("x" * 25, 10) == ["x" * 10, "x" * 10, "x" * 5]


def test_code_points_are_counted_not_bytes():
    assert split_text("😀" * 10, 10) == ["😀" * 10]
    assert split_text("😀" * 11, 10) == ["😀" * 10, "😀"]


def test_a_fence_that_is_cut_is_closed_and_opened_again_with_its_opening_line():
    code = "\n".join(f"line_{number} = {number}" for number in range(10))
    parts = split_text(f"```python\n{code}\n```", 80)
    assert len(parts) > 1
    assert all(part.startswith("```python\n") and part.endswith("\n```") for part in parts)
    assert "\n".join(part[len("```python\n") : -len("\n```")] for part in parts) == code


def test_a_longer_fence_is_closed_by_its_own_length_and_shorter_ones_inside_are_code():
    inner = "```\ninner code here\n```\n" * 5
    parts = split_text(f"````md\n{inner}````\nend", 70)
    assert all(part.startswith("````md\n") for part in parts[:-1])
    assert all(part.endswith("\n````") for part in parts[:-1])
    assert parts[-1].endswith("\nend")


def test_indentation_of_code_is_kept_after_a_cut():
    code = "\n".join("        deep = 1" for _ in range(10))
    for part in split_text(f"```\n{code}\n```", 60):
        assert all(line == "        deep = 1" for line in part.split("\n")[1:-1])


def test_a_short_block_moves_to_the_next_part_as_a_whole():
    block = "```sh\nmake run\nmake test\n```"
    assert split_text("word " * 12 + "\n" + block, 80) == [("word " * 12).strip(), block]


def test_no_part_ends_with_an_empty_block():
    parts = split_text("word " * 14 + "\n```sh\n" + "echo " * 14 + "\n```", 80)
    assert all("```sh\n```" not in part for part in parts)


def test_a_cut_before_the_end_of_a_block_leaves_no_empty_block_behind():
    text = "```\n" + "x" * 40 + "\n   ```   \nafter"
    assert split_text(text, 50) == ["```\n" + "x" * 40 + "\n```", "after"]


def test_an_unclosed_block_is_closed_in_every_part():
    assert all(part.endswith("\n```") for part in split_text("```\n" + "code\n" * 30, 50))


def test_a_cut_within_a_line_does_not_turn_its_rest_into_a_fence():
    text = "a" * 40 + " ``` " + "b" * 40
    parts = split_text(text, 50)
    assert not any(part.startswith("```") for part in parts)
    assert "".join("".join(parts).split()) == "".join(text.split())


def test_an_opening_line_that_no_part_could_hold_loses_its_info_string_only():
    parts = split_text("```" + "info" * 30 + "\n" + "code\n" * 20 + "```", 50)
    assert all(part.startswith("```\ncode") and part.endswith("code\n```") for part in parts)
    assert "".join(parts).count("code") == 20


@pytest.mark.parametrize("text", ["", " ", "\n\n\t", "\u2003"])
def test_a_blank_text_has_no_parts(text):
    assert split_text(text) == []


def test_no_limit_goes_beyond_what_mattermost_takes():
    assert [len(part) for part in split_text("x" * 20000, 100_000)] == [HARD_LIMIT, 20000 - HARD_LIMIT]


def test_a_limit_below_one_is_refused():
    with pytest.raises(ValueError, match="at least 1"):
        split_text("text", 0)


@pytest.mark.parametrize(
    "text",
    [
        "x" * 100_000,
        "\n" * 100_000 + "x",
        "x" + " " * 100_000 + "x",
        "`" * 100_000,
        "```\n" * 25_000,
        "```\n" + "\n" * 100_000 + "x",
        "~~~\n" + "x" * 100_000,
        "a ``` " * 17_000,
        "```" + " " * 100_000 + "x\n```",
        "```\n" + "a" + "```" * 30_000,
        ("```py\n" + "x\n" * 3 + "```\n") * 7_000,
    ],
    ids=lambda text: repr(text[:12]),
)
@pytest.mark.parametrize("limit", [50, 4000])
@pytest.mark.timeout(30)
def test_a_hundred_thousand_characters_of_the_worst_kind_are_split(text, limit):
    parts = split_text(text, limit)
    assert all(0 < len(part) <= limit and part.strip() for part in parts)
