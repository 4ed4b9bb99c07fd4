"""Rows of what needs a hand: what it is, a note on it, and its remedies; drawn by `admin/durar/rows.html`."""

from __future__ import annotations

from dataclasses import dataclass

from django.utils.html import format_html, format_html_join
from django.utils.safestring import SafeString

from mattermost_bridge.admin import looks

NOTHING = SafeString("")


@dataclass(frozen=True, slots=True)
class Row:
    """One thing that needs a hand; `buttons` set it right."""

    main: SafeString
    note: SafeString
    buttons: SafeString = NOTHING


@dataclass(frozen=True, slots=True)
class Card:
    """The things of one kind. `name` marks them in the page, `link` leads to all of them; whether there are `more`."""

    name: str
    title: str
    rows: list[Row]
    link: str = ""
    more: bool = False


def joined(*parts: object) -> SafeString:
    """The parts beside each other, empty ones left out."""
    return format_html_join(" ", "{}", ((part,) for part in parts if part not in ("", looks.NOTHING)))


def quiet(words: object) -> SafeString:
    """Words that matter less than those beside them."""
    return format_html('<span class="du-quiet">{}</span>', words) if words else NOTHING


def link_button(address: str, words: object) -> SafeString:
    """A button that leads to where something is set right; nothing without an address."""
    if not address:
        return NOTHING
    html = '<span class="du-buttons"><a class="du-button du-button-plain" href="{}">{}</a></span>'
    return format_html(html, address, words)


def buttons(links: SafeString, verbs: SafeString | str) -> SafeString:
    """Links and the buttons of verbs as one group."""
    return (
        format_html('<span class="du-buttons">{}{}</span>', links, verbs) if links and verbs else joined(links, verbs)
    )
