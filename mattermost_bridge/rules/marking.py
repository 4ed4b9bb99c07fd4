"""Marks texts for translators. The rules know no Django and no language: they give out English sentences, which
`makemessages` finds by the mark, and the pages that show them translate them."""

from __future__ import annotations

from typing import Any, Self


def gettext_noop(text: str) -> str:
    """The text as it is. Import it as `_`, by which `makemessages` collects what stands in the call."""
    return text


class Filled(str):
    """An English sentence with values in it, as `Filled(_("{count} posts wait."), count=3)`.

    It is the finished text wherever a text is wanted, and remembers the marked template and the values, so that a page
    can translate the one and put in the others. A value that is such a text itself is translated, too.
    """

    template: str
    values: dict[str, object]

    def __new__(cls, template: str, **values: object) -> Self:
        """Fill in the template; a literal brace is written twice."""
        made = super().__new__(cls, template.format(**values))
        made.template, made.values = template, values
        return made


class Joined(str):
    """What `joined` makes."""

    parts: tuple[str, ...]

    def __new__(cls, *sentences: str) -> Self:
        """Join them by blanks."""
        parts = tuple(one for one in sentences if one)
        made = super().__new__(cls, " ".join(parts))
        made.parts = parts
        return made


def joined(*sentences: str) -> str:
    """Sentences one behind the other, empty ones left out; each is translated by itself."""
    return Joined(*sentences)


def packed(text: str) -> Any:
    """A text as plain JSON values, so that a record keeps its template and values and can be translated later."""
    if isinstance(text, Joined):
        return {"parts": [packed(one) for one in text.parts]}
    if isinstance(text, Filled):
        values = {name: packed(one) if isinstance(one, str) else one for name, one in text.values.items()}
        return {"template": text.template, "values": values}
    return text


def unpacked(value: Any) -> str:
    """The text that was packed. Raises KeyError, IndexError or ValueError for what was never packed."""
    if not isinstance(value, dict):
        return str(value)
    if "parts" in value:
        return joined(*map(unpacked, value["parts"]))
    values = {name: unpacked(one) if isinstance(one, dict) else one for name, one in value["values"].items()}
    return Filled(value["template"], **values)
