"""What a text becomes before it is posted: tables, mentions of everybody, prefix, paragraphs."""

from __future__ import annotations

import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mattermost_bridge.rules.chunking import split_text
from mattermost_bridge.rules.outgoing import Looks, posts_of, with_prefix, without_mass_mentions
from mattermost_bridge.rules.tables import render_tables

TABLE = "Before\n\n| Name | Age |\n|:-----|----:|\n| Ann | 3 |\n| Böb \\| co | |\n\nAfter"


@pytest.mark.parametrize(
    ("mode", "shown"),
    [
        ("off", TABLE),
        ("bullets", "Before\n\n**Ann**\n- Age: 3\n\n**Böb | co**\n\nAfter"),
        ("code", "Before\n\n```\nName     | Age\n---------+----\nAnn      | 3\nBöb | co |\n```\n\nAfter"),
        ("block", "Before\n\n```\nName     | Age\n---------+----\nAnn      | 3\nBöb | co |\n```\n\nAfter"),
        ("unheard of", TABLE),
    ],
)
def test_tables_are_shown_as_the_setting_says(mode, shown):
    assert render_tables(TABLE, mode) == shown


@pytest.mark.parametrize(
    "text",
    [
        "no table | at all",
        "a | b\nc | d",
        "```\n| a | b |\n|---|---|\n| 1 | 2 |\n```",
        "| a | b |\n|---|\n| 1 | 2 |",
        "~~~~\n```\n|a|\n|-|\n~~~~",
        "a\n---\nb",
        "",
    ],
)
@pytest.mark.parametrize("mode", ["bullets", "code"])
def test_what_is_no_table_stays_to_the_letter(text, mode):
    assert render_tables(text, mode) == text


@pytest.mark.parametrize(
    ("table", "bullets"),
    [
        ("a|b|c\n-|-|-\n1|2|3", "**1**\n- b: 2\n- c: 3"),
        ("|a|\n|-|\n|1|\n|2|", "- 1\n- 2"),
        ("|a|b|\n|-|-|", "a, b"),
        ("|a|b|\n|-|-|\n|1|2|3|\n| |4|", "**1**\n- b: 2\n- 3\n\n- b: 4"),
        ("|a|b|\n|-|-|\n|1|2|\nnot a row", "**1**\n- b: 2\nnot a row"),
    ],
)
def test_rows_become_lists(table, bullets):
    assert render_tables(table, "bullets") == bullets


def test_wide_letters_take_two_columns_and_backticks_do_not_end_the_block():
    assert render_tables("|表|b|\n|-|-|\n|```|2|", "code") == "````\n表  | b\n----+--\n``` | 2\n````"


@given(st.text(alphabet="|-: \nab`~\\", max_size=60), st.sampled_from(["bullets", "code"]))
def test_any_text_keeps_its_letters(text, mode):
    kept = render_tables(text, mode)
    assert sorted(set(re.sub(r"[^ab]", "", text))) == sorted(set(re.sub(r"[^ab]", "", kept)))


@pytest.mark.parametrize(
    "words",
    [
        "@all",
        "@ALL",
        "@here!",
        "(@channel)",
        "**@all**",
        "@all.",
        "@all-hands",
        "a:@here",
        "\\@all",
        "@all_",
        "@all@here",
    ],
)
def test_mentions_of_everybody_notify_nobody(words):
    quiet = without_mass_mentions(words)
    assert quiet.replace("\u200b", "") == words
    assert not re.search(r"@(all|here|channel)", quiet, re.IGNORECASE)


@pytest.mark.parametrize("words", ["@alliance", "@here4", "@channels", "@carol", "all here", "@ all"])
def test_other_words_stay_to_the_letter(words):
    assert without_mass_mentions(words) == words


@pytest.mark.parametrize(
    ("text", "prefix", "shown"),
    [
        ("hi", "", "hi"),
        ("hi", "[bot]", "[bot] hi"),
        ("hi", "[bot]\n", "[bot]\nhi"),
        ("[bot] hi", "[bot]", "[bot] hi"),
        ("hi", "  ", "hi"),
        (" \n", "[bot]", " \n"),
    ],
)
def test_the_prefix_stands_before_an_answer_once(text, prefix, shown):
    assert with_prefix(text, prefix) == shown


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("one\n\ntwo", ["one", "two"]),
        ("one\ntwo\n \n\n\nthree  \n", ["one\ntwo", "three"]),
        ("```\na\n\nb\n```\n\nend", ["```\na\n\nb\n```", "end"]),
        ("\n\n", []),
    ],
)
def test_the_mode_newline_makes_each_paragraph_a_part(text, parts):
    assert split_text(text, 25, "newline") == parts


def test_a_paragraph_or_block_that_is_too_long_is_cut_as_ever():
    assert split_text("one two three\n\nx", 10, "newline") == ["one two", "three", "x"]
    parts = split_text("```\nopen\n\nto the end", 16, "newline")
    assert len(parts) > 1
    assert all(part.startswith("```\n") and part.endswith("\n```") for part in parts)


def test_all_of_it_together():
    looks = Looks(limit=50, chunk_mode="newline", tables="bullets", prefix="[bot]", mass_mentions=False)
    assert posts_of("Look @all\n\n|a|b|\n|-|-|\n|1|2|", looks) == ["[bot] Look @\u200ball", "**1**\n- b: 2"]
    assert posts_of(" ", looks) == []
    assert posts_of("@all", Looks()) == ["@all"]


@pytest.mark.parametrize("text", ["| |\n|-|", "||\n|-|"])
def test_a_table_with_nothing_in_it_is_posted_as_it_is(text):
    assert posts_of(text, Looks(tables="bullets")) == [text]


@pytest.mark.parametrize("mode", ["bullets", "code"])
@pytest.mark.parametrize(
    "table",
    [
        f"|{'a' * 4000}|b|\n|-|-|\n" + "|1|2|\n" * 1000,
        f"|a|{'b' * 4000}|\n|-|-|\n" + "|1|2|\n" * 1000,
        "|a" * 1000 + "|\n" + "|-" * 1000 + "|\n" + "|1|\n" * 1000,
    ],
)
def test_a_table_that_would_become_a_thousand_posts_stays_as_it_is(table, mode):
    assert render_tables(table, mode) == table


@pytest.mark.parametrize(("line", "is_one"), [("-" + " " * 200_000 + "x", False), ("-" + " " * 200_000 + "|-", True)])
def test_a_row_of_dashes_with_many_blanks_is_looked_at_once(line, is_one):
    assert (render_tables(f"a|b\n{line}", "code") != f"a|b\n{line}") is is_one
