"""What is said about one setting, once: its key in files, its column, its limits, its default, its words.

The tables (`table_shared`, `table_channels`, `table_global`, `table_kept`) are made of these; model columns, checks of
files, effective values, import, export, forms and docs/configuration.md follow from them.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

from django.utils.translation import gettext_lazy as _


class Kind(StrEnum):
    """What a setting holds, and how that is stored when it is not set."""

    FLAG = "flag"  # true or false; None
    SWITCH = "switch"  # true, false or "auto" in files, stored as on, off, auto; ""
    WHOLE = "whole"  # a whole number; None
    NUMBER = "number"  # a number; None
    CHOICE = "choice"  # one of some words; ""
    LINE = "line"  # a text of one line; ""
    TEXT = "text"  # a text as it stands, with line breaks; ""
    LINES = "lines"  # a list of texts, taken whole; None
    LINKS = "links"  # an object of lists of texts, taken whole; None
    LABEL = "label"  # a text or false; None
    BY_HAND = "by hand"  # neither a list of values nor a single one: it has code and columns of its own


class Where(StrEnum):
    """Where in a file a key stands."""

    SHARED = "shared"  # in channels.mattermost, and in each of its accounts
    SECTION = "section"  # in channels.mattermost only
    CHANNEL = "channel"  # in each entry of `groups`
    AGENT = "agent"  # in each entry of agents.entries
    TOP = "top"  # named from the outermost object on


class Group(StrEnum):
    """The fieldsets of the panel's forms, in their order."""

    CONNECTION = "connection"
    AGENT = "agent"
    WHO = "who"
    WHEN = "when"
    WHERE = "where"
    CONTEXT = "context"
    ANSWERS = "answers"
    MAY = "may"
    BOTS = "bots"
    SESSIONS = "sessions"
    CONTROL = "control"
    SLASH = "slash"
    BUTTONS = "buttons"
    NETWORK = "network"
    DIRECT = "direct"
    RARE = "rare"
    FILE_ONLY = "file only"

    @property
    def title(self) -> Any:
        """The title of the fieldset."""
        return _TITLES[self]


_TITLES = {
    Group.CONNECTION: _("Connection"),
    Group.AGENT: _("Who answers"),
    Group.WHO: _("Who may write"),
    Group.WHEN: _("When the bot answers"),
    Group.WHERE: _("Where it answers"),
    Group.CONTEXT: _("What the agent gets"),
    Group.ANSWERS: _("Messages"),
    Group.MAY: _("What the agent may do"),
    Group.BOTS: _("Other bots"),
    Group.SESSIONS: _("Sessions"),
    Group.CONTROL: _("Control commands"),
    Group.SLASH: _("Slash commands"),
    Group.BUTTONS: _("Buttons"),
    Group.NETWORK: _("Network"),
    Group.DIRECT: _("Opening direct channels"),
    Group.RARE: _("Rarely needed"),
    Group.FILE_ONLY: _("In files only"),
}


@dataclass(frozen=True)
class Setting:
    """One setting.

    `key` is its path in files, from the section, account or entry on (in `Where.TOP` from the outermost object).
    `column` is the field of the record, and the name under which the effective value is known; "" for what is kept in
    the column `kept` under its key, since nothing reads it. `default` is the built-in value, in the stored form.
    `each` says what every text of a list, or the one text, must be: see `values`. `empty_counts`: an empty own list
    means something else than none. `falls_back` is the column of a setting of `Where.TOP` that counts before the
    built-in value. `used` is False for what is kept and does nothing yet.
    """

    key: str
    column: str
    kind: Kind
    group: Group
    label: Any
    help: Any
    where: Where = Where.SHARED
    default: Any = None
    choices: tuple[tuple[str, Any], ...] = ()
    least: float | None = None
    most: float | None = None
    bends: bool = False  # a number beyond the limits is moved to the nearest one, with a note
    longest: int = 200
    each: str = ""
    empty_counts: bool = False
    falls_back: str = ""
    used: bool = True
    default_words: Any = ""

    @property
    def unset(self) -> Any:
        """The stored form of "not set here"."""
        return "" if self.kind in (Kind.SWITCH, Kind.CHOICE, Kind.LINE, Kind.TEXT) else None

    @property
    def path(self) -> tuple[str, ...]:
        """The key as a path."""
        return tuple(self.key.split("."))

    def is_set(self, value: Any) -> bool:
        """Whether a stored value says something; False and 0 do, and an empty list does when it counts."""
        if value == [] and not self.empty_counts:
            return False
        return value is not None and not (isinstance(value, str) and not value.strip())


def with_columns(settings: Iterable[Setting]) -> dict[str, Setting]:
    """Those that have a column, by its name."""
    return {setting.column: setting for setting in settings if setting.column and setting.kind is not Kind.BY_HAND}
