"""Files of a post: what an agent can be shown of each, and how their sizes and texts are said."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum

#: What models that take images take; the rest is named. Told by the first bytes, not by what the sender calls it.
_IMAGES = (
    ("image/png", b"\x89PNG\r\n\x1a\n", b""),
    ("image/jpeg", b"\xff\xd8\xff", b""),
    ("image/gif", b"GIF8", b""),
    ("image/webp", b"RIFF", b"WEBP"),
)
_TYPES_IN_WORDS = """
application/json application/xml application/yaml application/x-yaml application/toml
application/javascript application/x-javascript application/sql application/x-sh application/x-httpd-php
application/x-ndjson application/csv message/rfc822 image/svg+xml
"""
_TEXT_TYPES = frozenset(_TYPES_IN_WORDS.split())
_ENDINGS_IN_WORDS = """
txt text md markdown rst log csv tsv json jsonl json5 ndjson xml yaml yml toml ini cfg conf env
properties html htm css js mjs ts tsx jsx py rb php pl lua go rs java kt c h cc cpp hpp cs swift scala sh
bash zsh fish ps1 bat sql graphql proto tex srt vtt diff patch svg eml dockerfile makefile gitignore lock
"""
_TEXT_ENDINGS = frozenset(_ENDINGS_IN_WORDS.split())
_BOMS = ((b"\xef\xbb\xbf", "utf-8-sig"), (b"\xff\xfe", "utf-16"), (b"\xfe\xff", "utf-16"))
_NAMES = {"utf-8": "UTF-8", "utf-8-sig": "UTF-8", "utf-16": "UTF-16"}

#: Characters of one text file that an agent gets, and of all text files of a turn together.
LONGEST_TEXT = 40_000
LONGEST_TEXTS = 80_000


#: The words that stand for a file that could not be read.
NOT_READ = "could not be read"


class Shown(StrEnum):
    """How an agent gets a file."""

    IMAGE = "image"  # the picture itself
    TEXT = "text"  # its text
    NAMED = "named"  # name, type and size only
    UNREAD = "unread"  # could not be read; the note says why


@dataclass(frozen=True, slots=True)
class Incoming:
    """A file that came with a post, as far as it is known: `size` is in bytes, `note` says what is to be said of it.

    `text` is set for `Shown.TEXT`, `data` for `Shown.IMAGE`.
    """

    name: str
    mime_type: str
    size: int
    shown: Shown
    text: str = ""
    data: bytes = b""
    note: str = ""


def wanted_as(name: str, mime_type: str, *, takes_images: bool) -> tuple[Shown, str]:
    """What to read a file as, and for one that is only named the reason, in words."""
    kind = mime_type.partition(";")[0].strip().lower()
    ending = name.rpartition(".")[2].lower()
    if kind.startswith("text/") or kind in _TEXT_TYPES or kind.endswith(("+json", "+xml")) or ending in _TEXT_ENDINGS:
        return Shown.TEXT, ""
    if kind.startswith("image/"):
        if not takes_images:
            return Shown.NAMED, "this agent takes no images"
        if not any(kind == known for known, _start, _later in _IMAGES):
            return Shown.NAMED, "agents take PNG, JPEG, GIF and WebP images only"
        return Shown.IMAGE, ""
    return Shown.NAMED, "only images and text files are read"


def image_type(data: bytes) -> str:
    """The type of an image that agents take, by its first bytes; "" when it is none."""
    for kind, start, later in _IMAGES:
        if data.startswith(start) and data[8 : 8 + len(later)] == later:
            return kind
    return ""


def text_of(data: bytes, room: int = LONGEST_TEXT) -> tuple[str, str]:
    """The text of a file, at most `room` characters of it, and what is to be said about it ("" for nothing).

    UTF-8, or UTF-16 with its mark; whatever cannot be decoded becomes U+FFFD and is counted. What looks like no text
    at all gives "" and says so.
    """
    encoding = next((name for mark, name in _BOMS if data.startswith(mark)), "utf-8")
    if encoding == "utf-8" and b"\x00" in data[:8192]:
        return "", "it is no text, although its name or type says so"
    try:
        text, bad = data.decode(encoding), 0
    except UnicodeDecodeError:
        text = data.decode(encoding, "replace")
        bad = text.count("\N{REPLACEMENT CHARACTER}")
    text = text.replace("\x00", "")
    notes = []
    if bad:
        places = "1 place" if bad == 1 else f"{bad} places"
        notes.append(f"{places} in it could not be decoded as {encoding[:6].strip('-').upper()}")
    if len(text) > room:
        notes.append(f"only its first {room} of {len(text)} characters are given")
        text = text[:room]
    return text, "; ".join(notes)


def size_in_words(size: int) -> str:
    """A size in bytes for people: 12 bytes, 1.5 KiB, 8 MiB."""
    if size < 1024:
        return f"{size} byte{'' if size == 1 else 's'}"
    value = float(size)
    for unit in ("KiB", "MiB", "GiB"):
        value /= 1024
        if value < 1024 or unit == "GiB":
            break
    return f"{value:.1f}".removesuffix(".0") + f" {unit}"


def in_words(file: Incoming) -> str:
    """A file in half a sentence: its name, type, size, and what became of it."""
    how = {
        Shown.IMAGE: "given as an image",
        Shown.TEXT: "given as text",
        Shown.NAMED: "only named",
        Shown.UNREAD: NOT_READ,
    }[file.shown]
    kind = file.mime_type.partition(";")[0]
    facts = ", ".join(part for part in (kind, size_in_words(file.size) if file.size else "", how) if part)
    return f'"{file.name}" ({facts}{": " + file.note if file.note else ""})'
