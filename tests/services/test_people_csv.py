"""CSV files of people: whatever program wrote one is read, and what is written harms no spreadsheet."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mattermost_bridge.services.errors import Refused
from mattermost_bridge.services.people_csv import MOST_BYTES, MOST_LINES, Line, moment, read, text_of, written

CAROL = "carol".ljust(26, "u")
HEAD = "account,list,user_id,username,note,expires\n"


def problem(content: bytes | str) -> str:
    with pytest.raises(Refused) as error:
        read(content.encode() if isinstance(content, str) else content)
    return str(error.value)


def test_a_line_says_whose_list_who_why_and_until_when():
    assert read(f"{HEAD}ops,DM, {CAROL} ,@carol,on call,2030-01-01\n".encode()) == [
        Line(2, "ops", "dm", CAROL, "carol", "on call", "2030-01-01")
    ]


def test_columns_stand_in_any_order_and_those_that_are_absent_are_not_empty():
    (line,) = read(b"Username;LIST\ncarol;blocked\n")
    assert line == Line(2, "", "blocked", "", "carol", None, None)


@pytest.mark.parametrize(
    "content",
    [
        f"list,user_id,note\ndm,{CAROL},a\n",
        f"\ufefflist,user_id,note\r\ndm,{CAROL},a\r\n",
        f"list;user_id;note\ndm;{CAROL};a\n\n;;\n",
        f"list\tuser_id\tnote\ndm\t{CAROL}\ta",
        f'"list","user_id","note"\n"dm","{CAROL}","a"\n',
    ],
)
def test_files_of_spreadsheets_are_read_as_they_come(content):
    assert read(content.encode()) == [Line(2, "", "dm", CAROL, "", "a", None)]


def test_a_note_may_have_commas_quotes_and_line_breaks():
    assert read(b'list,user_id,note\ndm,x,"a, ""b""\nc"\n')[0].note == 'a, "b"\nc'


@pytest.mark.parametrize(
    ("content", "sentence"),
    [
        ("", "first line must name the columns"),
        ("hello\n", "names the column 'hello'"),
        ("list\n", "list and user_id are needed"),
        ("list,user_id,list\n", "twice"),
        (HEAD, "no line below its head"),
        ("list,user_id\ndm,x,a reason\n", "Line 2 has more cells"),
        ('list,user_id\ndm,"x\n', "Line 2 is no CSV"),
        ("list,user_id\ndm,a\0b\n", "NUL"),
        (f"list,user_id\n{'dm,x' * 1}\n".encode("utf-16"), "UTF-16"),
        ("list,user_id,note\ndm,x,ok\ndm,x,für\n".encode("latin-1"), "Line 3 is not UTF-8"),
        (b"x" * (MOST_BYTES + 1), "larger than"),
        ("list,user_id\n" + "dm,x\n" * (MOST_LINES + 1), "more than"),
    ],
)
def test_what_cannot_be_read_is_a_sentence(content, sentence):
    assert sentence in problem(content)


@pytest.mark.parametrize("cell", ["=1+1", "+49", "-x", "@carol", '=HYPERLINK("http://x")', "\tx"])
def test_no_cell_is_taken_for_a_formula_and_all_come_back_as_they_were(cell):
    text = "".join(written([("ops", "dm", CAROL, "carol", cell, "")]))
    assert f"'{cell[0]}" in text
    assert read(text.encode())[0].note == cell


NOTES = st.text(st.characters(blacklist_categories=("Cs", "Cc")), max_size=30).map(str.strip)


@given(st.lists(st.tuples(NOTES, st.sampled_from(["", "ops"]), st.sampled_from(["dm", "group"])), min_size=1))
@settings(deadline=None)
def test_what_is_written_is_read_again(rows):
    text = "".join(written([(account, which, CAROL, "carol", note, "") for note, account, which in rows]))
    lines = read(text.encode())
    assert [(line.note, line.account, line.list) for line in lines] == rows
    assert [(line.note, line.account) for line in read(text_of(lines).encode())] == [row[:2] for row in rows]


def test_a_text_made_of_lines_lacks_the_columns_that_they_lacked():
    lines = [Line(2, "ops", "dm", CAROL, "carol")]
    assert read(text_of(lines).encode()) == lines


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("", None),
        (" ", None),
        ("2030-01-01", datetime(2030, 1, 2, tzinfo=UTC)),
        ("2030-01-01 18:00", datetime(2030, 1, 1, 18, tzinfo=UTC)),
        ("2030-01-01T18:00:00+02:00", datetime(2030, 1, 1, 16, tzinfo=UTC)),
    ],
)
def test_a_day_alone_means_its_end(text, expected):
    assert moment(text) == expected


@pytest.mark.parametrize("text", ["soon", "31.12.2030", "2030-13-01", "2030-02-30", "99999999"])
def test_what_is_no_time_is_refused(text):
    with pytest.raises(ValueError, match="is no time"):
        moment(text)
