"""What an agent is shown of a file: by its type, by its bytes, and in words."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mattermost_bridge.rules.files import Incoming, Shown, image_type, in_words, size_in_words, text_of, wanted_as


@pytest.mark.parametrize(
    ("name", "mime", "takes", "shown"),
    [
        ("a.txt", "text/plain; charset=utf-8", False, Shown.TEXT),
        ("a.json", "application/json", False, Shown.TEXT),
        ("a.geojson", "application/geo+json", False, Shown.TEXT),
        ("main.rs", "application/octet-stream", False, Shown.TEXT),
        ("Dockerfile", "application/octet-stream", False, Shown.TEXT),
        ("a.svg", "image/svg+xml", True, Shown.TEXT),
        ("a.png", "image/png", True, Shown.IMAGE),
        ("a.png", "image/png", False, Shown.NAMED),
        ("a.heic", "image/heic", True, Shown.NAMED),
        ("a.pdf", "application/pdf", True, Shown.NAMED),
        ("a", "", True, Shown.NAMED),
    ],
)
def test_a_file_is_wanted_as_what_its_type_or_ending_says(name, mime, takes, shown):
    kind, note = wanted_as(name, mime, takes_images=takes)
    assert kind is shown
    assert bool(note) == (shown is Shown.NAMED)


@pytest.mark.parametrize(
    ("data", "kind"),
    [
        (b"\x89PNG\r\n\x1a\n....", "image/png"),
        (b"\xff\xd8\xff\xe0", "image/jpeg"),
        (b"GIF89a", "image/gif"),
        (b"RIFF\x00\x00\x00\x00WEBPVP8 ", "image/webp"),
        (b"RIFF\x00\x00\x00\x00WAVE", ""),
        (b"<svg/>", ""),
        (b"", ""),
    ],
)
def test_an_image_is_known_by_its_first_bytes(data, kind):
    assert image_type(data) == kind


@pytest.mark.parametrize(
    ("data", "text", "note"),
    [
        (b"plain", "plain", ""),
        ("سلام".encode(), "سلام", ""),
        (b"\xef\xbb\xbfmark", "mark", ""),
        ("wide".encode("utf-16"), "wide", ""),
        (b"caf\xe9 and \xff", "caf\ufffd and \ufffd", "2 places in it could not be decoded as UTF-8"),
        (b"\x00\x01\x02", "", "it is no text, although its name or type says so"),
        (b"", "", ""),
        (b"123456", "12345", "only its first 5 of 6 characters are given"),
    ],
)
def test_a_text_is_decoded_and_what_went_wrong_is_said(data, text, note):
    assert text_of(data, 5 if data == b"123456" else 100) == (text, note)


@given(st.binary(max_size=300), st.integers(0, 50))
def test_no_bytes_break_the_reading_or_exceed_the_room(data, room):
    text, _note = text_of(data, room)
    assert len(text) <= room
    assert "\x00" not in text


@pytest.mark.parametrize(
    ("size", "words"),
    [(0, "0 bytes"), (1, "1 byte"), (1023, "1023 bytes"), (1024, "1 KiB"), (1536, "1.5 KiB"), (8 * 2**20, "8 MiB"),
     (3 * 2**40, "3072 GiB")],
)  # fmt: skip
def test_sizes_are_said_as_people_read_them(size, words):
    assert size_in_words(size) == words


def test_a_file_in_words_says_its_name_type_size_and_what_became_of_it():
    assert in_words(Incoming("a", "", 0, Shown.UNREAD, note="gone")) == '"a" (could not be read: gone)'
    assert (
        in_words(Incoming("a.png", "image/png", 10, Shown.IMAGE)) == '"a.png" (image/png, 10 bytes, given as an image)'
    )
