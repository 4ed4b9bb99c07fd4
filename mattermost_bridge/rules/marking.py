"""Marks texts for translators. The rules know no Django and no language: they give out English sentences, which
`makemessages` finds by the mark, and the pages that show them translate them."""

from __future__ import annotations


def gettext_noop(text: str) -> str:
    """The text as it is. Import it as `_`, by which `makemessages` collects what stands in the call."""
    return text
